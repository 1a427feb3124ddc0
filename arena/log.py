"""The lines of a log. Equal runs give equal lines; whatever may differ (times, process ids) is in timing files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from arena.game import Move
from arena.operator import Decision, Request, ToolCall, Usage
from arena.plan import MatchPlan
from arena.talk import Unsaid


class MatchLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="match"):
    """A match begins."""

    match: int
    block: int
    game: str
    game_index: int = 0  # in the plan
    options: dict[str, Any]
    seed: str  # hex
    seats: tuple[str, ...]  # operator names in seat order
    state_hash: str
    events: tuple[str, ...] = ()


class TurnLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="turn", omit_defaults=True):
    """One answer of one operator; or, in realtime, a missing one (`late`)."""

    tick: int
    seat: int
    operator: str
    legal: tuple[int, ...]
    observation_hash: dict[str, str]
    attempt: int = 0
    answer: int | str | None = None
    thought: str | None = None
    raw: str | None = None
    usage: Usage | None = None  # Usage.logged
    calls: tuple[ToolCall, ...] = ()  # of tools, in order
    weights_version: str | None = None  # of the weights that decided, once they were changed while the worker played
    action: int | None = None  # the applied action: the parsed answer, or the default after a fault
    say: str | None = None  # the words given to the game: beside the action, or as the whole answer
    unsaid: Unsaid | None = None  # words beside the action that were not delivered, and why
    late: bool = False  # in realtime: there was no answer when the tick ended; `action` follows the game's rule
    asked: int | None = None  # in realtime: the tick at which the question was asked, if it was an earlier one
    fault: str | None = None
    detail: str | None = None


class TickLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="tick"):
    """All answers of a tick were in, and were applied."""

    tick: int
    rewards: tuple[float, ...]
    events: tuple[str, ...]
    state_hash: str


class EndLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="end", omit_defaults=True):
    """A match is over."""

    match: int
    status: Literal["terminated", "truncated", "forfeited", "unresolved"]
    ticks: int
    returns: tuple[float, ...] | None = None  # None when unresolved
    reason: str = ""


Line = MatchLine | TurnLine | TickLine | EndLine

encoder = msgspec.json.Encoder(order="deterministic")
decoder = msgspec.json.Decoder(Line)


def match_line(plan: MatchPlan, game: str, options: Mapping[str, Any], names: Sequence[str]) -> MatchLine:
    """The line of a match whose game was not reset yet."""
    return MatchLine(
        match=plan.index,
        block=plan.block,
        game=game,
        game_index=plan.game,
        options=dict(options),
        seed=plan.seed.hex(),
        seats=tuple(names),
        state_hash="",
    )


def turn_line(
    tick: int,
    operator: str,
    request: Request,
    decision: Decision,
    move: Move | None,
    **judged: Any,
) -> TurnLine:
    """The line of an answer that was judged at `tick`, but for the hash of what was seen."""
    return TurnLine(
        tick=tick,
        seat=request.seat,
        operator=operator,
        attempt=request.attempt,
        legal=request.observation.legal,
        observation_hash={},
        # An operator that says itself that it has no answer (a person who gave up) has none: so re-execution, which
        # judges the recorded answers anew, comes to the same end.
        answer=None if decision.fault in ("illegal", "unparsable") else decision.answer,
        thought=decision.thought,
        raw=decision.raw,
        usage=None if decision.usage is None else decision.usage.logged,
        calls=decision.calls,
        weights_version=decision.weights_version,
        action=None if move is None else move.action,
        say=None if move is None else move.say,
        asked=request.tick if request.tick != tick else None,
        **judged,
    )
