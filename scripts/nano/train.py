"""Makes nano: lessons, tokenizer, supervised training, export. Run it again and it goes on where it stopped.

    python -m scripts.nano.train --games holdem,leduc,kuhn,connect_four --out work/nano

Everything that decides a batch follows from (recipe, step), and a checkpoint holds weights and optimiser, so a run
that was stopped ends with the same weights as one that was not (with the same number of threads).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForImageTextToText, Idefics3ForConditionalGeneration, PreTrainedTokenizerFast

from arena.train import shards
from scripts.nano import batches, build, lessons, state, tokens, visited
from scripts.nano.batches import Batch, Example
from scripts.nano.export import export
from scripts.nano.recipe import Recipe, Share, again

Pools = Mapping[str, Sequence[Example]]
WATCHED = 96  # held-out lessons a game that the curve is measured on


def rate(recipe: Recipe, step: int) -> float:
    """Learning rate: in each phase a linear warm-up, then a cosine."""
    number, step = recipe.phase_at(step)
    phase = recipe.phases[number]
    if step < phase.warmup:
        return phase.rate * (step + 1) / phase.warmup
    part = (step - phase.warmup) / max(1, phase.steps - phase.warmup)
    return phase.last_rate + (phase.rate - phase.last_rate) * 0.5 * (1 + math.cos(math.pi * part))


def optimiser(model: Idefics3ForConditionalGeneration, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; matrices decay, biases, norms and embeddings do not."""
    matrices = [p for name, p in model.named_parameters() if p.ndim >= 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim < 2 or "embed" in name]
    groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate(recipe, 0), betas=(0.9, 0.98))


def scores(model: Idefics3ForConditionalGeneration, batch: Batch) -> torch.Tensor:
    """Logits float32 (targets, vocabulary) at the places where target tokens are predicted."""
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=batch.ids, pixel_values=batch.pictures, use_cache=False).last_hidden_state
        return model.lm_head(hidden[batch.rows, batch.places]).float()


def update(
    model: Idefics3ForConditionalGeneration,
    adam: torch.optim.AdamW,
    recipe: Recipe,
    pools: Sequence[Pools],
    step: int,
) -> float:
    """One step; the mean loss of a target token."""
    for group in adam.param_groups:
        group["lr"] = rate(recipe, step)
    parts = batches.batches(batches.chosen(recipe, pools, step), recipe, parts=2)
    total = sum(float(part.weights.sum()) for part in parts)
    loss = 0.0
    for part in parts:
        each = torch.nn.functional.cross_entropy(scores(model, part), part.targets, reduction="none")
        share = (each * part.weights).sum() / total
        share.backward()
        loss += share.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    adam.step()
    adam.zero_grad()
    return loss


@torch.inference_mode()
def watch(model: Idefics3ForConditionalGeneration, recipe: Recipe, held_out: Pools) -> dict[str, float]:
    """By game, of held-out lessons: thought tokens and answers (the likeliest one) that are the teacher's."""
    model.eval()
    out = {}
    for game, examples in held_out.items():
        right, count = np.zeros(3), np.zeros(3)
        for part in batches.batches(examples, recipe, parts=2):
            hit = scores(model, part).argmax(-1) == part.targets
            for kind in (batches.THOUGHT, batches.SHOWN):
                right[kind] += int(hit[part.parts == kind].sum())
                count[kind] += int((part.parts == kind).sum())
            for row in range(len(part.ids)):
                right[batches.ANSWER] += bool(hit[(part.parts == batches.ANSWER) & (part.rows == row)].all())
                count[batches.ANSWER] += 1
        shares = dict(zip(("thought", "answer", "shown"), right / np.maximum(count, 1), strict=True))
        out |= {f"{game}_{name}": float(share) for name, share in shares.items() if name != "shown" or count[2]}
    model.train()
    return out


