"""One level with two runners, who may stomp each other. A runner that falls comes back later, further behind."""

from __future__ import annotations

from typing import Self

from arena_games.sidescroller.level import START, Level
from arena_games.sidescroller.physics import BOUNCE, HIGH, WIDE, Runner, World
from arena_games.sidescroller.tiles import ABOVE, ROWS, SHIFT, STRIDE

AWAY = 60  # frames until a runner that fell or was hurt is back
BACK = 3  # tiles behind the place where it last stood
STUN = 40  # frames for which a stomped runner cannot act
SHIELD = 90  # frames for which a runner who is back, or was stomped, cannot be hurt or stomped
KNOCK = 320  # speed at which a stomped runner is thrown back


class Extra:
    """The state of a racer besides its body."""

    __slots__ = ("away", "safe", "shield", "stun")

    def __init__(self, safe: int) -> None:
        self.away = self.stun = self.shield = 0  # frames left
        self.safe = safe  # x where it last stood

    def copy(self) -> Extra:
        out = Extra(self.safe)
        out.away, out.stun, out.shield = self.away, self.stun, self.shield
        return out


class RaceWorld(World):
    """Both run at once. In every frame seat 0 moves first, which only matters for who gets a coin."""

    __slots__ = ("extras",)

    def __init__(self, level: Level) -> None:
        super().__init__(level, 2)
        self.extras = [Extra(runner.x) for runner in self.runners]

    def copy(self) -> Self:
        out = super().copy()
        out.extras = [extra.copy() for extra in self.extras]
        return out

    def numbers(self) -> list[object]:
        """The whole state but the level."""
        return [*super().numbers(), [[it.away, it.stun, it.shield, it.safe] for it in self.extras]]

    @property
    def finished(self) -> bool:
        return any(runner.over == "flag" for runner in self.runners)

    def run(self, frames: tuple[int, int], buttons: tuple[int, int]) -> None:
        """Each runner holds its buttons for its frames, then none until both are done; the flag ends it."""
        for frame in range(max(frames)):
            if self.finished:
                return
            self.frame += 1
            for seat in (0, 1):
                self.one(seat, buttons[seat] if frame < frames[seat] else 0)
            first, second = self.runners
            self.move_foes(max(first.x, second.x), min(first.x, second.x))
            for seat in (0, 1):
                it = self.extras[seat]
                if not it.away:
                    if not it.shield:
                        self.meet(self.runners[seat])
                    self.lose(seat)
            self.collide()

    def one(self, seat: int, held: int) -> None:
        """Advance one runner by a frame."""
        runner, it = self.runners[seat], self.extras[seat]
        if it.away:
            it.away -= 1
            if not it.away:
                self.put_back(seat)
            return
        if it.shield:
            it.shield -= 1
        if it.stun:
            it.stun -= 1
            held = 0
        self.play(runner, held)
        if runner.standing and not it.stun:
            it.safe = runner.x

    def lose(self, seat: int) -> None:
        """Take a runner that would be dead away for a while."""
        runner = self.runners[seat]
        if runner.over == "died":
            runner.over = None
            runner.vx = runner.vy = 0
            self.extras[seat].away = AWAY

    def put_back(self, seat: int) -> None:
        """Put a runner on the ground some tiles behind the place where it last stood."""
        runner, it = self.runners[seat], self.extras[seat]
        column = max(min(START // 2, it.safe >> SHIFT), (it.safe >> SHIFT) - BACK)
        solid = self.level.solid
        while solid.find(1, (column << STRIDE) + ABOVE, (column << STRIDE) + ABOVE + ROWS) < 0:
            column -= 1  # the first columns are ground
        row = solid.find(1, (column << STRIDE) + ABOVE) - (column << STRIDE) - ABOVE
        runner.x, runner.y = (column << SHIFT) + (1 << SHIFT - 1) - WIDE // 2, (row << SHIFT) - HIGH
        runner.vx = runner.vy = runner.pressed = 0
        runner.standing = True
        it.stun, it.shield, it.safe = 0, SHIELD, runner.x

    def collide(self) -> None:
        """A runner that comes down on the other's head stomps it."""
        first, second = self.runners
        if any(it.away for it in self.extras) or self.finished:
            return
        if abs(first.x - second.x) >= WIDE or abs(first.y - second.y) >= HIGH:
            return
        upper, lower = (0, 1) if first.y < second.y else (1, 0)
        above, below, hit = self.runners[upper], self.runners[lower], self.extras[lower]
        falling = above.vy > 0 and above.vy > below.vy
        if not falling or above.y + HIGH * 5 // 8 > below.y + HIGH // 8 or hit.shield or self.extras[upper].stun:
            return
        above.vy = -BOUNCE
        hit.stun, hit.shield = STUN, SHIELD
        below.vx = -KNOCK if above.x >= below.x else KNOCK
        below.vy = max(below.vy, 0)


def tiles_between(one: Runner, other: Runner) -> int:
    """Whole tiles by which `other` is ahead; negative: behind."""
    away = abs(other.x - one.x) >> SHIFT
    return away if other.x > one.x else -away
