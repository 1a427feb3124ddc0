"""Tiny games for tests of the core: fast, no engine, every kind of rule that a match must handle."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from arena.canonical import digest, key
from arena.evaluate.schedules import one_table
from arena.game import Discrete, Game, GameCard, GameSpec, Image, Move, Observation, StepResult, Views, actions_of
from arena.operator import Decision, OpenSeat, Operator, OperatorKind, Outcome, Request, WorkerContext
from arena.options import Option
from arena.plan import Entry, Limits, MatchPlan, MatchResult, Plan
from arena.schedule import planned


class Turns(Game):
    """Seats act in turn, `rounds` times each. Action 2 is legal in a seat's first turn only. A fault forfeits."""

    spec = GameSpec(
        id="turns",
        version=1,
        summary="say a number in turn",
        seats=(1, 6),
        actions=Discrete(("zero", "one", "two")),
        horizon=100,
        unit="points",
        image_sizes=((4, 6),),
        vector_shape=(3,),
        text=True,
        options={"rounds": Option("int", 2, "turns of each seat", 1, 1000)},
    )

    def card(self) -> GameCard:
        return GameCard(
            game=self.spec.id,
            version=1,
            seats=self.seats,
            rules="Say a number.",
            actions=self.spec.actions.names,
            answer_format="a word",
            unit="points",
            vector_shape=self.spec.vector_shape,
            options=self.options,
        )

    def reset(self, seed: bytes) -> StepResult:
        self.secret = seed.hex()
        self.said: list[tuple[int, int]] = []
        return StepResult.going(self.due(), (0.0,) * self.seats, self.hash())

    def due(self) -> tuple[int, ...]:
        return (len(self.said) % self.seats,)

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        actions = actions_of(moves)
        if tuple(sorted(actions)) != self.due():
            raise ValueError(f"due are {self.due()}, not {sorted(actions)}")
        rewards = [0.0] * self.seats
        for seat, action in actions.items():
            if action not in self.legal(seat):
                raise ValueError(f"{action} of {seat}")
            self.said.append((seat, action))
            rewards[seat] = float(action)
        events = [f"seat {seat} says {action}" for seat, action in actions.items()]
        if len(self.said) >= self.seats * self.options["rounds"]:
            return StepResult.terminated(rewards, self.sums(), self.hash(), events)
        return StepResult.going(self.due(), rewards, self.hash(), events)

    def forfeit(self, seat: int) -> StepResult:
        returns = tuple(-1.0 if s == seat else 1.0 for s in range(self.seats))
        return StepResult.terminated((0.0,) * self.seats, returns, digest(self.hash(), seat), [f"seat {seat} forfeits"])

    def observe(self, seat: int, views: Views) -> Observation:
        vector = np.array([seat, len(self.said), self.seats], np.float32)
        return Observation(
            legal=self.legal(seat) if seat in self.due() else (),
            image=self.draw(*views.image) if views.image else None,
            vector=vector if views.vector else None,
            text=f"turn {len(self.said)}" if views.text else None,
            facts={"turn": str(len(self.said))} if views.text else None,
        )

    def draw(self, height: int, width: int) -> Image:
        return np.full((height, width, 3), len(self.said), np.uint8)

    def legal(self, seat: int) -> tuple[int, ...]:
        return (0, 1) if any(s == seat for s, _ in self.said) else (0, 1, 2)

    def sums(self) -> tuple[float, ...]:
        return tuple(float(sum(a for s, a in self.said if s == seat)) for seat in range(self.seats))

    def hash(self) -> str:
        return digest(self.secret, self.said)


class Lenient(Turns):
    """As Turns, but a fault costs the default action."""

    spec = msgspec.structs.replace(Turns.spec, id="lenient", on_fault="default")

    def default_action(self, seat: int) -> int:
        return 0


class Together(Turns):
    """All seats act at once."""

    spec = msgspec.structs.replace(Turns.spec, id="together", simultaneous=True)

    def due(self) -> tuple[int, ...]:
        return tuple(range(self.seats))


class Leaving(Together):
    """As Together, but seat 0 acts in the first tick only, and is out then."""

    def due(self) -> tuple[int, ...]:
        return super().due() if len(self.said) < 2 else (1,)

    def seats_out(self) -> tuple[int, ...]:
        return () if len(self.said) < 2 else (0,)

    def step(self, moves: Any) -> Any:
        out = super().step(moves)
        return out if out.ended != "none" or len(self.said) < 6 else self.forfeit(1)


