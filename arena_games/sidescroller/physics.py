"""The rules of motion, in integers: the same buttons lead to the same positions on every machine.

Lengths are in units of 1/256 pixel, speeds in units a frame (60 frames are a second). The numbers are those that
eight-bit platform games made familiar: 1.5 and 2.5 pixels a frame, jumps of four to five tiles.
Plain ints and bytes: NumPy is slower than Python for one number at a time.
"""

from __future__ import annotations

from typing import Literal, Self

from arena_games.sidescroller.level import Level
from arena_games.sidescroller.tiles import ABOVE, ROWS, SHIFT, STRIDE, TILE, UNIT, Kind

A, B, LEFT, RIGHT = 0x01, 0x02, 0x40, 0x80  # as arena_games.lanes.lane.Button
WIDE, HIGH = 10 * UNIT, 14 * UNIT  # of a runner
WALK, RUN = 384, 640
WALK_GAIN, RUN_GAIN, FRICTION, SKID = 12, 16, 14, 28
# By speed at the jump: from this speed on, upward speed, gravity while the button is held, and otherwise.
JUMPS = ((400, 1296, 40, 144), (256, 1064, 31, 96), (0, 1064, 32, 112))
FALL = 1024  # the fastest
BUFFER = 4  # frames: a jump pressed this shortly before landing still counts
BOUNCE, HIGH_BOUNCE = 768, 1216  # off an enemy; with the jump button held
BOTTOM = ROWS * TILE * UNIT
FOE = 14 * UNIT  # width and height of an enemy
FOE_SPEED = {Kind.BEETLE: 128, Kind.SNAIL: 96, Kind.FROG: 192, Kind.URCHIN: 64}
FOE_GRAVITY = 48
HOP, HOP_EVERY = 880, 64
WAKE, SLEEP = 192 * UNIT, 288 * UNIT  # enemies move within this distance ahead and this distance behind
FLAT = 20  # frames for which a stomped enemy is shown
CLOCK, TICK = 400, 24  # the clock's start, and frames a unit
COIN_SCORE, STOMP_SCORE = 200, 100
End = Literal["flag", "died", "time"]


class Runner:
    """One player's body."""

    __slots__ = ("coins", "down", "held", "over", "pressed", "score", "standing", "up", "vx", "vy", "x", "y")

    def __init__(self, x: int, y: int) -> None:
        self.x, self.y, self.vx, self.vy = x, y, 0, 0  # of the upper left corner
        self.standing = True
        self.held = 0  # buttons of the last frame
        self.pressed = 0  # frames for which a press of the jump button still counts
        self.up, self.down = JUMPS[2][2], JUMPS[2][3]  # gravity of the jump in progress
        self.score = self.coins = 0
        self.over: End | None = None

    def copy(self) -> Runner:
        out = Runner.__new__(Runner)
        out.x, out.y, out.vx, out.vy = self.x, self.y, self.vx, self.vy
        out.standing, out.held, out.pressed = self.standing, self.held, self.pressed
        out.up, out.down = self.up, self.down
        out.score, out.coins, out.over = self.score, self.coins, self.over
        return out

    def numbers(self) -> list[int | str | None]:
        """The whole state."""
        body = [self.x, self.y, self.vx, self.vy, int(self.standing), self.held, self.pressed, self.up, self.down]
        return [*body, self.score, self.coins, self.over]

    def move(self, held: int, solid: bytes, edge: int) -> int:
        """Advance a frame with these buttons; returns the cell that the head hits, or -1. `edge`: the level's width."""
        x, y, vx, vy = self.x, self.y, self.vx, self.vy
        # Along the ground.
        way = 1 if held & RIGHT else -1 if held & LEFT else 0
        speed = vx if vx >= 0 else -vx
        if way:
            if vx * way < 0:
                vx += way * SKID
            else:
                top, gain = (RUN, RUN_GAIN) if held & B else (WALK, WALK_GAIN)
                if speed < top:
                    speed = min(speed + gain, top)
                elif self.standing and speed > top:
                    speed = max(speed - FRICTION, top)
                vx = way * speed
        elif self.standing and vx:
            vx = max(vx - FRICTION, 0) if vx > 0 else min(vx + FRICTION, 0)
        if vx:
            x += vx
            upper, lower = (y >> SHIFT) + ABOVE, (y + HIGH - 1 >> SHIFT) + ABOVE
            if vx > 0:
                front = x + WIDE - 1 >> SHIFT
                at = front << STRIDE
                if x + WIDE > edge:
                    x, vx = edge - WIDE, 0
                elif solid[at + upper] or solid[at + lower]:
                    x, vx = (front << SHIFT) - WIDE, 0
            else:
                front = x >> SHIFT
                at = front << STRIDE
                if x < 0:
                    x = vx = 0
                elif solid[at + upper] or solid[at + lower]:
                    x, vx = front + 1 << SHIFT, 0
        # Up and down.
        if held & A:
            if not self.held & A:
                self.pressed = BUFFER + 1
        else:
            self.pressed = 0
        if self.pressed:
            self.pressed -= 1
            if self.standing:
                speed = vx if vx >= 0 else -vx
                for least, lift, up, down in JUMPS:
                    if speed >= least:
                        vy, self.up, self.down = -lift, up, down
                        break
                self.pressed = 0
        self.held = held
        vy += self.up if vy < 0 and held & A else self.down
        if vy > FALL:
            vy = FALL
        y += vy
        left, right = x >> SHIFT << STRIDE, x + WIDE - 1 >> SHIFT << STRIDE
        hit = -1
        self.standing = False
        if vy >= 0:
            row = y + HIGH >> SHIFT
            if solid[left + row + ABOVE] or solid[right + row + ABOVE]:
                y, vy = (row << SHIFT) - HIGH, 0
                self.standing = True
        else:
            row = y >> SHIFT
            middle = x + WIDE // 2 >> SHIFT << STRIDE
            if solid[left + row + ABOVE] or solid[right + row + ABOVE]:
                hit = (middle if solid[middle + row + ABOVE] else left if middle == right else right) + row + ABOVE
                y, vy = row + 1 << SHIFT, 0
        self.x, self.y, self.vx, self.vy = x, y, vx, vy
        return hit


