"""What docs/protocol.md shows whole: the session of a worker, the schema, and what a worker needs at least."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.protocol import codec, schema
from arena.protocol import messages as m
from arena.protocol.trace import Trace, described_frames
from tests.protocol.transcript import WORKER, transcript

DOCS = Path(__file__).parents[2] / "docs"
PROTOCOL = (DOCS / "protocol.md").read_text()


def test_the_session_that_is_shown_is_the_one_that_happens() -> None:
    shown = re.search(r"```text transcript\n(.*?)```", PROTOCOL, re.DOTALL)
    assert shown is not None
    assert [line for line in shown[1].splitlines() if not line.startswith("#")] == transcript()


def test_the_schema_is_that_of_the_code() -> None:
    stated = (DOCS / "protocol.schema.json").read_text()
    assert stated == schema.text(), "python -m arena.protocol.schema > docs/protocol.schema.json"
    names = {
        tag
        for one in schema.schema()["$defs"].values()
        for tag in one.get("properties", {}).get("type", {}).get("enum", ())
    }
    assert {cls.__struct_config__.tag for union in (m.ToArena, m.ToWorker) for cls in union.__args__} <= names


def test_the_example_says_and_understands_just_what_a_worker_needs() -> None:
    box = PROTOCOL[PROTOCOL.index("All that an operator's worker needs") :][:900]
    sends, understands = re.findall(r"(?:sends|understands) 8(?: messages)?: (.*?)\.", box, re.DOTALL)[:2]
    source = WORKER.read_text()
    cases = {name for line in re.findall(r"case (\".*\"):", source) for name in re.findall(r"\"(\w+)\"", line)}
    assert set(re.findall(r"`(\w+)`", understands)) == cases - {"pong"}  # which it lets pass
    assert set(re.findall(r"`(\w+)`", sends)) == set(re.findall(r"send\(type=\"(\w+)\"", source))


def test_a_trace_holds_every_message_without_the_token(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "trace.jsonl")
    hello = m.Hello(token="secret", major=1, minor=0, kind="x", name="x", version="1")
    trace.note("to arena", "x#1", [*codec.encode(hello), b"1234"])
    trace.note("to arena", "x#1", [b"ARENA/1", b"\xc1"])
    trace.close()
    text = (tmp_path / "trace.jsonl").read_text()
    first, second = map(json.loads, text.splitlines())
    assert (first["direction"], first["worker"], first["buffers"]) == ("to arena", "x#1", [4])
    assert (first["header"]["type"], first["header"]["token"]) == ("hello", "(not shown)")
    assert "secret" not in text
    assert "undecodable" in second
    with pytest.raises(InputError, match="exists: name a new file"):
        Trace(tmp_path / "trace.jsonl")


@pytest.mark.parametrize("frames", [[], [b"ARENA/1"], [b"x", b"\xff" * 9], [b"ARENA/1", b"\x91" * 10**5]])
def test_whatever_came_can_be_traced(frames: list[bytes]) -> None:
    assert json.dumps(described_frames(frames))
