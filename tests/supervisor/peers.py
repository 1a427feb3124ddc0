"""Workers that misbehave, as programs: each speaks just enough of the protocol to do its harm. Not a test."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec
import zmq

MAGIC = b"ARENA/1"
pack = msgspec.msgpack.encode


class Peer:
    def __init__(self) -> None:
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.connect(os.environ["ARENA_ADDRESS"])

    def send(self, magic: bytes = MAGIC, **message: object) -> None:
        self.socket.send_multipart([magic, pack(message)])

    def hello(self, **change: object) -> None:
        hello = {"token": os.environ["ARENA_TOKEN"], "major": 1, "minor": 0}
        self.send(type="hello", kind="toy", name="toy", version="1", **{**hello, **change})

    def next(self, *kinds: str) -> dict[str, object]:
        """The next message of one of these kinds; seats are taken and given back on the way."""
        while True:
            message = msgspec.msgpack.decode(self.socket.recv_multipart()[1])
            if message["type"] in kinds:
                return message
            reply = {"open": "opened", "end": "closed"}.get(message["type"])
            if reply is not None:
                self.send(type=reply, match=message["match"], seat=message["seat"])

    def ready(self) -> str:
        self.hello()
        session = self.next("welcome")["session"]
        self.send(type="status", state="ready")
        return str(session)

    def wait(self) -> None:
        """Do nothing any more, whatever is said."""
        while True:
            self.socket.recv_multipart()


def silent() -> None:
    Peer().wait()


def loads() -> None:
    """Says HELLO, and is never ready."""
    peer = Peer()
    peer.hello()
    peer.wait()


def progresses() -> None:
    """Says something new about how far it is, and is never ready."""
    peer = Peer()
    peer.hello()
    peer.next("welcome")
    for number in itertools.count():
        peer.send(type="status", state="loading", text=f"step {number}")
        peer.socket.poll(50)


def looks_away() -> None:
    """Shows matches to people, it says, and reads nothing any more."""
    peer = Peer()
    peer.hello(capabilities=["watch"])
    peer.next("welcome")
    peer.send(type="status", state="ready")
    signal.pause()


def closes_its_eyes() -> None:
    """Shows matches to people, it says, closes its connection at the first of them, and lives on."""
    peer = Peer()
    peer.hello(capabilities=["watch"])
    peer.next("welcome")
    peer.send(type="status", state="ready")
    peer.next("watch")
    peer.socket.close(linger=0)
    signal.pause()


def at_start() -> None:
    print("cannot find my weights", flush=True)
    sys.exit(7)


def rubbish() -> None:
    peer = Peer()
    peer.socket.send_multipart([b"\x00\xff rubbish", b"\xc1"])
    peer.wait()


def rubbish_later() -> None:
    peer = Peer()
    peer.ready()
    peer.next("act")
    peer.socket.send_multipart([MAGIC, b"\xc1\xc1"])
    peer.wait()


def other_version() -> None:
    peer = Peer()
    peer.send(b"ARENA/2", type="hello")
    peer.wait()


def other_major() -> None:
    peer = Peer()
    peer.hello(major=2)
    peer.wait()


def wrong_token() -> None:
    peer = Peer()
    peer.hello(token="guessed")
    peer.wait()


def no_hello() -> None:
    peer = Peer()
    peer.send(type="status", state="ready")
    peer.wait()


def twice() -> None:
    peer = Peer()
    peer.hello()
    peer.next("welcome")
    peer.hello()
    peer.wait()


def refuses() -> None:
    peer = Peer()
    peer.hello()
    peer.next("welcome")
    peer.send(type="error", code="refused", text="no weights at a.zip")


def steers_the_terminal() -> None:
    peer = Peer()
    peer.hello()
    peer.next("welcome")
    peer.send(type="error", code="failed", text="\x1b[2J \x9b31m \x00 \u202e gone")


def refuses_and_stays() -> None:
    peer = Peer()
    peer.hello()
    peer.next("welcome")
    peer.send(type="error", code="refused", text="no weights at a.zip")
    peer.wait()


def unknown_message() -> None:
    """Says something of a later version, is told so, and goes on."""
    peer = Peer()
    peer.ready()
    peer.send(type="rewind")
    error = peer.next("error")
    peer.send(type="status", state="loading", text=str(error["code"]))
    peer.wait()


def chatty() -> None:
    """Pings the arena and is answered."""
    peer = Peer()
    peer.ready()
    peer.send(type="ping", n=5)
    peer.send(type="status", state="loading", text=f"pong {peer.next('pong')['n']}")
    peer.wait()


def deaf() -> None:
    """Reads nothing once it is ready."""
    peer = Peer()
    peer.ready()
    signal.pause()


def flood() -> None:
    """Never stops talking."""
    peer = Peer()
    peer.ready()
    while True:
        peer.send(type="status", state="loading", text="x" * 100)


def deserter() -> None:
    """Closes its connection when it is asked, but goes on running."""
    peer = Peer()
    peer.ready()
    peer.next("act")
    peer.socket.setsockopt(zmq.LINGER, 0)
    peer.socket.close()
    while True:
        time.sleep(3600)


def stubborn() -> None:
    """Ignores SHUTDOWN and SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    peer = Peer()
    peer.ready()
    peer.wait()


