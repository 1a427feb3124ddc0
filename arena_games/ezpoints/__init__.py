"""EZPoints: two cards, a formula worth 12."""
