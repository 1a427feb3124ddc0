"""CURVE keys: who may speak with whom over TCP. Files in the format of pyzmq's certificates, in one folder.

    KEYS/arena.key_secret     the own pair, mode 0600; arena.key beside it is its public half
    KEYS/clients/NAME.key     public keys that `arena worker serve` lets in
    KEYS/servers/HOST_PORT.key  public keys that an arena expects of the servers it speaks with

KEYS is $ARENA_KEYS, else ~/.config/agent-arena/keys. Keys are given and shown as 40 characters of Z85; none of these
is a quote, a space or a backslash, so that single quotes carry one through a shell.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

import zmq.auth
from zmq.utils import z85

from arena import commands
from arena.errors import InputError, sentence
from arena.paths import expanded

OWN = "arena"  # the pair that is used when none is named
_ADDRESS = re.compile(r"tcp://(?P<host>[^\s:/@\[\]]+|\[[0-9A-Fa-f:.%]+\]):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """A key pair, each half 40 bytes of Z85. It has no repr, so that no message or traceback shows the secret."""

    public: bytes
    secret: bytes


def folder() -> Path:
    """Where keys are kept."""
    given = os.environ.get("ARENA_KEYS")
    if given:
        return expanded(given)
    return expanded(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "agent-arena" / "keys"


def parse_address(text: str, what: str) -> tuple[str, int]:
    """Host and port of "tcp://HOST:PORT"; InputError in terms of `what` for anything else."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise InputError(f"{what}{text}: expected tcp://HOST:PORT, e.g. tcp://gpu.example.org:7000")
    return found["host"], int(found["port"])


def new(name: str, where: Path) -> Path:
    """Make a pair; the file of its secret. It never replaces one: InputError."""
    _check_name(name)
    try:
        where.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=where, prefix=".new-") as fresh:  # mode 0700: nobody reads it meanwhile
            public, secret = map(Path, zmq.auth.create_certificates(fresh, name))
            secret.chmod(0o600)
            made: list[Path] = []
            for file in (secret, public):
                try:
                    os.link(file, where / file.name)  # fails where a file is, unlike a rename
                except FileExistsError:
                    for half in made:  # else it would stand beside the public half of another
                        half.unlink()
                    raise InputError(
                        f"{where / file.name} exists, and a key is never overwritten. Name another (arena keys new "
                        "NAME), or delete the file if nothing uses it any more"
                    ) from None
                made.append(where / file.name)
    except OSError as error:
        raise InputError(f"cannot keep keys in {where}: {error.strerror}. Name another folder: --dir") from error
    return where / f"{name}.key_secret"


def load_pair(file: Path, needed_by: str) -> Pair:
    """The pair in a secret file. InputError when it is missing, is readable by others, or holds no pair."""
    if not file.exists():
        name = () if file == folder() / f"{OWN}.key_secret" else (file.stem,)
        where = () if file.parent == folder() else ("--dir", file.parent)
        how = commands.arena("keys", "new", *name, *where)
        raise InputError(f"{needed_by} needs a key of its own, and {file} is missing. Make it with: {how}")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise InputError(f"{file} holds a secret key and has mode {mode:04o}: others can read it. chmod 600 {file}")
    public, secret = _load(file)
    if secret is None:
        raise InputError(f"{file} holds no secret key. Name the file that ends in .key_secret")
    return Pair(public, secret)


def read_key(text: str) -> bytes:
    """A public key given as a file or as its 40 characters; InputError."""
    if len(text) == 40 and not Path(text).exists():
        return _valid(text.encode("ascii", "replace"), "the key that was given")
    if not Path(text).is_file():
        raise InputError(
            f"{text!r} is not a public key: expected its 40 characters in single quotes, or a .key file. "
            "`arena keys show` prints it on the machine whose key it is"
        )
    return _load(Path(text))[0]


def keep(key: bytes, file: Path) -> bool:
    """Write a public key into `file`; whether it was new there. InputError when another key stands there."""
    if file.exists():
        if _load(file)[0] == key:
            return False
        raise InputError(
            f"{file} holds another key. If the key has changed for a good reason, delete that file first; if nobody "
            "told you of a change, this may be another machine that poses as it"
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text(f'metadata\ncurve\n    public-key = "{key.decode()}"\n', encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror}") from error
    return True


def client_file(name: str, where: Path) -> Path:
    """Where the public key of an arena that is let in is kept."""
    _check_name(name)
    return where / "clients" / f"{name}.key"


def server_file(address: str, where: Path) -> Path:
    """Where the public key of the server at this address is kept."""
    host, port = parse_address(address, "")
    return where / "servers" / f"{re.sub(r'[^A-Za-z0-9.-]', '_', host.lower())}_{port}.key"


def server_key(address: str) -> bytes:
    """The public key that the server at `address` must prove to have; InputError says how to trust one."""
    file = server_file(address, folder())
    if not file.exists():
        raise InputError(
            f"{address} is not trusted yet: {file} is missing. `arena worker serve` prints its public key when it "
            f"starts; if you got that from there, trust it with: {commands.arena('keys', 'trust', address)} 'KEY'"
        )
    return _load(file)[0]


def allowed(where: Path) -> dict[bytes, str]:
    """The public keys in a .key file, or in a folder of them, with their names. InputError when there are none."""
    files = sorted(where.glob("*.key")) if where.is_dir() else [where] if where.is_file() else []
    if not files:
        raise InputError(
            f"no arena may come in: there is no public key in {where}. On the arena's machine `arena keys show` prints "
            f"its key; let it in here with: {commands.arena('keys', 'allow', 'NAME')} 'KEY'"
        )
    return {_load(file)[0]: file.stem for file in files}


def _load(file: Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = zmq.auth.load_certificate(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is not a key file: {sentence(error)} `arena keys new` makes one") from error
    return _valid(public, str(file)), None if secret is None else _valid(secret, str(file))


def _valid(key: bytes, where: str) -> bytes:
    try:
        if len(key) == 40 and len(z85.decode(key)) == 32:
            return key
    except (KeyError, ValueError, struct.error):
        pass
    # The text is not shown: it could be somebody's secret, mistyped.
    raise InputError(f"{where}: this is not a key. Expected 40 characters of Z85, as `arena keys show` prints them")


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise InputError(f"{name!r} is not a name for a key: expected letters, digits, '.', '_' and '-'")
