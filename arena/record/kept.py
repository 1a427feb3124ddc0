"""Keeps the files that a run needs in its folder, by content: the run can be moved, and the originals can change.

They are RUN/files/HASH/NAME. Large files and cartridges are not copied; only their hash is recorded.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from arena.canonical import check_recordable, digest, files_in, hash_file
from arena.errors import RecordError
from arena.files import unreadable
from arena.game import Game
from arena.made import made_here
from arena.names import parse
from arena.paths import HomeError, expanded
from arena.plan import Entry
from arena.record.disk import Disk
from arena.record.head import Head, NeededFile

MOST_BYTES = 16 * 1024 * 1024  # largest file or folder that is kept
# Cartridges are never copied: few licences allow it.
CARTRIDGES = {".gb", ".gbc", ".gba", ".nes", ".sfc", ".smc", ".n64", ".z64", ".md", ".rom", ".a26", ".bin", ".iso"}
# Neither are programs in machine code, which would not run elsewhere: ELF, Windows, macOS.
NATIVE = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
# What a folder of weights needs besides the files that the operator names as those that decide.
BESIDE = {".json", ".txt", ".jinja", ".model"}


def of_file(path: Path, **facts: Any) -> NeededFile:
    """Returns `path` as a NeededFile. Raises InputError if it cannot be read."""
    # Links are not followed: the Python of an environment is a link to another program.
    path = Path(os.path.abspath(expanded(path)))
    try:
        with path.open("rb") as file:
            native = file.read(4).startswith(NATIVE)
        kept = path.stat().st_size <= MOST_BYTES and path.suffix.lower() not in CARTRIDGES and not native
        return NeededFile(hash=hash_file(path), name=path.name, path=str(path), kept=kept, **facts)
    except OSError as error:
        raise unreadable(path, error) from error


def of_folder(path: Path, hashes: Mapping[str, str], **facts: Any) -> NeededFile | None:
    """As `of_file`, for a folder: its files named in `hashes` and the files beside them; None if it has none."""
    path = Path(os.path.abspath(expanded(path)))
    files = [file for file in sorted(path.iterdir()) if file.is_file()]
    needed = {file.name: hashes[file.name] for file in files if file.name in hashes}
    if not needed:
        return None
    beside = [file for file in files if file.name not in needed and file.suffix in BESIDE]
    for file in beside:
        check_recordable(file)
    needed |= {file.name: hash_file(file) for file in beside}
    small = sum((path / name).stat().st_size for name in needed) <= MOST_BYTES
    return NeededFile(hash=digest(needed), files=needed, name=path.name, path=str(path), kept=small, **facts)


def of_plugin(name: str) -> NeededFile | None:
    """The file that defines a game or a schedule; None for an installed one."""
    parsed = parse(name)
    return of_file(Path(parsed.kind)) if parsed.is_file else None


def of_options(game: Game) -> dict[str, NeededFile]:
    """The user's files that a game reads. Only those that an option names can be replaced by a copy, so are kept."""
    out = {}
    for word, path in game.user_files().items():
        found = of_file(path) if not path.is_dir() else _whole(path)
        out[word] = found if word in game.spec.options else msgspec.structs.replace(found, kept=False)
    return out


def _whole(folder: Path) -> NeededFile:
    """A folder, of which every file counts."""
    folder = Path(os.path.abspath(expanded(folder)))
    try:
        files = files_in(folder)
        kept = sum((folder / name).stat().st_size for name in files) <= MOST_BYTES
    except OSError as error:
        raise unreadable(folder, error) from error
    return NeededFile(hash=digest(files), files=files, whole=True, name=folder.name, path=str(folder), kept=kept)


def of_operator(entry: Entry, fingerprint: dict[str, str]) -> tuple[NeededFile, ...]:
    """The files that determine an operator's answers (those of its fingerprint), as its name refers to them."""
    if entry.at is not None:
        return ()
    name = parse(entry.given)
    out = [of_file(Path(name.kind), where="kind", written=name.kind)] if name.is_file else []
    for where, text in [("what", name.what), *name.options.items()]:
        for word in _words(text):
            found = _of_word(word, fingerprint, where=where, written=word)
            if found is not None:
                out.append(found)
    return tuple(out)


