"""Jigsaw: rotation, patch fit and permutation puzzles over pictures."""
