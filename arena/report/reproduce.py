"""How a reader checks a run and plays it again: exact commands, versions and hashes."""

from __future__ import annotations

import dataclasses
import hashlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec

from arena.plan import Limits, PlanSpec
from arena.record.head import Head
from arena.record.reader import Run
from arena.record.shards import shards
from arena.report.html import Html, section, table, tag

SAID = ("games", "operators", "schedule", "seed", "matches", "mirror", "limits")  # of a PlanSpec
FLAGS = {
    "max_ticks": "--max-ticks",
    "max_reasks": "--reask",
    "human_timeout": "--human-timeout",
    "deadline": "--deadline",
    "max_failures": "--max-failures",
    "pace": "--pace",
}


def reproduce(run: Run) -> Html:
    """The section of the page."""
    head, name = run.head, run.folder.resolve().name
    lines = [
        version(head),
        f"arena verify {shlex.quote(name)}             # plays every match again from its log, compares every hash",
        f"arena replay {shlex.quote(name)}             # shows it step by step",
    ]
    parts = [tag("p", "With this run folder at hand:"), tag("pre", "\n".join(lines))]
    parts += _anew(head, name)
    versions = {"agent-arena": head.arena, "protocol": head.protocol, "Python": head.python}
    for game in head.games:
        versions[f"game {game.name}"] = f"version {game.version}"
        versions |= game.engines
    parts.append(table("Versions it was played with", ["what", "version"], [*versions.items()], "words"))
    rows = [[file, tag("code", digest)] for file, digest in hashes(run.folder).items()]
    parts.append(table("SHA-256 of the files that prove it", ["file", "hash"], rows, "words"))
    return section("How to reproduce", "reproduce", *parts)


def version(head: Head) -> str:
    """The command that tells a reader's version, with the one that is wanted. No index has this package."""
    return f"arena --version   # {head.arena} played it; to have that one: pip install -e . in its checkout"


def _anew(head: Head, name: str) -> list[Html]:
    """How to play it anew, and what to expect of that."""
    if head.people:
        return [
            tag("p", "A person sat there, so it cannot be played anew: `arena verify` plays it again from its log.")
        ]
    if head.part is not None:
        return [tag("p", "It is a part of a run, which is played anew as a whole.")]
    said = command(head)
    again = tag("pre", script(name) if said is None else said)
    how = "" if said is not None else " (in Python, since no options of `arena play` say this plan)"
    if head.plan.limits.pace == "realtime":
        why = f"To play it anew{how}. It was played in realtime, so the seed alone does not repeat it:"
        return [tag("p", why), again]
    compare = f"cmp again/log-000.jsonl {shlex.quote(f'{name}/log-000.jsonl')}"
    why = f"To play it anew{how}, and compare the logs (equal where all operators are deterministic):"
    return [tag("p", why), again, tag("pre", compare)]


def script(name: str) -> str:
    """Python that plays the plan of the run in folder `name` anew. Files of the user's must be where they were."""
    return f"""from pathlib import Path
from arena.lineup import resolve
from arena.play import run_plan
from arena.record.reader import Run

run_plan(resolve(Run(Path({name!r})).head.plan), Path("again"))"""


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the files that equal runs have in common, by name; hex."""
    files = [folder / "run.json", *shards(folder), folder / "results.json"]
    return {path.name: sha256(path) for path in files if path.is_file()}


def sha256(path: Path) -> str:
    """The SHA-256 of a file, hex; memory does not grow with it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def command(head: Head) -> str | None:
    """The command that plays the plan anew; None where no command line says it (a file, a part, a person)."""
    if (
        head.part is not None
        or head.people
        or head.schedule is not None
        or any(game.file is not None for game in head.games)
    ):
        return None
    if not _said(head.plan):
        return None
    return " ".join(shlex.quote(word) for word in _words(head.plan, head))


def _said(plan: PlanSpec) -> bool:
    """Whether options of `arena play` can say this plan, of which nobody is a person."""
    usual, limits = Limits(), plan.limits
    unsaid = [field for field in msgspec.structs.fields(PlanSpec) if field.name not in SAID]
    if plan.mirror is False or any(getattr(plan, field.name) != field.default for field in unsaid):
        return False
    others = {field.name for field in dataclasses.fields(limits)} - {*FLAGS, "blind"}
    return all(getattr(limits, name) == getattr(usual, name) for name in others)


def _words(plan: PlanSpec, head: Head) -> Iterator[str]:
    yield from ("arena", "play")
    for game in plan.games:
        yield from ("--game", game)
    for operator in plan.operators:
        yield from ("--operator", operator)
    if plan.schedule is not None:
        yield from ("--schedule", plan.schedule)
    yield from ("--seed", str(plan.seed))
    if plan.matches is not None:
        yield from ("--matches", str(plan.matches))
    usual = Limits()
    for name, flag in FLAGS.items():
        if (value := getattr(plan.limits, name)) != getattr(usual, name):
            yield from (flag, str(value))
    if plan.limits.blind:
        yield "--blind"
    yield from ("--out", "again")
