"""The managed runtime of the emulator: nes-py 9 needs Python 3.13 or later."""

from __future__ import annotations

from arena.runtime import Runtime

RUNTIME = Runtime(
    name="mario",
    summary="gym-super-mario-bros 9 with the emulator nes-py 9",
    python=">=3.13,<3.14",
    requirements=("gym-super-mario-bros~=9.1", "nes-py~=9.0"),
    licence=(
        "The package gym-super-mario-bros brings the games' ROMs, which are Nintendo's content under a proprietary "
        "licence. The arena neither contains nor distributes them; make sure that you may use them."
    ),
)
