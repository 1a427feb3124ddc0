"""Rules, answer format and prompt templates of connect four."""

RULES = """Connect four for two players, red (seat 0, moves first) and yellow (seat 1).
The board has 7 columns (1 to 7 from left to right) and 6 rows. Players take turns to drop one disc of their colour \
into a column that is not full; it falls to the lowest free place.
Who first has four discs in a line without a gap (across, up or diagonally) wins. A full board without a line is a draw.
A win counts 1, a draw 0, a loss -1. An answer that is no legal move loses the game."""

ANSWER_FORMAT = "one of the legal action names: column 1 to column 7"

FULL = """{rules}

{text}

Look first for a move that wins at once, then for a move of the opponent that you must stop.
Think in at most three short sentences. Then end with one line that holds nothing but the word Answer, a colon and \
one of the legal actions ({legal}), for example:
Answer: column 4"""

SHORT = "Connect four. Seat {seat}, you play {disc}. Move {move}. Legal: {legal}."
