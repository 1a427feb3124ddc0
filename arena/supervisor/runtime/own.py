"""The running arena as a wheel, made of the files that are installed here.

So an environment gets the very code that runs, whether it came from an index, a file or a checkout, and no build tool
writes into a checkout. Of an editable installation the files are those that point to the checkout: it stays editable.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib import metadata
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from arena.canonical import digest
from arena.errors import ArenaError

DISTRIBUTION = "agent-arena"
_OF_THE_INSTALLATION = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"}


def installed(name: str) -> metadata.Distribution:
    """The distribution as it was installed. A checkout has metadata of its own, which come first where it is the

    current folder, and list no files.
    """
    found = list(metadata.distributions(name=name))
    whole = [one for one in found if any(path.name == "WHEEL" for path in one.files or ())]
    return (whole or found or [metadata.distribution(name)])[0]


def requirements() -> list[str]:
    """The base dependencies: those of no extra."""
    found = [Requirement(text) for text in installed(DISTRIBUTION).requires or ()]
    return sorted(str(one) for one in found if one.marker is None or "extra" not in str(one.marker))


def python() -> SpecifierSet:
    """The versions of Python that the arena runs on."""
    return SpecifierSet(installed(DISTRIBUTION).metadata["Requires-Python"])


def identity() -> str:
    """32 hex digits that differ between two arenas whose code, or whose checkout, differs."""
    found = installed(DISTRIBUTION)
    files = [
        (str(path), path.hash.value if path.hash else "")
        for path in _files(found)
        if path.parent.suffix != ".dist-info" or path.name == "entry_points.txt"
    ]
    return digest(found.version, sorted(files))


def pack(folder: Path, distribution: str = DISTRIBUTION) -> Path:
    """Write the wheel of an installed distribution of pure Python into `folder`. Equal files give equal bytes."""
    found = installed(distribution)
    name = canonicalize_name(found.metadata["Name"]).replace("-", "_")
    wheel = folder / f"{name}-{found.version}-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:

        def write(path: str, data: bytes) -> None:
            out.writestr(zipfile.ZipInfo(path), data)

        info = ""
        for path in sorted(_files(found), key=str):
            data = Path(str(path.locate())).read_bytes()
            write(str(path), data)
            sha = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={sha},{len(data)}")
            if path.name == "WHEEL":
                info = str(path.parent)
        write(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,", ""]).encode())
    return wheel


def _files(found: metadata.Distribution) -> list[metadata.PackagePath]:
    """What a wheel of it holds: neither the scripts that its installation made, nor compiled or written records."""
    files = found.files
    if not files or not any(path.name == "WHEEL" for path in files):
        raise ArenaError(
            f"{found.metadata['Name']} {found.version} is installed here without a list of its files, so it cannot be "
            "installed into an environment. Reinstall it with pip or uv: pip install --force-reinstall --no-deps ..."
        )
    return [
        path
        for path in files
        if not PurePosixPath(path).is_absolute()
        and ".." not in path.parts
        and "__pycache__" not in path.parts
        and not (path.parent.suffix == ".dist-info" and path.name in _OF_THE_INSTALLATION)
    ]
