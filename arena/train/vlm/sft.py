"""Supervised start of a model: it learns what was written in chats, from recorded matches, teachers or exported files.

    arena train sft --model vlm --run runs/people --teacher leduc --out runs/start

One update: the examples of the step (a function of seed and step), each token weighted by what it belongs to, the
weights of the whole batch summing to 1; then one step of AdamW. So neither the size of a forward pass nor the number of
processes changes what is learned. Everything else follows from the engine's state, which a checkpoint holds: a run that
was stopped ends with the same weights, bit for bit, as one that was not (on one kind of machine, with as many threads).
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arena.bars import Bar
from arena.errors import CheckpointError, InputError
from arena.record.disk import Disk
from arena.train import products
from arena.train.folders import alone, writing
from arena.train.runs import cut_curve, torch_threads, write_curve
from arena.train.vlm import evaluations, sft_facts, sft_ready
from arena.train.vlm.examples import ANSWER, PARTS, Album, Example, Tokens, chosen, weighted
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.sft_config import FREE, SftConfig
from arena.train.vlm.sft_facts import (
    CHECKPOINT,
    CURVE,
    FACTS,
    MODEL,
    newest,
    operator,
    read_facts,
    read_head,
    write_head,
)
from arena.train.vlm.sft_sources import Pools, load, weights_of

if TYPE_CHECKING:
    from arena.train.vlm.engine import Datum, Engine
    from arena.train.vlm.local import LocalEngine

Reached = tuple[Path | None, int]  # (the checkpoint to go on from, the updates that it has)
READING = "making and reading what is learned from"


def rate(config: SftConfig, step: int) -> float:
    """Learning rate of update `step`: a linear warm-up, then half a cosine."""
    if step < config.warmup:
        return config.rate * (step + 1) / config.warmup
    part = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.rate_final + (config.rate - config.rate_final) * 0.5 * (1 + math.cos(math.pi * part))


def data(examples: Sequence[Example], weights: Sequence[float], album: Album) -> list[Datum]:
    """The examples as the engine takes them."""
    from arena.train.vlm.engine import Datum

    return [
        Datum(
            prompt=one.prompt,
            response=one.response,
            images=tuple(album[name] for name in one.images),
            spans=one.spans,
            inputs={"weight": weight},
        )
        for one, weight in zip(examples, weighted(examples, weights), strict=True)
    ]


def update(engine: Engine, batch: Sequence[Datum], config: SftConfig, step: int) -> dict[str, float]:
    """One update; its loss and the norm of its gradient."""
    from arena.train.vlm.engine import OptimParams

    output = engine.forward_backward(batch, "cross_entropy")
    loss = -sum(float(one.inputs["weight"] @ seen) for one, seen in zip(batch, output.logprobs, strict=True))
    if not math.isfinite(loss):
        raise CheckpointError(
            f"the loss of update {step + 1} is {loss}; the last checkpoint is whole. Give a lower --set rate="
        )
    how = OptimParams(
        learning_rate=rate(config, step),
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        weight_decay=config.decay,
        grad_norm=config.grad_norm,
    )
    return {"loss": loss, "grad_norm": engine.optim_step(how)["grad_norm"], "rate": how.learning_rate}


def measure(engine: Engine, watched: Pools, album: Album) -> dict[str, float]:
    """By source, of examples that are not learned from: the mean log-probability of a token of each part, and how
    probable the answers are after their own thoughts."""
    out: dict[str, float] = {}
    for name, examples in watched.items():
        if not examples:
            continue
        output = engine.forward_backward(data(examples, (1.0, 1.0, 1.0), album), None)
        every = np.concatenate(output.logprobs)
        parts = np.concatenate([one.parts for one in examples])
        for number, part in enumerate(PARTS):
            if (parts == number).any():
                out[f"{name}/{part}"] = float(every[parts == number].mean())
        right = [
            math.exp(float(seen[one.parts == ANSWER].sum()))
            for one, seen in zip(examples, output.logprobs, strict=True)
        ]
        out[f"{name}/right"] = float(np.mean(right))
    return out


def _write(out: Path, step: int, values: Mapping[str, float], names: Sequence[str]) -> None:
    """A row of the curve; that of step 0 says what held-out examples were before the first update."""
    write_curve(out / CURVE, {"step": step, **{name: round(value, 6) for name, value in values.items()}}, names)


def columns(config: SftConfig, watched: Pools) -> list[str]:
    """Of curve.csv: the step comes first."""
    of = [f"{name}/{part}" for name in watched for part in (*PARTS, "right")]
    return ["step", "loss", "grad_norm", "rate", *of]


def settings(config: SftConfig) -> dict[str, Any]:
    """What a resumed run must share, as JSON returns it."""
    kept = {name: value for name, value in asdict(config).items() if name not in FREE}
    out: dict[str, Any] = json.loads(json.dumps(kept | {"dtype": products.settled(config.dtype)}))
    return out


def begin(config: SftConfig, out: Path) -> Reached:
    """(the checkpoint to go on from, the updates that it has). InputError when folder and settings do not agree."""
    if any((out / head).exists() for head in ("run.json", "train.json", "vlm.json")):
        raise InputError(f"{out} holds another run; choose another --out")
    found, head = newest(out), read_head(out)
    if not config.resume:
        sft_facts.check_new(out)
    if found is None and operator(out) is not None:
        raise InputError(
            f"{out} has no checkpoint any more, so it is not trained further: {operator(out)} seats it; to train anew, "
            "choose another --out"
        )
    facts = None if found is None else read_facts(found)
    if (of := facts or head) is not None:
        was, now = of.config, settings(config)
        for name in now:
            if was.get(name) != now[name]:
                raise InputError(
                    f"{out} was trained with {name}={was.get(name)}, not {now[name]}: resume with the same"
                )
    return found, 0 if facts is None else facts.step


def save(engine: Engine, config: SftConfig, out: Path, step: int) -> None:
    """A checkpoint, whole or not at all (ArenaError); then all but the newest are deleted."""
    from arena.train.vlm.saved import whole

    folder = out / f"{CHECKPOINT}{step:08d}"
    with whole(folder) as fresh:
        engine.save_state(fresh / "state")
        Disk().replace_json(fresh / FACTS, {"step": step, "config": settings(config)})
    for old in sorted(out.glob(f"{CHECKPOINT}*"))[: -config.keep]:
        shutil.rmtree(old)


def due(config: SftConfig, step: int) -> bool:
    """Whether matches are played after `step` updates."""
    every = config.evaluation.every
    return bool(every) and (step % every == 0 or step == config.steps)


def evaluate(engine: Engine, config: SftConfig, out: Path, step: int) -> None:
    """Plays what is missing of the matches after `step` updates, with the weights so far; of 0 with the model's own."""
    weights = engine.sampler_weights(f"pi_v{step}") if step else None
    with torch_threads(config.threads):  # the operator sets its own
        evaluations.play(sft_ready.evaluated(config), out, step, weights)
    if weights is not None:
        shutil.rmtree(weights)


