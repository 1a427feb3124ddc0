"""Trains a small vision-language model by every method of the trainer, with equal turns, and says how far each gets.

    python -m scripts.train.ablation start --out work/ablation    # the model that all begin with: once, minutes
    python -m scripts.train.ablation train --out work/ablation    # stop it, run it again: it goes on exactly
    python -m scripts.train.ablation report --out work/ablation   # docs/ablation.md, docs/results/, docs/curves/

The model has 1.15 million parameters (SmolVLM's architecture, nano's tokenizer) and learnt from the lessons of the
sidescroller's teacher (`arena train sft`). Every (method, seed) is a folder of `arena train vlm`; `train` goes seed by
seed, and several processes may share one --out. `report` adds what is finished, however much is missing, to what it
wrote before.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from arena.errors import ArenaError

ARENA = (sys.executable, "-m", "arena")
TURNS = 20_000
SEEDS = (0, 1, 2)
LEVELS, LEVELS_SEED = 64, 1  # validation levels that are played at the end, the same for all
LESSONS, STEPS = 12_000, 400  # of the supervised start
SFT = ("dtype=bfloat16", "rate=2e-3", "rate_final=2e-5", "warmup=50", "every=100", "tokens=4096")
GROUP = 4  # matches of equal start, for methods that compare such


class Method(NamedTuple):
    """A method as settings of the trainer."""

    title: str
    settings: tuple[str, ...]


METHODS = {
    "ppo": Method("turn-level PPO", ("learn.algorithm=ppo",)),
    "grpo": Method("GRPO, outcome", ("learn.algorithm=grpo", f"rollout.group={GROUP}")),
    "reinforce++": Method("REINFORCE++", ("learn.algorithm=reinforce++",)),
    "ppo-pos": Method("PPO, filter pos", ("learn.algorithm=ppo", "learn.filter=pos")),
    "ppo-asym": Method("PPO, filter asym (0.2)", ("learn.algorithm=ppo", "learn.filter=asym", "learn.kappa=0.2")),
    "ppo-half": Method("PPO, half with the largest absolute A", ("learn.algorithm=ppo", "learn.share=0.5")),
    "grpo-process": Method("GRPO, process", ("learn.algorithm=grpo_process",)),
    "rloo": Method("RLOO", ("learn.algorithm=rloo", f"rollout.group={GROUP}")),
    "grpo-pos": Method(
        "GRPO, outcome, filter pos", ("learn.algorithm=grpo", f"rollout.group={GROUP}", "learn.filter=pos")
    ),
    "token-ppo": Method("token-level PPO", ("learn.algorithm=token_ppo",)),
    "bilevel": Method("bi-level GAE", ("learn.algorithm=bilevel",)),
    "bilevel-0.95": Method("bi-level GAE, token_lam 0.95", ("learn.algorithm=bilevel", "learn.token_lam=0.95")),
    "asym-guided": Method(
        "PPO, filter asym (0.2), guided thoughts",
        ("learn.algorithm=ppo", "learn.filter=asym", "learn.kappa=0.2", "thoughts.corrector=truth"),
    ),
}
SHARED = Path(__file__).with_suffix(".toml")


def config(method: str, seed: int, start: Path) -> Any:
    """The VlmConfig of a training."""
    from arena.train.vlm.config import load
    from arena.train.vlm.ready import check_algorithm

    operator = f"rollout.operator=vlm:{start}@prompt=short@max_tokens=32"
    made = load(None, SHARED, (operator, f"seed={seed}", *METHODS[method].settings))
    check_algorithm(made)
    return made


def start(out: Path) -> Path:
    """The folder of the model that all begin with; what is missing of it is made."""
    made = out / "start" / "model"
    if not made.exists():
        blank = out / "random"
        if not blank.exists():
            _random(blank)
        words = [*ARENA, "train", "sft", "--model", f"vlm:{blank}@prompt=short", "--out", str(out / "start"), "--quiet"]
        words += ["--teacher", f"sidescroller@lessons={LESSONS}@shard=1000", "--steps", str(STEPS)]
        words += [word for one in SFT for word in ("--set", one)]
        words += ["--resume"] if any((out / "start").glob("checkpoint-*")) else []
        subprocess.run(words, check=True)
    return made


def _random(folder: Path) -> None:
    import torch
    from transformers import PreTrainedTokenizerFast

    from arena_operators.vlm.checkpoint import SHIPPED
    from scripts.nano import build
    from scripts.nano.recipe import Recipe

    recipe = replace(
        Recipe(), vision_width=96, vision_layers=3, vision_heads=3, width=128, inner=344, layers=3, heads=4
    )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(SHIPPED)
    build.model(recipe, tokenizer).to(torch.bfloat16).save_pretrained(folder)
    build.processor(recipe, tokenizer).save_pretrained(folder)


def train(out: Path, methods: Sequence[str], seeds: Sequence[int], turns: int) -> None:
    """Every (seed, method) to its turns, then to its levels; another process that trains one is not disturbed."""
    with _alone(out / "start.lock", wait=True):
        begun = start(out).resolve()
        measure(out / "start", str(begun))
    for seed in seeds:
        for method in methods:
            with _alone(out / f"{method}-{seed}.lock") as mine:
                if mine:
                    folder = out / f"{method}-{seed}"
                    if learn(folder, config(method, seed, begun), turns):  # what was measured before it went on is old
                        shutil.rmtree(folder.with_name(f"{folder.name}-model"), ignore_errors=True)
                        folder.with_name(f"{folder.name}.levels.json").unlink(missing_ok=True)
                    measure(folder, f"vlm:{model(folder)}")


def learn(folder: Path, how: Any, turns: int) -> bool:
    """Updates until so many turns were learnt from, the last one whole; from where `folder` stands.

    Whether any was missing.
    """
    from arena.train.vlm.trainer import Trainer

    if told(folder) >= turns:
        return False
    how = replace(how, updates=max(1, len(lines(folder))))  # a training that goes on has no fewer than it has
    with Trainer(how, folder, resume="exact" if folder.exists() else "no") as trainer:
        while told(folder) < turns:
            trainer.config = replace(how, updates=trainer.done + 1)
            trainer.run()
            print(f"{folder.name}: update {trainer.done}, {told(folder):,.0f} of {turns:,} turns", flush=True)
    return True


def lines(folder: Path) -> list[dict[str, float]]:
    """The metrics of a training's updates."""
    file = folder / "metrics.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def told(folder: Path) -> float:
    """Turns that a training has learnt from."""
    return sum(line["rollout/turns"] for line in lines(folder))


