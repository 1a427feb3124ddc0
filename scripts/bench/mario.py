"""Mario's frames/s through game host and wire, as a ratio to the bare emulator in the same run.

    python scripts/bench/mario.py [--lanes 1,2,4] [--rounds 5] [--ticks 100] [--json FILE]

ours: N lanes of mario:1-1 in one game host, a decision every 8 frames, every lane's 84x84x4 grey stack sent to a worker
      that answers at once; through Match, Scheduler and Channel, log off.
train: the same lanes as a trainer plays them (arena/train/lane_hosts.py): N game hosts with a lane each, and who
      decides is in the process that asks. The host and the wire, without an operator's worker.
bare: N processes of the emulator alone, told to make as many frames with the same buttons (none) and to look at
      nothing.
step: N processes of the package's environment, `env.step` for every frame, as one would use it without the arena.
Rounds of all sides alternate, so that a busy machine disturbs them alike; medians of the rounds' ratios are reported.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from arena import plugins
from arena.game import Views
from arena.match import Match
from arena.observer import Observer
from arena.plan import Entry, Limits, Plan
from arena.scheduler import Scheduler
from arena.supervisor.crew import ProcessCrew
from arena.supervisor.hub import Hub
from arena.supervisor.runtime.use import interpreter
from arena.testing.noop import NOOP
from arena.train.lane_hosts import Hosts

SKIP = 8
RATIOS = (("to_bare", "ours", "bare"), ("to_step", "ours", "step"), ("train_to_bare", "train", "bare"))
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
        advance(0)
    print("done", flush=True)
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


def ours(crew: ProcessCrew, lineup: tuple[Entry, ...], ticks: int) -> float:
    """Frames/s of all lanes together, of one match."""
    cls = plugins.game_class(GAME)
    options = {"horizon": ticks, "stuck": 0, "skip": SKIP}
    options = cls(len(lineup), options).options
    plan = Plan(cls, GAME, options, lineup, seed=0, matches=1, limits=Limits(), runtime=cls.runtime)
    span = Span()
    Scheduler(plan, crew, observer=span).run()
    return len(lineup) * SKIP * span.ticks / (span.last - span.first)


class Trainer:
    """N lanes as `arena train ppo --option hosts=N` plays them."""

    def __init__(self, count: int) -> None:
        made = plugins.game_class(GAME)(1, {"horizon": 1_000_000, "stuck": 0, "skip": SKIP})
        self._place = Hosts(made, GAME, "mario", count)
        self._count = count

    def frames_a_second(self, ticks: int) -> float:
        """Frames of all lanes together."""
        self._place.begin({lane: bytes(16) for lane in range(self._count)})
        began = time.perf_counter()
        for _ in range(ticks):
            self._place.step(dict.fromkeys(range(self._count), 0))
        return self._count * SKIP * ticks / (time.perf_counter() - began)

    def close(self) -> None:
        """End the hosts."""
        self._place.close()


def bench(hub: Hub, count: int, rounds: int, ticks: int) -> dict[str, float]:
    """The medians over rounds for `count` lanes."""
    views = Views(vector=True)
    lineup = tuple(Entry(f"noop#{i}", NOOP, "", {"i": 0}, "noop", views) for i in range(count))
    crew = ProcessCrew(hub, lineup, "mario")
    while not all(channel.ready for channel in crew.channels):
        crew.poll(None)
    others = {how: Alone(how, count) for how in ("bare", "step")}
    trainer = Trainer(count)
    ours(crew, lineup, 10)
    found: dict[str, list[float]] = {"ours": [], "train": [], "bare": [], "step": []}
    for number in range(rounds + 1):
        took = {"ours": ours(crew, lineup, ticks), "train": trainer.frames_a_second(ticks)}
        took |= {how: other.frames_a_second(ticks * SKIP) for how, other in others.items()}
        if number:  # the first round warms up
            for how, rate in took.items():
                found[how].append(rate)
    for other in (trainer, *others.values()):
        other.close()
    out: dict[str, float] = {"lanes": count}
    for how, rates in found.items():
        out[how] = round(statistics.median(rates), 1)
    for name, mine, how in RATIOS:
        ratios = [one / other for one, other in zip(found[mine], found[how], strict=True)]
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
    print("frames/s    ours   train    bare    step   ours to bare (lowest to highest), ours to step, train to bare")
    for count in map(int, given.lanes.split(",")):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            hub = Hub(Path(folder))
            try:
                one = bench(hub, count, given.rounds, given.ticks)
            finally:
                hub.close()
        found.append(one)
        rates = "".join(f"{one[how]:8.1f}" for how in ("ours", "train", "bare", "step"))
        ratios = "".join(
            f"   {one[name]:.3f} ({one[f'{name}_low']:.3f} to {one[f'{name}_high']:.3f})" for name, *_ in RATIOS
        )
        print(f"{count:2} lanes {rates}{ratios.rstrip()}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
