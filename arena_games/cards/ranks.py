"""The ranks of the small poker games (Kuhn, Leduc), lowest first, and how they are said."""

RANKS = "JQKA"
WORDS = {"J": "jack", "Q": "queen", "K": "king", "A": "ace"}


def said(rank: str) -> str:
    """ "a king", "an ace"."""
    word = WORDS[rank]
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