def model(folder: Path) -> Path:
    """The newest weights of a training as a model's folder."""
    made = folder.with_name(f"{folder.name}-model")
    if not made.exists():
        subprocess.run([*ARENA, "export", "model", str(folder), str(made)], check=True, stdout=subprocess.DEVNULL)
    return made


def measure(folder: Path, who: str) -> None:
    """How far it gets on the validation levels, into FOLDER.levels.json."""
    from scripts.ppo.evaluate import lanes

    file = folder.with_name(f"{folder.name}.levels.json")
    if not file.exists():
        named = who if who.startswith("vlm:") else f"vlm:{who}"
        far = lanes("sidescroller@set=validation", f"{named}@prompt=short@max_tokens=32", LEVELS, LEVELS_SEED)
        file.write_text(json.dumps([[one.distance, one.cleared] for one in far]) + "\n", encoding="utf-8")


def found(out: Path, turns: int) -> Mapping[str, list[int]]:
    """The seeds of each method that are trained and measured."""
    return {
        method: [
            seed
            for seed in range(1000)
            if (out / f"{method}-{seed}.levels.json").exists() and told(out / f"{method}-{seed}") >= turns
        ]
        for method in METHODS
    }


@contextmanager
def _alone(lock: Path, *, wait: bool = False) -> Iterator[bool]:
    """Whether this process has the lock; it is gone with the process."""
    with lock.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("start", "train", "report"))
    parser.add_argument("--out", type=Path, default=Path("work/ablation"))
    parser.add_argument("--methods", default=",".join(METHODS), help="comma separated, in this order")
    parser.add_argument("--seeds", type=_seeds, default=SEEDS, help="whole numbers, comma separated")
    parser.add_argument("--turns", type=int, default=TURNS, help="of each training")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where report writes")
    given = parser.parse_args()
    methods = given.methods.split(",")
    if unknown := [one for one in methods if one not in METHODS]:
        parser.error(f"--methods: there is no {', '.join(unknown)}; there are {', '.join(METHODS)}")
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        match given.what:
            case "start":
                print(start(given.out))
            case "train":
                train(given.out, methods, given.seeds, given.turns)
            case "report":
                from scripts.train.ablation_report import report

                report(given.out, given.docs, given.turns)
    except ArenaError as error:
        sys.exit(f"ablation: {error}")


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


if __name__ == "__main__":
    main()
