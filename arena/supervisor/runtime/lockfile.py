"""Lock files: exact versions with their hashes, in the format of pip and uv."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from arena.errors import InputError

_HASH = re.compile(r"\s--hash[= ](\S+)")
_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pin:
    """One package at one version, or at one URL."""

    requirement: str  # "numpy==2.4.6", or "toy @ file:///..."; a marker may follow
    hashes: tuple[str, ...] = ()  # "sha256:..." of each file it may be installed from

    @property
    def name(self) -> str:
        return canonicalize_name(Requirement(self.requirement).name)

    @property
    def version(self) -> str | None:
        """None for a URL."""
        exact = [one.version for one in Requirement(self.requirement).specifier if one.operator in ("==", "===")]
        return exact[0] if exact else None


def read(path: Path) -> list[Pin]:
    """The pins of a lock file. InputError names the line that pins nothing."""
    try:
        text = path.read_text()
    except OSError as error:
        raise InputError(f"the lock file {path} cannot be read: {error.strerror}") from error
    out = []
    for line in _COMMENT.sub("", text.replace("\\\n", " ")).splitlines():
        line = line.strip()
        if not line or line.startswith("--"):  # an index or a folder of wheels: the user's settings say where from
            continue
        try:
            pin = Pin(_HASH.sub("", line).strip(), tuple(_HASH.findall(line)))
            exact = pin.version is not None or Requirement(pin.requirement).url is not None
        except InvalidRequirement:
            exact = False
        if not exact:
            raise InputError(f"{path}: {line[:80]!r} pins no version; expected lines such as 'numpy==2.4.6 --hash=...'")
        out.append(pin)
    return out


def write(path: Path, pins: Iterable[Pin], head: str) -> None:
    """Write a lock file; `head` becomes its first comment. It is there whole or not at all."""
    lines = [f"# {line}" for line in head.splitlines()]
    for pin in sorted(pins, key=lambda pin: pin.name):
        lines.append(" \\\n    ".join([pin.requirement, *(f"--hash={value}" for value in pin.hashes)]))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text("\n".join([*lines, ""]))
    part.replace(path)


def with_hashes_of(pins: Iterable[Pin], shipped: Iterable[Pin]) -> list[Pin]:
    """The pins with the hashes that a shipped lock has for the same versions: it was looked at, the index was not."""
    known = {(pin.name, pin.version): pin.hashes for pin in shipped if pin.hashes}
    return [Pin(pin.requirement, known.get((pin.name, pin.version), pin.hashes)) for pin in pins]


def differences(pins: Iterable[Pin], installed: Mapping[str, str]) -> list[str]:
    """Where an environment (canonical name -> version) is not what its lock says, in words; extra packages too."""
    wanted = {pin.name: pin.version for pin in pins}
    out = []
    for name, version in sorted(wanted.items()):
        if name not in installed:
            out.append(f"{name} is not installed; the lock says {version or 'it is'}")
        elif version is not None and installed[name] != version:
            out.append(f"{name} is {installed[name]}; the lock says {version}")
    return out + [f"{name} {installed[name]} is not in the lock" for name in sorted(set(installed) - set(wanted))]
