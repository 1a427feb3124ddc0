"""The arena's end of the wire against real ZeroMQ sockets, raw sockets, and whoever means no good."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.codec import Frame
from arena.supervisor import connection as connection_module
from arena.supervisor import listener as listener_module
from arena.supervisor.connection import Connection, FullError, GoneError
from arena.supervisor.listener import Arrival, Broken, Listener, Message, Rejected

TOKEN = "0123456789abcdef"
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def door(sockets: Path) -> Iterator[Listener]:
    out = Listener(str(sockets / "s"))
    out.expect(TOKEN)
    yield out
    out.close()


@pytest.fixture
def dealer() -> Iterator[Callable[..., zmq.Socket[bytes]]]:
    with zmq.Context() as context:
        made: list[zmq.Socket[bytes]] = []

        def make(door: Listener, kind: int = zmq.DEALER, **options: object) -> zmq.Socket[bytes]:
            out = context.socket(kind)
            out.setsockopt(zmq.LINGER, 0)
            for name, value in options.items():
                out.setsockopt(getattr(zmq, name), value)
            out.connect(door.address)
            made.append(out)
            return out

        yield make
        for one in made:
            one.close(linger=0)


def hello(token: str = TOKEN, **more: object) -> list[Frame]:
    facts = {"major": 1, "minor": 3, "kind": "toy", "name": "toy", "version": "1"}
    return codec.encode(m.Hello(token=token, **{**facts, **more}))  # type: ignore[arg-type]


def come(door: Listener, number: int = 1) -> list[Arrival]:
    """The next so many arrivals."""
    out: list[Arrival] = []
    while len(out) < number:
        out += door.receive(60)
    return out


def greeted(door: Listener, socket: zmq.Socket[bytes]) -> None:
    socket.send_multipart(hello())
    assert isinstance(come(door)[0], Message)


# --- who is who ------------------------------------------------------------------------------------------------------


def test_a_worker_is_known_by_its_token_whatever_it_calls_itself(door: Listener, dealer) -> None:  # type: ignore[no-untyped-def]
    for name in (b"", b"w1", b"w1"):  # the routing id of ZeroMQ means nothing, not even twice the same
        token = os.urandom(8).hex()
        door.expect(token)
        worker = dealer(door, **({"ROUTING_ID": name} if name else {}))
        worker.send_multipart(hello(token))
        said = come(door)[0]
        assert isinstance(said, Message)
        assert said.token == token
        door.send(token, [b"ARENA/1", b"for you"])
        assert worker.recv_multipart() == [b"ARENA/1", b"for you"]


@pytest.mark.parametrize(
    ("frames", "why", "code"),
    [
        (hello("guessed"), "gave a wrong token", "token"),
        (codec.encode(m.Status(state="ready")), "sent STATUS before HELLO", "unexpected"),
        ([b"ARENA/1", b"\xc1"], "broke the protocol: a header that does not decode", "malformed"),
        ([b"ARENA/2", b"\x80"], "broke the protocol: the first frame is b'ARENA/2'", "version"),
        ([b"ARENA/1", b"x" * 70000], "broke the protocol: a message of 70,007 bytes in 2 frames", "malformed"),
    ],
)
def test_a_stranger_is_told_and_let_go_and_harms_nobody(
    door: Listener,
    dealer,  # type: ignore[no-untyped-def]
    frames: list[Frame],
    why: str,
    code: str,
) -> None:
    worker, stranger = dealer(door), dealer(door)
    greeted(door, worker)
    stranger.send_multipart(frames)
    turned = come(door)[0]
    assert isinstance(turned, Rejected)
    assert turned.why.startswith(why)
    assert turned.group == os.getpgrp()  # as the kernel says
    error = codec.decode_to_worker(stranger.recv_multipart())
    assert isinstance(error, m.Error)
    assert error.code == code
    assert why.removeprefix("broke the protocol: ") in error.text
    worker.send_multipart([b"ARENA/1", b"still here"])
    assert come(door) == [Message(TOKEN, [b"ARENA/1", b"still here"])]


def test_a_token_is_good_once(door: Listener, dealer) -> None:  # type: ignore[no-untyped-def]
    worker, copy = dealer(door), dealer(door)
    greeted(door, worker)
    copy.send_multipart(hello())
    assert [turned.why for turned in come(door)] == ["gave a token twice"]  # type: ignore[union-attr]
    door.send(TOKEN, [b"x"])
    assert worker.recv_multipart() == [b"x"]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (zmq.REQ, "its socket is a REQ: expected DEALER"),
        (zmq.SUB, "its socket is a SUB: expected DEALER"),
    ],
)
def test_a_socket_of_another_kind_is_named(door: Listener, dealer, kind: int, why: str) -> None:  # type: ignore[no-untyped-def]
    dealer(door, kind)
    turned = come(door)[0]
    assert isinstance(turned, Rejected)
    assert why in turned.why


def test_what_is_no_zeromq_at_all_is_named(door: Listener) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(door.address.removeprefix("ipc://"))
        client.sendall(b"GET / HTTP/1.1\r\nHost: arena\r\n\r\n")
        turned = come(door)[0]
    assert isinstance(turned, Rejected)
    assert "its first bytes are b'GET / HTTP/1.1" in turned.why


# --- how much --------------------------------------------------------------------------------------------------------


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


def test_a_thousand_connections_are_not_held(door: Listener) -> None:
    path = door.address.removeprefix("ipc://")
    before = open_files()
    code = (
        f"import socket\nheld = []\nfor _ in range(1100):\n  s = socket.socket(socket.AF_UNIX)\n  s.connect({path!r})\n"
        "  held.append(s)\nprint('done', flush=True)\ninput()"
    )
    crowd = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert crowd.stdout is not None
    turned: list[Arrival] = []
    os.set_blocking(crowd.stdout.fileno(), False)
    while not crowd.stdout.read():
        turned += door.receive(0.01)
        assert open_files() - before <= 2 * listener_module.EACH
    turned += door.receive()
    crowd.communicate(b"\n")
    assert {(t.group, t.why) for t in turned} == {  # type: ignore[union-attr]
        (crowd.pid, "opened more than 8 connections at once: one is what it needs")
    }
    assert len(turned) == 1100 - listener_module.EACH


def test_at_the_limit_of_open_files_the_arena_lives(door: Listener, dealer, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Where nobody can say whose connections they are."""
    monkeypatch.setattr(listener_module, "_group", lambda pid: None)
    worker = dealer(door)
    greeted(door, worker)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(60)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 20, hard))
    try:
        for one in crowd:
            one.connect(door.address.removeprefix("ipc://"))
        for _ in range(10):
            assert door.receive() == []
        door.send(TOKEN, [b"still here"])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in crowd:
            one.close()
    assert worker.recv_multipart() == [b"still here"]