def _of_word(word: str, fingerprint: Mapping[str, str], **facts: Any) -> NeededFile | None:
    """The NeededFile of a word in an operator's name, if it is such a file, or a folder with one."""
    try:
        path = expanded(word)
        if path.is_dir():
            return of_folder(path, fingerprint, **facts)
        if path.is_file() and hash_file(path) in fingerprint.values():
            others = [path.with_suffix(suffix) for suffix in sorted(BESIDE - {path.suffix})]
            beside = {other.name: hash_file(other) for other in others if other.is_file()}
            return of_file(path, beside=beside, **facts)
    except (OSError, HomeError):  # not a path, for example too long
        pass
    return None


def _words(text: str) -> Iterator[str]:
    """What may be a path in an operator's name: all of it, what stands before a colon (`FILE.py:function`), the words
    of a list (`zoom+FILE.py:function`) and of a command (`python worker.py --weights=FILE`).
    """
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    parts = [part for word in words for part in (word, *word.split("="))]
    parts += [part for word in text.split("+") for part in (word, word.rpartition(":")[0])]
    yield from dict.fromkeys(word for part in (text, text.rpartition(":")[0], *parts) if (word := part.strip("'\"")))


def of_head(head: Head) -> list[NeededFile]:
    """All files of a run."""
    out = [head.schedule] if head.schedule is not None else []
    for game in head.games:
        out += [*game.files.values(), *([game.file] if game.file is not None else [])]
        out += [file for operator in game.operators for file in operator.files]
    return list({(file.hash, file.path): file for file in out}.values())


def copy(files: Iterable[NeededFile], folder: Path, disk: Disk) -> None:
    """Copy the files to keep into the run folder. Raises OSError, and RecordError for a file that has changed."""
    for file in files:
        to, source = _place(file, folder), Path(file.path)
        if not file.kept or to.exists():
            continue
        for one, place in [
            *((source / name, to / name) for name in file.files),
            *((source.with_name(name), to.with_name(name)) for name in file.beside),
            *([] if file.files else [(source, to)]),
        ]:
            place.parent.mkdir(parents=True, exist_ok=True)
            disk.replace(place, one.read_bytes())
            shutil.copymode(one, place)  # it may be a program
        if not _is(file, to):
            raise RecordError(f"{source} changed while the run began. Play again")


def find(file: NeededFile, folder: Path, who: str) -> Path:
    """Returns the path of `file`: the original while it is unchanged, else the copy in the run folder.

    Raises RecordError when neither is there.
    """
    original, copied = Path(file.path), _place(file, folder)
    if _is(file, original):
        return original
    if _is(file, copied):
        return copied
    if copied.exists():
        raise RecordError(
            f"{copied} was changed (its hash was {file.hash}): {who} can only be played with it as it was"
        )
    what = "is not the one that the run was played with" if original.exists() else "is gone"
    kept = (
        ""
        if file.kept
        else " No copy was kept: cartridges, programs in machine code and files of more than 16 MiB are not."
    )
    raise RecordError(f"{who}: {original} {what} (its hash was {file.hash}).{kept} Put it back there to go on")


def changed(head: Head) -> list[str]:
    """A sentence for each file that has changed since the run began."""
    out = []
    for file in of_head(head):
        path = Path(file.path)
        if path.exists() and not _is(file, path):
            kept = "; the run folder has it as it was" if file.kept else ""
            out.append(f"{path} has changed since the run began{kept}.")
    return out


def check_code(file: NeededFile, found: Path, trust: bool) -> None:
    """Raises RecordError if `found` is a program from the run folder that was never played here and is not trusted."""
    if not trust and found != Path(file.path) and not made_here(found):
        raise RecordError(
            f"this run brings code of its own, {found}, which was never played here: to play the run again is to run "
            "that program with all your rights. Read it first; if you trust it, add --trust"
        )


def _place(file: NeededFile, folder: Path) -> Path:
    return folder.resolve() / "files" / file.hash / file.name


def _is(file: NeededFile, path: Path) -> bool:
    """Whether the content of `path` is the recorded one."""
    try:
        if file.whole:
            return files_in(path) == file.files
        if file.files:
            return all(hash_file(path / name) == value for name, value in file.files.items())
        beside = all(hash_file(path.with_name(name)) == value for name, value in file.beside.items())
        return beside and hash_file(path) == file.hash
    except OSError:
        return False
