"""`race`: two seats in one level and one world; the first at the flag wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import msgspec

from arena.canonical import digest
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
from arena.prompts import folder
from arena_games.lanes import actions as held
from arena_games.lanes import views as seen
from arena_games.lanes import words as lanes
from arena_games.lanes.game import STACK
from arena_games.race import words
from arena_games.race.world import RaceWorld, tiles_between
from arena_games.sidescroller.lane import now_of, obstacles_of
from arena_games.sidescroller.level import Level
from arena_games.sidescroller.rules import LEVELS, ONE_LEVEL, drawn
from arena_games.sidescroller.tiles import UNIT

if TYPE_CHECKING:  # draw needs an imaging library
    from arena_games.sidescroller.draw import Snapshot

HORIZON = 600
LEAD = 0.5  # reward of a lead of a whole level before the end; the end is worth 1


class Camera:
    """The level around one seat's runner; `orange` is the seat whose runner has that colour."""

    def __init__(self, seat: int, orange: int) -> None:
        self.seat, self.orange = seat, orange

    def draw(self, snapshot: Snapshot) -> Image:
        from arena_games.sidescroller import draw  # only drawing needs an imaging library

        return draw.draw(snapshot, self.seat, self.orange)

    def keep(self, snapshot: Snapshot) -> Snapshot:
        return snapshot

    def small(self, snapshot: Snapshot, height: int, width: int) -> Image | None:
        from arena_games.sidescroller import draw

        return draw.small(snapshot, height, width, self.seat, self.orange)

    def luma(self, snapshot: Snapshot) -> Image:
        from arena_games.sidescroller import draw

        return draw.luma(snapshot, self.seat, self.orange)


CAMERAS = (Camera(0, 0), Camera(1, 1))  # each seat sees its own runner in orange
SPECTATOR_CAMERAS = (Camera(0, 0), Camera(1, 0))


