"""A lane of the sidescroller: the rules of physics.py behind the interface that all platform games share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.canonical import digest
from arena.game import Image
from arena_games.lanes.lane import Lane, Now, Obstacles
from arena_games.sidescroller.level import Level
from arena_games.sidescroller.physics import BOTTOM, FOE, HIGH, WIDE, Runner, World
from arena_games.sidescroller.tiles import ABOVE, ROWS, SHIFT, STRIDE, TILE, UNIT, Kind

if TYPE_CHECKING:  # draw needs an imaging library
    from arena_games.sidescroller.draw import Snapshot

TILES_SHOWN = 8  # tiles to the right of the runner that the facts cover: as many as the picture shows
# An enemy higher or lower by more is not in the way; seen from the top of a jump, one on the ground still is.
OVER, UNDER = 3 * TILE * UNIT, 7 * TILE * UNIT


class SideLane(Lane):
    """One runner in one level. Set `level`, then call `begin`."""

    level: Level

    def begin(self) -> None:
        self.world = World(self.level)

    def hold(self, buttons: int, frames: int) -> None:
        self.world.hold(buttons, frames)

    @property
    def now(self) -> Now:
        world = self.world
        return now_of(world, world.runners[0])

    @property
    def obstacles(self) -> Obstacles:
        return obstacles_of(self.world, self.world.runners[0])

    def snapshot(self) -> Snapshot:
        from arena_games.sidescroller import draw  # only drawing needs an imaging library

        return draw.snapshot(self.world)

    def draw(self, snapshot: Snapshot) -> Image:
        from arena_games.sidescroller import draw

        return draw.draw(snapshot)

    def small(self, snapshot: Snapshot, height: int, width: int) -> Image | None:
        from arena_games.sidescroller import draw

        return draw.small(snapshot, height, width)

    def luma(self, snapshot: Snapshot) -> Image:
        from arena_games.sidescroller import draw

        return draw.luma(snapshot)

    def state_hash(self) -> str:
        return digest(self.level.number, self.level.difficulty, self.world.numbers())


def now_of(world: World, runner: Runner) -> Now:
    """The facts of a runner."""
    level = world.level
    return Now(
        x=runner.x // UNIT,
        y=(BOTTOM - runner.y - HIGH) // UNIT,
        world=f"{level.difficulty}-{level.number}",
        time=world.clock,
        lives=1,
        score=runner.score,
        coins=runner.coins,
        grounded=runner.standing,
        over=runner.over,
    )


def obstacles_of(world: World, runner: Runner) -> Obstacles:
    """The obstacles ahead of a runner."""
    level, foe = world.level, enemy_ahead(world, runner)
    wall, climb = wall_ahead(level, runner)
    return Obstacles(
        pit=pit_ahead(level, runner),
        enemy=None if foe is None else foe[0],
        wall=wall,
        wall_height=climb,
        more={"enemy_kind": "none" if foe is None else Kind(foe[1]).name.lower()},
    )


def pit_ahead(level: Level, runner: Runner) -> int | None:
    """Tiles to the first column with nothing to stand on at the height of the feet or below; 0: at the runner."""
    foot = (max(0, runner.y + HIGH) >> SHIFT) + ABOVE
    front = runner.x + WIDE
    first = runner.x + WIDE // 2 >> SHIFT
    for column in range(first, min((front >> SHIFT) + TILES_SHOWN + 1, level.columns)):
        at = column << STRIDE
        if level.solid.find(1, at + foot, at + ROWS + ABOVE) < 0:
            return max(0, (column << SHIFT) - front >> SHIFT)
    return None


def wall_ahead(level: Level, runner: Runner) -> tuple[int | None, int]:
    """Tiles to the first column that is solid at the height of the feet, and how many tiles high it is from there."""
    front = runner.x + WIDE
    row = max(0, min(runner.y + HIGH - 1 >> SHIFT, ROWS - 1)) + ABOVE
    for column in range((front - 1 >> SHIFT) + 1, min((front >> SHIFT) + TILES_SHOWN + 1, level.columns)):
        at = column << STRIDE
        if level.solid[at + row]:
            high = 1
            while row - high >= 0 and level.solid[at + row - high]:
                high += 1
            return (column << SHIFT) - front >> SHIFT, high
    return None, 0


def enemy_ahead(world: World, runner: Runner) -> tuple[int, int] | None:
    """(tiles, kind) of the nearest enemy that is not behind the runner nor far above or below it."""
    front, best = runner.x + WIDE, None
    for foe in world.foes:
        if foe.flat or foe.x + FOE <= runner.x or not -OVER < foe.y - runner.y < UNDER:
            continue
        away = max(0, foe.x - front >> SHIFT)
        if away <= TILES_SHOWN and (best is None or away < best[0]):
            best = (away, foe.kind)
    return best
