"""An observation's facts for people: labelled, with cards apart from words, and safe to print on a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from arena.text import printable

SUITS = {"s": "♠", "h": "♥", "d": "♦", "c": "♣", "♠": "♠", "♥": "♥", "♦": "♦", "♣": "♣"}
_CARD = re.compile(r"(10|[2-9TJQKA])([shdc♠♥♦♣]?)")
_SPOKEN = re.compile(r"(?<=[ ,:])\b(10|[2-9TJQKA])([shdc])\b")
_CARD_KEYS = {"hand", "board", "card", "cards", "hole", "public", "private"}
# Facts are made for prompts: many say the same thing twice. These, in this order, are what a person looks for at a
# glance; all the rest is in the text view, which every screen shows or offers.
GLANCE = (
    *("role", "task", "playing", "votes"),
    *("hand", "hole", "private", "card", "cards", "board", "public", "shown", "made", "score", "pot", "to_call"),
    *("world", "time", "lives", "x", "best", "lane"),
    *("bets", "folded", "round", "position", "hand_number", "history", "last_hand"),
)
_LABELS = {"hand": "Your hand", "made": "You have", "hand_number": "Hand"}
_NOTHING = {"none", "nobody", "nothing", "nothing yet", "empty", "-"}


@dataclass(frozen=True, slots=True)
class Card:
    """One playing card; `suit` is empty in games without suits."""

    rank: str
    suit: str

    @property
    def colour(self) -> str:
        """Four colours, as on the drawn tables."""
        return {"♥": "red", "♦": "blue", "♣": "green"}.get(self.suit, "black")

    @property
    def code(self) -> str:
        """The card's code in games: "Td", "K"."""
        letter = next((letter for letter, suit in SUITS.items() if suit == self.suit), "")
        return self.rank.replace("10", "T") + letter


@dataclass(frozen=True, slots=True)
class Fact:
    """One named part of an observation. `cards` is empty unless the value is nothing but cards."""

    key: str
    label: str
    value: str
    cards: tuple[Card, ...]

    @property
    def long(self) -> bool:
        """Whether the value needs its own lines."""
        return len(self.value) > 24


def read(facts: Mapping[str, str] | None) -> tuple[Fact, ...]:
    """The facts of GLANCE that the game gives, are not empty and fit in one line."""
    out = []
    for key in GLANCE:
        value = printable(str((facts or {}).get(key, "")), lines=True).strip()
        if value and "\n" not in value and value.lower() not in _NOTHING:
            out.append(Fact(key, _LABELS.get(key, key.replace("_", " ").capitalize()), value, _cards(key, value)))
    return tuple(out)


def last_hand(facts: Mapping[str, str]) -> tuple[str, ...]:
    """The sentences on how the previous hand ended; empty if there was none."""
    said = printable(str(facts.get("last_hand", ""))).strip()
    return () if said.lower() in {"", *_NOTHING} else tuple(part.strip() for part in said.split(";"))


def spoken(sentence: str) -> list[str | Card]:
    """Splits a sentence into words and cards: "seat 1 shows ", K♥, " ", K♦. A code at its start is a word."""
    out: list[str | Card] = []
    at = 0
    for found in _SPOKEN.finditer(sentence):
        out += [sentence[at : found.start()], Card(found[1].replace("T", "10"), SUITS[found[2]])]
        at = found.end()
    return [part for part in (*out, sentence[at:]) if part]


def _cards(key: str, value: str) -> tuple[Card, ...]:
    """The cards of `value` if it lists only cards. A rank without a suit counts only under a key for cards."""
    tokens = re.split(r"[\s,|]+", value.strip(" []()|,"))
    found = [_CARD.fullmatch(token) for token in tokens]
    if not all(found):
        return ()
    cards = tuple(Card(match[1].replace("T", "10"), SUITS.get(match[2], "")) for match in found if match)
    if not all(card.suit for card in cards) and key not in _CARD_KEYS:
        return ()
    return cards
