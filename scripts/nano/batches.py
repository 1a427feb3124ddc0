"""Lessons as tensors. What stands in batch `step` follows from (recipe, step) alone, so a run can stop anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerFast

from arena.canonical import generator, key
from arena.prompts import MARK
from arena_operators.vlm.prompt import lay_out
from scripts.nano.lessons import Met, pixels
from scripts.nano.recipe import Recipe
from scripts.nano.tokens import END, image_text

Ids = npt.NDArray[np.int64]
THOUGHT, ANSWER, SHOWN = range(3)


@dataclass(frozen=True, slots=True)
class Example:
    """One lesson in tokens."""

    game: str
    prompt: npt.NDArray[np.uint16]
    target: npt.NDArray[np.uint16]
    answer: int  # how many target tokens are the answer: from the mark to the end token
    shown: int  # how many come after: what else the picture shows
    lesson: Met


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of about one length, padded on the right (the loss never looks there)."""

    ids: torch.Tensor  # int64 (rows, length)
    pictures: torch.Tensor  # float32 (rows, 1, 3, 128, 128)
    rows: torch.Tensor  # int64 (targets,): where each target token is predicted: row
    places: torch.Tensor  # ... and place, one before the token's own
    targets: torch.Tensor  # int64 (targets,)
    weights: torch.Tensor  # float32 (targets,)
    parts: torch.Tensor  # int64 (targets,): whether the token belongs to the thought, the answer or what is shown


def encode(tokenizer: PreTrainedTokenizerFast, lessons: Sequence[Met], recipe: Recipe) -> list[Example]:
    """Prompts and targets in tokens, exactly as the processor would make the prompts."""
    picture = image_text(recipe.image_tokens)
    prompts = tokenizer([f"{picture}{lesson.prompt}\n" for lesson in lessons])["input_ids"]
    taught = [lesson.stored for lesson in lessons]
    targets = tokenizer([lay_out(one.thought, one.answer) + END + one.shown for one in taught])["input_ids"]
    more = [len(one) for one in tokenizer([one.shown for one in taught])["input_ids"]]
    tails = tokenizer([f"{MARK} {one.answer}{END}" for one in taught])["input_ids"]
    out = []
    for lesson, prompt, target, tail, after in zip(lessons, prompts, targets, tails, more, strict=True):
        if len(prompt) + len(target) > recipe.positions:
            raise ValueError(
                f"a lesson of {lesson.game} has {len(prompt)} + {len(target)} tokens: {recipe.positions} fit"
            )
        ids = np.array(prompt, np.uint16), np.array(target, np.uint16)
        out.append(Example(lesson.game, *ids, len(tail), after, lesson))
    return out


def chosen(recipe: Recipe, pools: Sequence[Mapping[str, Sequence[Example]]], step: int) -> list[Example]:
    """The examples of batch `step`: every game its share, every pool in an order that is shuffled at each pass.

    `pools`: by phase, by game.
    """
    number, step = recipe.phase_at(step)
    mixture = recipe.phases[number].mixture
    games = sorted(mixture)
    weights = np.array([mixture[game].weight for game in games], dtype=np.float64)
    # Cumulative rounding: over many steps each game gets its exact share.
    ends = np.floor(np.outer([step, step + 1], weights / weights.sum() * recipe.batch) + 0.5).astype(np.int64)
    out = []
    for game, first, last in zip(games, ends[0], ends[1], strict=True):
        pool = pools[number][game]
        for place in range(first, last):
            turn, index = divmod(int(place), len(pool))
            out.append(pool[_order(recipe.seed + number, game, turn, len(pool))[index]])
    return out


_orders: dict[tuple[int, str, int, int], Ids] = {}


def _order(seed: int, game: str, turn: int, size: int) -> Ids:
    found = _orders.get((seed, game, turn, size))
    if found is None:
        found = generator(key("nano order", seed, game, turn)).permutation(size)
        _orders[seed, game, turn, size] = found
    return found


def batches(examples: Sequence[Example], recipe: Recipe, parts: int) -> list[Batch]:
    """The examples as `parts` batches, like lengths together so that little is padded."""
    ordered = sorted(examples, key=lambda example: len(example.prompt) + len(example.target))
    size = -(-len(ordered) // parts)
    return [_batch(ordered[start : start + size], recipe) for start in range(0, len(ordered), size)]


def _batch(examples: Sequence[Example], recipe: Recipe) -> Batch:
    length = max(len(example.prompt) + len(example.target) for example in examples)
    ids = np.zeros((len(examples), length), dtype=np.int64)
    rows, places, targets, weights, parts = [], [], [], [], []
    for row, example in enumerate(examples):
        start, end = len(example.prompt), len(example.prompt) + len(example.target)
        ids[row, :start], ids[row, start:end] = example.prompt, example.target
        part = np.full(len(example.target), THOUGHT)
        part[len(part) - example.answer - example.shown :] = ANSWER
        part[len(part) - example.shown :] = SHOWN
        rows.append(np.full(len(example.target), row))
        places.append(np.arange(start - 1, end - 1))
        targets.append(example.target.astype(np.int64))
        weights.append(np.array([1.0, recipe.answer_weight, recipe.shown_weight])[part])
        parts.append(part)
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(pixels([example.lesson.image() for example in examples]))[:, None],
        torch.from_numpy(np.concatenate(rows)),
        torch.from_numpy(np.concatenate(places)),
        torch.from_numpy(np.concatenate(targets)),
        torch.from_numpy(np.concatenate(weights)).float(),
        torch.from_numpy(np.concatenate(parts)),
    )
