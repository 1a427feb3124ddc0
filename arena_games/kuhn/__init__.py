"""Kuhn poker: one card each, one chip to bet, two or three seats."""
