"""Two runners in one level of the sidescroller: who is at the flag first?"""
