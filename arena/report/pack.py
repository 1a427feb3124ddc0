"""A run as one archive for a paper's supplement: what `arena verify` needs, the report, and the sums of all files.

Equal runs give equal bytes: files in order of their names, without times or owners, and nothing that may differ
between equal runs (timing, what workers printed). Zip needs nothing; .tar.zst needs the extra `eval`.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from arena.errors import InputError, RecordError
from arena.plugins import installed, require_modules
from arena.record.disk import in_use
from arena.record.reader import Run
from arena.record.shards import journals, shards
from arena.report.columns import paths_of
from arena.report.page import write_report
from arena.report.reading import read_run
from arena.report.replays import Caps
from arena.report.reproduce import sha256, version

ENDINGS = (".tar.zst", ".zip")
# Of the run folder, beside its log, its journals and the files that it keeps.
FILES = ("run.json", "results.json", "analysis.json", "operators.json", "rerun.json")
SUMS, README = "SHA256SUMS", "README.txt"
LEVEL = 9  # of zip

Contents = dict[str, Path]  # by their names in the archive, without its folder


def pack(run: Run, out: Path | None = None, *, pictures: bool = True, trust: bool = False) -> Path:
    """Writes the archive of `run` and returns its path: `out`, or NAME.tar.zst in the current folder.

    pictures: the report shows those of the game, which not every game's owner allows to pass on.
    trust: as in verify, for the matches that the report shows.

    InputError for an ending other than .tar.zst and .zip, or a file that exists; RecordError for a run that is being
    played or is damaged; MissingExtraError for .tar.zst without pyarrow.
    """
    name = run.folder.resolve().name
    path = out or Path(f"{name}.tar.zst")
    if not path.name.endswith(ENDINGS):
        raise InputError(f"--out {path}: expected a name that ends with {' or '.join(ENDINGS)}")
    if path.exists():
        raise InputError(f"{path} exists already: remove it, or choose another name with --out")
    if path.name.endswith(".tar.zst"):
        require_modules(f"{path.name} (unlike --out {name}.zip)", ["pyarrow"], "eval")
    if in_use(run.folder):
        raise RecordError(f"{run.folder} is being played: pack it when it is over")
    with tempfile.TemporaryDirectory(prefix="arena-pack-") as made:
        found = {**_of_run(run), **_made(run, Path(made), pictures, trust)}
        temporary = path.with_name(f".{path.name}.new")
        try:
            write = _zip if path.name.endswith(".zip") else _tar
            write(temporary, {f"{name}/{inside}": found[inside] for inside in sorted(found)})
            temporary.replace(path)
        except OSError as error:
            raise RecordError(f"{path} cannot be written: {error.strerror or error}") from error
        finally:
            temporary.unlink(missing_ok=True)
    return path


def _of_run(run: Run) -> Contents:
    folder = run.folder
    paths = [folder / name for name in FILES]
    paths += [*shards(folder), *journals(folder).values(), *sorted((folder / "files").rglob("*"))]
    return {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}


def _made(run: Run, folder: Path, pictures: bool, trust: bool) -> Contents:
    """What is made for the archive: the report, the columns, a text that says how to verify, and the sums of all."""
    caps = Caps() if pictures else Caps(picture_bytes=0)
    columns = installed("pyarrow")
    known = read_run(run, columns=folder if columns else None, caps=caps, trust=trust)
    made = [write_report([run], folder / "report.html", trust=trust, times=False, known=known)]
    if columns:
        made += [path for path in paths_of(run, folder) if path.name != "calls.parquet"]
    readme = folder / README
    readme.write_text(_readme(run, pictures), encoding="utf-8")
    found = {**_of_run(run), **{path.name: path for path in [*made, readme]}}
    sums = folder / SUMS
    sums.write_text("".join(f"{sha256(found[name])}  {name}\n" for name in sorted(found)), encoding="utf-8")
    return {path.name: path for path in [*made, readme, sums]}


def _readme(run: Run, pictures: bool) -> str:
    head = run.head
    own = any(game.file is not None for game in head.games) or head.schedule is not None
    lines = [
        f"A run of agent-arena {head.arena}, played with Python {head.python}.",
        "",
        "report.html        what came of it, how to repeat it, and its matches: open it in a browser",
        "log-*.jsonl        every match, turn and tick; run.json: what was played by whom, with which versions",
        "results.json       the tables, which follow from the log",
        "*.parquet          the same as columns",
        "",
        "To check it, in the folder that holds this one:",
        "",
        f"    (cd {run.folder.resolve().name} && sha256sum -c {SUMS})",
        f"    {version(head)}",
        f"    arena verify {run.folder.resolve().name}",
    ]
    if own:
        lines += ["", "It brings program files of its own (files/): read them first, then add --trust to run them."]
    if not pictures:
        lines += ["", "Pictures of the game were left out."]
    return "\n".join([*lines, ""])


def _mode(path: Path) -> int:
    """A program stays one; nothing else of a file's mode is kept."""
    return 0o755 if path.stat().st_mode & 0o100 else 0o644


def _zip(path: Path, contents: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name, source in contents.items():
            info = zipfile.ZipInfo(name)  # of 1980, the first year that zip knows
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 3
            info.external_attr = (0o100000 | _mode(source)) << 16
            with source.open("rb") as file, archive.open(info, "w", force_zip64=True) as into:
                shutil.copyfileobj(file, into)


def _tar(path: Path, contents: Mapping[str, Path]) -> None:
    with _zstd(path) as into, tarfile.open(fileobj=into, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name, source in contents.items():
            info = tarfile.TarInfo(name)  # of 1970, without an owner
            info.size, info.mode = source.stat().st_size, _mode(source)
            with source.open("rb") as file:
                archive.addfile(info, file)


@contextmanager
def _zstd(path: Path) -> Iterator[IO[bytes]]:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as file, pa.CompressedOutputStream(file, "zstd") as stream:
        yield stream
