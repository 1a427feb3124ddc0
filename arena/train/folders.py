"""What the folder of a training must hold for a training to go on there. There is no torch here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from arena.errors import ArenaError, InputError, out_of_memory, reason, sentence
from arena.record.training import HEAD as PPO


@contextlib.contextmanager
def writing(lower: str) -> Iterator[None]:
    """Within, a training computes and writes: ArenaError, which says how to go on, for a file that cannot be written,

    and where memory runs out. `lower`: settings with their values, where what ran out does not say better.
    """
    try:
        yield
    except OSError as error:
        raise ArenaError(
            f"{sentence(reason(error))} What was written before is whole: mend that (make room on a full disk), and go "
            "on with --resume"
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        told = str(error).startswith("out of memory")
        what = sentence(error) if told else f"out of memory ({reason(error)}): lower {lower}."
        raise ArenaError(f"{what} What was written before is whole: then go on with --resume") from error


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
