"""Demonstrations for `arena train ppo --set demos=FILE`: a teacher plays, is pushed off its way, and finds back.

    python scripts/ppo/demos.py sidescroller --out runs/sidescroller-demos.npz [--matches 900] [--seed 1]
    PYTHON -m scripts.ppo.demos mario:1-1 --out runs/mario-demos.npz --matches 60      (PYTHON of the runtime `mario`)
    python scripts/ppo/demos.py mario:1-1 --join A.npz B.npz --out C.npz

The teacher is a search: in the sidescroller (on its train set) one that looks ahead, in mario the same idea
with the emulator's saved states, from seeded no-op starts. Now and then some decisions are drawn at random (they are
not demonstrated), and the teacher goes on from where they led to.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from arena.canonical import generator, key
from arena.game import Move, Views
from arena.train.config import PICTURES
from arena_games.lanes.game import FLAG, LaneGame
from arena_games.lanes.moves import NAMES

VECTOR = Views(vector=True)
ODDS = {"right run": 4, "right run jump": 4, "right": 2, "right jump": 2, "jump": 1, "stay": 2, "left": 1}
DOOMED = 12  # decisions before a death that are not demonstrated
Plan = Callable[[], Sequence[int]]


class Album:
    """Frames, stacks of them, what was done and what it brought."""

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []
        self.stacks: list[list[int]] = []
        self.actions: list[int] = []
        self.returns: list[float] = []

    def add(self, seen: Sequence[np.ndarray], taught: Sequence[int | None], rewards: Sequence[float]) -> None:
        """One match: the newest frame at each decision, the action there (None: none to learn), its reward."""
        first = len(self.frames)
        self.frames += seen
        scale, clip, gamma = PICTURES["reward_scale"], PICTURES["reward_clip"], PICTURES["gamma"]
        total = 0.0
        for at in reversed(range(len(taught))):
            total = max(-clip, min(rewards[at] * scale, clip)) + gamma * total
            action = taught[at]
            if action is not None:
                self.stacks.append([first + max(0, at - back) for back in (3, 2, 1, 0)])
                self.actions.append(action)
                self.returns.append(total)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            frames=np.stack(self.frames),
            stacks=np.array(self.stacks, dtype=np.int32),
            actions=np.array(self.actions, dtype=np.int64),
            returns=np.array(self.returns, dtype=np.float32),
        )


def join(files: Sequence[Path], out: Path) -> None:
    """One file of several."""
    parts = [dict(np.load(file)) for file in files]
    first = 0
    for part in parts:
        part["stacks"] = part["stacks"] + np.int32(first)
        first += len(part["frames"])
    np.savez(out, **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def demonstrate(
    album: Album, game: LaneGame, start: bytes, chance: np.random.Generator, think: Plan, pushed: float, always: bool
) -> bool:
    """One match; whether it was cleared. `pushed`: how often a push begins, at each decision. `always`: the teacher is
    asked anew at every decision, pushes included; otherwise its plan is followed, and what led to a death is left out.
    """
    due = bool(game.reset(start).due)
    plan: list[int] = []
    push = 0
    seen, taught, rewards = [], [], []
    while due:
        if push == 0 and chance.random() < pushed:
            push, plan = int(chance.integers(1, 4)), []
        lesson: int | None = None
        if always or not push:
            plan = plan or list(think())
            if not plan:
                break  # nothing leads on from here
            lesson = plan.pop(0)
        action = lesson
        if push:
            push -= 1
            odds = np.array([ODDS.get(name, 0) for name in NAMES])
            action = int(chance.choice(len(odds), p=odds / odds.sum()))
        assert action is not None
        vector = game.observe(0, VECTOR).vector
        assert vector is not None
        seen.append(vector[:, :, -1].copy())
        result = game.step({0: Move(action)})
        taught.append(lesson)
        rewards.append(result.rewards[0])
        due = bool(result.due)
    cleared = bool(rewards) and rewards[-1] > FLAG / 2
    if not cleared and not always:
        taught = [*taught[:-DOOMED], *[None] * min(DOOMED, len(taught))]
    if seen:
        album.add(seen, taught, rewards)
    return cleared


def sidescroller(album: Album, matches: int, seed: int, pushed: float, out: Path) -> None:
    """Levels of the train set; other seeds, other levels."""
    from arena_games.sidescroller.rules import SETS, Sidescroller
    from arena_games.sidescroller.search import advise

    def think() -> Sequence[int]:
        action = advise(game.lane(0).world)
        return () if action is None else (action,)

    cleared = 0
    for number in range(matches):
        levels = SETS["train"]
        game = Sidescroller(1, {"level": levels[(number + 1000 * (seed - 1)) % len(levels)]})
        start, chance = key("demo-level", number), generator(key("demo", seed, number))
        cleared += demonstrate(album, game, start, chance, think, pushed, always=True)
        tell(number, cleared, album, out)


def mario(album: Album, stage: str, matches: int, seed: int, pushed: float, out: Path) -> None:
    """One stage, from no-op starts."""
    from arena_games.mario.lane import MarioLane
    from arena_games.mario.rules import make
    from arena_games.mario.search import onward

    class Watched(make(stage)):  # type: ignore[misc]
        lane: MarioLane

        def make_lane(self) -> MarioLane:
            self.lane = super().make_lane()
            return self.lane

    game, cleared = Watched(1, {"noops": 30}), 0
    for number in range(matches):
        start, chance = key("demo-start", seed, number), generator(key("demo", seed, number))
        cleared += demonstrate(album, game, start, chance, lambda: onward(game.lane), pushed, always=False)
        tell(number, cleared, album, out)


def tell(number: int, cleared: int, album: Album, out: Path) -> None:
    """Say how far it is, and keep what there is: the teacher of mario takes its time."""
    if album.frames and number % 10 == 9:
        album.save(out)
        print(f"{number + 1} matches, {cleared} cleared, {len(album.actions)} decisions", flush=True)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("game", help="sidescroller, or mario:STAGE")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--matches", type=int, default=900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pushed", type=float, default=0.035, help="how often a push begins, at each decision")
    parser.add_argument("--join", type=Path, nargs="+", help="write these files as one, and play nothing")
    given = parser.parse_args(argv)
    if given.join:
        join(given.join, given.out)
        return 0
    album = Album()
    kind, _, stage = given.game.partition(":")
    if kind == "mario":
        mario(album, stage, given.matches, given.seed, given.pushed, given.out)
    else:
        sidescroller(album, given.matches, given.seed, given.pushed, given.out)
    album.save(given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
