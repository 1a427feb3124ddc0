"""Makes nano: lessons, tokenizer, supervised training, export. Run it again and it goes on where it stopped.

    python -m scripts.nano.train --games holdem,leduc,kuhn,connect_four --out work/nano

Each phase is a supervised training of its own (arena/train/vlm/sft.py), which begins with the weights that the phase
before wrote. A run that was stopped ends with the same weights as one that was not (with the same number of threads).
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path

from arena.names import Name
from arena.train import shards
from arena.train.vlm import sft
from arena.train.vlm.sft_config import SftConfig, Source
from arena_operators.vlm.prompt import lay_out
from scripts.nano import build, lessons, tokens, visited
from scripts.nano.export import export
from scripts.nano.recipe import Phase, Recipe, again

SAMPLE = 5  # shards of each game that the tokenizer is made of


def main(recipe: Recipe, out: Path, *, workers: int, threads: int, every: int, start: Path | None = None) -> Path:
    """Runs what is missing of the recipe, from the nano `start` if given; the folder of the exported model.

    InputError where `out` was made by another recipe.
    """
    model = start or begun(recipe, out, workers)
    for number, phase in enumerate(recipe.phases):
        folder = out / f"phase-{number + 1}"
        played = {name: _played(folder, name, model, recipe, number) for name in phase.mixture if ":" in name}
        how = replace(config(recipe, number, model, folder, played), workers=workers, threads=threads, every=every)
        _, done = sft.begin(how, folder)
        model = folder / sft.MODEL
        if done < phase.steps or not model.exists():
            model = sft.run(how)
    return export(recipe, model, out / "model")


def config(recipe: Recipe, number: int, model: Path, out: Path, played: dict[str, Path]) -> SftConfig:
    """The supervised training of a phase. `played`: runs of the model to be corrected, by name in the mixture."""
    phase = recipe.phases[number]
    return SftConfig(
        model=str(Name("vlm", str(model))),
        out=str(out),
        sources=tuple(
            Source(sort="correct", name=str(played[name]), weight=share.weight)
            if name in played
            else Source(sort="teacher", name=name, weight=share.weight, lessons=share.lessons, shard=recipe.shard)
            for name, share in phase.mixture.items()
        ),
        steps=phase.steps,
        seed=recipe.seed + number,
        resume=True,
        progress=False,
        trained_by="python -m scripts.nano.train",
        batch=recipe.batch,
        rate=phase.rate,
        rate_final=phase.last_rate,
        warmup=phase.warmup,
        decay=recipe.decay,
        grad_norm=recipe.clip,
        answer_weight=recipe.answer_weight,
        shown_weight=recipe.shown_weight,
    )


def begun(recipe: Recipe, out: Path, workers: int) -> Path:
    """The folder of a nano that knows nothing: a tokenizer made of the first phase's lessons, and weights by chance."""
    folder = out / "begun"
    if not folder.exists():
        seed, mixture = recipe.seed, recipe.phases[0].mixture
        made = out / "phase-1" / "lessons"
        sample = [
            lesson
            for game in sorted(mixture)
            for lesson in lessons.read(
                shards.make(made, game, seed, "train", mixture[game].lessons, _shard(recipe, game), workers)[:SAMPLE]
            )
        ]
        taught = [lesson.stored for lesson in sample]
        targets = [lay_out(one.thought, one.answer) for one in taught]
        actions = sorted({one.answer for one in taught if one.answer.isalpha()})
        tokenizer = tokens.train([f"{lesson.prompt}\n" for lesson in sample], targets, actions, recipe.vocabulary)
        build.begin(recipe, tokenizer, folder)
    return folder


def _shard(recipe: Recipe, game: str) -> int:
    return min(recipe.shard, recipe.phases[0].mixture[game].lessons)


def _played(folder: Path, name: str, model: Path, recipe: Recipe, number: int) -> Path:
    game, share = name.partition(":")[0], recipe.phases[number].mixture[name]
    return visited.play(folder / f"{game}-played", game, str(model), recipe.seed + number, share.visited)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="make nano")
    parser.add_argument("--games", help="comma separated, from the mixture of scripts/nano/recipe.py (default: all)")
    parser.add_argument("--out", type=Path, default=Path("work/nano"))
    parser.add_argument("--start", type=Path, help="a nano to go on from, on the mixture AGAIN")
    parser.add_argument("--steps", type=int, default=1_500, help="of going on")
    parser.add_argument("--scale", type=float, default=1.0, help="of every phase's steps, e.g. 0.1 for a trial")
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--workers", type=int, default=2, help="processes that make lessons")
    parser.add_argument("--threads", type=int, default=2, help="threads that train")
    parser.add_argument("--every", type=int, default=100, help="steps between checkpoints")
    return parser.parse_args()


def asked(given: argparse.Namespace) -> Recipe:
    """The recipe of the command line."""
    if given.start is not None:
        weights = hashlib.sha256((given.start / "model.safetensors").read_bytes()).hexdigest()
        return again(weights, given.seed, given.steps)
    recipe = Recipe(seed=given.seed)
    games = given.games.split(",") if given.games else recipe.games
    phases = tuple(_part(phase, given.scale, games) for phase in recipe.phases)
    return replace(recipe, phases=phases)


def _part(phase: Phase, scale: float, games: list[str]) -> Phase:
    mixture = {game: phase.mixture[game] for game in games}
    return replace(phase, steps=max(1, round(phase.steps * scale)), mixture=mixture)


if __name__ == "__main__":
    given = arguments()
    how = {"workers": given.workers, "threads": given.threads, "every": given.every}
    print(main(asked(given), given.out, **how, start=given.start))
