"""Cards as numbers and as two-letter codes."""

RANKS = "23456789TJQKA"
SUITS = "cdhs"
CODES = tuple(rank + suit for rank in RANKS for suit in SUITS)
_NUMBER = {name: number for number, name in enumerate(CODES)}


def code(card: int) -> str:
    """The code of card 0..51 (rank * 4 + suit), e.g. 46 -> "Kh"."""
    return CODES[card]


def card(name: str) -> int:
    """The number 0..51 of a code such as "Kh"; ValueError for anything else."""
    if name not in _NUMBER:
        raise ValueError(f"{name!r} is not a card: expected a rank of {RANKS} and a suit of {SUITS}, e.g. 'Kh'")
    return _NUMBER[name]
