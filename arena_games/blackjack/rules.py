"""Blackjack as in Sutton and Barto 2018, example 5.1, and RL4VLM (2405.10292): hit or stand, an endless deck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from arena.game import Discrete, Image, Vector
from arena.options import Option
from arena_games.blackjack import odds
from arena_games.blackjack.odds import DEALER, MOST
from arena_games.points24.rules import RANKS, SUITS
from arena_games.puzzles.game import Puzzle, PuzzleGame, puzzle_spec

STAND, HIT = 0, 1
DRAWN = 22  # cards that lie ready for each: 21 aces do not bust


def worth(card: str) -> int:
    """1 for an ace, 10 for a jack, queen or king."""
    return min(10, RANKS.index(card[0]) + 1)


def total(hand: Sequence[str]) -> tuple[int, bool]:
    """What a hand is worth, and whether one of its aces counts 11."""
    low = sum(map(worth, hand))
    soft = any(card[0] == "A" for card in hand) and low + 10 <= MOST
    return low + 10 * soft, soft


def seen(hand: Sequence[str], dealer: str) -> tuple[int, bool, int]:
    """What `odds` takes: the hand with aces as 1, whether it has one, the dealer's open card."""
    return sum(map(worth, hand)), any(card[0] == "A" for card in hand), worth(dealer)


class Hand(Puzzle):
    """The player's cards against the dealer's. All cards that either may take lie ready from the start."""

    def __init__(self, chance: np.random.Generator, natural: bool) -> None:
        self.natural = natural
        self._decks = [_cards(chance, DRAWN), _cards(chance, DRAWN)]  # the player's and the dealer's
        self.player, self.dealer = (deck[:2] for deck in self._decks)
        self.over = False

    def act(self, action: int) -> tuple[float, str]:
        if action == HIT:
            self.player.append(self._decks[0][len(self.player)])
            own, _ = total(self.player)
            self.over = own > MOST
            said = f"takes {self.player[-1]} and has {own}"
            return (-1.0, f"{said}: bust") if self.over else (0.0, said)
        self.over = True
        while total(self.dealer)[0] < DEALER:
            self.dealer.append(self._decks[1][len(self.dealer)])
        own, other = total(self.player)[0], total(self.dealer)[0]
        reward = 1.0 if other > MOST or own > other else -1.0 if own < other else 0.0
        if self.natural and reward > 0 and own == MOST and len(self.player) == 2:
            reward = 1.5
        return reward, f"stands at {own}, the dealer has {other}"

    def legal(self) -> tuple[int, ...]:
        return (STAND, HIT)

    def worst(self) -> int:
        """The one with the lower expected reward."""
        low, ace, shown = seen(self.player, self.dealer[0])
        return STAND if odds.stand(total(self.player)[0], shown) < odds.hit(low, ace, shown) else HIT

    def facts(self) -> dict[str, str]:
        own, soft = total(self.player)
        other, _ = total(self.dealer)
        return {
            "cards": ", ".join(self.player),
            "sum": str(own),
            "ace": "counts 11" if soft else "counts 1 or there is none",
            "dealer": ", ".join(self.dealer) if self.over else self.dealer[0],
            "dealer_sum": str(other) if self.over else "not known",
        }

    def vector(self) -> Vector:
        """The sum, one-hot to 31; the dealer's card, one-hot; whether an ace counts 11."""
        own, soft = total(self.player)
        out = np.zeros(32 + 10 + 1, np.float32)
        out[own] = out[31 + worth(self.dealer[0])] = 1
        out[-1] = soft
        return out

    def state(self) -> Any:
        return [*self._decks, self.player, self.dealer, self.over]


class Blackjack(PuzzleGame):
    spec = puzzle_spec(
        id="blackjack",
        version=1,
        summary="hit or stand: nearer to 21 than the dealer",
        actions=Discrete(("stand", "hit")),
        horizon=21,
        unit="points",
        vector_shape=(43,),
        returns=(-1.0, 1.5),
        options={"natural": Option("bool", False, "a win with an ace and a ten is worth 1.5")},
        baseline="arena_games.blackjack.baseline:choose",
    )
    teacher = "arena_games.blackjack.teacher:lessons"
    truth = "arena_games.blackjack.teacher:thought"
    solver = "arena_games.blackjack.teacher:solved"
    package = "arena_games.blackjack"
    answer_format = "one word: stand or hit"

    def deal(self, chance: np.random.Generator) -> Hand:
        return Hand(chance, bool(self.options["natural"]))

    def words(self) -> Mapping[str, str]:
        return {"natural": "A win with an ace and a ten is worth 1.5 points. " if self.options["natural"] else ""}

    def told(self, facts: Mapping[str, str]) -> str:
        return (
            f"Your cards: {facts['cards']}, together {facts['sum']} (an ace {facts['ace']}).\n"
            f"The dealer shows {facts['dealer']}."
        )

    def picture(self, puzzle: Puzzle, height: int, width: int) -> Image:
        from arena_games.puzzles.draw import array, cards, ground, line  # only drawing needs an imaging library

        assert isinstance(puzzle, Hand)
        out, unit = ground(height, width), min(height, width) / 128
        line(out, "dealer", width / 2, 8 * unit, 10 * unit, "#d7e6dc")
        dealt = list(puzzle.dealer) if puzzle.over else [puzzle.dealer[0], None]
        cards(out, dealt, width / 2, 0.3 * height, 0.9 * width, 0.33 * height)
        line(out, "you", width / 2, 0.545 * height, 10 * unit, "#ffd34d")
        cards(out, puzzle.player, width / 2, 0.79 * height, 0.94 * width, 0.33 * height)
        return array(out)


def _cards(chance: np.random.Generator, count: int) -> list[str]:
    """Cards from a deck that is never used up: every rank as often as another."""
    return [RANKS[int(chance.integers(13))] + SUITS[int(chance.integers(4))] for _ in range(count)]
