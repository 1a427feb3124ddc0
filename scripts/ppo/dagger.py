"""Train the sidescroller's policy by DAgger: the student plays, and a search says what was good where it got.

    python scripts/ppo/dagger.py --out runs/dagger [--seed 1] [--resume]

In each round the policy of the round before plays levels of the train set (its actions mixed with the teacher's, of
which there are fewer each round), every state is labelled, and the network goes on learning from all labels so far
(Ross, Gordon and Bagnell 2011, algorithm 3.1). A label is the set of all actions that are good there, and the one that
the teacher takes. The course is measured on the validation set. A run that was stopped goes on with --resume from its
last round, with the same result.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

from arena.canonical import generator, key  # noqa: E402
from arena.train.checkpoint import restore, take, write  # noqa: E402
from arena.train.config import PpoConfig, config_for  # noqa: E402
from arena.train.folders import alone  # noqa: E402
from arena.train.nets import Cnn, sample  # noqa: E402
from arena.train.network import ActorCritic, from_numpy  # noqa: E402
from arena.train.policy import load_policy  # noqa: E402
from arena.train.ppo import make_network, write_policy  # noqa: E402
from arena.train.runs import cut_curve, find_checkpoint, settings, torch_threads, write_curve  # noqa: E402
from arena_games.lanes.game import STACK  # noqa: E402
from arena_games.lanes.moves import NAMES  # noqa: E402
from arena_games.lanes.views import Frame  # noqa: E402
from arena_games.sidescroller import search  # noqa: E402
from arena_games.sidescroller.lane import SideLane  # noqa: E402
from arena_games.sidescroller.level import HARDEST, Level, level  # noqa: E402
from arena_games.sidescroller.rules import SETS, Sidescroller  # noqa: E402

ACTIONS = len(NAMES)
COLUMNS = ("round", "labels", "teacher", "loss", "good", "matches", "distance", "cleared")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that decides the weights."""

    out: str
    begin: Sequence[str] = ()  # folders of earlier runs: the labels of all of them, and the policy of the last
    seed: int = 1
    resume: bool = False
    rounds: int = 6
    labels: int = 6_000  # of a round
    labelled: float = 0.5  # share of the states that are: neighbours are alike, and the search takes its time
    lanes: int = 15
    teacher: float = 0.25  # its share of the decisions in the first round,
    fall: float = 0.5  # which falls by this factor each round
    midway: float = 0.6  # how often a match begins somewhere on the way to the flag
    again: int = 4  # matches on each level
    batches: int = 350  # of a round
    batch: int = 256
    rate: float = 1e-3
    rate_final: float = 5e-5
    taste: float = 0.1  # weight of the teacher's own choice among the good ones
    shift: int = 1  # pixels by which pictures are moved at most
    channels: int = 16
    hidden: int = 256
    idle: int = 30  # decisions without getting further that end a match
    levels: int = 40  # of the validation set
    every: int = 2  # rounds between two measurements
    sharper: float = 2.0  # what logits are multiplied by when it plays, as the policy that ships does
    keep: int = 2


class Player:
    """A match in one lane, as the game's vector view shows it."""

    def __init__(self, made: Level, skipped: int = 0) -> None:
        self.lane = SideLane()
        self.lane.level = made
        self.lane.begin()
        self.idle = self.decisions = 0
        self._draw()
        self.stack = [self.frame] * STACK
        self.start = self.best = self.lane.now.x
        for at, action in enumerate(made.proof[:skipped]):
            self.lane.hold(search.BUTTONS[action], search.SKIP)
            if at >= skipped - STACK:
                self._see()
        self.best = self.lane.now.x

    def step(self, action: int) -> bool:
        """One decision; whether the match goes on."""
        self.lane.hold(search.BUTTONS[action], search.SKIP)
        self.decisions += 1
        now = self.lane.now
        self.idle = 0 if now.x > self.best else self.idle + 1
        self.best = max(self.best, now.x)
        self._see()
        return now.over is None

    def _see(self) -> None:
        self._draw()
        self.stack = [*self.stack[1:], self.frame]

    def _draw(self) -> None:
        self.frame = Frame(self.lane, self.lane.snapshot()).grey


