"""NumberLine: bring a number to its target."""
