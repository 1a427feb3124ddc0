"""The average of a training run's snapshots as one network, as fictitious play would have it.

    python scripts/ppo/average.py runs/ppo-leduc --matches 60000

Play that only ever answers itself goes round in circles near an equilibrium; what comes near it is the average. In
every match each seat draws one snapshot and plays it throughout, so that a decision is met as often as its player leads
there: the weight that the average needs. One network is then fitted to the probabilities that were played. Writes
DIR/average.safetensors and .json.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from arena.canonical import generator, key  # noqa: E402
from arena.errors import CheckpointError  # noqa: E402
from arena.game import Game, Views, moves_of  # noqa: E402
from arena.plugins import game_class  # noqa: E402
from arena.train.checkpoint import latest, read_facts, snapshots  # noqa: E402
from arena.train.policy import Mlp, load_policy, probabilities, sample, save_policy  # noqa: E402

VECTOR = Views(vector=True)
CHUNK = 500  # matches that run at once


def collect(cls: type[Game], seats: int, pool: Sequence[Mlp], matches: int, seed: int) -> tuple[np.ndarray, ...]:
    """(vectors, masks, probabilities) of every decision of `matches` matches, float32, bool, float32."""
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for first in range(0, matches, CHUNK):
        games = [cls(seats, {"hands": 1}) for _ in range(CHUNK)]
        chance = [generator(key("average", seed, first + number)) for number in range(CHUNK)]
        players = [one.integers(len(pool), size=seats) for one in chance]
        due = {number: game.reset(key("average-deal", seed, first + number)).due for number, game in enumerate(games)}
        while due:
            asks: dict[int, list[tuple[int, int]]] = defaultdict(list)
            for number, waiting in due.items():
                for seat in waiting:
                    asks[int(players[number][seat])].append((number, seat))
            actions: dict[int, dict[int, int]] = defaultdict(dict)
            for player, asked in asks.items():
                seen = [games[number].observe(seat, VECTOR) for number, seat in asked]
                vectors = np.stack([one.vector for one in seen if one.vector is not None])
                masks = np.stack([one.mask(cls.spec.actions.n) for one in seen])
                played = probabilities(pool[player].batch(vectors), masks)
                rows.append((vectors, masks, played.astype(np.float32)))
                picked = sample(played, np.array([chance[number].random() for number, _ in asked]))
                for (number, seat), action in zip(asked, picked.tolist(), strict=True):
                    actions[number][seat] = action
            due = {
                number: result.due for number in due if (result := games[number].step(moves_of(actions[number]))).due
            }
    return tuple(np.concatenate(part) for part in zip(*rows, strict=True))


def fit(start: Mlp, data: tuple[np.ndarray, ...], steps: int, seed: int) -> Mlp:
    """A network of `start`'s shape (and from its weights) that plays the mean of the probabilities in `data`."""
    torch.set_num_threads(1)
    parts: list[torch.nn.Module] = []
    for weight, bias in start.layers:
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
        parts += [linear, torch.nn.ReLU()]
    net = torch.nn.Sequential(*parts[:-1])
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    chance = generator(key("average-fit", seed))
    vectors, masks, played = (torch.from_numpy(part) for part in data)
    for _ in range(steps):
        rows = torch.from_numpy(chance.integers(len(vectors), size=4096))
        logits = net(vectors[rows]).masked_fill(~masks[rows], -1e9)
        loss = -(played[rows] * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    linears = [part for part in net if isinstance(part, torch.nn.Linear)]
    return Mlp([(one.weight.detach().numpy().copy(), one.bias.detach().numpy().copy()) for one in linears])


def average(run: Path, matches: int, steps: int, seed: int, skip: float, trained_by: str) -> Path:
    """Average the snapshots of a finished run, without the first `skip` of them (they still play near random)."""
    found = latest(run)
    if found is None:
        raise CheckpointError(f"{run} holds no checkpoint: train first")
    mlp, card = load_policy(run / "policy.safetensors")
    pool = snapshots(found)
    pool = pool[int(len(pool) * skip) :]
    data = collect(game_class(card.game), card.seats[0], pool, matches, seed)
    out = fit(mlp, data, steps, seed)
    facts = {name: getattr(card, name) for name in card.__struct_fields__ if name not in ("digest", "hidden", "format")}
    facts["trained_by"] = trained_by
    facts["notes"] = f"the average of {len(pool)} snapshots of the run, updates up to {read_facts(found)['update']}"
    path = run / "average.safetensors"
    save_policy(path, out, **facts)
    return path


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--matches", type=int, default=60_000)
    parser.add_argument("--steps", type=int, default=4000, help="of the fit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=float, default=0.25, help="share of the snapshots left out, from the first")
    given = parser.parse_args(argv)
    command = f"python scripts/ppo/train.py, then scripts/ppo/average.py --matches {given.matches} --skip {given.skip}"
    print(average(given.run, given.matches, given.steps, given.seed, given.skip, command))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
