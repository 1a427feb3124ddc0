"""Points24 (Zhai et al. 2024, RL4VLM, 2405.10292): a formula over four cards that is worth 24, symbol by symbol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import msgspec
import numpy as np

from arena.game import Discrete, Image, Vector
from arena.options import Option
from arena_games.puzzles.endings import ending
from arena_games.puzzles.formula import solutions, solvable, value
from arena_games.puzzles.game import Puzzle, PuzzleGame, puzzle_spec

RIGHT, WRONG = 10.0, -1.0
SUITS = "shdc"
RANKS = "A23456789TJQK"
NUMBERS = tuple(str(number) for number in range(1, 11))
SIGNS = "+-*/"
GAP = "_"  # what stands in a formula where a number was written that no card has left; it is passed over, as published


class Formula(Puzzle):
    """Cards, and the formula so far."""

    def __init__(
        self, cards: Sequence[str], target: int, names: Sequence[str], length: int, *, masked: bool = False
    ) -> None:
        """`cards`: "Kh", ...; `names`: of the actions; `length`: most symbols; `masked`: see the option `mask`."""
        self.cards, self.target, self.names, self.length = tuple(cards), target, tuple(names), length
        self.masked = masked
        self.numbers = tuple(min(10, RANKS.index(card[0]) + 1) for card in cards)
        self.tokens: list[str] = []
        self.over = False

    @property
    def left(self) -> Counter[str]:
        """Numbers of cards that are not in the formula yet."""
        out = Counter(map(str, self.numbers))
        out.subtract(token for token in self.tokens if token in NUMBERS)
        return +out

    @property
    def formula(self) -> tuple[str, ...]:
        """What is read of the symbols."""
        return tuple(token for token in self.tokens if token != GAP)

    @property
    def right(self) -> bool:
        """Whether the formula takes every card and is worth the target."""
        return not self.left and value(self.formula) == self.target

    def act(self, action: int) -> tuple[float, str]:
        name = self.names[action]
        if name == "=":
            self.over = True
            worth = value(self.formula)
            said = "no number" if worth is None else str(worth)
            return (RIGHT if self.right else WRONG), f"ends {self.shown or 'an empty formula'} = {said}"
        reward, said = 0.0, f"writes {name}"
        if name in NUMBERS and not self.left[name]:
            name, reward, said = GAP, WRONG, f"writes {name}, which no card has left"
        self.tokens.append(name)
        if len(self.tokens) >= self.length:
            self.over, reward, said = True, WRONG, f"{said}; the formula is too long"
        return reward, said

    def legal(self) -> tuple[int, ...]:
        left = self.left
        return tuple(at for at, name in enumerate(self.names) if not self.masked or name not in NUMBERS or left[name])

    def worst(self) -> int:
        """A symbol that spoils the formula; where nothing can be won any more, a number that no card has left.

        Before that, such a number would be too cheap: it costs a point, and the deal can still be won. So would `=` for
        an operator that always fails: it ends what costs a point each time.
        """
        left, room = self.left, self.length - len(self.tokens) - 1
        missing = [at for at in self.legal() if self.names[at] in NUMBERS and not left[self.names[at]]]
        if missing and not self._hopeful(self.formula, room - 1):
            return missing[0]
        for at in reversed(self.legal()):
            name = self.names[at]
            if name != "=" and at not in missing and not self._hopeful((*self.formula, name), room - 1):
                return at
        return self.names.index("=")

    def _hopeful(self, formula: Sequence[str], room: int) -> bool:
        return next_symbol(self.numbers, self.target, self.names, formula, room) is not None

    @property
    def shown(self) -> str:
        return " ".join(self.tokens)

    def facts(self) -> dict[str, str]:
        return {
            "cards": ", ".join(self.cards),
            "numbers": ", ".join(map(str, self.numbers)),
            "target": str(self.target),
            "formula": self.shown or "empty",
            "left": ", ".join(sorted(self.left.elements(), key=int)) or "none",
            # With the `=`, which must be the last: models learnt this number, so it is told as it always was.
            "symbols_left": str(self.length - len(self.tokens)),
        }

    def vector(self) -> Vector:
        """The number of each card, numbers left, then each symbol of the formula: all one-hot but the second."""
        cards = np.zeros((len(self.cards), len(NUMBERS)), np.float32)
        cards[np.arange(len(self.cards)), np.array(self.numbers) - 1] = 1
        left = np.array([self.left[name] for name in NUMBERS], np.float32)
        known = [*self.names, GAP]
        written = np.zeros((self.length, len(known)), np.float32)
        for at, token in enumerate(self.tokens):
            written[at, known.index(token)] = 1
        return np.concatenate([cards.ravel(), left, written.ravel()])

    def state(self) -> Any:
        return [list(self.cards), self.tokens, self.over]


class FormulaGame(PuzzleGame):
    """Base of points24 and ezpoints: a subclass says which cards are dealt."""

    target: ClassVar[int]
    signs: ClassVar[str]
    hand: ClassVar[int]  # cards
    answer_format = "one symbol: a number, an operator, or = to end"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        length = self.spec.horizon
        size = self.hand * len(NUMBERS) + len(NUMBERS) + length * (self.spec.actions.n + 1)
        self.spec = msgspec.structs.replace(self.spec, vector_shape=(size,))

    def deal(self, chance: np.random.Generator) -> Formula:
        cards = self.cards(chance)
        masked = bool(self.options["mask"])
        return Formula(cards, self.target, self.spec.actions.names, self.spec.horizon, masked=masked)

    def cards(self, chance: np.random.Generator) -> list[str]:
        raise NotImplementedError

    def told(self, facts: Mapping[str, str]) -> str:
        return (
            f"Your cards: {facts['cards']}, which count {facts['numbers']}. Not yet used: {facts['left']}.\n"
            f"Formula so far: {facts['formula']}. It should be worth {facts['target']}. "
            f"Symbols that still fit: {facts['symbols_left']}."
        )

    def words(self) -> Mapping[str, str]:
        return {}

    def picture(self, puzzle: Puzzle, height: int, width: int) -> Image:
        from arena_games.points24 import draw  # only drawing needs an imaging library

        assert isinstance(puzzle, Formula)
        return draw.picture(puzzle, height, width)


def card(chance: np.random.Generator, low: int = 1, high: int = 13) -> str:
    """A card of a rank from `low` (1: ace) to `high` (13: king), from a deck that is never used up."""
    return RANKS[int(chance.integers(low, high + 1)) - 1] + SUITS[int(chance.integers(4))]


class Points24(FormulaGame):
    spec = puzzle_spec(
        id="points24",
        version=1,
        summary="write a formula over four cards that is worth 24, one symbol a step",
        actions=Discrete((*NUMBERS, "+", "-", "*", "/", "(", ")", "=")),
        horizon=20,
        unit="points (10: solved)",
        vector_shape=(410,),
        returns=(-20.0, 10.0),
        options={
            "solvable": Option(
                "str", "any", "deals with a solution only, or any, as published", choices=("any", "only")
            ),
            "mask": Option("bool", False, "only numbers of cards that are left are legal; else they cost a point"),
        },
        baseline="arena_games.points24.baseline:choose",
    )
    teacher = "arena_games.points24.teacher:lessons"
    truth = "arena_games.points24.teacher:thought"
    solver = "arena_games.points24.teacher:best"
    package = "arena_games.points24"
    target, signs, hand = 24, SIGNS, 4

    def cards(self, chance: np.random.Generator) -> list[str]:
        while True:
            made = [card(chance) for _ in range(self.hand)]
            numbers = sorted(min(10, RANKS.index(one[0]) + 1) for one in made)
            if self.options["solvable"] == "any" or can_be_solved(numbers):
                return made


def can_be_solved(numbers: Sequence[int]) -> bool:
    """Whether four numbers can make 24. Of all 13^4 ordered deals, with faces as 10, 20,876 can."""
    return solvable(tuple(Fraction(number) for number in sorted(numbers)), Points24.target, SIGNS)


def next_symbol(
    numbers: Sequence[int], target: int, names: Sequence[str], tokens: Sequence[str], room: int
) -> str | None:
    """The next symbol of a right formula that begins with `tokens`, or `=` where it is whole; None where there is none.

    `names` of the actions. `room`: symbols that may still be written before the `=`, below 0 where not even that fits.
    A formula without needless brackets comes first; where none begins so, the shortest end of what was begun.
    """
    hand, signs, begun = tuple(sorted(numbers)), "".join(sign for sign in SIGNS if sign in names), tuple(tokens)
    known = solutions(hand, target, signs)
    for whole in known:
        if whole[: len(begun)] == begun and len(whole) - len(begun) <= room:
            return whole[len(begun)] if len(whole) > len(begun) else "="
    # Brackets that are not needed change no value: what has no solution without them has none.
    rest = ending(hand, target, signs, begun, room, brackets="(" in names) if known else None
    return None if rest is None else (*rest, "=")[0]
