"""Reads the NES's memory: the player's position, the end of the level, the obstacles ahead.

The addresses are those that gym-super-mario-bros reads and, for tiles and enemies of Super Mario Bros and The Lost
Levels, those of the published memory maps. Tests check them against real frames.
"""

from __future__ import annotations

import abc
from collections.abc import Callable

from arena_games.lanes.lane import TILE, End, Now, Obstacles

Ram = memoryview  # of 2,048 unsigned bytes, live


class Reader(abc.ABC):
    """One game's memory."""

    def __init__(self, ram: Ram) -> None:
        """`ram` is the memory at the start of a level."""
        self.ram = ram

    @abc.abstractmethod
    def over(self) -> End | None:
        """Whether the level is over, and how. Called after every frame."""

    def busy(self) -> bool:
        """Whether the game itself moves the player (pipes, doors), so that it ignores the buttons."""
        return False

    def hasten(self) -> None:  # noqa: B027 - only one engine has such timers
        """Shorten the timers of what is shown while the player cannot act."""

    @abc.abstractmethod
    def now(self, over: End | None) -> Now:
        """The current facts."""

    @abc.abstractmethod
    def obstacles(self) -> Obstacles:
        """What is ahead, and the player's power."""

    def digits(self, address: int, count: int) -> int:
        """A number that is stored as one digit a byte."""
        out = 0
        for digit in self.ram[address : address + count]:
            out = out * 10 + digit % 10
        return out


# --- Super Mario Bros and The Lost Levels ---------------------------------------------------------------------------

TILES, ROWS, COLUMNS = 0x500, 13, 16  # two screens of 13 rows of 16 tiles; row 0 is 32 pixels below the top
TOP = 32
EMPTY = frozenset({0, 0x24, 0x25, 0x26, 0x5F, 0x60, 0xC2, 0xC3, 0xC5})  # flagpole, vine, hidden blocks, coins, axe
SOLID = bytes(tile not in EMPTY for tile in range(256))  # whether one can stand on a tile
SLOTS = 5  # enemies at once; a sixth slot holds what blocks give
HARMLESS = frozenset({*range(0x24, 0x2D), *range(0x2E, 0x33), 0x34, 0x35})  # lifts, gifts, vine, flags, spring, warp
DYING, DEAD = 0x0B, 0x06  # of the player's state
BUSY = frozenset({0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x07})
BOWSER, FLAG = 0x2D, 0x31


