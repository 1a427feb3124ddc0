"""Builds commands that work as printed: of this arena, of pip for an extra, and of Python.

An arena in a virtual environment that is not activated is not on PATH, or another one is. And an extra is installed
from where this arena was installed from (PEP 610): a checkout, a wheel, a repository, or an index.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DISTRIBUTION = "agent-arena"
CPU_TORCH = "https://download.pytorch.org/whl/cpu"
DEVICES = Path("/dev")


def arena(*words: object) -> str:
    """A command of this arena, e.g. `.venv/bin/arena verify 'my runs/1'`, that works from the current folder."""
    return _typed([*_program(), *map(str, words)])


def python(*words: object) -> str:
    """A command of the Python that this arena runs in."""
    return _typed([_python(), *map(str, words)])


def pip(*words: object) -> str:
    """Pip's `install` into the environment of this arena, or uv's where pip is not there."""
    script = Path(sys.executable).with_name("pip")
    if importlib.util.find_spec("pip") is None and shutil.which("uv"):
        program = ["uv", "pip", "install", "--python", _python()]
    elif script.is_file():
        program = ["pip" if shutil.which("pip") == str(script) else _shown(script), "install"]
    else:
        program = [_python(), "-m", "pip", "install"]
    return _typed([*program, *map(str, words)])


def install(extra: str) -> str:
    """What to type to add an extra to this arena, or with "" to mend its base.

    Where its source is gone (a folder or a wheel that was deleted), the packages of the extra are named one by one.
    Where torch would come to a machine that shows no GPU, its small build: the other one is several GB.
    """
    small = ["--extra-index-url", CPU_TORCH] if _without_gpu(extra) else []
    if _known():
        return pip(*_source(f"[{extra}]" if extra else ""), *small)
    return pip(*(f"{one.name}{one.specifier}" for one in requirements(extra)), *small)


def _without_gpu(extra: str) -> bool:
    """Whether an extra brings torch, and this is a machine of Linux (where torch comes for GPUs) that shows none."""
    torch = any(one.name == "torch" for one in requirements(extra)) and importlib.util.find_spec("torch") is None
    return torch and sys.platform == "linux" and not any(DEVICES.glob("nvidia[0-9]*"))


def install_apart(extra: str, folder: str) -> str:
    """What to type to have this arena with an extra in a new environment, for one that does not fit into this one."""
    make = _typed([_python(), "-m", "venv", folder])
    return f"{make} && {_typed([f'{folder}/bin/pip', 'install', *_source(f'[{extra}]', pinned=False)])}"


def how_to_install(extra: str) -> str:
    """The sentence with the command for an extra."""
    small = " (that address has the small build of torch, for machines without a GPU)" if _without_gpu(extra) else ""
    return f"Install it with: {install(extra)}{small}"


def requirements(extra: str) -> list[Requirement]:
    """What an extra, or with "" the base, asks for; extras of extras included, in the order of declaration."""
    from importlib import metadata

    from packaging.requirements import Requirement  # not above: `arena doctor` gives advice where it is missing

    try:
        declared = [Requirement(text) for text in metadata.requires(DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:  # run from its folder, not installed
        return []
    out: list[Requirement] = []
    todo, seen = [extra], {extra}
    while todo:
        current = todo.pop(0)
        for one in declared:
            marker = one.marker
            if (marker is None) == bool(current) or not (marker is None or marker.evaluate({"extra": current})):
                continue
            if one.name == DISTRIBUTION:
                todo += sorted(one.extras - seen)
                seen |= one.extras
            elif one.name not in {known.name for known in out}:
                out.append(one)
    return out


def _typed(words: Iterable[str]) -> str:
    """Quotes the words for a shell; a word with single quotes is put in double quotes where that is easier to read."""
    return " ".join(
        f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word) for word in words
    )


def _program() -> list[str]:
    """How this arena is called: `arena` where that is this one, else its path, else by way of Python."""
    called = Path(sys.argv[0]) if sys.argv and Path(sys.argv[0]).name == "arena" else None
    for script in (called, Path(sys.executable).with_name("arena")):
        if script is not None and script.is_file():
            found = shutil.which("arena")
            return ["arena"] if found and os.path.samefile(found, script) else [_shown(script)]
    return [_python(), "-m", "arena"]


def _python() -> str:
    # A venv calls its Python by several names. Folders are compared: the Pythons of all environments are links to one.
    here = Path(sys.executable)
    for name in ("python", "python3"):
        if (beside := here.with_name(name)).exists():
            return name if shutil.which(name) == str(beside) else _shown(beside)
    return _shown(here)


def _shown(path: Path) -> str:
    """A path below this folder is relative to it."""
    whole, here = Path(os.path.abspath(path)), Path.cwd()
    if not whole.is_relative_to(here):
        return str(whole)
    below = str(whole.relative_to(here))
    return below if os.sep in below else f"./{below}"  # a bare name would be looked for on PATH


@cache
def _origin() -> dict[str, Any]:
    """PEP 610's record of where this arena was installed from; empty for an index."""
    from importlib import metadata  # not above: it takes a third of the time of `arena --help`

    try:
        text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:  # run from its folder, not installed
        return {"url": Path(__file__).resolve().parents[1].as_uri(), "dir_info": {}}
    return dict(json.loads(text)) if text else {}


def _known() -> bool:
    """Whether this arena's source is still available."""
    url = urlsplit(_origin().get("url", ""))
    path = Path(unquote(url.path))
    return url.scheme != "file" or path.is_file() or (path / "pyproject.toml").is_file()


def _source(extra: str, *, pinned: bool = True) -> list[str]:
    """Pip's arguments that name this arena with an extra (in brackets, or ""), with the versions it is tested with."""
    origin = _origin()
    url = urlsplit(origin.get("url", ""))
    if not origin:
        return [DISTRIBUTION + extra]
    if url.scheme != "file":
        vcs = origin.get("vcs_info", {})
        where = f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}" if vcs else origin["url"]
        return [f"{DISTRIBUTION}{extra} @ {where}"]
    path = Path(unquote(url.path))
    if path.is_file():
        return [_shown(path) + extra]
    inside = path == Path.cwd()
    constraints = path / "constraints.txt"
    pins = ["-c", constraints.name if inside else _shown(constraints)] if pinned and constraints.is_file() else []
    editable = ["-e"] if origin.get("dir_info", {}).get("editable") else []
    return [*pins, *editable, ("." if inside else _shown(path)) + extra]