def main(config: SftConfig, engine: Engine, tokens: Tokens) -> None:
    """Runs what is missing of the training. The engine has the weights then."""
    out = Path(config.out)
    with alone(out):
        learn(config, engine, tokens, begin(config, out))


def learn(config: SftConfig, engine: Engine, tokens: Tokens, begun: Reached) -> None:
    """As `main`, for whoever is `alone` in the folder. `begun`: what `begin` returned."""
    out = Path(config.out)
    found, first = begun
    album = Album()
    with Bar(READING, show=config.progress):
        pools, watched = load(config, tokens, album)
    shares = weights_of(config, pools)
    weights = (config.thought_weight, config.answer_weight, config.shown_weight)
    if found is not None:
        engine.load_state(found / "state")
    if first:
        cut_curve(out / CURVE, first)
    else:
        (out / CURVE).unlink(missing_ok=True)
        _write(out, 0, measure(engine, watched, album), columns(config, watched))
    since: list[Mapping[str, float]] = []
    with Bar("evaluating before the first update", show=config.progress) as shown:
        if config.evaluation.every and not evaluations.start_played(sft_ready.evaluated(config), out):
            evaluate(engine, config, out, 0)
        shown.begin("updates", config.steps, done=first)
        for step in range(first, config.steps):
            examples = chosen(pools, shares, config.batch, config.seed, step)
            since.append(update(engine, data(examples, weights, album), config, step))
            done = step + 1
            if due(config, done):  # before its checkpoint, so that a resumed run plays what is missing
                shown.update(done, "updates (evaluating)")
                evaluate(engine, config, out, done)
            if done % config.every == 0 or done == config.steps:
                row = {name: sum(one[name] for one in since) / len(since) for name in since[0]}
                row |= measure(engine, watched, album)
                _write(out, done, row, columns(config, watched))  # a line too many is cut by who goes on
                save(engine, config, out, done)
                since = []
            shown.update(done, f"updates (loss {since[-1]['loss']:.4f})" if since else "updates")