class Labels:
    """All that was labelled: frames, stacks of them, the good actions, the teacher's."""

    def __init__(self, more: int, files: Sequence[Path] = ()) -> None:
        """Those of an earlier run, and room for more."""
        sizes = [[len(part["frames"]), len(part["first"])] for part in map(np.load, files)]
        frames, most = np.sum([*sizes, [3 * more, more]], axis=0)
        self.frames = np.zeros((frames, 84, 84), np.uint8)
        self.stacks = np.zeros((most, STACK), np.int32)
        self.good = np.zeros((most, ACTIONS), np.bool_)
        self.first = np.zeros(most, np.int64)
        self.count = self.shown = 0
        for file in files:
            self.load(file)

    def show(self, frame: np.ndarray) -> int:
        if self.shown == len(self.frames):
            self.frames = np.concatenate([self.frames, np.zeros_like(self.frames[: self.shown // 4 + 1])])
        self.frames[self.shown] = frame
        self.shown += 1
        return self.shown - 1

    def add(self, stack: Sequence[int], first: int, good: Sequence[int]) -> None:
        self.stacks[self.count] = stack
        self.good[self.count, list(good)] = True
        self.first[self.count] = first
        self.count += 1

    def save(self, path: Path, frames: int, labels: int) -> None:
        """What came since there were so many frames and labels; whole or not at all."""
        partial = path.with_name(f"partial-{path.name}")
        many, count = slice(frames, self.shown), slice(labels, self.count)
        np.savez(
            partial, frames=self.frames[many], stacks=self.stacks[count], good=self.good[count], first=self.first[count]
        )
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        with np.load(path) as part:
            new = part["frames"]
            if self.shown + len(new) > len(self.frames):
                self.frames = np.concatenate([self.frames, new])
            self.frames[self.shown : self.shown + len(new)] = new
            self.shown += len(new)
            count = slice(self.count, self.count + len(part["first"]))
            self.stacks[count], self.good[count], self.first[count] = part["stacks"], part["good"], part["first"]
            self.count = count.stop


def odds(network: ActorCritic, pictures: np.ndarray, sharper: float = 1.0) -> np.ndarray:
    """(n, actions) of pictures (n, channels, height, width)."""
    with torch.no_grad():
        return torch.softmax(network(torch.from_numpy(pictures))[0] * sharper, 1).double().numpy()


def draw(chances: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """An action a row."""
    return sample(chances, chance.random(len(chances)))


def matches(config: Config, chance: np.random.Generator) -> Iterator[Player]:
    """Matches on levels of the train set, without end."""
    numbers = SETS["train"]
    while True:
        number = numbers[int(chance.integers(len(numbers)))]
        made = level(number, 1 + number % HARDEST)
        for _ in range(config.again):
            yield Player(made, int(chance.integers(len(made.proof) - 10)) if chance.random() < config.midway else 0)


def collect(config: Config, network: ActorCritic, labels: Labels, number: int) -> dict[str, float]:
    """One round of play, labelled."""
    chance = generator(key("dagger-round", config.seed, number))
    beta = share(config, number)
    new = [matches(config, generator(key("dagger-lane", config.seed, number, lane))) for lane in range(config.lanes)]
    players = [next(one) for one in new]
    seen = [[labels.show(frame) for frame in player.stack] for player in players]
    begun, until = config.lanes, labels.count + config.labels
    while labels.count < until:
        chances = odds(network, labels.frames[np.array(seen)], config.sharper)
        actions = draw(chances, chance).tolist()
        taught = chance.random(config.lanes) < beta
        asked = taught | (chance.random(config.lanes) < config.labelled)
        for lane, player in enumerate(players):
            on = True
            if asked[lane] and labels.count < until:
                told = search.lesson(player.lane.world)
                on = told is not None  # nothing is to be learned from a fall
                if told is not None:
                    labels.add(seen[lane], told.best, told.good)
                    actions[lane] = told.best if taught[lane] else actions[lane]
            if on and player.step(actions[lane]) and player.idle < config.idle:
                seen[lane] = [*seen[lane][1:], labels.show(player.frame)]
                continue
            players[lane] = next(new[lane])
            seen[lane] = [labels.show(frame) for frame in players[lane].stack]
            begun += 1
    return {"matches": begun}


def share(config: Config, number: int) -> float:
    """The teacher's share of the decisions of a round."""
    return config.teacher * config.fall**number


def learn(
    config: Config, network: ActorCritic, optimizer: torch.optim.Optimizer, labels: Labels, number: int
) -> dict[str, float]:
    """One round of learning from all labels."""
    chance = generator(key("dagger-learn", config.seed, number))
    loss_sum, right, count = 0.0, 0, config.batches * config.batch
    for at in range(config.batches):
        done = (number + at / config.batches) / config.rounds
        for group in optimizer.param_groups:
            group["lr"] = config.rate + (config.rate_final - config.rate) * done
        rows = chance.integers(labels.count, size=config.batch)
        pictures = torch.from_numpy(moved(labels.frames[labels.stacks[rows]], config.shift, chance))
        good, first = torch.from_numpy(labels.good[rows]), torch.from_numpy(labels.first[rows])
        logits, _ = network(pictures)
        logs = torch.log_softmax(logits, 1)
        safe = -torch.logsumexp(logs.masked_fill(~good, -torch.inf), 1).mean()
        loss = safe + config.taste * functional.nll_loss(logs, first)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        loss_sum += float(loss.detach())
        right += int(good.gather(1, logits.argmax(1, keepdim=True)).sum())
    return {"loss": loss_sum / config.batches, "good": right / count}


def moved(pictures: np.ndarray, most: int, chance: np.random.Generator) -> np.ndarray:
    """Every eighth of the pictures moved by up to so many pixels, edges repeated: where something stands in the
    picture matters less than how far it is from the runner."""
    if not most:
        return pictures
    high, wide = pictures.shape[2:]
    for part in np.array_split(pictures, 8):
        down, right = chance.integers(-most, most + 1, 2)
        rows, columns = np.clip(np.arange(high) + down, 0, high - 1), np.clip(np.arange(wide) + right, 0, wide - 1)
        part[:] = part[:, :, rows][:, :, :, columns]
    return pictures


def measure(config: Config, network: ActorCritic, levels: Sequence[Level], sharper: float) -> list[tuple[int, bool]]:
    """(pixels, whether it was cleared) of each level, as the policy plays them."""
    chance = generator(key("dagger-measure", config.seed))
    out = []
    for first in range(0, len(levels), config.lanes):
        going = players = [Player(one) for one in levels[first : first + config.lanes]]
        while going:
            chances = odds(network, np.stack([np.stack(one.stack) for one in going]), sharper)
            on = [one.step(action) for one, action in zip(going, draw(chances, chance).tolist(), strict=True)]
            going = [
                one for one, is_on in zip(going, on, strict=True) if is_on and one.idle < 60 and one.decisions < 400
            ]
        out += [(one.best - one.start, one.lane.now.over == "flag") for one in players]
    return out


def basis(config: Config) -> PpoConfig:
    """The network's settings, and what its card tells."""
    return config_for(
        Sidescroller.spec,
        game="sidescroller",
        out=config.out,
        trained_by=f"python scripts/ppo/dagger.py --seed {config.seed}",
        seed=config.seed,
        channels=config.channels,
        hidden=config.hidden,
    )


def main(config: Config) -> Path:
    """Train, and return the path of the policy."""
    with alone(Path(config.out)):
        return train(config)


def train(config: Config) -> Path:
    """As `main`, for whoever is `alone` in the folder."""
    out = Path(config.out)
    begun = find_checkpoint(config, out)
    before = [file for one in config.begin for file in sorted(Path(one).glob("round-*.npz"))]
    labels = Labels(config.rounds * config.labels, before)
    levels = [level(number, 1 + number % HARDEST) for number in SETS["validation"][: config.levels]]
    path = out / "policy.safetensors"
    with torch_threads():
        network, optimizer = make_network(basis(config), Sidescroller.spec)
        done = restore(begun, network, optimizer)["update"] if begun else 0
        if config.begin and not begun:
            net, _ = load_policy(Path(config.begin[-1]) / "policy.safetensors")
            assert isinstance(net, Cnn)
            from_numpy(network, net)
        cut_curve(out / "curve.csv", done)
        for number in range(config.rounds):
            file = out / f"round-{number:03d}.npz"
            if file.exists():
                labels.load(file)
            if number < done:
                continue
            row: dict[str, Any] = {"round": number + 1, "teacher": share(config, number)}
            if not file.exists():
                had = labels.shown, labels.count
                row |= collect(config, network, labels, number)
                labels.save(file, *had)
            row |= {"labels": labels.count, **learn(config, network, optimizer, labels, number)}
            if (number + 1) % config.every == 0 or number + 1 == config.rounds:
                far = measure(config, network, levels, config.sharper)
                row["distance"] = sum(one for one, _ in far) / len(far)
                row["cleared"] = sum(cleared for _, cleared in far)
            facts = {"update": number + 1, "steps": labels.count, "config": settings(config)}
            write(out, take(network, optimizer, None, facts), config.keep)
            rounded = {name: round(one, 5) if isinstance(one, float) else one for name, one in row.items()}
            write_curve(out / "curve.csv", rounded, COLUMNS)
            print(rounded, flush=True)
            path = write_policy(basis(config), network, Sidescroller.spec, labels.count)
    return path


def run(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--begin", nargs="*", default=(), help="folders of earlier runs, this script's or lanes.py's")
    for name in ("seed", "rounds", "labels", "batches", "rate", "taste"):
        default = getattr(Config, name)
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--resume", action="store_true")
    print(main(Config(**vars(parser.parse_args(argv)))))
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
