"""A recorded match as plain data, moment by moment, for terminals, pages and reports.

It is re-executed from its log (arena/record/replay.py), so that displays show what `arena verify` checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from arena.game import Observation, Said, Views
from arena.log import EndLine, Line, MatchLine, TickLine, TurnLine
from arena.match import Match
from arena.operator import Request, ToolCall
from arena.record.asked import Asked
from arena.record.given import chosen
from arena.record.replay import Step, execute
from arena.talk import Unsaid


class ShownTurn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer of one operator, in the words of the game."""

    seat: int
    operator: str
    given: Views
    legal: tuple[str, ...]
    answer: str | int | None
    named: str | None = None  # the name of the action, if the answer is an index
    attempt: int = 0
    asked: int | None = None  # in realtime: the tick of the request, if that was an earlier one
    late: bool = False  # in realtime: there was no answer yet
    saw: str | None = None  # its text view as it was given; else the moment as the text view alone has it, for readers
    prompt: str | None = None  # what its model was asked, if it is one; empty where that cannot be known
    heard: tuple[Said, ...] = ()  # what others had said to it
    thought: str | None = None
    raw: str | None = None  # the whole generated text
    action: str | None = None  # the applied action
    said: str | None = None  # words to the others
    unsaid: Unsaid | None = None  # words that did not reach them
    fault: str | None = None
    detail: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: tuple[ToolCall, ...] = ()  # of tools, in order


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a match ended."""

    status: Literal["terminated", "truncated", "forfeited", "unresolved"]
    ticks: int
    unit: str
    returns: tuple[float, ...] | None = None  # None if it stayed unresolved
    reason: str = ""


class Moment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The start of a match, or one tick of it."""

    match: int
    block: int
    game: str
    seats: tuple[str, ...]  # names of the operators, in seat order
    tick: int | None  # None: the start
    seed: str = ""  # of the start, hex
    options: dict[str, Any] = {}  # of the start: those that are not as by default
    turns: tuple[ShownTurn, ...] = ()
    events: tuple[str, ...] = ()
    rewards: tuple[float, ...] = ()
    totals: tuple[float, ...] = ()  # sums of the rewards so far
    result: Result | None = None
    # Why no moment follows: the record ends here, or the log and its re-execution differ.
    stops: Literal["", "record ends", "log differs"] = ""


def moments(
    match: Match, lines: Sequence[Line], views: Mapping[str, Views], models: Mapping[int, Asked] | None = None
) -> Iterator[Moment]:
    """The moments of `match`, which was not started yet, as recorded in `lines`; while one is held, it stands there.

    `views`: what each operator was given, by name; `models`: by seat, what says what a model was asked. Nothing follows
    a moment that the log and re-execution differ in.
    """
    models = models or {}
    saw: dict[int, Observation] = {}
    asked: dict[int, Request] = {}
    totals = (0.0,) * len(match.names)
    for step in execute(match, lines):
        prompts = _prompts(step, asked, models)
        for (seat, _), prompt in prompts.items():
            given = asked[seat].observation
            if given.text and given.text in prompt:
                saw[seat] = given
        moment = _moment(match, step, lines, views, saw, prompts, totals)
        totals = moment.totals or totals
        yield moment
        if moment.stops:
            return
        asked = {one.seat: one for one in step.requests}
        # Observed now, while the match is at the point where these seats were asked.
        # What the text view says may hang on the other views: of a picture that is shown it need not speak.
        if match.session.spec.text:
            saw = {
                one.seat: one.observation
                if one.observation.text is not None and one.seat not in models
                else match.session.look(one.seat, Views(text=True))
                for one in step.requests
            }


def _moment(
    match: Match,
    step: Step,
    lines: Sequence[Line],
    views: Mapping[str, Views],
    saw: Mapping[int, Observation],
    prompts: Mapping[tuple[int, int], str],
    totals: tuple[float, ...],
) -> Moment:
    tick = None if step.missing is None else step.missing.tick
    more: dict[str, Any] = {}
    turns = []
    for line in step.recorded:
        if isinstance(line, MatchLine):
            options = chosen(match.session.options, match.session.spec.options)
            more |= {"seed": match.plan.seed.hex(), "options": options, "events": line.events}
        elif isinstance(line, TurnLine):
            tick = line.tick
            turns.append(
                _turn(match, line, views[line.operator], saw.get(line.seat), prompts.get((line.seat, line.attempt)))
            )
        elif isinstance(line, TickLine):
            tick = line.tick
            summed = tuple(total + reward for total, reward in zip(totals, line.rewards, strict=True))
            more |= {"events": line.events, "rewards": line.rewards, "totals": summed}
        else:
            more["result"] = _result(match, line)
    if not step.agrees:
        torn = not isinstance(lines[-1], EndLine) and (step.missing is not None or len(step.recorded) < len(step.made))
        more["stops"] = "record ends" if torn else "log differs"
    elif isinstance(last := lines[-1], EndLine) and last.status == "unresolved":
        more["result"] = _result(match, last)
    plan = match.plan
    return Moment(
        match=plan.index,
        block=plan.block,
        game=match.session.spec.id,
        seats=tuple(match.names),
        tick=tick,
        turns=tuple(turns),
        **more,
    )


def _prompts(step: Step, asked: Mapping[int, Request], models: Mapping[int, Asked]) -> dict[tuple[int, int], str]:
    """What models were asked before this step, by seat and attempt."""
    out = {}
    reasons: dict[int, str | None] = {}  # why an answer was asked for again, by seat
    for line in step.recorded:
        if isinstance(line, TurnLine) and line.seat in models:
            first = asked.get(line.seat)
            if first is None:
                continue
            request = msgspec.structs.replace(first, attempt=line.attempt, reason=reasons.get(line.seat))
            out[line.seat, line.attempt] = models[line.seat].words(request, line)
            reasons[line.seat] = line.detail
    return out


def _turn(match: Match, line: TurnLine, views: Views, saw: Observation | None, prompt: str | None) -> ShownTurn:
    names = match.session.spec.actions.names
    answer, usage = line.answer, line.usage
    return ShownTurn(
        seat=line.seat,
        operator=line.operator,
        given=views,
        legal=tuple(names[action] for action in line.legal),
        answer=answer,
        named=names[answer] if isinstance(answer, int) and 0 <= answer < len(names) else None,
        attempt=line.attempt,
        asked=line.asked,
        late=line.late,
        saw=None if saw is None else saw.text or "",
        prompt=prompt,
        heard=() if saw is None else saw.heard,
        thought=line.thought,
        raw=line.raw,
        action=None if line.action is None else names[line.action],
        said=line.say,
        unsaid=line.unsaid,
        fault=line.fault,
        detail=line.detail,
        prompt_tokens=usage.prompt if usage else 0,
        completion_tokens=usage.completion if usage else 0,
        calls=line.calls,
    )


def _result(match: Match, line: EndLine) -> Result:
    return Result(
        status=line.status,
        ticks=line.ticks,
        unit=match.session.spec.unit,
        returns=line.returns,
        reason=line.reason,
    )
