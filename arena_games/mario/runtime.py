"""What the emulator needs: nes-py 9 runs on Python 3.13 and later only."""

from __future__ import annotations

from arena.runtime import Runtime

RUNTIME = Runtime(
    name="mario",
    summary="gym-super-mario-bros 9 with the emulator nes-py 9",
    python=">=3.13,<3.14",
    requirements=("gym-super-mario-bros~=9.1", "nes-py~=9.0"),
    licence=(
        "The package gym-super-mario-bros brings the games' ROMs, which are Nintendo's content under a proprietary "
        "licence. The arena neither contains nor distributes them; see to it that you may use them."
    ),
)