class Race(Game):
    teacher = "arena_games.race.teacher:lessons"
    truth = "arena_games.lanes.thoughts:thought"
    spec = GameSpec(
        id="race",
        version=1,
        summary="Two runners in one platform level, who may stomp each other: the first at the flag wins",
        seats=(2, 2),
        actions=held.SPACES["macro"],
        horizon=HORIZON,
        unit="points",
        image_sizes=((128, 128), (240, 256), (960, 1024)),
        vector_shape=(84, 84, STACK),
        vector_scale=255,
        text=True,
        pace="realtime",
        simultaneous=True,
        perfect_information=True,  # what is out of sight is not secret
        on_fault="default",
        returns=(-1.0, 1.0),
        options={
            **LEVELS,
            "actions": Option(
                "str", "macro", "the action set: 8 combinations, or pairs of buttons", choices=tuple(held.SETS)
            ),
            "skip": Option("int", held.SKIP, "frames that a decision of the macro actions is held", 1, 60),
            "horizon": Option("int", HORIZON, "decisions after which the runner who got further wins", 1, 1_000_000),
        },
        baseline="arena_games.lanes.baseline:choose",
    )

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        kind = self.options["actions"]
        if kind == "buttons":
            self.rule_out("skip", options, held.NO_SKIP)
        if self.options["level"] is not None:
            self.rule_out("set", options, ONE_LEVEL)
        self._buttons = list(held.SETS[kind].items())
        self.spec = msgspec.structs.replace(
            self.spec,
            actions=held.SPACES[kind],
            horizon=self.options["horizon"],
            seeded=self.options["level"] is None,
        )
        self._ended = True

    def card(self) -> GameCard:
        macro = self.options["actions"] == "macro"
        frames = f"{self.options['skip']} frames" if macro else "15 frames if it includes jump, else 5"
        prompts = folder("arena_games.race")
        rules = prompts.pop("rules").format(frames=f"{frames} (60 are a second)", horizon=self.spec.horizon)
        return self.make_card(
            rules,
            lanes.ANSWER,
            prompts,
            buttons={name: held.held(buttons) for name, buttons in self._buttons},
            seconds=self.options["skip"] / held.FRAMES_A_SECOND if macro else None,
        )

    # The match.

    def reset(self, seed: bytes) -> StepResult:
        self.level: Level = drawn(self.options, seed)
        self.world = RaceWorld(self.level)
        self._tick, self._ended = 0, False
        self._start = self.world.runners[0].x
        self._best = [self._start] * 2  # furthest x, in units
        self._standing = 0.0  # of seat 0
        self._last = ["nothing"] * 2
        self._moved = self._rose = [0, 0]
        shot = self._snapshot()
        self._frames = [[seen.Frame(camera, shot)] * STACK for camera in CAMERAS]
        it = self.level
        said = f"level {it.number}, difficulty {it.difficulty}, {it.theme}, {it.columns} tiles long"
        return StepResult.going((0, 1), (0.0, 0.0), self.state_hash(), (said,))

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        actions = actions_of(moves)
        self._check(actions)
        runners = self.world.runners
        before = [(runner.x // UNIT, runner.y // UNIT) for runner in runners]
        buttons = [self._buttons[actions[seat]][1] for seat in (0, 1)]
        frames = [held.frames_of(self.options["actions"], one, self.options["skip"]) for one in buttons]
        self.world.run((frames[0], frames[1]), (int(buttons[0]), int(buttons[1])))
        self._tick += 1
        events = []
        self._moved = [runner.x // UNIT - x for runner, (x, _) in zip(runners, before, strict=True)]
        self._rose = [y - runner.y // UNIT for runner, (_, y) in zip(runners, before, strict=True)]
        for seat, runner in enumerate(runners):
            gain = max(0, runner.x - self._best[seat])
            self._best[seat] += gain
            self._last[seat] = self._buttons[actions[seat]][0]
            events.append(words.event(seat, runner.x // UNIT, self.state(seat), gain // UNIT))
        shot = self._snapshot()
        self._frames = [[*old[1:], seen.Frame(camera, shot)] for old, camera in zip(self._frames, CAMERAS, strict=True)]
        over = self.world.finished or self._tick >= self.spec.horizon
        was, self._standing = self._standing, self._result() if over else self._lead()
        rewards = (self._standing - was, was - self._standing)
        if not over:
            return StepResult.going((0, 1), rewards, self.state_hash(), events)
        self._ended = True
        returns = (self._standing, -self._standing)
        events.append(f"runner {0 if self._standing > 0 else 1} wins" if self._standing else "a draw")
        end = StepResult.terminated if self.world.finished else StepResult.truncated
        return end(rewards, returns, self.state_hash(), events)

    def _lead(self) -> float:
        """Seat 0's lead as a share of the level's length."""
        return LEAD * (self._best[0] - self._best[1]) / (self.level.goal - self._start)

    def _result(self) -> float:
        """Seat 0's result: 1 won, 0 a draw, -1 lost."""
        at_flag = [runner.over == "flag" for runner in self.world.runners]
        if at_flag[0] != at_flag[1]:
            return 1.0 if at_flag[0] else -1.0
        if at_flag[0] or self._best[0] == self._best[1]:
            return 0.0
        return 1.0 if self._best[0] > self._best[1] else -1.0

    def _check(self, actions: Mapping[int, int]) -> None:
        if self._ended:
            raise ValueError("race: nobody is due; the match is over or `reset` was not called")
        if sorted(actions) != [0, 1]:
            raise ValueError(f"race: both seats are due, but actions came for {sorted(actions)}")
        for seat, action in actions.items():
            if not 0 <= action < self.spec.actions.n:
                raise ValueError(f"race: action {action!r} of seat {seat}: expected 0..{self.spec.actions.n - 1}")

    # Views.

    def observe(self, seat: int, views: Views) -> Observation:
        if seat not in (0, 1):
            raise ValueError(f"race has seats 0 and 1, not {seat}")
        if views.image is not None and views.image not in self.spec.image_sizes:
            raise ValueError(f"race draws at {list(self.spec.image_sizes)} (height, width), not {views.image}")
        frames = self._frames[seat]
        facts = self.facts(seat) if views.text else None
        return Observation(
            legal=() if self._ended else tuple(range(self.spec.actions.n)),
            image=None if views.image is None else frames[-1].fitted(*views.image),
            vector=seen.stacked(frames) if views.vector else None,
            text=None if facts is None else words.text(lanes.text(facts), facts),
            facts=facts,
        )

    def facts(self, seat: int) -> dict[str, str]:
        """What `seat` may know, as named parts for prompt templates."""
        runner, other = self.world.runners[seat], self.world.runners[1 - seat]
        now, obstacles = now_of(self.world, runner), obstacles_of(self.world, runner)
        best, last = self._best[seat] // UNIT, self._last[seat]
        own = lanes.facts(now, obstacles, best, last, self._moved[seat], self._rose[seat], now.over)
        return {
            **own,
            "seat": str(seat),
            "state": self.state(seat),
            "other": str(tiles_between(runner, other)),
            "other_state": self.state(1 - seat),
        }

    def state(self, seat: int) -> str:
        """`running`, `stunned` or `away`."""
        it = self.world.extras[seat]
        return "away" if it.away else "stunned" if it.stun else "running"

    def draw(self, height: int, width: int) -> Image:
        """Both views side by side, in the runners' own colours."""
        shot = self._snapshot()
        frames = [seen.Frame(camera, shot) for camera in SPECTATOR_CAMERAS]
        captions = []
        for seat, colour in enumerate(("orange", "blue")):
            x, state = self.world.runners[seat].x // UNIT, self.state(seat)
            captions.append(f"{colour} (seat {seat})   x {x}   {'' if state == 'running' else state}")
        return seen.side_by_side(frames, captions, height, width)

    def _snapshot(self) -> Snapshot:
        from arena_games.sidescroller import draw

        shot = draw.snapshot(self.world)
        bodies = [
            body._replace(
                seen=not it.away and not (it.shield and self.world.frame // 4 % 2),
                pose="dead" if it.stun else body.pose,
            )
            for body, it in zip(shot.bodies, self.world.extras, strict=True)
        ]
        return shot._replace(bodies=tuple(bodies))

    # For the arena.

    def read(self, legal: Sequence[int], answer: int | str | None, free_text: int = 0) -> Move:
        """As `Game.parse`, but the buttons of a pair may come in any order."""
        if isinstance(answer, str) and self.options["actions"] == "buttons":
            answer = held.in_any_order(answer)
        return parse_answer(self.spec.actions.names, legal, answer, free_text)

    def default_action(self, seat: int) -> int:
        """The action that holds no button."""
        return 0

    def state_hash(self) -> str:
        """32 hex digits over the level's name, the world, and what counts for the result."""
        it = self.level
        return digest(it.number, it.difficulty, self._tick, self._best, self.world.numbers())

    def clone(self) -> Self:
        out = type(self)(self.seats, self.options)
        out.level, out.world, out._start = self.level, self.world.copy(), self._start
        out._tick, out._ended, out._standing = self._tick, self._ended, self._standing
        out._best, out._last = list(self._best), list(self._last)
        out._moved, out._rose = list(self._moved), list(self._rose)
        out._frames = [list(frames) for frames in self._frames]
        return out