def run(config: SftConfig) -> Path:
    """Runs what is missing of the training, on this machine, and returns the folder of the model, or of its adapter."""
    lower = f"tokens (now {config.tokens}) or batch (now {config.batch})"
    out = Path(config.out)
    with alone(out), sft_facts.refused(out), writing(lower):
        return _run(config, out)


def _run(config: SftConfig, out: Path) -> Path:
    begun = begin(config, out)  # before anything large is loaded
    write_head(out, config.trained_by, settings(config))
    folder = out / MODEL
    if begun[1] == config.steps and config.mode == "full" and folder.exists():
        return folder
    with Bar(f"loading {config.model}", show=config.progress):
        engine = made(config)
    learn(config, engine, reads(engine.learner), begun)
    if config.mode == "lora":
        return engine.sampler_weights(MODEL)
    about = {"by": config.trained_by, "updates": config.steps, "seed": config.seed}
    from arena.train.vlm.saved import whole

    with whole(folder) as fresh:
        engine.learner.save(fresh, engine.model, "bfloat16", about)
    return folder


def made(config: SftConfig) -> LocalEngine:
    """The engine in this process."""
    import torch

    from arena.train.vlm.local import LocalEngine

    torch.set_num_threads(config.threads)
    return LocalEngine(config.model, Path(config.out), of_engine(config))


def of_engine(config: SftConfig) -> LocalConfig:
    """The engine's settings, on this machine."""
    given: dict[str, Any] = {"mode": config.mode, "dtype": config.dtype, "fixed": False}
    given["freeze_vision_tower"] = config.freeze_vision_tower
    return LocalConfig(**given, rank=config.rank, alpha=2 * config.rank, tokens=config.tokens).here()


def reads(learner: Any) -> Tokens:
    """How a learner's model reads and writes."""
    return Tokens(learner.encode, learner.tokenizer, min(learner.ends), learner.context)


def counted(config: SftConfig) -> list[str]:
    """What would be learned from, in sentences; nothing is trained."""
    with alone(Path(config.out)), Bar(f"loading {config.model}", show=config.progress) as shown:
        reader = reads(made(config).learner)
        shown.begin(READING)
        pools, watched = load(config, reader, Album())
    shares = weights_of(config, pools)
    out = []
    for name, pool in pools.items():
        part = shares[name] / sum(shares.values())
        tokens = sum(len(one.prompt) + len(one.response) for one in pool)
        passes = part * config.steps * config.batch / len(pool)
        out.append(
            f"{name}: {len(pool):,} examples of {tokens / len(pool):.0f} tokens ({len(watched[name])} more are "
            f"watched), {part:.0%} of every batch, each met {passes:.1f} times"
        )
    return [*out, f"{config.steps:,} updates of {config.batch} examples"]