def main(
    recipe: Recipe,
    out: Path,
    *,
    workers: int,
    threads: int,
    every: int,
    stop: int | None = None,
    start: Path | None = None,
) -> Path:
    """Runs what is missing of the recipe, from the nano `start` if given; the folder of the exported model."""
    torch.set_num_threads(threads)
    pools, held_out, tokenizer = prepare(recipe, out / "lessons", workers, start)
    model = build.model(recipe, tokenizer).train()
    if start is not None:
        model.load_state_dict(AutoModelForImageTextToText.from_pretrained(start, dtype=torch.float32).state_dict())
    model.set_attn_implementation("eager")  # on a CPU its gradient costs half of the fused one's at these lengths
    adam = optimiser(model, recipe)
    saved = out / "checkpoint"
    first, minutes = state.restore(saved, model, adam, asdict(recipe))
    curve = out / "curve.csv"
    state.cut_curve(curve, first)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, from step {first} of {recipe.steps}", flush=True)
    started, losses = time.monotonic() - 60 * minutes, []
    for step in range(first, min(recipe.steps, stop or recipe.steps)):
        losses.append(update(model, adam, recipe, pools, step))
        done = step + 1
        if done % every == 0 or done == recipe.steps:
            minutes = (time.monotonic() - started) / 60
            row = {
                "step": done,
                "minutes": minutes,
                "loss": sum(losses) / len(losses),
                **watch(model, recipe, held_out),
            }
            losses = []
            state.save(saved, model, adam, asdict(recipe), done, minutes)
            _log(curve, row)
    return export(recipe, model, tokenizer, out / "model", curve) if stop is None else saved


def prepare(
    recipe: Recipe, folder: Path, workers: int, start: Path | None = None
) -> tuple[list[Pools], Pools, PreTrainedTokenizerFast]:
    """(lessons to train on by phase, lessons to watch, tokenizer); makes the shards that are missing."""

    def made(name: str, share: Share, seed: int) -> list[Path]:
        game = name.partition(":")[0]
        if share.visited:
            return visited.make(folder, game, str(start), seed, share.visited, workers)
        return shards.make(folder, game, seed, "train", share.lessons, recipe.shard, workers)

    files = [
        {name: made(name, share, recipe.seed + number) for name, share in phase.mixture.items()}
        for number, phase in enumerate(recipe.phases)
    ]
    watched = {
        game: shards.make(folder, game, recipe.seed, "held-out", WATCHED, WATCHED, workers) for game in recipe.games
    }
    if start is not None:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(start)
    else:
        sample = [lesson for game in sorted(files[0]) for lesson in lessons.read(files[0][game][:5])]
        taught = [lesson.stored for lesson in sample]
        targets = [batches.lay_out(one.thought, one.answer) for one in taught]
        actions = sorted({one.answer for one in taught if one.answer.isalpha()})
        tokenizer = tokens.train([f"{lesson.prompt}\n" for lesson in sample], targets, actions, recipe.vocabulary)
    pools = [
        {name: batches.encode(tokenizer, lessons.read(found), recipe) for name, found in phase.items()}
        for phase in files
    ]
    held_out = {game: batches.encode(tokenizer, lessons.read(watched[game]), recipe) for game in watched}
    for game, pool in pools[0].items():
        prompt, target = ([len(getattr(one, name)) for one in pool] for name in ("prompt", "target"))
        print(
            f"{game}: {len(pool)} lessons; prompts of {sum(prompt) / len(pool):.0f} tokens (at most {max(prompt)}), "
            f"targets of {sum(target) / len(pool):.0f} (at most {max(target)})",
            flush=True,
        )
    return pools, held_out, tokenizer


def _log(curve: Path, row: Mapping[str, float]) -> None:
    rounded = {name: value if name == "step" else round(value, 4) for name, value in row.items()}
    fresh = not curve.exists()
    with curve.open("a+", newline="") as stream:
        stream.seek(0)
        names = list(rounded) if fresh else next(csv.reader(stream))
        writer = csv.DictWriter(stream, fieldnames=names)
        if fresh:
            writer.writeheader()
        writer.writerow(rounded)
    print(json.dumps(rounded), flush=True)


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
    phases = [
        replace(
            phase,
            steps=max(1, round(phase.steps * given.scale)),
            mixture={game: phase.mixture[game] for game in games},
        )
        for phase in recipe.phases
    ]
    return replace(recipe, phases=tuple(phases))


if __name__ == "__main__":
    given = arguments()
    how = {"workers": given.workers, "threads": given.threads, "every": given.every}
    print(main(asked(given), given.out, **how, start=given.start))
