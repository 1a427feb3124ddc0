"""The contract of a tool: what a function must be, what it is given, and what comes of a call."""

from __future__ import annotations

import json

import numpy as np
import pytest

from arena.canonical import hash_array
from arena.errors import InputError
from arena.game import Image
from arena.plugins import tool, tools
from arena.tool import CUT, MOST_ARGUMENTS, MOST_TEXT, ToolContext, tool_of


def double(number: int, times: int = 2) -> str:
    """Multiplies."""
    return str(number * times)


def both(context: ToolContext) -> tuple[str, Image]:
    """Shows and tells."""
    assert context.picture is not None
    return "here", context.picture[:1]


def broken(number: int) -> str:
    """Divides."""
    return str(1 // number)


def rude(number: int) -> str:
    """Returns what is no result."""
    return number  # type: ignore[return-value]


def untyped(number) -> str:
    """Has a parameter without a type."""
    return str(number)


def silent(number: int) -> str:
    return str(number)


def returns_nothing(number: int):
    """Does not say what it returns."""


def starred(*numbers: int) -> str:
    """Takes any number of them."""
    return ""


def odd(what: np.random.Generator) -> str:
    """Takes what is not JSON."""
    return ""


def test_the_schema_is_of_the_annotations():
    assert tool_of(double).schema["properties"] == {
        "number": {"type": "integer"},
        "times": {"type": "integer", "default": 2},
    }
    assert json.loads(tool_of(both).told()) == {}


def test_a_call_is_recorded_with_its_arguments_as_written():
    called = tool_of(double).call('{"number": 4 }', ToolContext())
    assert (called.call.tool, called.call.arguments, called.call.text) == ("double", '{"number": 4 }', "8")


def test_a_picture_is_recorded_by_its_hash():
    seen = np.zeros((4, 4, 3), np.uint8)
    called = tool_of(both).call("", ToolContext(seen))
    assert called.call.text == "here"
    assert called.call.picture == hash_array(seen[:1])


@pytest.mark.parametrize(
    "arguments",
    ["{", "[]", '{"number": "4"}', '{"numbr": 4}', '{"number": 4, "more": 1}', '{"number": 1e400}', "[" * 3000],
)
def test_arguments_that_do_not_fit_are_an_error_of_the_call(arguments):
    called = tool_of(double).call(arguments, ToolContext())
    assert called.call.error is not None
    assert not called.failed


def test_long_arguments_are_refused_and_recorded_in_part():
    made = tool_of(double)
    first = made.call(" " * MOST_ARGUMENTS + '{"number": 4}', ToolContext()).call
    assert "too long" in (first.error or "")
    assert made.call(first.arguments, ToolContext()).call == first  # made again from the log


def test_what_a_tool_raises_but_for_a_valueerror_is_its_own_fault():
    called = tool_of(broken).call('{"number": 0}', ToolContext())
    assert called.failed
    assert called.call.error == "the tool broken failed: ZeroDivisionError: integer division or modulo by zero"
    assert tool_of(rude).call('{"number": 0}', ToolContext()).failed


def test_a_long_text_is_cut():
    def long() -> str:
        """Says much."""
        return "\ud800" + "x" * 10_000

    assert tool_of(long).call("", ToolContext()).call.text == "?" + "x" * (MOST_TEXT - 1) + CUT


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (untyped, "'number' has no type"),
        (silent, "no docstring"),
        (returns_nothing, "what it returns"),
        (starred, "has no name of its own"),
        (odd, "no JSON Schema"),
        (3, "plain function"),
    ],
)
def test_what_is_no_tool_is_said(function, words):
    with pytest.raises(InputError, match=words):
        tool_of(function)


def test_a_tool_may_be_in_a_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from arena.tool import repeatable\n\ndef _help(): ...\n\n@repeatable\ndef odds(outs: int) -> str:\n"
        '    """The odds."""\n    return str(outs)\n'
    )
    assert tool(str(file)).name == tool(f"{file}:odds").name == "odds"
    assert [one.name for one in tools(f"notes+{file}:odds")] == ["notes", "odds"]
    with pytest.raises(InputError, match="comes twice"):
        tools("notes+notes")
    with pytest.raises(InputError, match="no tool is called 'note'"):
        tool("note")
    with pytest.raises(InputError, match="defines no function called 'odd'"):
        tool(f"{file}:odd")


def test_a_tool_in_a_file_is_not_called_as_an_installed_one(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text('def notes() -> str:\n    """Mine."""\n    return ""\n')
    with pytest.raises(InputError, match="another name"):
        tool(str(file))
