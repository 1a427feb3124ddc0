"""Lock files: exact versions with the hashes of their files, as pip and uv write and read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from arena.errors import InputError

_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
_HASH = re.compile(r"\s--hash[= ]\S+")


def read(path: Path) -> dict[str, str | None]:
    """Each package's version, by canonical name; None for one that is taken from a URL.

    InputError names the line that pins nothing.
    """
    return {canonicalize_name(one.name): _version(one) for one, _ in _pins(path)}


def hashed(path: Path) -> bool:
    """Whether every package has hashes, so that they can be demanded."""
    return all(has for _, has in _pins(path))


def differences(wanted: Mapping[str, str | None], installed: Mapping[str, str]) -> list[str]:
    """Where an environment (canonical name -> version) is not what its lock says, in words; extra packages too."""
    out = []
    for name, version in sorted(wanted.items()):
        if name not in installed:
            out.append(f"{name} is not installed; the lock says {version or 'it is'}")
        elif version is not None and installed[name] != version:
            out.append(f"{name} is {installed[name]}; the lock says {version}")
    return out + [f"{name} {installed[name]} is not in the lock" for name in sorted(set(installed) - set(wanted))]


def _pins(path: Path) -> list[tuple[Requirement, bool]]:
    """Each requirement of the file, and whether it has hashes."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"the lock file {path} cannot be read: {error.strerror}") from error
    out = []
    for line in _COMMENT.sub("", text.replace("\\\n", " ")).splitlines():
        line = line.strip()
        if not line or line.startswith("--"):  # an index or a folder of wheels: the user's settings say where from
            continue
        try:
            pin = Requirement(_HASH.sub("", line))
            exact = pin.url is not None or _version(pin) is not None
        except InvalidRequirement:
            exact = False
        if not exact:
            raise InputError(f"{path}: {line[:80]!r} pins no version; expected lines such as 'numpy==2.4.6 --hash=...'")
        out.append((pin, "--hash" in line))
    return out


def _version(pin: Requirement) -> str | None:
    exact = [one.version for one in pin.specifier if one.operator in ("==", "===")]
    return exact[0] if exact else None
