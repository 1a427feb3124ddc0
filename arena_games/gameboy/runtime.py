"""The managed runtime of the emulator."""

from __future__ import annotations

from arena.runtime import Runtime

RUNTIME = Runtime(
    name="gameboy",
    summary="the Game Boy emulator PyBoy 2",
    python=">=3.11,<3.14",
    requirements=("pyboy~=2.6",),
    licence=(
        "PyBoy is under the LGPL-3.0 and brings no game. The cartridge is your own file: make sure that you may use it."
    ),
)
