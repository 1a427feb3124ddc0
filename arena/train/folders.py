"""The folder of a training: who writes there, and what it must hold to go on. There is no torch here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from arena.errors import ArenaError, InputError, out_of_memory, reason, sentence
from arena.record.disk import FolderInUseError, FolderLock
from arena.record.training import HEAD as PPO
from arena.record.training import LOCK


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Within, this training alone writes in `out`, which is made if it is not there, and removed again if it is empty.

    InputError, which says what to do, where another training runs there, or nothing can be written.
    """
    made = [one for one in (out, *out.parents) if not os.path.exists(one)]  # False, too, for what is no name of one
    try:
        try:
            out.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(out, LOCK)
        except FolderInUseError as error:
            raise InputError(
                f"{out}: another training (process {error.holder}) is writing there: wait until it has ended, or "
                "choose another --out"
            ) from None
        except OSError as error:
            raise unwritable(out, error) from error
        try:
            yield
        finally:
            lock.release()
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def check_free(out: Path) -> None:
    """InputError as `alone`, before anything large is loaded. Leaves all as it was."""
    with alone(out):
        pass


def unwritable(out: Path, error: OSError) -> InputError:
    """For a folder in which nothing can be written."""
    if os.path.isfile(out):  # False, too, for what is no name of one
        return InputError(f"--out {out}: that is a file; name a folder")
    where = str(out)[:200]
    return InputError(f"--out {where}: nothing can be written there ({error.strerror}); choose another --out")


def names_in(out: Path) -> list[str]:
    """What a folder holds, but for the lock, which a training that was killed leaves. OSError if it is no folder."""
    return [path.name for path in out.iterdir() if path.name != LOCK]


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
    holds = out.is_dir() and names_in(out)
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
