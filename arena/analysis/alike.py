"""Like with like: what each operator was given and how it was run, and which comparisons are of that as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from arena.record.facts import Facts
from arena.record.head import REFERENCES, GameHead, OperatorHead, differ

# Options by what they are about. Those of other kinds, and those that are not here, are told as `other`.
ASPECTS: Mapping[str, tuple[str, ...]] = {
    "history": ("history", "history_pictures"),
    "tools": ("tools", "tool_calls"),
    "prompt": ("prompt", "pictures", "thoughts", "examples", "choices", "decide"),
    "sampling": ("temperature", "top_p", "top_k", "min_p", "max_tokens", "thinking", "deterministic"),
    "adapter": ("adapter", "lora"),
    "server": ("backend", "url", "model"),
}
# No decision depends on these, or `views` has it.
UNTOLD = ("key", "price", "in_flight", "stream", "batch", "image", "context")


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What one operator had at one game: its options, defaults too, by what they are about."""

    operator: str
    kind: str
    views: str  # in words
    history: dict[str, Any] = {}
    tools: dict[str, Any] = {}
    prompt: dict[str, Any] = {}
    sampling: dict[str, Any] = {}
    adapter: dict[str, Any] = {}
    server: dict[str, Any] = {}
    other: dict[str, Any] = {}
    told: list[dict[str, str]] = []  # what it said of itself when it was ready


class GameConditions(msgspec.Struct, frozen=True, kw_only=True):
    """All operators of a game."""

    game: str
    rows: list[Conditions]
    differences: list[str]  # a sentence for each thing in which operators that are compared were treated differently


def conditions(game: GameHead, title: str, facts: Facts) -> GameConditions:
    """Of a game that is called so, from run.json and operators.json."""
    rows = [_row(operator, facts.get(operator.name, [])) for operator in game.operators]
    differences = [] if game.unlike is None else [game.unlike]
    rivals = [row for row in rows if row.kind not in REFERENCES]
    for aspect, names in ASPECTS.items():
        for name in names:
            # Compared are those that have such an option: a policy has no temperature.
            had = [(row.operator, getattr(row, aspect)) for row in rivals]
            values = [(operator, words({name: options[name]})) for operator, options in had if name in options]
            if told := differ(f"had another {aspect}", values):
                differences.append(told)
    return GameConditions(game=title, rows=rows, differences=differences)


def words(options: Mapping[str, Any]) -> str:
    """Options as `name value, name value`."""
    shown = ((name, str(value).lower() if isinstance(value, bool) else value) for name, value in options.items())
    return ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in shown)


def _row(operator: OperatorHead, told: Sequence[Mapping[str, str]]) -> Conditions:
    options = {name: value for name, value in operator.options.items() if value not in (None, "")}
    found = {aspect: {name: options[name] for name in names if name in options} for aspect, names in ASPECTS.items()}
    known = {*UNTOLD, *(name for names in ASPECTS.values() for name in names)}
    return Conditions(
        operator=operator.name,
        kind=operator.kind,
        views=operator.views.described(),
        other={name: value for name, value in options.items() if name not in known},
        told=[dict(facts) for facts in told],
        **found,
    )
