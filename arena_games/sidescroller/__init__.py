"""A platform game of our own: levels made by number and difficulty, integer physics, each level proved solvable."""
