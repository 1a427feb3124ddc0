"""`arena check tool`: whether a function is a tool, on calls that are given or made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import click
import msgspec
import numpy as np

from arena import plugins
from arena.cli.check_plugins import JSON
from arena.cli.findings import report
from arena.game import Image
from arena.testing.checking import Finding
from arena.tool import Called, Tool, ToolContext

SIZE = (96, 128)  # of the sample picture


@click.command()
@click.argument("spec")
@click.option("--call", "calls", multiple=True, help="Arguments to call it with, as JSON; may be repeated.")
@JSON
def tool(spec: str, calls: tuple[str, ...], as_json: bool) -> None:
    """Check the tool SPEC: calculate, ./mine.py, ./mine.py:odds

    Without --call it is called with arguments made up from its schema, and with each default.
    Exit code: 0 all that was tested passes, 1 something fails, 2 no such tool.
    """
    found = plugins.tool(spec)
    notes = [f"{found.name} {found.told()}", *found.description.splitlines()]

    def test(on_start: Callable[[str], None]) -> Iterator[Finding]:
        on_start(f"calling {found.name}")
        yield from findings(found, calls)

    report(f"tool {found.name} ({spec})", notes, test, as_json)


def findings(tool: Tool, calls: tuple[str, ...]) -> Iterator[Finding]:
    """Every property. Its name, types, docstring and schema were checked when it was found."""
    yield Finding("described", "it has a docstring, and its arguments a JSON Schema", "passes")
    wrong = _call(tool, '{"no such argument": 1}')
    yield _judged("strict", "arguments that it does not take are an error", not wrong.failed, str(wrong.call.error))
    made = calls or (sample(tool),)
    results = [_call(tool, arguments) for arguments in made]
    broken = [one for one in results if one.failed]
    yield _judged(
        "errors",
        "what it cannot do with its arguments is a ValueError",
        not broken,
        "; ".join(f"{one.call.arguments}: {one.call.error}" for one in broken),
        "raise ValueError, with a message for the model, and nothing else",
    )
    refused = [one for one in results if one.call.error is not None and not one.failed]
    if len(refused) + len(broken) == len(made):
        why = f"{made[0]} gave: {results[0].call.error}. Give arguments that it takes: --call '{{...}}'"
        state = "fails" if calls and not broken else "not tested"
        yield Finding("works", "it gives a result", state, why)  # type: ignore[arg-type]
    else:
        yield Finding("works", "it gives a result", "passes")
    if not tool.repeatable:
        why = "it is not marked @repeatable: `arena verify` does not call it again, and operators count as measured"
        yield Finding("repeats", "the same call gives the same result", "not tested", why)
        return
    again = [_call(tool, arguments) for arguments in made]
    other = [one.call.arguments for one, two in zip(results, again, strict=True) if one.call != two.call]
    yield _judged(
        "repeats",
        "the same call gives the same result",
        not other,
        f"another result for {', '.join(other)}",
        "draw from context.key, keep nothing between calls but context.notes, or leave @repeatable out",
    )


def _judged(test: str, what: str, passes: bool, why: str, repair: str = "") -> Finding:
    return Finding(test, what, "passes") if passes else Finding(test, what, "fails", why, repair=repair)


def _call(tool: Tool, arguments: str) -> Called:
    return tool.call(arguments, ToolContext(_picture(), "a sample text view", ["a note"], bytes(range(16))))


def _picture() -> Image:
    height, width = SIZE
    out = np.zeros((height, width, 3), np.uint8)
    out[..., 0], out[..., 1] = np.arange(height)[:, None], np.arange(width)[None]
    out.setflags(write=False)
    return out


def sample(tool: Tool) -> str:
    """Arguments made up from the schema: those that have no default."""
    schema = tool.schema
    needed = schema.get("required", [])
    return msgspec.json.encode({name: _value(schema["properties"][name], schema) for name in needed}).decode()


def _value(part: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value of this part of a JSON Schema."""
    if "$ref" in part:
        return _value(schema["$defs"][part["$ref"].rpartition("/")[2]], schema)
    if "enum" in part:
        return part["enum"][0]
    if "anyOf" in part:
        return _value(part["anyOf"][0], schema)
    match part.get("type"):
        case "integer" | "number":
            return max(1, part.get("minimum", 1), part.get("exclusiveMinimum", 0) + 1)
        case "string":
            return "1".ljust(part.get("minLength", 1), "1")
        case "boolean":
            return True
        case "array":
            items = part.get("prefixItems") or [part.get("items", {})] * part.get("minItems", 1)
            return [_value(item, schema) for item in items]
        case "object":
            properties = part.get("properties", {})
            return {name: _value(properties[name], schema) for name in part.get("required", [])}
    return None
