"""Facts of the game that rules, views and baseline share: seats, and where the actions stand."""

from __future__ import annotations

FEWEST_SEATS, MOST_SEATS = 3, 8
SILENT, NOBODY, SEATS = "say nothing", "n/a", tuple(f"seat {seat}" for seat in range(MOST_SEATS))
FIRST_ACTIONS = (SILENT, NOBODY, *SEATS)  # whatever the pictures are; the statements follow
SAY_NOTHING, ABSTAIN, FIRST_SEAT, FIRST = 0, 1, 2, len(FIRST_ACTIONS)
OFFERED = 6  # statements in a turn, half of them true of one's own picture
