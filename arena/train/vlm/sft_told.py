"""What the folder of a supervised start says of it, in words. There is no torch here."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arena.figures import plural
from arena.train.vlm import changes
from arena.train.vlm.sft_facts import CURVE, LESSONS, again, has_begun, newest, operator, read_facts, read_head

RIGHT, ANSWER = "/right", "/answer"
WORSE = 0.1  # nats a token by which held-out answers must have become less probable to be told of


def sentences(out: Path) -> list[str]:
    """What it learns from, how far it came, and what its matches say; [] where there is no supervised start.

    CheckpointError as read_facts.
    """
    if not has_begun(out):
        return []
    found = newest(out)
    if found is None:
        return _without_checkpoint(out)
    facts = read_facts(found)
    config = facts.config
    weights = "all weights" if config["mode"] == "full" else "an adapter"
    weights += " but the tower's" if config["mode"] == "full" and config.get("freeze_vision_tower") else ""
    told = [
        f"{config['model']} learns from {_sources(config)}: {facts.step} of {config['steps']} updates of "
        f"{config['batch']} examples, {weights}, seed {config['seed']}"
    ]
    told += results(out)
    model = operator(out)
    told.append(f"seat it with: {model}" if model else f"go on with: {again(out)}")
    return told


def results(out: Path) -> list[str]:
    """What its last updates and its matches say."""
    rows = _rows(out / CURVE)
    last, told = rows[-1] if rows else {}, []
    if last.get("loss"):
        right = [f"{name.removesuffix(RIGHT)} {float(value):.3g}" for name, value in last.items() if _is(name, value)]
        shares = f"; how probable held-out answers are (1: certain): {', '.join(right)}" if right else ""
        told.append(f"last updates: loss {float(last['loss']):.3g}{shares}")
    return told + _worse(out, rows) + changes.sentences(out)


def _worse(out: Path, rows: list[dict[str, str]]) -> list[str]:
    """Of sources whose held-out answers are less probable than before the first update: nothing good comes of those."""
    if len(rows) < 2 or rows[0]["step"] != "0":
        return []
    both = {
        name.removesuffix(ANSWER): (float(rows[0][name]), float(rows[-1][name]))
        for name in rows[0]
        if name.endswith(ANSWER) and rows[0][name] and rows[-1][name]
    }
    fell = [f"{name} {was:.3g} before, {now:.3g} now" for name, (was, now) in both.items() if now < was - WORSE]
    if not fell:
        return []
    found, head = newest(out), read_head(out)
    config = read_facts(found).config if found is not None else head.config if head is not None else {}
    more = ", or give what fell a larger @weight=" if len(both) > 1 else ""
    return [
        f"held-out answers are less probable than before training (log-probability a token: {', '.join(fell)}): lower "
        f"rate (now {config.get('rate', 'unknown')}){more}"
    ]


def _without_checkpoint(out: Path) -> list[str]:
    """Of one that was stopped early, or that is being made ready. A dry run leaves lessons, too."""
    if (model := operator(out)) is not None:
        return [
            "a supervised start (`arena train sft`) whose checkpoints were deleted",
            *results(out),
            f"seat it with: {model}",
        ]
    files = len(list((out / LESSONS).glob("*.lessons")))
    kept = f": {plural(files, 'file')} of lessons, which {'are' if files > 1 else 'is'} not made again" if files else ""
    return [f"a supervised start (`arena train sft`) without a checkpoint{kept}", f"go on with: {again(out)}"]


def _sources(config: Mapping[str, Any]) -> str:
    names = [f"{one['sort']} {one['name']}" for one in config["sources"]]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _rows(curve: Path) -> list[dict[str, str]]:
    if not curve.is_file():
        return []
    with curve.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _is(name: str, value: str) -> bool:
    return name.endswith(RIGHT) and bool(value)
