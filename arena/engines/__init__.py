"""Ways to play a plan on more than this machine."""
