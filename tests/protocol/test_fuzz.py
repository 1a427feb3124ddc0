"""The byte fuzzer: 100,000 damaged messages, and what stands behind the codec under well-formed nonsense.

Seeded, so that a failure can be repeated. Whatever is received: a ProtocolError, or a message that does no harm.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from arena.channel import Event, Received
from arena.errors import ProtocolError
from arena.game import Observation, Views
from arena.host import Host
from arena.host_games import GameHost
from arena.operator import Request
from arena.protocol import codec
from arena.protocol import messages as m
from tests.protocol.samples import ALL, CARD, DECODE, TO_ARENA, TO_WORKER, frames_of
from tests.toys import Good
from tests.workers_kit import FakeWorkers, Play, plan

ROUNDS = 100_000
NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 65535, 2**31, 2**32 - 1, 2**53, 2**63 - 1, -(2**63))
BYTES = bytes(
    (0x00, 0x80, 0x90, 0xA0, 0xC0, 0xC1, 0xC4, 0xC6, 0xC7, 0xCB, 0xCF, 0xD9, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xFF)
)


def damaged(frames: list[bytes], chance: random.Random) -> list[bytes]:
    """The frames with one to four bytes changed, cut, doubled or put in; sometimes a frame is lost or repeated."""
    out = [bytearray(frame) for frame in frames]
    for _ in range(chance.randint(1, 4)):
        frame = out[chance.randrange(len(out))]
        at = chance.randrange(len(frame) + 1)
        match chance.randrange(6):
            case 0 if at < len(frame):
                frame[at] = chance.randrange(256)
            case 1 if at < len(frame):
                frame[at] = chance.choice(BYTES)
            case 2:
                frame[at:at] = bytes(chance.choice(BYTES) for _ in range(chance.randint(1, 5)))
            case 3:
                del frame[at : at + chance.randint(1, 9)]
            case 4:
                frame += frame[at:]
            case _ if len(out) > 1:
                out.insert(chance.randrange(len(out)), bytearray(out.pop(chance.randrange(len(out)))))
    return [bytes(frame) for frame in out]


@pytest.mark.parametrize("part", range(4))
def test_100000_damaged_messages_only_ever_raise_a_protocol_error(part: int) -> None:
    chance = random.Random(part)
    samples = {which: frames_of(*which) for which in ALL}
    refused = 0
    for _ in range(ROUNDS // 4):
        which = chance.choice(ALL)
        try:
            DECODE[which[0]](damaged(samples[which], chance))
        except ProtocolError:
            refused += 1
    assert ROUNDS // 8 < refused < ROUNDS // 4  # it does harm, and not only to the first frame


# --- hosts ----------------------------------------------------------------------------------------------------------


def nonsense(samples: dict[str, Any], side: str, chance: random.Random) -> Any:
    """A well-formed message with numbers of another world."""

    def change(value: object) -> object:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return chance.choice(NUMBERS) if chance.random() < 0.3 else value
        if isinstance(value, list):
            return [change(one) for one in value]
        if isinstance(value, dict):
            return {name: change(one) for name, one in value.items()}
        return value

    magic, header, *buffers = codec.encode(samples[chance.choice(sorted(samples))])
    while True:
        plain = {name: change(value) for name, value in msgspec.msgpack.decode(header).items()}
        with contextlib.suppress(ProtocolError):
            return DECODE[side]([magic, msgspec.msgpack.encode(plain), *buffers])


QUIET = ("welcome", "shutdown", "error", "ping", "pong")  # these end a host or say nothing


def test_an_operators_host_still_answers_after_any_nonsense() -> None:
    chance, said = random.Random(1), []
    host = Host(lambda context: Good(), said.append)
    host.receive(m.Welcome(session="s", minor=1))
    host.work()
    samples = {name: sample for name, sample in TO_WORKER.items() if name not in QUIET}
    for i in range(3000):
        try:
            host.receive(nonsense(samples, "worker", chance))
            host.work()
        except ProtocolError:
            pass
        where = {"match": 10**6 + i, "seat": 0}
        host.receive(m.OpenSeat(**where, operator="x", card=CARD, views=Views(), seed=bytes(16)))
        host.receive(m.Act(requests=[Request(id=10**9 + i, tick=0, observation=Observation(legal=(1,)), **where)]))
        said.clear()
        host.work()
        answers = [one for message in said if isinstance(message, m.Action) for one in message.answers]
        assert [one.decision.answer for one in answers if one.id == 10**9 + i and one.decision] == [1]
        host.receive(m.End(**where, outcome=TO_WORKER["end"].outcome))  # type: ignore[union-attr]


def test_a_game_host_still_plays_after_any_nonsense() -> None:
    chance, said = random.Random(2), []
    host = GameHost(said.append)
    host.receive(m.Welcome(session="s", minor=1))
    samples = {name: sample for name, sample in TO_WORKER.items() if name not in QUIET}
    for i in range(300):
        for _ in range(10):
            with contextlib.suppress(ProtocolError):
                host.receive(nonsense(samples, "worker", chance))
        said.clear()
        host.receive(
            m.OpenGame(id=i, match=10**6, game="kuhn", seats=2, options={}, views=[Views()] * 2, seed=bytes(16))
        )
        host.work()
        assert [one.time_step.result.due for one in said if isinstance(one, m.Stepped) and one.match == 10**6] == [(0,)]


# --- the arena ------------------------------------------------------------------------------------------------------


def test_no_nonsense_of_a_worker_changes_the_log(play: Callable[..., Play], tmp_path: Path) -> None:
    chance = random.Random(3)
    samples = {name: sample for name, sample in TO_ARENA.items() if name not in ("error", "hello", "bye")}

    def script(workers: FakeWorkers) -> list[Event]:
        events: list[Event] = [
            Received(chance.choice(workers.channels), nonsense(samples, "arena", chance)) for _ in range(50)
        ]
        return [*events, *workers.pay()]

    run = play(plan(), script)
    assert run.scheduler.dropped > 100
    assert run.log == play(plan()).log
