"""Seats a plain Python callable, unmodified: any `agent(obs)` that takes a dict and returns an action.

arena play --game leduc --operators ./docs/examples/agent.py@call=./my_agent.py:act,random

`call` names it: FILE.py:NAME, or MODULE:NAME of what is installed. A class is called without arguments first, and
what that makes is the agent. `obs` holds

    legal    list of int      the actions that are legal now
    actions  list of str      all actions' names; an action is its index
    text, facts               str, dict of str       if the game has the text view
    vector                    float32 array          if the game has it
    image                     uint8 array (height, width, 3)       if `image=HEIGHTxWIDTH` asks for it
    seed     int              from this turn's own key: an agent that draws from nothing else plays the same game again
    match, seat, tick, attempt, reason                who is asked, when, and why again
    heard    list of (seat, str)                      what other players said: their words, not the arena's
    free_text, table_talk                             int: characters it may say, as the answer or beside it

What it returns is the answer: an index, a name, or text that the game parses; or (answer, what is said beside it).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any

from arena.canonical import hash_file
from arena.errors import InputError
from arena.game import GameSpec, Views, floats
from arena.operator import Decision, OpenSeat, Operator, OperatorKind, Outcome, Request, WorkerContext, turn_key
from arena.options import Option
from arena.plugins import resolve


class CallableOperator(Operator):
    def __init__(self, agent: Callable[[dict[str, Any]], Any]) -> None:
        self._agent = agent
        self._seats: dict[tuple[int, int], OpenSeat] = {}

    def open(self, seats: Sequence[OpenSeat]) -> None:
        self._seats.update({(seat.match, seat.seat): seat for seat in seats})

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self._decide(request) for request in requests]

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self._seats.pop((match, seat), None)

    def _decide(self, request: Request) -> Decision:
        seat, seen = self._seats[request.match, request.seat], request.observation
        vector = None if seen.vector is None else floats(seen.vector, seat.card.vector_scale)
        views = {"text": seen.text, "facts": seen.facts, "vector": vector, "image": seen.image}
        answer = self._agent(
            {
                "legal": list(seen.legal),
                "actions": list(seat.card.actions),
                # Copies: an agent may write into what it is given.
                **{
                    name: view.copy() if hasattr(view, "copy") else view
                    for name, view in views.items()
                    if view is not None
                },
                "seed": int.from_bytes(turn_key(seat, request), "little"),
                **{name: getattr(request, name) for name in ("match", "seat", "tick", "attempt", "reason")},
                "heard": [(said.seat, said.text) for said in seen.heard],
                **{name: getattr(seen, name) for name in ("free_text", "table_talk")},
            }
        )
        answer, say = answer if isinstance(answer, tuple) else (answer, None)
        # NumPy's and torch's whole numbers become plain ones; 0.9 is none, and nothing is mended here. Whether an
        # answer is a legal action is the game's to say.
        return Decision(answer=answer if isinstance(answer, str) else index(answer), say=say)


def build(context: WorkerContext) -> Operator:
    where = context.options["call"].rpartition(":")[0]
    if where.endswith(".py"):
        sys.path.append(str(Path(where).parent))  # last: what stands beside it may be imported, but hides nothing
    try:
        agent = resolve(context.options["call"])
    except (ImportError, AttributeError) as error:
        raise ValueError(f"agent@call={context.options['call']}: {error}") from error
    return CallableOperator(agent() if isinstance(agent, type) else agent)


def resolve_options(spec: GameSpec | None, what: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Checks how `call` is written, and makes a file's path whole. Nothing of the agent's is imported here."""
    where, colon, name = (options["call"] or "").rpartition(":")
    if not (colon and where and name.isidentifier()):
        raise InputError(f"agent@call={options['call']}: expected FILE.py:NAME or MODULE:NAME, e.g. ./my_agent.py:act")
    if where.endswith(".py"):
        path = Path(where).expanduser().resolve()
        if not path.is_file():
            raise InputError(f"agent@call={options['call']}: there is no file {path}")
        where = str(path)
    return {**options, "call": f"{where}:{name}"}


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    size = options["image"]
    if size is None:
        return Views(vector=spec.vector_shape is not None, text=spec.text)
    height, _, width = size.partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise InputError(f"agent@image={size}: expected HEIGHTxWIDTH in pixels, e.g. 128x128")
    return Views(image=(int(height), int(width)), vector=spec.vector_shape is not None, text=spec.text)


def fingerprint(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Mapping[str, str]:
    path = Path(options["call"].rpartition(":")[0])
    return {path.name: hash_file(path)} if path.suffix == ".py" else {}


KIND = OperatorKind(
    name="agent",
    summary="a plain Python callable: agent(obs) -> action",
    target=f"{__file__}:build",
    views=views,
    resolve_options=resolve_options,
    fingerprint=fingerprint,
    options={
        "call": Option("str", None, "FILE.py:NAME or MODULE:NAME"),
        "image": Option("str", None, "HEIGHTxWIDTH of the picture that it is given as well"),
    },
    determinism="none",  # nothing is known about what is called
)
