"""`arena worker serve`: operators of this machine for arenas of others."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click

from arena.cli.lazy import Group
from arena.cli.options import option
from arena.cli.whole import Whole
from arena.errors import InputError
from arena.supervisor import curve
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.key_authenticator import KeyAuthenticator
from arena.supervisor.service import Service
from arena.supervisor.worker_server import WorkerServer


@click.group(cls=Group)
def worker() -> None:
    """Workers for arenas on other machines."""


@worker.command()
@click.argument("kind")
@click.option("--listen", required=True, metavar="tcp://HOST:PORT", help="Address of this machine; port 0: a free one.")
@option("--key", type=click.Path(path_type=Path), show_default="this machine's own", help="Secret key file.")
@option("--allow", type=click.Path(path_type=Path), show_default="the own list", help="Public key, or folder of them.")
@click.option("--max", "most", default=8, show_default=True, type=Whole(1), help="Workers at once.")
@option("--logs", type=click.Path(path_type=Path), show_default="runs/served-TIME", help="New workers' logs.")
def serve(kind: str, listen: str, key: Path | None, allow: Path | None, most: int, logs: Path | None) -> None:
    """Start a worker of KIND for every arena that connects and is let in, until Ctrl-C.

    KIND is written as for `arena play`: random, ppo:model.zip, vlm:DIR@device=cuda. What stands behind the colon names
    something of this machine, and only who serves it chooses it. An arena seats it with @at=:

    \b
    arena play --operators ppo@at=tcp://gpu.example.org:7000,random

    Connections are encrypted, and both sides prove who they are. That needs keys, also on one machine:

    \b
    arena keys new                           on both machines, once
    arena keys allow NAME 'KEY'              here: the key that `arena keys
                                             show` prints on the arena's machine
    arena keys trust tcp://HOST:PORT 'KEY'   there: the key that is printed here
    """
    _check_listen(listen)
    service = Service(kind)
    place = curve.folder()
    pair = curve.load_pair(key or place / f"{curve.OWN}.key_secret", "arena worker serve")
    where = allow or place / "clients"
    known = curve.allowed(where)
    folder = logs or Path("runs") / f"served-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        with (
            Interrupts() as interrupts,
            closing(
                WorkerServer(service, listen, pair, KeyAuthenticator(where, _say), folder, most, _say, interrupts)
            ) as server,
        ):
            port = server.address.rpartition(":")[2]
            _say(f"public key of this server: '{pair.public.decode()}'")
            _say(f"an arena trusts it by: arena keys trust tcp://HOST:{port} '{pair.public.decode()}'")
            _say(f"let in from {where}: {', '.join(sorted(known.values()))}")
            _say(f"serving {kind} at {server.address}, up to {most} workers, logs in {folder}")
            server.serve()
    except KeyboardInterrupt:
        _say("stopped")


def _say(text: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def _check_listen(text: str) -> None:
    try:
        curve.parse_address(text, "--listen ")
    except InputError as error:
        if "://" in text and not text.startswith("tcp://"):
            raise InputError(f"--listen {text}: only tcp://HOST:PORT is served, e.g. tcp://0.0.0.0:7000") from None
        raise error
