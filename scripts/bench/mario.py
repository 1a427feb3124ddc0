"""Mario's frames/s through game host and wire, as a ratio to the bare emulator and to raw ZeroMQ in the same run.

    python scripts/bench/mario.py [--lanes 1,2,4] [--rounds 5] [--ticks 100] [--json FILE]

ours: N lanes of mario:1-1 in one game host, a decision every 8 frames, every lane's 84x84x4 grey stack sent to a worker
      that answers at once; through Match, Scheduler and Channel, log off.
train: the same lanes as a trainer plays them (arena/train/backend.py): N game hosts with a lane each, and who
      decides is in the process that asks. The host and the wire, without an operator's worker.
bare: N processes of the emulator alone, told to make as many frames with the same buttons (none) and to look at
      nothing.
step: N processes of the package's environment, `env.step` for every frame, as one would use it without the arena.
wire: one bare emulator whose every 8 frames are followed by what `ours` sends then, by raw ZeroMQ: the same 84x84x4
      grey stack, made by Pillow, to a ROUTER, on to a process that answers, and back twice: what three processes
      cost without any of our code.
blank: `wire` with as many zero bytes in place of the stack: what the transport alone costs.
Rounds of all sides alternate, so that a busy machine disturbs them alike; medians of the rounds' ratios are reported.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import zmq

from arena import plugins
from arena.evaluate.schedules import one_table
from arena.game import Views
from arena.match import Match
from arena.observer import Observer
from arena.plan import Entry
from arena.scheduler import Scheduler
from arena.supervisor.hub import Hub
from arena.supervisor.runtime.use import interpreter
from arena.supervisor.worker_pool import ProcessWorkers
from arena.testing.noop import NOOP
from arena.train.backend import HostedBackend

SKIP = 8
SIDES = ("ours", "train", "bare", "step", "wire", "blank")
RATIOS = (
    ("to_bare", "ours", "bare"),
    ("to_wire", "ours", "wire"),
    ("to_blank", "ours", "blank"),
    ("to_step", "ours", "step"),
    ("train_to_bare", "train", "bare"),
    ("wire_to_bare", "wire", "bare"),
)
GAME = "mario:1-1"
ALONE = """
import sys
import gym_super_mario_bros
env = gym_super_mario_bros.make("SuperMarioBros-1-1-v0").unwrapped
env.reset()
advance = env.step if sys.argv[1] == "step" else env._frame_advance
print("ready", flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        if sys.argv[1] == "step" and env.done:  # who stands still runs out of time
            env.reset()
        advance(0)
    print("done", flush=True)
"""
EMULATOR = """
import sys
import gym_super_mario_bros, numpy, zmq
from PIL import Image
env = gym_super_mario_bros.make("SuperMarioBros-1-1-v0").unwrapped
env.reset()
socket = zmq.Context().socket(zmq.DEALER)
socket.setsockopt(zmq.ROUTING_ID, b"emulator")
socket.connect(sys.argv[1])
socket.send(b"hello")
head, stack = bytes(300), numpy.zeros((84, 84, 4), numpy.uint8)
while socket.recv_multipart()[0] != b"end":
    for _ in range(int(sys.argv[2])):
        env._frame_advance(0)
    if sys.argv[3] == "seen":
        grey = Image.fromarray(env.screen).convert("L").resize((84, 84), Image.Resampling.BOX)
        stack = numpy.concatenate((stack[..., 1:], numpy.asarray(grey)[..., None]), axis=2)
    socket.send_multipart([b"ARENA/1", head, stack])
"""
ANSWERER = """
import sys, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.setsockopt(zmq.ROUTING_ID, b"answerer")
socket.connect(sys.argv[1])
socket.send(b"hello")
while socket.recv_multipart()[0] != b"end":
    socket.send_multipart([b"ARENA/1", bytes(150)])
"""


class Span(Observer):
    """Seconds from the first tick of a match to its last, and the number of ticks between."""

    def __init__(self) -> None:
        self.first = self.last = 0.0
        self.ticks = -1

    def ticked(self, match: Match) -> None:
        self.last = time.perf_counter()
        self.first = self.first or self.last
        self.ticks += 1


class Alone:
    """N emulators without the arena, a process each."""

    def __init__(self, how: str, count: int) -> None:
        """`how`: "bare" or "step"."""
        command = [str(interpreter("mario")), "-P", "-c", ALONE, how]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
        ]
        self._heard()

    def _heard(self) -> None:
        for process in self._processes:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError(f"the bare emulator ended with code {process.wait()}")

    def frames_a_second(self, frames: int) -> float:
        """Frames of all of them together, each making `frames`."""
        began = time.perf_counter()
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{frames}\n")
            process.stdin.flush()
        self._heard()
        return len(self._processes) * frames / (time.perf_counter() - began)

    def close(self) -> None:
        """End them."""
        for process in self._processes:
            process.communicate()


class Wire:
    """A bare emulator behind raw ZeroMQ, and a process that answers to what it sends."""

    def __init__(self, folder: Path, what: str) -> None:
        """`what`: "seen" or "blank" bytes."""
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        address = f"ipc://{folder}/{what}"
        self._router.bind(address)
        self._processes = [
            subprocess.Popen([str(interpreter("mario")), "-P", "-c", EMULATOR, address, str(SKIP), what]),
            subprocess.Popen([sys.executable, "-P", "-c", ANSWERER, address]),
        ]
        for _ in self._processes:
            self._router.recv_multipart()

    def frames_a_second(self, ticks: int) -> float:
        """Frames of the one emulator."""
        began = time.perf_counter()
        for _ in range(ticks):
            self._router.send_multipart([b"emulator", b"ARENA/1", bytes(120)])
            made = self._router.recv_multipart()
            self._router.send_multipart([b"answerer", *made[1:]])
            self._router.recv_multipart()
        return SKIP * ticks / (time.perf_counter() - began)

    def close(self) -> None:
        """End both."""
        for name in (b"emulator", b"answerer"):
            self._router.send_multipart([name, b"end"])
        for process in self._processes:
            process.wait()
        self._context.destroy(linger=0)


def ours(workers: ProcessWorkers, lineup: tuple[Entry, ...], ticks: int) -> float:
    """Frames/s of all lanes together, of one match."""
    cls = plugins.game_class(GAME)
    options = {"horizon": ticks, "stuck": 0, "skip": SKIP}
    plan = one_table(cls(len(lineup), options), GAME, lineup, runtime=cls.runtime)
    span = Span()
    Scheduler(plan, workers, observer=span).run()
    return len(lineup) * SKIP * span.ticks / (span.last - span.first)


class Trainer:
    """N lanes as `arena train ppo --set hosts=N` plays them."""

    def __init__(self, count: int) -> None:
        cls, options = plugins.game_class(GAME), {"horizon": 1_000_000, "stuck": 0, "skip": SKIP}
        self._backend = HostedBackend([cls(1, options) for _ in range(count)], GAME, "mario", count)
        self._count = count

    def frames_a_second(self, ticks: int) -> float:
        """Frames of all lanes together."""
        matches = [self._backend.begin(lane, bytes(16), [Views(vector=True)]) for lane in range(self._count)]
        self._backend.wait()
        began = time.perf_counter()
        for _ in range(ticks):
            for match in matches:
                match.answer(0, 0)
            self._backend.wait()
        return self._count * SKIP * ticks / (time.perf_counter() - began)

    def close(self) -> None:
        """End the hosts."""
        self._backend.close()


def bench(hub: Hub, folder: Path, count: int, rounds: int, ticks: int) -> dict[str, float]:
    """The medians over rounds for `count` lanes; `wire` and `blank` for one lane only."""
    lineup = tuple(Entry(f"noop#{i}", NOOP, "", {"i": 0}, "noop", Views(vector=True)) for i in range(count))
    workers = ProcessWorkers(hub, lineup, ["mario"])
    while not all(channel.ready for channel in workers.channels):
        workers.poll(None)
    with ExitStack() as running:
        trainer = running.enter_context(closing(Trainer(count)))
        sides = {
            "ours": partial(ours, workers, lineup, ticks),
            "train": partial(trainer.frames_a_second, ticks),
        }
        for how in ("bare", "step"):
            sides[how] = partial(running.enter_context(closing(Alone(how, count))).frames_a_second, ticks * SKIP)
        if count == 1:
            for side, what in (("wire", "seen"), ("blank", "blank")):
                sides[side] = partial(running.enter_context(closing(Wire(folder, what))).frames_a_second, ticks)
        found: dict[str, list[float]] = {how: [] for how in sides}
        for _ in range(rounds + 1):
            for how, measured in sides.items():
                found[how].append(measured())
    return summary(count, {how: rates[1:] for how, rates in found.items()})  # the first round warms up


def summary(count: int, found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Medians of the rounds' rates and ratios, with the lowest and the highest ratio."""
    out: dict[str, float] = {
        "lanes": count,
        **{how: round(statistics.median(rates), 1) for how, rates in found.items()},
    }
    for name, mine, other in RATIOS:
        if mine in found and other in found:
            ratios = [one / another for one, another in zip(found[mine], found[other], strict=True)]
            out[name] = round(statistics.median(ratios), 3)
            out[f"{name}_low"], out[f"{name}_high"] = round(min(ratios), 3), round(max(ratios), 3)
    return out


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lanes", default="1,2,4")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ticks", type=int, default=100)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = []
    for count in map(int, given.lanes.split(",")):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            hub = Hub(Path(folder))
            try:
                one = bench(hub, Path(folder), count, given.rounds, given.ticks)
            finally:
                hub.close()
        found.append(one)
        print(f"{count} lanes, frames/s:", ", ".join(f"{how} {one[how]:,.0f}" for how in SIDES if how in one))
        for name, mine, how in RATIOS:
            if name in one:
                low, high = one[f"{name}_low"], one[f"{name}_high"]
                print(f"  {mine} to {how}: {one[name]:.2f} ({low:.2f} to {high:.2f})", flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
