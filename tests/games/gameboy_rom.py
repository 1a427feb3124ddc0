"""A cartridge of our own for tests: a program of some 150 bytes that behaves, to PyBoy's wrapper, like the game.

It shows START, waits for the start button, shows MARIO, and then, a frame at a time: right and left move the player, A
loses a life, B ends the level. Its header carries the game's title, since the wrapper looks for that; nothing else in
it is the game's.
"""

from __future__ import annotations

from pathlib import Path

TITLE = b"SUPER MARIOLAND"
START, MARIO = (28, 29, 10, 27, 29), (22, 10, 27, 18, 24)  # tiles of the words
X, BLOCK, LIVES, TIME, WORLD = 0xC202, 0xC0AB, 0xDA15, 0xDA01, 0xFFB4
CODE, SIZE = 0x150, 0x8000


class _Program:
    def __init__(self) -> None:
        self.code = bytearray()

    def put(self, *values: int) -> None:
        self.code += bytes(values)

    def poke(self, address: int, value: int) -> None:
        """ld a, value; ld (address), a"""
        self.put(0x3E, value, 0xEA, address & 0xFF, address >> 8)

    def words(self, row: int, column: int, tiles: tuple[int, ...]) -> None:
        for at, tile in enumerate(tiles):
            self.poke(0x9800 + row * 32 + column + at, tile)

    def pad(self, select: int) -> None:
        """a = the buttons (0x10) or the directions (0x20); a pressed one is a 0"""
        self.put(0x3E, select, 0xE0, 0x00, 0xF0, 0x00, 0xF0, 0x00)

    @property
    def here(self) -> int:
        return CODE + len(self.code)

    def back(self, opcode: int, target: int) -> None:
        """A relative jump backwards."""
        self.put(opcode, (target - self.here - 2) & 0xFF)

    def unless(self, bit: int, *then: int) -> None:
        """bit n, a; jr nz over what is done when the key is pressed"""
        self.put(0xCB, 0x47 | bit << 3, 0x20, len(then), *then)


def write(path: Path, title: bytes = TITLE) -> Path:
    """Write the cartridge."""
    made = _Program()
    made.put(0xF3)  # di
    made.put(0x3E, 0x00, 0xE0, 0x40)  # the screen off
    made.words(13, 6, START)
    made.put(0x3E, 0x81, 0xE0, 0x40)  # the screen on, tiles from 0x8800
    wait = made.here
    made.pad(0x10)
    made.put(0xCB, 0x5F)  # bit 3, a: start
    made.back(0x20, wait)
    made.put(0x3E, 0x00, 0xE0, 0x40)
    made.words(0, 0, MARIO)
    for address, value in ((X, 51), (BLOCK, 0), (LIVES, 2), (TIME, 0), (TIME + 1, 4), (WORLD, 0x11)):
        made.poke(address, value)
    made.put(0x3E, 0x81, 0xE0, 0x40)
    frame = made.here
    made.put(0xF0, 0x44, 0xFE, 144)  # ldh a, (LY); cp 144
    made.back(0x20, made.here - 4)
    made.pad(0x20)
    made.unless(0, 0x21, X & 0xFF, X >> 8, 0x34)  # right: inc (X)
    made.unless(1, 0x21, X & 0xFF, X >> 8, 0x35)  # left: dec (X)
    made.pad(0x10)
    made.unless(0, 0x21, LIVES & 0xFF, LIVES >> 8, 0x35)  # A: dec (LIVES)
    made.unless(1, 0x21, WORLD & 0xFF, WORLD >> 8, 0x34)  # B: inc (WORLD)
    made.put(0xF0, 0x44, 0xFE, 144)
    made.back(0x28, made.here - 4)  # till the line is over
    made.put(0xC3, frame & 0xFF, frame >> 8)
    rom = bytearray(SIZE)
    rom[0x100:0x104] = bytes((0x00, 0xC3, CODE & 0xFF, CODE >> 8))
    rom[0x134 : 0x134 + len(title)] = title
    rom[CODE : CODE + len(made.code)] = made.code
    rom[0x14D] = -(sum(rom[0x134:0x14D]) + 25) & 0xFF
    path.write_bytes(rom)
    return path
