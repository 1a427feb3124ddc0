"""The checks of a worker's connection: its start, its messages and its end. See arena/testing/worker_suite.py."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from arena.protocol import messages as m
from arena.protocol.version import MAJOR
from arena.testing.worker_bench import Bench
from arena.testing.worker_peer import FailedError, Peer, named

QUIET = 0.3  # seconds in which no message may come
# Seconds in which a worker ends by itself. The arena gives it fewer, and then a signal; but to be stopped by a busy
# machine is no mistake of a worker's.
LEAVE = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """One property of a worker. `run` raises FailedError, or NotTriedError when it does not apply."""

    name: str
    title: str
    section: str  # of docs/protocol.md
    repair: str
    run: Callable[[Bench], None]
    needs: tuple[str, ...] = ()  # checks that must pass for this one to be meaningful


def check(section: str, *needs: str) -> Callable[[Callable[[Bench], None]], Check]:
    """Make a Check of a function. The first line of its docstring is the property, and what follows "Repair:" is what

    to do when it does not hold.
    """

    def made(run: Callable[[Bench], None]) -> Check:
        head, _, repair = (inspect.getdoc(run) or "").partition("Repair:")
        title = head.splitlines()[0].rstrip(".")
        return Check(run.__name__.rstrip("_"), title, section, " ".join(repair.split()), run, needs)

    return made


@check("1, 3 (hello)")
def hello(bench: Bench) -> None:
    """Says HELLO first and in time, with its token.

    Repair: send HELLO right after connecting a DEALER to ARENA_ADDRESS, before anything slow is loaded: the frames
    `ARENA/1` and one MessagePack map, in which `token` is the environment variable ARENA_TOKEN as it is.
    """
    bench.greeted()


@check("8", "hello")
def version(bench: Bench) -> None:
    """HELLO names a version that this arena speaks.

    Repair: give the version that you wrote the worker for, e.g. major 1, minor 0.
    """
    hello = _greeting(bench).hello
    assert hello is not None
    if hello.major != MAJOR or hello.minor < 0:
        raise FailedError(f"major {MAJOR} and a minor from 0", f"major {hello.major}, minor {hello.minor}")


@check("4", "hello")
def patient(bench: Bench) -> None:
    """Says nothing before WELCOME.

    Repair: wait for WELCOME before anything else.
    """
    _greeting(bench).quiet(QUIET, "nothing between HELLO and WELCOME")


@check("3 (welcome, status)", "hello")
def ready(bench: Bench) -> None:
    """STATUS ready after WELCOME.

    Repair: answer WELCOME by STATUS with state `ready` once seats may be opened; `loading` may come before it.
    """
    bench.make_ready(_greeting(bench))


def _greeting(bench: Bench) -> Peer:
    """The first worker while it waits for WELCOME, or another one if a check before failed."""
    return bench.current or bench.greeted()


@check("3 (ping)")
def ping(bench: Bench) -> None:
    """Answers every PING by its PONG.

    Repair: answer PING by PONG with the same `n`.
    """
    peer = bench.peer()
    numbers = [7, 0, 2**40]
    peer.send(*(m.Ping(n=n) for n in numbers))
    for n in numbers:
        got = peer.expect(f"PONG with n={n}", m.Pong)
        if got.n != n:
            raise FailedError(f"PONG with n={n}", f"PONG with n={got.n}")


@check("6, 8", "ping")
def unknown_message(bench: Bench) -> None:
    """Answers an unknown message by ERROR unknown_message and goes on.

    Repair: answer any `type` that you do not know by ERROR with code `unknown_message`, and read the next message.
    """
    peer = bench.peer()
    peer.send_map({"type": "rewind", "match": 0, "to": [1, 2, {"deep": None}]})
    what = "ERROR with code unknown_message"
    error = peer.expect(what, m.Error)
    if error.code != "unknown_message":
        raise FailedError(what, f"code {error.code!r}: {error.text}")
    peer.through("PONG after the unknown message: the worker goes on")


@check("6", "ping")
def error(bench: Bench) -> None:
    """Does not answer an ERROR.

    Repair: take note of an ERROR and say nothing about it.
    """
    peer = bench.peer()
    peer.send(m.Error(code="unknown_message", text="a message that this arena does not know"))
    came = peer.through("PONG after an ERROR: the worker goes on")
    errors = [message for message in came if isinstance(message, m.Error)]
    if errors:
        raise FailedError("no answer to an ERROR", named(errors[0]))


@check("2, 8")
def welcome_fields(bench: Bench) -> None:
    """Takes a WELCOME with unknown fields, in any order.

    Repair: look fields up by their names and ignore those that you do not know.
    """
    peer = bench.greeted()
    assert peer.hello is not None
    limits = {"max_message": 2**26, "grace": 5.0, "later": 3}
    more = {"what": bench.what, "options": bench.options, "limits": limits, "later": {"a": [1, 2]}}
    peer.send_map({"minor": 0, "session": peer.session, **more, "type": "welcome"})
    bench.await_ready(peer)


@check("3 (shutdown)")
def bye(bench: Bench) -> None:
    """Says BYE after SHUTDOWN.

    Repair: send BYE, and close the socket with a LINGER of a second or so, else it is lost.
    """
    peer = bench.peer()
    peer.send(m.Shutdown(reason="a check"))
    peer.expect("BYE after SHUTDOWN", m.Bye)
    bench.drop()


@check("3 (shutdown), 4")
def exit_(bench: Bench) -> None:
    """Exits with code 0 after SHUTDOWN.

    Repair: exit with code 0 after BYE.
    """
    peer = bench.peer()
    what = f"an end with exit code 0 within {LEAVE:g} s of SHUTDOWN"
    peer.send(m.Shutdown(reason="a check"))
    if not peer.process.wait(LEAVE):
        raise FailedError(what, "it still runs: the arena would send SIGTERM, then SIGKILL")
    if peer.process.how() != "exited with code 0":
        raise FailedError(what, f"it {peer.process.how()}{peer.tail()}")
    bench.drop()


@check("1")
def lifeline(bench: Bench) -> None:
    """Exits when stdin ends, with its children.

    Repair: read stdin in a thread or on your event loop, and at its end kill your process group (it is your own).
    """
    _without_the_arena(bench.peer(), "its stdin ended")
    bench.drop()


@check("1", "lifeline")
def lifeline_early(bench: Bench) -> None:
    """Exits when stdin ends before WELCOME.

    Repair: watch stdin from the start, not only once the worker is ready.
    """
    _without_the_arena(bench.greeted(), "its stdin ended before WELCOME")
    bench.drop()


def _without_the_arena(peer: Peer, when: str) -> None:
    what = f"an exit within {LEAVE:g} s after {when}, with all its children"
    peer.process.cut()
    if not peer.process.wait(LEAVE):
        raise FailedError(what, "it still runs: nothing would end it when the arena is killed")
    left = group(peer.process.pid)
    until = time.monotonic() + LEAVE
    while left and time.monotonic() < until:  # a process that was killed takes a moment to be gone
        time.sleep(0.02)
        left = group(peer.process.pid)
    if left:
        raise FailedError(what, f"it left {len(left)} running: {', '.join(left)}")


def group(leader: int) -> list[str]:
    """Names and ids of the other living processes of a group; empty without /proc."""
    out = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        state, _, pgrp = rest.split()[:3]
        if int(pgrp) == leader and state not in "ZX" and int(path.parent.name) not in (leader, os.getpid()):
            out.append(f"{name} ({path.parent.name})")
    return out


GREETING = (hello, version, patient, ready)

TALK = (ping, unknown_message, error)

LEAVING = (welcome_fields, bye, exit_, lifeline, lifeline_early)
