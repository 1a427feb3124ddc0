"""The checks of how a worker reads messages: unknown fields, defaults, buffers. See worker_suite.py."""

from __future__ import annotations

from typing import Any

import msgspec

from arena.protocol import codec
from arena.protocol import messages as m
from arena.testing.worker_bench import Bench, must_be_legal
from arena.testing.worker_checks import check


@check("2, 8", "answers", "legal")
def fields(bench: Bench) -> None:
    """Ignores unknown fields.

    Repair: look fields up by their names and ignore those that you do not know.
    """
    questions = bench.questions(2)
    peer = bench.peer()
    for where in sorted({q.where for q in questions}):
        header, _ = _plain(bench.open_message(where))
        header["card"]["later"] = header["views"]["later"] = 1
        peer.send_map({"later": [1, {"a": b"\x00"}], **header})
    header, buffers = _plain(m.Act(requests=[q.request for q in questions]))
    for request in header["requests"]:
        request["later"], request["observation"]["later"] = {"x": 1.5}, "?"
    peer.send_map({**header, "later": None}, buffers)
    answers = bench.answers([q.request for q in questions], "an answer to requests with unknown fields")
    bench.end(questions)
    must_be_legal(questions, answers)


@check("2", "answers", "legal")
def defaults(bench: Bench) -> None:
    """Understands fields that are written out at their defaults.

    Every field that may be left out is there, at its default, and the order is another.

    Repair: take a field that is nil, 0 or empty like one that is not there.
    """
    questions = bench.questions(2)
    peer = bench.peer()
    for where in sorted({q.where for q in questions}):
        header, _ = _plain(bench.open_message(where))
        peer.send_map(dict(reversed(header.items())))
    header, buffers = _plain(m.Act(requests=[q.request for q in questions]))
    nothing = {"image": None, "vector": None, "text": None, "facts": None}
    header["requests"] = [
        {"attempt": 0, "reason": None, "budget": None, **request, "observation": {**nothing, **request["observation"]}}
        for request in header["requests"]
    ]
    peer.send_map(dict(reversed(header.items())), buffers)
    answers = bench.answers([q.request for q in questions], "an answer to requests whose defaults are written out")
    bench.end(questions)
    must_be_legal(questions, answers)


def _plain(message: m.Message) -> tuple[dict[str, Any], list[codec.Frame]]:
    """The header as a map, and the buffers."""
    _, header, *buffers = codec.encode(message)
    return msgspec.msgpack.decode(header), buffers


@check("2", "answers", "legal")
def buffers(bench: Bench) -> None:
    """Finds arrays by their buffer's number.

    The arrays of many requests, in buffers that stand in another order, beside an unused one.

    Repair: read buffer number k from frame 2 + k; do not count on their order, and let unused ones be.
    """
    questions = bench.questions(6)
    bench.open(questions)
    header, buffers = _plain(m.Act(requests=[q.request for q in questions]))
    last = len(buffers)
    for request in header["requests"]:
        for view in ("image", "vector"):
            if view in request["observation"]:
                request["observation"][view][0] = last - request["observation"][view][0]
    bench.peer().send_map(header, [b"unused", *reversed(buffers)])
    answers = bench.answers([q.request for q in questions], "an answer to requests whose buffers stand in any order")
    bench.end(questions)
    must_be_legal(questions, answers)


WIRE = (fields, defaults, buffers)