class Smb1(Reader):
    """Super Mario Bros. and its Japanese sequel, which runs on the same engine."""

    letters = False

    def over(self) -> End | None:
        ram = self.ram
        if ram[0x770] == 2 or (ram[0x1D] == 3 and any(ram[0x16 + slot] in (BOWSER, FLAG) for slot in range(SLOTS))):
            return "flag"
        if ram[0x0E] in (DYING, DEAD) or ram[0xB5] > 1:
            return "died" if self.digits(0x7F8, 3) else "time"
        return None

    def busy(self) -> bool:
        return self.ram[0x0E] in BUSY

    def hasten(self) -> None:
        self.ram[0x7A0] = 0  # the screen before a level
        if 1 < self.ram[0x6DE] < 255:
            self.ram[0x6DE] = 1  # the change of an area

    def now(self, over: End | None) -> Now:
        ram = self.ram
        x, feet = self.x, self.feet
        world = ram[0x75F] + 1
        label = chr(ord("A") + world - 10) if self.letters and world > 9 else str(world)
        return Now(
            x=x,
            y=max(0, 240 - feet),
            world=f"{label}-{ram[0x75C] + 1}",
            time=self.digits(0x7F8, 3),
            lives=ram[0x75A] if ram[0x75A] < 0xFF else 0,
            score=self.digits(0x7DE, 6),
            coins=self.digits(0x7ED, 2),
            grounded=ram[0x1D] == 0,
            over=over,
        )

    def obstacles(self) -> Obstacles:
        pit, wall, height = self.ahead()
        power = ("small", "tall", "fire")[min(self.ram[0x756], 2)]
        return Obstacles(pit, self.enemy(), wall, height, {"power": power})

    @property
    def x(self) -> int:
        """The player's left edge in pixels."""
        return self.ram[0x6D] * 256 + self.ram[0x86]

    @property
    def feet(self) -> int:
        """Pixels from the top of the screen to below the player's feet; beyond 240 in a pit."""
        return (self.ram[0xB5] - 1) * 256 + self.ram[0xCE] + 32

    @property
    def right(self) -> int:
        """The last pixel of the level that the screen shows."""
        return self.ram[0x71A] * 256 + self.ram[0x71C] + 255

    def ahead(self) -> tuple[int | None, int | None, int]:
        """(tiles to the nearest pit, tiles to the nearest wall, its height), right of the player's centre."""
        here, last = (self.x + TILE // 2) // TILE, self.right // TILE
        floor = (self.feet - TOP) // TILE  # the row that the player stands on
        tiles = self.ram[TILES : TILES + 2 * ROWS * COLUMNS].tobytes().translate(SOLID)
        pit = wall = None
        height = 0
        for column in range(here + 1, last + 1):
            page = column // COLUMNS % 2 * ROWS * COLUMNS
            rows = tiles[page + column % COLUMNS : page + ROWS * COLUMNS : COLUMNS]  # from the top down
            if pit is None and rows.find(1, max(0, floor)) < 0:
                pit = column - here
            if wall is None and 0 < floor <= ROWS and rows[floor - 1]:
                wall, height = column - here, floor - 1 - rows.rfind(0, 0, floor)
        return pit, wall, height

    def enemy(self) -> int | None:
        """Tiles to the nearest enemy that is alive, ahead and on the screen."""
        ram, best = self.ram, None
        for slot in range(SLOTS):
            state = ram[0x1E + slot]
            if not ram[0x0F + slot] or ram[0x16 + slot] in HARMLESS or state & 0x20 or state == 4:
                continue
            x = ram[0x6E + slot] * 256 + ram[0x87 + slot]
            if ram[0xB6 + slot] != 1 or not self.x <= x <= self.right:
                continue
            tiles = (x - self.x) // TILE
            best = tiles if best is None else min(best, tiles)
        return best


class Lost(Smb1):
    """The Lost Levels: worlds 1 to 9, then A to D."""

    letters = True


# --- The other two: what the package's `info` gives -----------------------------------------------------------------


class Smb2(Reader):
    """Super Mario Bros. 2 (USA). It has no clock."""

    STAGES = (3, 3, 3, 3, 3, 3, 2)

    def __init__(self, ram: Ram) -> None:
        super().__init__(ram)
        self.lives, self.level = ram[0x4ED], ram[0x531]

    def over(self) -> End | None:
        ram = self.ram
        if ram[0x4EC] in (1, 2) or ram[0x4ED] < self.lives:
            return "died"
        return "flag" if ram[0x4EC] in (3, 4) or ram[0x531] != self.level else None

    def now(self, over: End | None) -> Now:
        ram, level = self.ram, self.level
        world = 1
        while level >= self.STAGES[world - 1]:
            level -= self.STAGES[world - 1]
            world += 1
        return Now(
            x=ram[0x14] * 256 + ram[0x28],
            y=0,  # how far the screen has scrolled down is not known
            world=f"{world}-{level + 1}",
            time=0,
            lives=max(0, ram[0x4ED] - 1),
            coins=ram[0x62B],
            grounded=ram[0x99] == 0,
            over=over,
        )

    def obstacles(self) -> Obstacles:
        ram = self.ram
        health = (ram[0x4C2] >> 4) + 1 if ram[0x4C2] else 0
        return Obstacles(more={"health": str(health), "cherries": str(ram[0x62A])})


class Smb3(Reader):
    """Super Mario Bros. 3, one stage of a map. The level is cleared when the player is back on the map alive."""

    SUITS = ("small", "super", "fire", "raccoon", "frog", "tanooki", "hammer")

    def __init__(self, ram: Ram) -> None:
        super().__init__(ram)
        self.lives = ram[0x736]
        self.stage = ""  # the map does not say; the lane knows it

    def over(self) -> End | None:
        ram = self.ram
        time = self.digits(0x5EE, 3)
        if ram[0xF1] or ram[0x736] == 0xFF or ram[0x736] < self.lives:
            return "died" if time else "time"
        return "flag" if time == 0 and (ram[0x75] or ram[0x79]) else None

    def now(self, over: End | None) -> Now:
        ram = self.ram
        return Now(
            x=ram[0x75] * 256 + ram[0x90],
            y=max(0, 416 - (ram[0x87] * 256 + ram[0xA2])),
            world=self.stage,
            time=self.digits(0x5EE, 3),
            lives=ram[0x736] if ram[0x736] < 0xFF else 0,
            score=int.from_bytes(self.ram[0x715:0x718], "big") * 10,
            grounded=ram[0xD8] == 0,
            over=over,
        )

    def obstacles(self) -> Obstacles:
        suit = self.ram[0xED]
        return Obstacles(more={"power": self.SUITS[suit] if suit < len(self.SUITS) else "unknown"})


READERS: dict[str, Callable[[Ram], Reader]] = {"smb1": Smb1, "lost": Lost, "smb2": Smb2, "smb3": Smb3}
