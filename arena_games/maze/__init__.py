"""Mazes of exact difficulty."""