def test_who_does_not_say_hello_makes_room_for_who_does(
    door: Listener,
    dealer,  # type: ignore[no-untyped-def]
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener_module, "UNIDENTIFIED", 3)
    silent = [socket.socket(socket.AF_UNIX) for _ in range(5)]
    for one in silent:
        one.connect(door.address.removeprefix("ipc://"))
    greeted(door, dealer(door))
    for one in silent:
        one.close()


@pytest.mark.parametrize(
    ("limits", "frames", "why"),
    [
        ((100, 10), [bytes(101)], "a message of 101 bytes; the limit is 100"),
        ((100, 10), [bytes(60), bytes(60)], "a message of 120 bytes in 2 frames so far; the limit is 100"),
        ((100, 3), [b"", b"", b"", b""], "a message of more than 3 frames, which is the limit"),
        ((2**26, 10), [bytes(2**26 + 1)], "a message of 67,108,865 bytes; the limit is 67,108,864"),
    ],
)
def test_a_message_over_a_limit_is_refused_before_it_is_kept(
    door: Listener,
    dealer,  # type: ignore[no-untyped-def]
    limits: tuple[int, int],
    frames: list[bytes],
    why: str,
) -> None:
    worker = dealer(door)
    greeted(door, worker)
    (connection,) = door._tokens
    connection.most_bytes, connection.most_frames = limits
    worker.send_multipart(frames)
    assert come(door) == [Broken(TOKEN, f"broke the protocol: {why}")]
    assert sum(map(len, connection._frames)) <= limits[0]
    assert connection._large is None


