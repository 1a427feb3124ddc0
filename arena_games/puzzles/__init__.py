"""Puzzles for one, which several seats solve side by side."""
