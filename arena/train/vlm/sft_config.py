"""The settings of a supervised start, and the names of what it learns from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from arena import declared, plugins
from arena.canonical import LARGEST
from arena.errors import InputError, nearest
from arena.options import Option
from arena.train import ranges
from arena.train.config import bounds
from arena.train.vlm.evaluation_config import EvaluationConfig

Sort = Literal["run", "teacher", "correct", "chat"]
_TAIL = re.compile(r"@([A-Za-z_]\w*)=([^@]*)")
OF_SOURCE = {
    "weight": Option("float", None, "its share of every batch, relative to the others'", low=0, high=1e9),
    "lessons": Option("int", 1_000, "different lessons that a teacher makes", low=1, high=10_000_000),
    "operator": Option("str", None, "of a run, or of what is corrected in it: only this operator's turns"),
    "best": Option("float", None, "of a run: only this share of the episodes, those of the highest returns", 0, 1),
    "decides": Option("bool", False, "of teachers and corrections: only lessons where no other answer would do"),
    "shard": Option("int", 250, "lessons of a file", low=1, high=100_000),
}
TAKES: dict[Sort, tuple[str, ...]] = {
    "run": ("weight", "operator", "best"),
    "teacher": ("weight", "lessons", "decides", "shard"),
    "correct": ("weight", "operator", "decides"),
    "chat": ("weight",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What examples come from."""

    sort: Sort
    name: str  # a folder, or of a teacher the game
    weight: float | None = None  # None: in proportion to its examples
    lessons: int = 1_000
    shard: int = 250
    operator: str | None = None
    best: float | None = None
    decides: bool = False

    @property
    def label(self) -> str:
        """A short name for tables."""
        name = self.name if self.sort == "teacher" else Path(self.name).name
        return f"{self.sort}:{name}{'@decides' if self.decides else ''}{f'@{self.operator}' if self.operator else ''}"


def source(sort: Sort, text: str) -> Source:
    """`NAME@key=value...`, e.g. leduc@lessons=2000@weight=0.5. InputError names the nearest key."""
    found = _TAIL.search(text)
    name, tail = (text, "") if found is None else (text[: found.start()], text[found.start() :])
    given: dict[str, Any] = {}
    written: list[tuple[str, str]] = []
    for key, value in _TAIL.findall(tail):
        if key not in OF_SOURCE and written and written[-1][0] == "operator":  # an option of that operator
            written[-1] = "operator", f"{written[-1][1]}@{key}={value}"
        else:
            written.append((key, value))
    for key, value in written:
        if key not in TAKES[sort]:
            own = sort == "teacher" and key in plugins.game_class(name).spec.options
            why = f"its teacher chooses the options of {name}" if own else nearest(key, TAKES[sort])
            raise InputError(f"--{sort} {text}: there is no {key!r}. {why[0].upper()}{why[1:]}")
        try:
            given[key] = OF_SOURCE[key].check(key, value)
        except ValueError as error:
            raise InputError(f"--{sort} {text}: {error}") from error
    if not name or len(_TAIL.sub("", tail)):
        raise InputError(f"--{sort} {text}: expected a name, then @key=value, with any of {', '.join(TAKES[sort])}")
    return Source(sort=sort, name=name, **given)


@dataclass(frozen=True, kw_only=True)
class SftSettings:
    """How a model is trained, wherever its examples come from."""

    model: str = "vlm:nano"  # the operator that is trained, as it is named to play: vlm:DIR@prompt=short, llm:smollm2
    steps: int = 500  # updates
    seed: int = 0
    mode: Literal["full", "lora"] = "full"  # full: all weights; lora: an adapter
    freeze_vision_tower: bool = False  # of mode full: what sees, and its connector, stay as they are
    rank: int = 32  # of the adapter
    batch: int = 64  # examples of an update
    rate: float = 1e-4  # highest learning rate, after the warm-up
    rate_final: float = 1e-6  # it falls to this as half a cosine
    warmup: int = 20  # updates
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-8
    decay: float = 0.02
    grad_norm: float = 1.0
    thought_weight: float = 1.0  # of a token of the thought in the loss,
    answer_weight: float = 2.0  # of the answer,
    shown_weight: float = 1.0  # and of what else the picture shows
    held_out: int = 64  # examples of each source that are watched and not learned from; at most a tenth of it
    every: int = 50  # updates between two checkpoints, at which the held-out examples are measured
    keep: int = 1  # checkpoints
    workers: int = 1  # processes that make lessons
    threads: int = 1  # of torch: another number may change the last bits
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # of products; auto: what this machine computes fast in
    tokens: int = 2_048  # of a forward pass, padding included
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)  # matches before, between and after updates

    def check(self) -> None:
        """InputError for a number outside its range."""
        ranges.check("", self, _RANGES)
        self.evaluation.check()


_LEAST = {"seed": 0, "warmup": 0, "held_out": 0}
_MOST = {"rate": 1, "rate_final": 1, "beta1": 1, "beta2": 1, "epsilon": 1, "rank": 512, "workers": 256, "threads": 256}
_RANGES = bounds(SftSettings, _LEAST, _MOST | {"steps": LARGEST, "seed": LARGEST})


@dataclass(frozen=True, kw_only=True)
class SftFile(SftSettings):
    """What a config file and `--set` may say: sources as the command line names them, NAME@key=value."""

    run: tuple[str, ...] = ()
    teacher: tuple[str, ...] = ()
    correct: tuple[str, ...] = ()
    chat: tuple[str, ...] = ()

    @property
    def named(self) -> dict[Sort, tuple[str, ...]]:
        """The sources by their sort."""
        return {"run": self.run, "teacher": self.teacher, "correct": self.correct, "chat": self.chat}

    def sources(self) -> tuple[Source, ...]:
        """InputError for a wrong one, or for none."""
        found = tuple(source(sort, text) for sort, texts in self.named.items() for text in texts)
        if not found:
            raise InputError(
                "nothing to learn from: give --run RUN, --teacher GAME, --correct RUN or --chat DIR, or name them in a "
                'config file, e.g. teacher = ["leduc"]'
            )
        return found


@dataclass(frozen=True, kw_only=True)
class SftConfig(SftSettings):
    """A training: its settings, its sources and its folder."""

    model: str
    out: str
    sources: tuple[Source, ...]
    resume: bool = False
    progress: bool = True
    trained_by: str = "arena train sft"


FREE = {"out", "resume", "progress", "trained_by", "keep", "workers", "every", "evaluation"}
# What may differ in a resumed run: it does not decide the weights.


def load(file: Path | None, changes: Iterable[str], sources: Mapping[Sort, Any]) -> SftFile:
    """What a file (None: nothing) declares, with `changes` as `--set` has them; the last of a key counts.

    `sources`: to learn from instead, if there is any. InputError names the nearest right key, or what was expected.
    """
    found = declared.changed(SftFile() if file is None else declared.load(file, SftFile), changes)
    if any(sources.values()):
        found = replace(found, **{str(sort): texts for sort, texts in sources.items()})
    found.check()
    return found
