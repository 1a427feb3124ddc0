"""Frames over a socket: as they were sent, and nothing that a worker could write into."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from arena.protocol import transport

SIZES = [0, 1] + [edge + more for edge in (transport.ZERO_COPY, transport.LENT) for more in (-1, 0, 1)]
Pair = tuple["zmq.Socket[bytes]", "zmq.Socket[bytes]"]


@pytest.fixture
def pair() -> Iterator[Pair]:
    context = zmq.Context()
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    left.bind("inproc://pair")
    right.connect("inproc://pair")
    yield left, right
    context.destroy(linger=0)


def test_frames_of_any_size_arrive_as_they_were(pair: Pair) -> None:
    left, right = pair
    frames = [bytes([size % 251]) * size for size in SIZES]
    transport.send(left, frames)
    transport.send(left, [memoryview(frame) for frame in reversed(frames)])
    assert [bytes(frame) for frame in transport.receive(right) or ()] == frames
    assert [bytes(frame) for frame in transport.receive(right, wait=True) or ()] == frames[::-1]
    assert transport.receive(right) is None


@pytest.mark.parametrize("size", SIZES)
def test_what_arrives_is_read_only(pair: Pair, size: int) -> None:
    left, right = pair
    transport.send(left, [bytes(size)])
    (frame,) = transport.receive(right) or ()
    assert memoryview(frame).readonly


def test_a_full_queue_is_said_and_not_waited_for(pair: Pair) -> None:
    def fill() -> None:
        for _ in range(100_000):
            transport.send(pair[0], [b"x", b"y"])

    with pytest.raises(zmq.Again):
        fill()


@pytest.fixture
def world(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The time, and how often a core was yielded, which takes two milliseconds; a message is there when it `comes`."""
    now = {"time": 0.0, "yields": 0, "comes": 0.0}

    def pass_by() -> None:
        now["yields"] += 1
        now["time"] += 0.002
        if now["time"] >= now["comes"]:
            transport.send(pair[0], [b"late"])
            now["comes"] = float("inf")

    monkeypatch.setattr(transport.time, "monotonic", lambda: now["time"])
    monkeypatch.setattr(transport.os, "sched_yield", pass_by)
    monkeypatch.setattr(transport.os, "sched_getaffinity", lambda pid: {0, 1})
    return now


def waiter_of(pair: Pair) -> transport.Waiter:
    out = transport.Waiter(pair[1])
    transport.send(pair[0], [b"at once"])
    assert out.receive() == [b"at once"]  # so the next may come soon as well
    return out


def test_who_was_answered_soon_waits_awake(pair: Pair, world: dict[str, float]) -> None:
    waiter = waiter_of(pair)
    assert world["yields"] == 0
    world["comes"] = 0.002
    assert waiter.receive() == [b"late"]
    assert world["yields"] == 1


def sleeps(pair: Pair, world: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a message comes a second after whoever waits has fallen asleep."""
    asleep = transport.receive

    def slept(socket: zmq.Socket[bytes], wait: bool = False) -> object:
        world["time"] += 1
        transport.send(pair[0], [b"in the end"])
        return asleep(socket, wait)

    world["comes"] = float("inf")
    monkeypatch.setattr(transport, "receive", slept)


def test_who_waits_longer_sleeps_and_does_not_begin_again_awake(
    pair: Pair, world: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiter = waiter_of(pair)
    sleeps(pair, world, monkeypatch)
    for _ in range(3):
        assert waiter.receive() == [b"in the end"]
        assert world["yields"] == 2  # of the first time


@pytest.mark.parametrize("lacks", ["cores", "a way to say how many"])
def test_a_process_without_room_never_waits_awake(
    pair: Pair, world: dict[str, float], monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    if lacks == "cores":
        monkeypatch.setattr(transport.os, "sched_getaffinity", lambda pid: {1})
    else:
        monkeypatch.delattr(transport.os, "sched_getaffinity")
    waiter = waiter_of(pair)
    sleeps(pair, world, monkeypatch)
    assert waiter.receive() == [b"in the end"]
    assert world["yields"] == 0
