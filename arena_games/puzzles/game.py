"""PuzzleGame: small problems for one player. Every seat has its own copy of the same problem, and all act at once."""

from __future__ import annotations

import abc
import copy
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar, Self

import numpy as np

from arena.canonical import digest, generator
from arena.game import Game, GameCard, GameSpec, Image, Move, Observation, StepResult, Vector, Views
from arena.prompts import folder

Reward = float | Fraction  # a fraction where rewards are parts of a whole: then all parts are exactly 1
MOST_SEATS = 16
SIZES = ((128, 128), (256, 256), (300, 300), (512, 512), (600, 960))


def puzzle_spec(**facts: Any) -> GameSpec:
    """The spec of a PuzzleGame: the fields that all of them share, and `facts`."""
    shared = {"seats": (1, MOST_SEATS), "image_sizes": SIZES, "text": True, "simultaneous": True, "on_fault": "default"}
    return GameSpec(**{**shared, **facts})


class Puzzle(abc.ABC):
    """One seat's copy of the problem."""

    over = False

    @abc.abstractmethod
    def act(self, action: int) -> tuple[Reward, str]:
        """Do it: the reward, and what happened, as the end of a sentence that begins with the seat."""

    @abc.abstractmethod
    def legal(self) -> tuple[int, ...]:
        """Actions that are legal now, ascending."""

    @abc.abstractmethod
    def worst(self) -> int:
        """A legal action that is no better than any other: what a fault costs."""

    @abc.abstractmethod
    def facts(self) -> dict[str, str]:
        """What the picture shows, in words."""

    @abc.abstractmethod
    def vector(self) -> Vector:
        """The same in numbers."""

    @abc.abstractmethod
    def state(self) -> Any:
        """Everything, for the state's hash."""


class PuzzleGame(Game):
    """Base of the puzzles. A subclass gives the spec, `deal`, `rules`, `told` and `picture`."""

    package: ClassVar[str]  # its prompts are in here
    answer_format: str
    whole = False  # all is answered at once, in words as `answer_format` says; the only action gives up

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        self._puzzles: list[Puzzle] = []
        self._totals: list[Fraction] = []
        self._tick = 0
        self._ended = True

    @abc.abstractmethod
    def deal(self, chance: np.random.Generator) -> Puzzle:
        """A new problem; equal for equal generators."""

    @abc.abstractmethod
    def words(self) -> Mapping[str, str]:
        """What the text `rules` of the prompts takes."""

    @abc.abstractmethod
    def told(self, facts: Mapping[str, str]) -> str:
        """The facts as sentences."""

    @abc.abstractmethod
    def picture(self, puzzle: Puzzle, height: int, width: int) -> Image:
        """uint8 (height, width, 3), a new array."""

    def apply(self, puzzle: Puzzle, move: Move) -> tuple[Reward, str]:
        """A move of a seat: its reward, and what happened. Default: its action."""
        assert move.action is not None
        return puzzle.act(move.action)

    def puzzle(self, seat: int) -> Puzzle:
        """A seat's copy of the problem, with its solution: for teachers."""
        return self._puzzles[seat]

    # The contract.

    def card(self) -> GameCard:
        prompts = folder(self.package)
        rules = prompts.pop("rules").format(**self.words())
        return self.make_card(rules, self.answer_format, prompts)

    def reset(self, seed: bytes) -> StepResult:
        self._puzzles = [self.deal(generator(seed)) for _ in range(self.seats)]
        self._totals, self._tick, self._ended = [Fraction()] * self.seats, 0, False
        return StepResult.going(self.due, [0.0] * self.seats, self.state_hash())

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        if self._ended or tuple(sorted(moves)) != self.due:
            raise ValueError(f"{self.spec.id}: seats {list(self.due)} are due, but moves came for {sorted(moves)}")
        for seat, move in moves.items():
            seen = self.observe(seat, Views())
            text = move.action is None and move.say and len(move.say) <= seen.free_text
            if not text and (move.action not in seen.legal or move.say is not None):
                raise ValueError(f"{self.spec.id}: {move} of seat {seat} is not legal")
        self._tick += 1
        rewards, events = [0.0] * self.seats, []
        for seat in sorted(moves):
            reward, said = self.apply(self._puzzles[seat], moves[seat])
            self._totals[seat] += Fraction(reward)
            rewards[seat] = float(reward)
            events.append(f"seat {seat} {said}")
        self._ended = all(one.over for one in self._puzzles) or self._tick >= self.spec.horizon
        if not self._ended:
            return StepResult.going(self.due, rewards, self.state_hash(), events)
        end = StepResult.terminated if all(one.over for one in self._puzzles) else StepResult.truncated
        return end(rewards, tuple(map(float, self._totals)), self.state_hash(), events)

    def observe(self, seat: int, views: Views) -> Observation:
        if not 0 <= seat < self.seats:
            raise ValueError(f"{self.spec.id} has seats 0 to {self.seats - 1}, not {seat}")
        if views.image is not None and views.image not in self.spec.image_sizes:
            raise ValueError(f"{self.spec.id} draws at {self.spec.image_sizes} (height, width), not {views.image}")
        puzzle = self._puzzles[seat]
        legal = puzzle.legal() if seat in self.due else ()
        facts = puzzle.facts() if views.text else None
        text = None
        if facts is not None:
            names = ", ".join(self.spec.actions.names[action] for action in legal)
            names = f"{self.answer_format}, or {names}" if self.whole else names
            text = f"{self.told(facts)}\n" + (f"Legal actions: {names}." if legal else "It is over.")
        return Observation(
            legal=legal,
            image=None if views.image is None else self.picture(puzzle, *views.image),
            vector=puzzle.vector() if views.vector else None,
            text=text,
            facts=facts,
        )

    def seats_out(self) -> tuple[int, ...]:
        return tuple(seat for seat, one in enumerate(self._puzzles) if one.over)

    def default_action(self, seat: int) -> int:
        return self._puzzles[seat].worst()

    def draw(self, height: int, width: int) -> Image:
        """All seats' pictures side by side."""
        from arena_games.puzzles.draw import side_by_side  # only drawing needs an imaging library

        return side_by_side(self._puzzles, self.picture, height, width)

    def clone(self) -> Self:
        return copy.deepcopy(self)

    @property
    def due(self) -> tuple[int, ...]:
        """Seats that are not done, unless the match is over."""
        return () if self._ended else tuple(seat for seat, one in enumerate(self._puzzles) if not one.over)

    def state_hash(self) -> str:
        return digest(self._tick, self._ended, [one.state() for one in self._puzzles], [*map(float, self._totals)])
