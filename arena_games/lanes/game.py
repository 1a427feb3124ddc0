"""LaneGame: one-player platform levels played side by side. Every seat has its own lane, all from the same start.

A decision holds some buttons for some frames. All lanes that are not over act at each tick; a lane that is over waits
for the others. The match ends when all are over, or is truncated at the horizon.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import msgspec

from arena.canonical import digest, generator
from arena.game import (
    Game,
    GameCard,
    GameSpec,
    Image,
    Move,
    Observation,
    StepResult,
    Views,
    actions_of,
    parse_answer,
)
from arena.options import Option
from arena.paths import expanded
from arena_games.lanes import actions, prefix, views, words
from arena_games.lanes.lane import End, Lane, Now

FLAG = 1000.0  # the reward of the flag, in pixels
DEATH = -100.0
MOST_LANES = 16
STACK = 4  # frames in the vector view, one a decision

OPTIONS = {
    "actions": Option(
        "str", "macro", "the action set: 8 combinations, or pairs of buttons", choices=tuple(actions.SETS)
    ),
    "skip": Option("int", actions.SKIP, "frames that a decision of the macro actions is held", 1, 60),
    "horizon": Option("int", 400, "decisions until the match is truncated", 1, 1_000_000),
    "stuck": Option("int", 60, "decisions without a new maximum of x after which a lane ends; 0: never", 0, 1_000_000),
    "noops": Option("int", 0, "most frames that a lane waits at the start; the seed draws their number", 0, 30),
    "from": Option("str", None, "a file of recorded actions that are played before the start"),
}


def lane_spec(**facts: Any) -> GameSpec:
    """The spec of a LaneGame: the fields that all of them share, and `facts` (id, version, summary, licence, ...)."""
    own = facts.pop("options", {})
    return GameSpec(
        **{
            "seats": (1, MOST_LANES),
            "actions": actions.SPACES["macro"],
            "horizon": 400,
            "unit": f"pixels (flag {FLAG:+g}, death {DEATH:+g})",
            "image_sizes": ((128, 128), (240, 256), (960, 1024)),
            "vector_shape": (84, 84, STACK),
            "vector_scale": 255,
            "text": True,
            "pace": "realtime",
            "simultaneous": True,
            "perfect_information": True,  # the other lanes are not secret
            "on_fault": "default",
            "baseline": "arena_games.lanes.baseline:choose",
            **facts,
        },
        options={**OPTIONS, **own},
    )


class _Seat:
    """One lane, its progress, and the frames of its last decisions."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.over: End | None = None

    def start(self, now: Now) -> None:
        self.now = now
        self.over = now.over
        self.best = now.x
        self.idle = 0  # decisions since the last new maximum
        self.last = "nothing"
        self.moved = self.rose = 0
        self.total = 0.0
        self.stack: Image | None = None  # of this moment, once somebody has wanted it
        self.before: Image | None = None  # and of the decision before
        first = views.Frame(self.lane, self.lane.snapshot())
        self.frames = [first] * STACK  # oldest first

    def hold(self, buttons: int, frames: int, see: bool) -> None:
        """Advance the lane, and `see` the grey frame if the last one was wanted. Lanes may do this in parallel."""
        self.frames[-1].pass_by()
        self.lane.hold(buttons, frames)
        self.frames = [*self.frames[1:], views.Frame(self.lane, self.lane.snapshot())]
        self.before, self.stack = self.stack, None
        if see and self.before is not None:
            self.frames[-1].grey  # noqa: B018

    def follow(self, name: str, stuck: int) -> tuple[float, dict[str, float]]:
        """Compute the reward and its parts after the lane has advanced."""
        before, self.now = self.now, self.lane.now
        gain = max(0, self.now.x - self.best)
        self.best += gain
        self.idle = 0 if gain else self.idle + 1
        self.over = self.now.over or ("stuck" if stuck and self.idle >= stuck else None)
        self.last = name
        self.moved, self.rose = self.now.x - before.x, self.now.y - before.y
        parts = {
            "progress": float(gain),
            "death": DEATH if self.over in ("died", "time") else 0.0,
            "flag": FLAG if self.over == "flag" else 0.0,
        }
        reward = sum(parts.values())
        self.total += reward
        parts |= {"score": float(self.now.score - before.score), "coins": float(self.now.coins - before.coins)}
        return reward, parts


