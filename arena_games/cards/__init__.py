"""Cards for every card game: codes, hand evaluation, and drawing with a bundled font.

All functions are pure; sprites are cached by size and must not be drawn upon (`Image.copy` first).

codes.py     RANKS, SUITS, `card("Kh") -> int` (rank * 4 + suit), `code(card) -> "Kh"`
faces.py     `card_face(code, height) -> RGBA Image` for "Kh" or a bare rank "K"; `card_back(height) -> RGBA Image`;
             `card_width(height) -> int`; at heights below 60 a card is one big rank glyph and one pip
table.py     `felt(height, width) -> RGB Image` (plain background), `oval_table(height, width, box) -> RGB Image`,
             `chip(diameter, colour) -> RGBA Image`, `chip_stack(amount, diameter) -> RGBA Image`,
             `dealer_button(diameter) -> RGBA Image`, `plate(height, width, fill, outline, rounding) -> RGBA Image`
text.py      `font(size, bold=False)`, `text(string, size, colour="#ffffff", bold=False) -> RGBA Image` (tight box)
paste.py     `put(picture, sprite, x, y, anchor="mm")` pastes with transparency; `dim(sprite, alpha) -> RGBA Image`
evaluate.py  `values(cards (N, k)) -> (N,)`, `value`, `category`, `name`: poker hands of up to seven cards
equity.py    `equity(hole, board, opponents)`, `ahead(hole, board)`: deterministic, 0..1
duel.py      the picture of a small poker game (Kuhn, Leduc): `picture(Scene, height, width)`
ranks.py     ranks without suits and how they are said
lessons.py   lessons drawn from a table of mixed strategies
"""
