"""Draws a moment: strips of scenery that scroll at different speeds, and the sprites on them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from arena.game import Image as Pixels
from arena_games.sidescroller import art, scenery
from arena_games.sidescroller.level import Level
from arena_games.sidescroller.physics import WIDE as RUNNER_WIDE
from arena_games.sidescroller.physics import Runner, World
from arena_games.sidescroller.reduced import reduced, unpacked
from arena_games.sidescroller.scenery import HIGH, HILLS_TOP, KEPT, PERIOD, WIDE, paste
from arena_games.sidescroller.tiles import ABOVE, STRIDE, TILE, UNIT, Kind, Tile

Luma = npt.NDArray[np.uint8]
AHEAD = 104  # pixels of the picture to the left of the runner
FOES = {kind: kind.name.lower() for kind in Kind}
COINS = ("coin 0", "coin 1", "coin 2", "coin 1")


class Body(NamedTuple):
    """How a runner is drawn."""

    x: int  # pixels
    y: int
    pose: str
    left: bool
    seen: bool = True  # it blinks when it cannot be hurt


class Snapshot(NamedTuple):
    """Everything that a picture needs."""

    level: Level
    frame: int
    taken: int
    bump: tuple[int, int]
    bodies: tuple[Body, ...]
    foes: tuple[tuple[int, int, int, bool, int, bool], ...]  # kind, x, y, to the right, frames flat, in the air


def body(runner: Runner) -> Body:
    """How a runner is drawn now: it faces the way it moves."""
    x, y = runner.x // UNIT, runner.y // UNIT
    if runner.over == "died":
        pose = "dead"
    elif not runner.standing:
        pose = "jump" if runner.vy < 0 else "fall"
    elif runner.vx:
        pose = f"run {x // 6 % 3}"
    else:
        pose = "stand"
    return Body(x, y, pose, runner.vx < 0)


def snapshot(world: World) -> Snapshot:
    foes = tuple((foe.kind, foe.x // UNIT, foe.y // UNIT, foe.vx > 0, foe.flat, foe.vy != 0) for foe in world.foes)
    return Snapshot(
        world.level, world.frame, world.taken, world.bump, tuple(body(runner) for runner in world.runners), foes
    )


class Sheet(NamedTuple):
    """All sprites."""

    runners: tuple[dict[tuple[str, bool], art.Pixels], ...]  # orange, blue
    foes: dict[tuple[str, bool], art.Pixels]
    things: dict[str, art.Pixels]
    arrows: dict[tuple[bool, bool], art.Pixels]  # by whether blue, and to the left


@lru_cache(maxsize=2)
def sheet(grey: bool) -> Sheet:
    ink = art.INKS[grey]
    right = [art.arrow(second, ink) for second in (False, True)]
    arrows = {
        (bool(second), left): right[second][:, :: -1 if left else 1] for second in (0, 1) for left in (False, True)
    }
    return Sheet((art.runners(False, ink), art.runners(True, ink)), art.foes(ink), art.things(ink), arrows)


def camera(x: int, level: Level) -> int:
    """The picture's left edge for a runner at x, in pixels."""
    return max(0, min(x - AHEAD, level.columns * TILE - WIDE))


def draw(now: Snapshot, own: int = 0, orange: int = 0) -> Pixels:
    """uint8 (240, 256, 3), around the runner `own`. The runner `orange` has that colour, the other one is blue."""
    return unpacked(compose(now, own, orange, False).view(np.uint32))


def small(now: Snapshot, height: int, width: int, own: int = 0, orange: int = 0) -> Pixels | None:
    """Equal to Pillow's BOX of `draw`, and cheaper; None for sizes that `reduced` does not make."""
    return reduced(compose(now, own, orange, False).view(np.uint32), height, width)


def luma(now: Snapshot, own: int = 0, orange: int = 0) -> Luma:
    """uint8 (240, 256): equal to Pillow's mode L of `draw`, and cheaper."""
    return compose(now, own, orange, True).astype(np.uint8)  # the 256 that marks what is not transparent falls away


def compose(now: Snapshot, own: int, orange: int, grey: bool) -> art.Pixels:
    """The picture with one number for each pixel."""
    level, left = now.level, camera(now.bodies[own].x, now.level)
    at = left // 4 % PERIOD
    out = scenery.sky(level.theme, grey)[:, at : at + WIDE].copy()
    at = left // 2 % PERIOD
    near, where = scenery.hills(level.theme, grey)
    np.copyto(out[HILLS_TOP:], near[:, at : at + WIDE], where=where[:, at : at + WIDE])
    strip, at = divmod(left, WIDE)
    front, where = scenery.ground(level, grey, strip)
    np.copyto(out[:, : WIDE - at], front[:, at:], where=where[:, at:])
    if at:
        front, where = scenery.ground(level, grey, strip + 1)
        np.copyto(out[:, WIDE - at :], front[:, :at], where=where[:, :at])
    sprites = sheet(grey)
    _prizes(out, now, left, sprites.things)
    for kind, x, y, right, flat, flying in now.foes:
        if -TILE < x - left < WIDE:
            step = "flat" if flat else int(flying) if kind == Kind.FROG else now.frame // 10 % 2
            paste(out, sprites.foes[f"{FOES[Kind(kind)]} {step}", right], x - left - 1, y - 1)
    for number in [*(n for n in range(len(now.bodies)) if n != own), own]:
        it, second = now.bodies[number], number != orange
        x = it.x - left - (TILE - RUNNER_WIDE // UNIT) // 2
        if not -TILE < x < WIDE:
            y = max(20, min(it.y, HIGH - 40))
            paste(out, sprites.arrows[second, x < 0], 2 if x < 0 else WIDE - 11, y)
        elif it.seen:
            paste(out, sprites.runners[second][it.pose, it.left], x, it.y - 2)
    return out


def _prizes(out: art.Pixels, now: Snapshot, left: int, things: dict[str, art.Pixels]) -> None:
    """Coins and boxes; the one that was hit last jumps, and its coin flies up."""
    level = now.level
    hit, since = now.bump[0], now.frame - now.bump[1]
    coin = COINS[now.frame // 8 % len(COINS)]
    for column in range(left // TILE, min((left + WIDE) // TILE + 1, level.columns)):
        for at, number in _of_column(level).get(column, ()):
            x, y = column * TILE - left, ((at & (1 << STRIDE) - 1) - ABOVE) * TILE
            taken = now.taken >> number & 1
            if level.tiles[at] == Tile.COIN:
                if not taken:
                    paste(out, things[coin], x + 2, y + 2)
                continue
            if at == hit and since < 24:
                if since < 16:
                    paste(out, things[COINS[since // 3 % 4]], x + 2, y - 4 - 2 * since)
                y -= max(0, 5 - abs(since - 5))
            paste(out, things["empty" if taken else "box"], x, y)


@lru_cache(maxsize=KEPT)
def _of_column(level: Level) -> dict[int, list[tuple[int, int]]]:
    """(cell, number) of the coins and boxes of each column."""
    out: dict[int, list[tuple[int, int]]] = {}
    for at, number in level.prizes.items():
        out.setdefault(at >> STRIDE, []).append((at, number))
    return out