class LaneGame(Game):
    """Base of the games of lanes. A subclass gives `make_lane`, the spec (see `lane_spec`) and its levels."""

    truth = "arena_games.lanes.thoughts:thought"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        if self.options["actions"] == "buttons":
            self.rule_out("skip", options, actions.NO_SKIP)
        changes: dict[str, Any] = {
            "actions": actions.SPACES[self.options["actions"]],
            # Decisions of different length have no common clock.
            "pace": self.spec.pace if self.options["actions"] == "macro" else "turn",
            "horizon": self.options["horizon"],
        }
        if self.options["noops"]:
            changes["seeded"] = True
        self.spec = msgspec.structs.replace(self.spec, **changes)
        self._buttons = list(actions.SETS[self.options["actions"]].items())
        self._before = prefix.read(self.options["from"]) if self.options["from"] else []
        self._seats: list[_Seat] = []
        self._pool: ThreadPoolExecutor | None = None
        self._tick = 0
        self._ended = True

    def user_files(self) -> Mapping[str, Path]:
        return {"from": expanded(self.options["from"])} if self.options["from"] else {}

    @abc.abstractmethod
    def make_lane(self) -> Lane:
        """Makes a new lane; every match begins it again."""

    def prepare(self, seed: bytes) -> None:
        """Called before the lanes of a match begin. The level may follow from the seed; all lanes have the same."""

    def start_events(self) -> Sequence[str]:
        """Events of the start: the level, the cartridge."""
        return ()

    # The contract.

    def card(self) -> GameCard:
        return words.card(self)

    def reset(self, seed: bytes) -> StepResult:
        if not self._seats:
            self._seats = [_Seat(self.make_lane()) for _ in range(self.seats)]
        self.prepare(seed)
        noops = int(generator(seed).integers(0, self.options["noops"] + 1)) if self.options["noops"] else 0
        self._tick, self._ended = 0, False

        def begin(seat: _Seat) -> None:
            seat.lane.begin()
            for buttons, frames in ((0, noops), *self._before):
                seat.lane.hold(buttons, frames)

        self._each(begin, self._seats)
        for seat in self._seats:
            seat.start(seat.lane.now)
        if not self.due:
            raise ValueError(f"{self.spec.id}: the lane is over before the start; @from= or @noops= lead too far")
        events = [*self.start_events(), *([f"waited {noops} frames"] if noops else [])]
        return StepResult.going(self.due, (0.0,) * self.seats, self.state_hash(), events)

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        actions = actions_of(moves)
        self._check(actions)
        stuck = self.options["stuck"]
        # Where no other lane is held meanwhile, a frame is made when it is asked for.
        several = len(actions) > 1 and self._seats[0].lane.threads

        def hold(seat: int) -> None:
            _, buttons = self._buttons[actions[seat]]
            self._seats[seat].hold(int(buttons), self._frames(buttons), several)

        self._each(hold, sorted(actions))
        self._tick += 1
        rewards, events = [0.0] * self.seats, []
        for seat in sorted(actions):
            name = self._buttons[actions[seat]][0]
            rewards[seat], parts = self._seats[seat].follow(name, stuck)
            events.append(words.event(seat, self._seats[seat].now, self._seats[seat].over, parts))
        returns = [seat.total for seat in self._seats]
        if all(seat.over for seat in self._seats):
            self._ended = True
            return StepResult.terminated(rewards, returns, self.state_hash(), events)
        if self._tick >= self.spec.horizon:
            self._ended = True
            return StepResult.truncated(rewards, returns, self.state_hash(), events)
        return StepResult.going(self.due, rewards, self.state_hash(), events)

    def observe(self, seat: int, views: Views) -> Observation:
        if not 0 <= seat < self.seats:
            raise ValueError(f"{self.spec.id} has seats 0 to {self.seats - 1}, not {seat}")
        if views.image is not None and views.image not in self.spec.image_sizes:
            sizes = list(self.spec.image_sizes)
            raise ValueError(f"{self.spec.id} draws at {sizes} (height, width), not {views.image}")
        it = self._seats[seat]
        facts = self.facts(seat) if views.text else None
        return Observation(
            legal=tuple(range(self.spec.actions.n)) if seat in self.due else (),
            image=None if views.image is None else it.frames[-1].fitted(*views.image),
            vector=self._vector(it) if views.vector else None,
            text=None if facts is None else words.text(facts),
            facts=facts,
        )

    def read(self, legal: Sequence[int], answer: int | str | None, free_text: int = 0) -> Move:
        """As `Game.parse`, but the buttons of a pair may come in any order."""
        if isinstance(answer, str) and self.options["actions"] == "buttons":
            answer = actions.in_any_order(answer)
        return parse_answer(self.spec.actions.names, legal, answer, free_text)

    def seats_out(self) -> tuple[int, ...]:
        return tuple(number for number, seat in enumerate(self._seats) if seat.over is not None)

    def default_action(self, seat: int) -> int:
        """The action that holds no button."""
        return 0

    def draw(self, height: int, width: int) -> Image:
        """All lanes side by side."""
        return views.side_by_side(
            [seat.frames[-1] for seat in self._seats],
            [words.caption(number, seat.now, seat.best, seat.over) for number, seat in enumerate(self._seats)],
            height,
            width,
        )

    # For subclasses and words.py.

    @property
    def due(self) -> tuple[int, ...]:
        """Lanes that are not over, unless the match is."""
        return () if self._ended else tuple(number for number, seat in enumerate(self._seats) if seat.over is None)

    def facts(self, seat: int) -> dict[str, str]:
        """What `seat` may know, as named parts for prompt templates."""
        it = self._seats[seat]
        return words.facts(it.now, it.lane.obstacles, it.best, it.last, it.moved, it.rose, it.over)

    def state_hash(self) -> str:
        """32 hex digits over every lane's memory, what it reached, and the tick."""
        return digest(self._tick, [(seat.lane.state_hash(), seat.best, seat.idle, seat.over) for seat in self._seats])

    def _vector(self, it: _Seat) -> Image:
        if it.stack is None:
            it.stack = views.stacked(it.frames) if it.before is None else views.pushed(it.before, it.frames[-1])
        return it.stack.copy()

    def _frames(self, buttons: Any) -> int:
        return actions.frames_of(self.options["actions"], buttons, self.options["skip"])

    def _check(self, actions: Mapping[int, int]) -> None:
        if not self.due:
            raise ValueError(f"{self.spec.id}: nobody is due; the match is over or `reset` was not called")
        if tuple(sorted(actions)) != self.due:
            raise ValueError(f"{self.spec.id}: lanes {list(self.due)} are due, but actions came for {sorted(actions)}")
        for seat, action in actions.items():
            if not 0 <= action < self.spec.actions.n:
                raise ValueError(
                    f"{self.spec.id}: action {action!r} of lane {seat}: expected 0..{self.spec.actions.n - 1}"
                )

    def _each(self, do: Callable[[Any], None], lanes: Sequence[Any]) -> None:
        """Call `do` for every lane: in several threads, this one included, if the emulator lets other threads run."""
        left = iter(lanes)  # shared: a free thread takes the next lane

        def work() -> None:
            for lane in left:
                do(lane)

        helping = []
        if len(lanes) > 1 and self._seats[0].lane.threads:
            cores = os.cpu_count() or 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(cores)
            helping = [self._pool.submit(work) for _ in range(min(len(lanes), cores) - 1)]
        try:
            work()
        finally:
            wait(helping)
        for one in helping:
            one.result()
