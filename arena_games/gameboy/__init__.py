"""Super Mario Land on an emulated Game Boy."""