def test_large_messages_pass_in_both_directions(door: Listener, dealer) -> None:  # type: ignore[no-untyped-def]
    worker = dealer(door)
    greeted(door, worker)
    sizes = (0, 255, 256, 65535, 65536, 70000, 3_000_000)
    frames = [os.urandom(size) for size in sizes]
    worker.send_multipart(frames)
    said = come(door)[0]
    assert isinstance(said, Message)
    assert [bytes(frame) for frame in said.frames] == frames
    door.send(TOKEN, said.frames)
    while not worker.poll(10):
        door.receive(0.01)
    assert worker.recv_multipart() == frames


def test_a_peer_that_does_not_read_fills_its_queue(door: Listener) -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours, 100, 10)
    while connection._waiting < connection_module.QUEUE:
        connection.send([bytes(1000)])
    with pytest.raises(FullError):
        connection.send([b""])
    theirs.close()
    with pytest.raises(GoneError):
        connection.flush()
    connection.close()


def test_zeromqs_own_heartbeats_are_answered(door: Listener, dealer) -> None:  # type: ignore[no-untyped-def]
    worker = dealer(door, HEARTBEAT_IVL=10, HEARTBEAT_TIMEOUT=60_000)
    greeted(door, worker)
    (connection,) = door._tokens
    pongs: list[bytes] = []
    on_command = connection._on_command
    connection._on_command = lambda command: (pongs.append(command), on_command(command))  # type: ignore[method-assign,assignment]
    while len(pongs) < 3:
        door.receive(0.05)
    assert all(command.startswith(b"\x04PING") for command in pongs)
    door.send(TOKEN, [b"still here"])
    assert worker.recv_multipart() == [b"still here"]


# --- bytes -----------------------------------------------------------------------------------------------------------

READY = b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"


def stream(messages: list[list[bytes]]) -> bytes:
    """What a DEALER sends, byte for byte."""
    out = bytearray(connection_module._GREETING + READY)
    for frames in messages:
        for index, frame in enumerate(frames):
            more = index < len(frames) - 1
            long = len(frame) > 255
            out += bytes((more | 2 * long,)) + len(frame).to_bytes(8 if long else 1, "big") + frame
    return bytes(out)


frames_of = st.lists(st.binary(max_size=20) | st.integers(0, 1000).map(bytes), min_size=1, max_size=5)


@settings(max_examples=100, deadline=None)
@given(st.lists(frames_of, max_size=5), st.lists(st.integers(1, 2000), max_size=20))
def test_messages_are_the_same_wherever_the_bytes_are_cut(messages: list[list[bytes]], cuts: list[int]) -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours, 10**6, 100)
    data, out = stream(messages), []
    for cut in [*cuts, len(data)]:
        theirs.sendall(data[:cut])
        data = data[cut:]
        out += connection.receive()
    assert out == messages
    connection.close()
    theirs.close()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_break_more_than_their_own_connection(garbage: bytes, greeted: bool) -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours, 1000, 10)
    theirs.sendall((stream([]) if greeted else b"") + garbage)
    theirs.shutdown(socket.SHUT_WR)
    try:
        while True:
            connection.receive()
    except (GoneError, codec.ProtocolError):
        pass
    connection.close()
    theirs.close()