class Foe:
    """One enemy that is awake."""

    __slots__ = ("flat", "kind", "number", "vx", "vy", "x", "y")

    def __init__(self, number: int, kind: int, x: int, y: int) -> None:
        self.number, self.kind, self.x, self.y = number, kind, x, y
        self.vx, self.vy = -FOE_SPEED[Kind(kind)], 0
        self.flat = 0  # frames since it was stomped

    def copy(self) -> Foe:
        out = Foe.__new__(Foe)
        out.number, out.kind, out.x, out.y = self.number, self.kind, self.x, self.y
        out.vx, out.vy, out.flat = self.vx, self.vy, self.flat
        return out

    def numbers(self) -> list[int]:
        """The whole state."""
        return [self.number, self.kind, self.x, self.y, self.vx, self.vy, self.flat]

    def move(self, frame: int, solid: bytes, edge: int) -> None:
        x, y, vx, kind = self.x, self.y, self.vx, self.kind
        foot = (y + FOE >> SHIFT) + ABOVE
        standing = self.vy >= 0 and (
            solid[(x >> SHIFT << STRIDE) + foot] or solid[(x + FOE - 1 >> SHIFT << STRIDE) + foot]
        )
        if standing:
            self.y = y = (foot - ABOVE << SHIFT) - FOE
            self.vy = 0
            if kind == Kind.FROG:
                if (frame + 16 * self.number) % HOP_EVERY:
                    return
                self.vy = -HOP
        else:
            self.vy = min(self.vy + FOE_GRAVITY, FALL)
            self.y = y = y + self.vy
        x += vx
        front = (x + FOE - 1 if vx > 0 else x) >> SHIFT << STRIDE
        ledge = kind & 1 and standing and not solid[front + foot]  # snail and urchin turn there
        if ledge or x < 0 or x + FOE > edge or solid[front + (y + FOE // 2 >> SHIFT) + ABOVE]:
            self.vx = -vx
        else:
            self.x = x


class World:
    """A level in play, with one runner or several."""

    __slots__ = ("bump", "foes", "frame", "level", "runners", "spawned", "taken")

    def __init__(self, level: Level, runners: int = 1) -> None:
        self.level = level
        self.runners = [Runner(level.start[0] * UNIT, level.start[1] * UNIT - HIGH) for _ in range(runners)]
        self.frame = 0
        self.foes: list[Foe] = []
        self.spawned = 0  # number of the level's enemies that have woken
        self.taken = 0  # one bit for each coin and box: taken or emptied
        self.bump = (-1, 0)  # the box that was hit last, and the frame: for drawing only

    def copy(self) -> Self:
        out = self.__class__.__new__(self.__class__)
        out.level, out.frame, out.spawned, out.taken, out.bump = (
            self.level, self.frame, self.spawned, self.taken, self.bump,
        )  # fmt: skip
        out.runners = [runner.copy() for runner in self.runners]
        out.foes = [foe.copy() for foe in self.foes]
        return out

    def numbers(self) -> list[object]:
        """The whole state but the level."""
        here: list[object] = [self.frame, self.spawned, self.taken.to_bytes(self.taken.bit_length() // 8 + 1, "big")]
        return [*here, [runner.numbers() for runner in self.runners], [foe.numbers() for foe in self.foes]]

    @property
    def clock(self) -> int:
        return max(0, CLOCK - self.frame // TICK)

    def hold(self, buttons: int, frames: int) -> None:
        """Advance a world of one runner with these buttons; nothing moves once the level is over."""
        runner = self.runners[0]
        for _ in range(frames):
            if runner.over is not None:
                return
            self.frame += 1
            self.play(runner, buttons)
            self.move_foes(runner.x, runner.x)
            self.meet(runner)
            if self.frame >= CLOCK * TICK and runner.over is None:
                runner.over = "time"

    def play(self, runner: Runner, buttons: int) -> None:
        """Advance one runner by a frame: movement, coins, boxes, the flag and pits."""
        level = self.level
        hit = runner.move(buttons, level.solid, level.edge)
        if hit >= 0 and hit in level.prizes:
            self.take(runner, hit)
            self.bump = (hit, self.frame)
        middle = (runner.x + WIDE // 2 >> SHIFT << STRIDE) + (runner.y + HIGH // 2 >> SHIFT) + ABOVE
        if middle in level.prizes:
            self.take(runner, middle)
        if runner.x + WIDE >= level.goal:
            runner.over = "flag"
            runner.score += 100 * max(1, (BOTTOM - runner.y) // (TILE * UNIT))
        elif runner.y >= BOTTOM:
            runner.over = "died"

    def take(self, runner: Runner, cell: int) -> None:
        bit = 1 << self.level.prizes[cell]
        if not self.taken & bit:
            self.taken |= bit
            runner.coins += 1
            runner.score += COIN_SCORE

    def move_foes(self, first: int, last: int) -> None:
        """Move the enemies from behind the last runner to ahead of the first one."""
        level = self.level
        waiting = level.enemies
        while self.spawned < len(waiting) and waiting[self.spawned][1] * UNIT < first + WAKE:
            kind, x, y = waiting[self.spawned]
            self.foes.append(Foe(self.spawned, kind, x * UNIT, y * UNIT - FOE))
            self.spawned += 1
        gone = False
        for foe in self.foes:
            if foe.flat:
                foe.flat += 1
                gone = gone or foe.flat > FLAT
            else:
                foe.move(self.frame, level.solid, level.edge)
                gone = gone or foe.y >= BOTTOM or foe.x < last - SLEEP
        if gone:
            self.foes = [foe for foe in self.foes if foe.flat <= FLAT and foe.y < BOTTOM and foe.x >= last - SLEEP]

    def meet(self, runner: Runner) -> None:
        """Handle the contact of a runner with enemies."""
        x, y = runner.x, runner.y
        for foe in self.foes:
            if foe.flat or foe.x >= x + WIDE or x >= foe.x + FOE or foe.y >= y + HIGH or y >= foe.y + FOE:
                continue
            if runner.vy > 0 and y + HIGH < foe.y + FOE * 5 // 8 and foe.kind != Kind.URCHIN:
                foe.flat = 1
                runner.vy = -(HIGH_BOUNCE if runner.held & A else BOUNCE)
                runner.score += STOMP_SCORE
            elif runner.over is None:
                runner.over = "died"
