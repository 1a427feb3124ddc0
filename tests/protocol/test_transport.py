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