def answers_of(act: dict[str, object]) -> list[dict[str, object]]:
    """The right answers to an ACT: the first legal action of each item."""
    echo = ("id", "match", "seat", "tick")
    return [
        {**{name: item[name] for name in echo}, "decision": {"answer": item["observation"]["legal"][0]}}
        for item in act["requests"]  # type: ignore[attr-defined]
    ]


def play(*lies: Callable[[dict[str, object]], dict[str, object]], **hello: object) -> None:
    """Plays well, but each ACTION is sent once for each of `lies`, changed by it."""
    peer = Peer()
    peer.hello(**hello)
    session = peer.next("welcome")["session"]
    peer.send(type="status", state="ready")
    while True:
        message = peer.next("act", "shutdown")
        if message["type"] == "shutdown":
            peer.send(type="bye")
            peer.socket.close(linger=1000)
            return
        for lie in lies:
            peer.send(**lie({"type": "action", "session": session, "answers": answers_of(message)}))


def honest(action: dict[str, object]) -> dict[str, object]:
    return action


def changed(**change: object) -> Callable[[dict[str, object]], dict[str, object]]:
    """Changes every answer of an ACTION."""
    return lambda action: {**action, "answers": [{**answer, **change} for answer in action["answers"]]}  # type: ignore[attr-defined]


def says_it_twice() -> None:
    play(honest, honest)


def lies_first() -> None:
    """Before each right answer come wrong ones, of every sort that names nothing that was asked."""
    play(
        changed(id=10**9),
        changed(match=10**6),
        changed(seat=7),
        changed(tick=77),
        changed(attempt=5),
        lambda action: {**action, "session": "guessed"},
        honest,
    )


def other_ids() -> None:
    play(changed(id=10**9))


def wrong_type() -> None:
    play(changed(decision={"answer": [1, 2, 3]}))


def illegal_number() -> None:
    play(changed(decision={"answer": 10**6}))


def endless_text() -> None:
    play(changed(decision={"answer": "zero " * 1_000_000, "thought": "hm " * 1_000_000}))


def oversized() -> None:
    """One frame over the limit."""
    play(changed(decision={"answer": 0, "raw": "x" * (65 * 1024 * 1024)}))


def slow_once() -> None:
    """Is so slow with its first answer that it is cancelled, and gives it then; from then on it answers at once."""
    peer = Peer()
    session = peer.ready()
    first = peer.next("act")
    peer.next("cancel")
    peer.send(type="action", session=session, answers=answers_of(first))
    while (message := peer.next("act", "shutdown"))["type"] == "act":
        peer.send(type="action", session=session, answers=answers_of(message))
    peer.send(type="bye")
    peer.socket.close(linger=1000)


def minor_zero() -> None:
    play(honest, minor=0)


def minor_later() -> None:
    play(honest, minor=99, capabilities=["time travel"], colour="unknown fields are ignored")


def parent() -> None:
    """Has a child of its own, and both ignore SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    peer = Peer()
    peer.ready()
    peer.send(type="status", state="loading", text=str(child.pid))
    peer.wait()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