class OneByOne(Together):
    """First each seat acts alone, twice; then all act at once."""

    def due(self) -> tuple[int, ...]:
        return (len(self.said) % 2,) if len(self.said) < 4 else super().due()


class Open(Together):
    """As Together, and nothing is hidden."""

    spec = msgspec.structs.replace(Together.spec, id="open", perfect_information=True)


class Failing(Turns):
    """As Turns, but where the deal is bad (its first byte is odd) it fails as its option says, in its third tick.

    The option may also be a file's path: then it fails once there is such a file.
    """

    spec = msgspec.structs.replace(
        Turns.spec, id="failing", options={**Turns.spec.options, "how": Option("str", "step", "what fails")}
    )

    def reset(self, seed: bytes) -> StepResult:
        self.bad = bool(seed[0] % 2)
        if self.bad and self.options["how"] == "reset":
            self.fail()
        return super().reset(seed)

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        result = super().step(moves)
        how = self.options["how"]
        if not self.bad or len(self.said) != 3:
            return result
        if how == "nan":
            return StepResult.going(result.due, (float("nan"), 0.0), result.state_hash)
        if how == "exit":
            raise SystemExit(3)
        if how == "step" or Path(how).is_file():
            self.fail()
        return result

    def observe(self, seat: int, views: Views) -> Observation:
        if self.bad and self.options["how"] == "observe" and len(self.said) == 3:
            self.fail()
        return super().observe(seat, views)

    def fail(self) -> None:
        raise RuntimeError("no licence")


class OwnWords(Turns):
    """Reads answers in a way of its own: any word that begins as an action's name."""

    spec = msgspec.structs.replace(Turns.spec, id="own_words")

    def parse(self, seat: int, answer: int | str | None) -> Move:
        if answer == "rubbish":
            return super().parse(seat, "zero")
        return super().parse(seat, answer)


def no_views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    return Views()


def kind_of(name: str, target: str, **facts: Any) -> OperatorKind:
    """An operator kind that no entry point knows."""
    return OperatorKind(name=name, summary="", target=target, views=no_views, **facts)


def plan_of(
    game: type[Game],
    kinds: Sequence[OperatorKind],
    *,
    matches: int = 1,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    views: Views | None = None,
    mirror: bool = True,
    **limits: Any,
) -> Plan:
    """A plan made by hand. Each seat gets a worker of its own: the slot is part of `what`."""
    lineup = tuple(
        Entry(f"{kind.name}{slot}", kind, f"slot{slot}", {}, kind.name, views or Views())
        for slot, kind in enumerate(kinds)
    )
    made = game(len(kinds), options)
    return one_table(made, game.spec.id, lineup, seed=seed, matches=matches, limits=Limits(**limits), mirror=mirror)


def drawn(seed: bytes, tick: int, attempt: int, legal: Sequence[int]) -> int:
    """A legal action by the turn's key: what a well-behaved toy operator answers."""
    return legal[key("turn", seed, tick, attempt)[0] % len(legal)]


class Good(Operator):
    """Answers by the turn's key, as `random` does."""

    opened: ClassVar[int] = 0

    def __init__(self) -> None:
        self.seeds: dict[tuple[int, int], bytes] = {}

    def open(self, seats: Sequence[OpenSeat]) -> None:
        self.seeds.update({(s.match, s.seat): s.seed for s in seats})

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self.one(r) for r in requests]

    def one(self, r: Request) -> Decision:
        return Decision(answer=drawn(self.seeds[r.match, r.seat], r.tick, r.attempt, r.observation.legal))

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        del self.seeds[match, seat]


def build(context: WorkerContext) -> Operator:
    return Good()


GOOD = kind_of("good", "tests.toys:build")


def matches_of(plan: Plan) -> list[MatchPlan]:
    """All matches of a plan whose schedule hears nothing."""
    out, read = [], planned(plan)
    while (match := read.peek()) is not None:
        out.append(match)
        read.take()
    return out


def with_game(plan: Plan, **changes: Any) -> Plan:
    """A plan of one game with something else said of it: its `name`, or its `runtime`."""
    return dataclasses.replace(plan, games=(dataclasses.replace(plan.games[0], **changes),))


class Listed:
    """Reads these matches as PlannedMatches reads those of a plan."""

    def __init__(self, matches: Sequence[MatchPlan]) -> None:
        self._left = list(matches)

    def peek(self) -> MatchPlan | None:
        return self._left[0] if self._left else None

    def take(self) -> None:
        del self._left[0]

    def hear(self, result: MatchResult) -> None:
        pass

    @property
    def over(self) -> bool:
        return not self._left
