"""What the folder of a training must hold for a training to go on there. There is no torch here."""

from __future__ import annotations

from pathlib import Path

from arena.errors import InputError
from arena.record.training import HEAD as PPO


def check_resumed(out: Path, option: str, head: str, by: str) -> None:
    """InputError, which says what to do, where `out` has no file `head`, which the training command `by` leaves."""
    if (out / head).exists():
        return
    holds = out.is_dir() and any(out.iterdir())
    if not out.exists():
        why = f"there is no folder {out}"
    elif not holds:
        why = f"{out} is empty"
    elif head != PPO and (out / PPO).is_file():
        why = f"{out} holds a training of `arena train ppo`, not of `{by}`"
    else:
        why = f"{out} holds no training of `{by}` (there is no {head})"
    new = ", and choose another --out" if holds else ""
    raise InputError(f"{option}: {why}. To go on, name the folder of that training; to begin, leave --resume out{new}")
