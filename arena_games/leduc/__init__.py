"""Leduc poker: one card each, one on the board, two rounds of betting, two or three seats."""
