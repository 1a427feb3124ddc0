"""Lessons (to come)."""
