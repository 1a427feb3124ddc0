"""The replies and errors of both hosts of operators (arena/host.py, arena/host_async.py)."""

from __future__ import annotations

import msgspec

from arena.errors import InputError
from arena.operator import BackendError, Decision, OverloadedError, Request
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.conduct import flaw


def answer(request: Request, **outcome: object) -> m.Answer:
    """The reply to `request`, which echoes its address."""
    return m.Answer(
        id=request.id,
        match=request.match,
        seat=request.seat,
        tick=request.tick,
        attempt=request.attempt,
        **outcome,  # type: ignore[arg-type]
    )


def of_exception(request: Request, error: BaseException) -> m.Answer:
    """The reply to a request whose operator raised: its service failed, or it crashed."""
    if isinstance(error, OverloadedError):
        return answer(request, error="overloaded", detail=str(error))
    if isinstance(error, BackendError):
        return answer(request, error="backend", detail=str(error))
    return answer(request, decision=Decision(fault="crashed", detail=f"{type(error).__name__}: {error}"))


def checked(request: Request, decision: object) -> m.Answer:
    """The reply with `decision`; a wrong type counts as a crash of the operator."""
    if type(decision) is Decision and type(decision.answer) in (int, str, type(None)) and _speakable(decision.say):
        wrong = flaw(decision)
        return answer(request, decision=decision) if wrong is None else of_exception(request, ValueError(wrong))
    if isinstance(decision, Decision) and not _speakable(decision.say):
        found = f"something said of type {type(decision.say).__qualname__}; it must be str or None"
    elif isinstance(decision, Decision):
        kind = type(decision.answer)
        found = f"an answer of type {kind.__module__}.{kind.__qualname__}; it must be int, str or None"
    else:
        found = f"a {type(decision).__name__} where a Decision is due"
    return of_exception(request, TypeError(found))


def _speakable(say: object) -> bool:
    return say is None or type(say) is str


def stamped(decision: Decision, version: str | None) -> Decision:
    """`decision` with the version of the weights that made it, unless the operator states it."""
    if version is None or not isinstance(decision, Decision) or decision.weights_version is not None:
        return decision
    return msgspec.structs.replace(decision, weights_version=version)


def sendable(message: m.Message, error: Exception) -> m.Message:
    """An ACTION in which every answer that cannot be encoded is replaced by a crash of its operator."""
    if not isinstance(message, m.Action):
        raise error
    out = []
    for reply in message.answers:
        try:
            codec.encode(m.Action(session="", answers=[reply]))
        except codec.UNSENDABLE as why:
            fault = Decision(fault="crashed", detail=f"{type(why).__name__}: {why}")
            reply = m.Answer(
                id=reply.id, match=reply.match, seat=reply.seat, tick=reply.tick, attempt=reply.attempt, decision=fault
            )
        out.append(reply)
    return m.Action(session=message.session, answers=out)


def failure(error: Exception, match: int | None = None, seat: int | None = None) -> m.Error:
    """The ERROR for a plugin's exception: its message alone if it refuses, else with the exception's name."""
    if isinstance(error, BackendError):
        return m.Error(code="backend", text=str(error), match=match, seat=seat)
    if isinstance(error, (ValueError, InputError)):
        return m.Error(code="refused", text=str(error), match=match, seat=seat)
    return m.Error(code="failed", text=f"{type(error).__name__}: {error}", match=match, seat=seat)


def bad_end(error: Exception, message: m.End) -> m.Error:
    """The ERROR of an operator that raised when its seat was released. The match is over, so it names none."""
    where = f"at the end of match {message.match}, seat {message.seat}"
    return m.Error(code="failed", text=f"{where}: {type(error).__name__}: {error}")


def not_open(request: Request) -> m.Answer:
    """The reply to a request for a seat that is not open."""
    return answer(request, error="backend", detail=f"seat {request.seat} of match {request.match} is not open")


def timed_out(request: Request) -> Decision:
    """The fault of an operator whose own clock ran out."""
    return Decision(fault="timeout", detail=f"no answer within {request.budget:g} s")
