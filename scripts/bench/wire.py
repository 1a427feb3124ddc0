"""What the arena adds to the wire, as ratios to raw ZeroMQ with the same messages in the same run.

    python scripts/bench/wire.py [--rounds 7] [--ticks 2000]

tick: p50 of a lockstep tick of two workers at a no-op game, through Match, Scheduler and Channel, log off, against
      the same frames sent over a bare ROUTER to two bare DEALER processes and back.
hosted: the same tick with the game in a game host, as a ratio to the tick with the game here.
seats: decisions/s of one worker that hosts 64 seats of a no-op operator, one ACT a round (wire and host).
Rounds of both sides alternate, so that a busy machine disturbs them alike; the median over rounds is reported.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zmq

from arena.canonical import key
from arena.channel import Received
from arena.evaluate.schedules import one_table
from arena.game import Observation, Views
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, OpenSeat, Request
from arena.plan import HERE, Entry
from arena.protocol import codec
from arena.protocol import messages as m
from arena.scheduler import Scheduler
from arena.supervisor.hub import Hub
from arena.supervisor.worker_pool import ProcessWorkers
from arena.testing import noop
from arena.testing.noop import NOOP, Noop

ECHO = """
import sys, zmq
s = zmq.Context().socket(zmq.DEALER)
s.setsockopt(zmq.ROUTING_ID, sys.argv[2].encode())
s.connect(sys.argv[1])
reply = bytes.fromhex(sys.argv[3])
s.send_multipart([b"hello"])
while True:
    frames = s.recv_multipart()
    if frames[0] == b"end":
        break
    s.send_multipart([b"ARENA/1", reply])
"""


class Clock(Observer):
    """The time between ticks, in seconds."""

    def __init__(self) -> None:
        self.ticks: list[float] = []
        self._last = time.perf_counter()

    def ticked(self, match: Match) -> None:
        now = time.perf_counter()
        self.ticks.append(now - self._last)
        self._last = now


def entries(count: int) -> tuple[Entry, ...]:
    """`count` no-op operators that share no worker."""
    return tuple(Entry(f"noop#{i}", NOOP, "", {"i": i}, "noop", Views()) for i in range(count))


def messages() -> tuple[bytes, bytes]:
    """The header of an ACT of one item and of its ACTION, as the arena writes them."""
    request = Request(id=1000, match=0, seat=1, tick=1000, observation=Observation(legal=(0,)))
    act = codec.encode(m.Act(requests=[request]))[1]
    answer = m.Answer(id=1000, match=0, seat=1, tick=1000, decision=Decision(answer=0))
    return bytes(act), bytes(codec.encode(m.Action(session="0" * 16, answers=[answer]))[1])


class Raw:
    """Two bare DEALER processes behind a bare ROUTER."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        address = f"ipc://{self._folder.name}/s"
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.bind(address)
        self._act, action = messages()
        self._names = [b"a", b"b"]
        self._processes = [
            subprocess.Popen([sys.executable, "-c", ECHO, address, name.decode(), action.hex()]) for name in self._names
        ]
        for _ in self._names:
            self._router.recv_multipart()

    def round(self, ticks: int) -> list[float]:
        out = []
        for _ in range(ticks):
            began = time.perf_counter()
            for name in self._names:
                self._router.send_multipart([name, b"ARENA/1", self._act])
            for _ in self._names:
                self._router.recv_multipart()
            out.append(time.perf_counter() - began)
        return out

    def close(self) -> None:
        for name in self._names:
            self._router.send_multipart([name, b"end"])
        for process in self._processes:
            process.wait()
        self._context.destroy(linger=0)
        self._folder.cleanup()


def wait_ready(workers: ProcessWorkers) -> None:
    while not all(channel.ready for channel in workers.channels):
        workers.poll(None)


def bench_tick(hub: Hub, rounds: int, ticks: int) -> dict[str, float]:
    lineup = entries(2)
    plan = one_table(Noop(2, {"ticks": ticks}), "noop", lineup)
    workers = ProcessWorkers(hub, lineup)
    wait_ready(workers)
    raw = Raw()
    ours, bare = [], []
    for _ in range(rounds):
        clock = Clock()
        Scheduler(plan, workers, observer=clock).run()
        ours.append(statistics.median(clock.ticks[ticks // 10 :]))
        bare.append(statistics.median(raw.round(ticks)[ticks // 10 :]))
    raw.close()
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    return {
        "tick_p50_us": round(statistics.median(ours) * 1e6, 1),
        "raw_zeromq_p50_us": round(statistics.median(bare) * 1e6, 1),
        "ratio": round(statistics.median(ratios), 2),
    }


def bench_hosted(hub: Hub, rounds: int, ticks: int) -> dict[str, float]:
    lineup = entries(2)
    name, game = f"{noop.__file__}:Noop", Noop(2, {"ticks": ticks})
    here = one_table(game, name, lineup), ProcessWorkers(hub, lineup)
    there = one_table(game, name, lineup, runtime=HERE), ProcessWorkers(hub, lineup, [HERE])
    for _, workers in (here, there):
        wait_ready(workers)
    times: dict[str, list[float]] = {"here": [], "there": []}
    for _ in range(rounds):
        for name, (plan, workers) in (("here", here), ("there", there)):
            clock = Clock()
            Scheduler(plan, workers, observer=clock).run()
            times[name].append(statistics.median(clock.ticks[ticks // 10 :]))
    ratios = [a / b for a, b in zip(times["there"], times["here"], strict=True)]
    return {
        "tick_p50_us": round(statistics.median(times["there"]) * 1e6, 1),
        "here_p50_us": round(statistics.median(times["here"]) * 1e6, 1),
        "ratio": round(statistics.median(ratios), 2),
    }


def bench_seats(hub: Hub, rounds: int, seats: int = 64, acts: int = 400) -> dict[str, float]:
    lineup = entries(1)
    workers = ProcessWorkers(hub, lineup)
    wait_ready(workers)
    channel = workers.channel(lineup[0])
    game = Noop(seats, {})
    card = game.card()
    for seat in range(seats):
        channel.send(OpenSeat(match=0, seat=seat, operator="noop", card=card, views=Views(), seed=key("bench", seat)))
    rates = []
    for _ in range(rounds):
        began = time.perf_counter()
        for tick in range(acts):
            ask(workers, channel, tick, seats)
        rates.append(seats * acts / (time.perf_counter() - began))
    return {"seats": seats, "decisions_per_s": round(statistics.median(rates))}


def ask(workers: ProcessWorkers, channel, tick: int, seats: int) -> None:  # type: ignore[no-untyped-def]
    """One ACT of all seats, until every item is answered."""
    observation = Observation(legal=(0,))
    requests = {i: Request(id=i, match=0, seat=i, tick=tick, observation=observation) for i in range(seats)}
    channel.send(m.Act(requests=list(requests.values())))
    while requests:
        for event in workers.poll(None):
            if isinstance(event, Received) and isinstance(event.message, m.Action):
                for answer in event.message.answers:
                    assert answer.decision is not None
                    assert requests.pop(answer.id).tick == answer.tick


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--ticks", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as logs:
        hub = Hub(Path(logs))
        try:
            result = {
                "tick": bench_tick(hub, options.rounds, options.ticks),
                "hosted": bench_hosted(hub, options.rounds, options.ticks),
                "seats": bench_seats(hub, options.rounds),
            }
        finally:
            hub.close()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
