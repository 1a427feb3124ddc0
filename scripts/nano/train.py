"""Makes nano: lessons, tokenizer, supervised training, export. Run it again and it goes on where it stopped.

    python -m scripts.nano.train --games holdem,leduc,kuhn,connect_four --out work/nano

Everything that decides a batch follows from (recipe, step), and a checkpoint holds weights and optimiser, so a run
that was stopped ends with the same weights as one that was not (with the same number of threads).
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from transformers import Idefics3ForConditionalGeneration, PreTrainedTokenizerFast

from scripts.nano import batches, build, lessons, state, tokens
from scripts.nano.batches import Batch, Example
from scripts.nano.export import export
from scripts.nano.recipe import Recipe

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
        thoughts, thought_count, answers, answer_count = 0, 0, 0, 0
        for part in batches.batches(examples, recipe, parts=2):
            right = scores(model, part).argmax(-1) == part.targets
            thoughts += int(right[~part.answers].sum())
            thought_count += int((~part.answers).sum())
            for row in range(len(part.ids)):
                answers += bool(right[part.answers & (part.rows == row)].all())
                answer_count += 1
        out[f"{game}_thought"], out[f"{game}_answer"] = thoughts / thought_count, answers / answer_count
    model.train()
    return out


def main(recipe: Recipe, out: Path, *, workers: int, threads: int, every: int, stop: int | None = None) -> Path:
    """Runs what is missing of the recipe and returns the folder of the exported model."""
    torch.set_num_threads(threads)
    pools, held_out, tokenizer = prepare(recipe, out / "lessons", workers)
    model = build.model(recipe, tokenizer).train()
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


def prepare(recipe: Recipe, folder: Path, workers: int) -> tuple[list[Pools], Pools, PreTrainedTokenizerFast]:
    """(lessons to train on by phase, lessons to watch, tokenizer); makes the shards that are missing."""
    files = [
        {
            game: lessons.make(folder, game, recipe.seed + number, "train", share.lessons, recipe.shard, workers)
            for game, share in phase.mixture.items()
        }
        for number, phase in enumerate(recipe.phases)
    ]
    watched = {
        game: lessons.make(folder, game, recipe.seed, "held-out", WATCHED, WATCHED, workers) for game in recipe.games
    }
    sample = [lesson for game in sorted(files[0]) for lesson in lessons.read(files[0][game][:5])]
    targets = [batches.lay_out(lesson.thought, lesson.answer) for lesson in sample]
    actions = sorted({lesson.answer for lesson in sample if lesson.answer.isalpha()})
    tokenizer = tokens.train([f"{lesson.prompt}\n" for lesson in sample], targets, actions, recipe.vocabulary)
    pools = [
        {game: batches.encode(tokenizer, lessons.read(made), recipe) for game, made in phase.items()} for phase in files
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
    parser.add_argument("--scale", type=float, default=1.0, help="of every phase's steps, e.g. 0.1 for a trial")
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--workers", type=int, default=2, help="processes that make lessons")
    parser.add_argument("--threads", type=int, default=2, help="threads that train")
    parser.add_argument("--every", type=int, default=100, help="steps between checkpoints")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
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
    recipe = replace(recipe, phases=tuple(phases))
    print(main(recipe, given.out, workers=given.workers, threads=given.threads, every=given.every))
