"""The replies and errors of both hosts of operators (arena/host.py, arena/host_async.py)."""

from __future__ import annotations

import msgspec

from arena.errors import InputError
from arena.operator import (
    AsyncOperator,
    BackendError,
    Decision,
    Operator,
    OverloadedError,
    Request,
    ToolCall,
    Usage,
)
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.connection_state import invalid_decision, invalid_status

NO_MEMORY = ("MemoryError", "OutOfMemoryError")  # exceptions of Python and torch
_TEXT = (str, type(None))
TYPES: dict[str, tuple[type, ...]] = {  # of the fields of a Decision; invalid_decision checks the arrays
    "answer": (int, *_TEXT),
    "usage": (Usage, type(None)),
    **dict.fromkeys(("say", "thought", "raw", "finish_reason", "weights_version", "fault", "detail"), _TEXT),
}


def ready(operator: Operator | AsyncOperator) -> m.Status:
    """The STATUS of an operator that takes seats from now on. TypeError or ValueError for facts that are none."""
    facts = dict(operator.facts)
    odd = [one for fact in facts.items() for one in fact if type(one) is not str]
    if odd:
        raise TypeError(f"its facts hold {odd[0]!r} of type {type(odd[0]).__name__}: expected texts")
    status = m.Status(state="ready", max_in_flight=operator.max_in_flight, facts=facts)
    if (wrong := invalid_status(status)) is not None:
        raise ValueError(f"its worker {wrong}")
    return status


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


def lacked_memory(decision: Decision) -> str | None:
    """What an operator said whose crash was a lack of memory, as `of_exception` passed it on; None: it was none."""
    kind, _, said = (decision.detail or "").partition(": ")
    return said or kind if decision.fault == "crashed" and kind in NO_MEMORY else None


def checked(request: Request, decision: object) -> m.Answer:
    """The reply with `decision`; one of a wrong type or with impossible values counts as a crash of the operator."""
    if type(decision) is not Decision:
        return of_exception(request, TypeError(f"expected a Decision, not {type(decision).__name__}"))
    if (wrong := _wrong_type(decision)) is not None:
        return of_exception(request, TypeError(wrong))
    flaw = invalid_decision(decision)
    return answer(request, decision=decision) if flaw is None else of_exception(request, ValueError(flaw))


def _wrong_type(one: Decision) -> str | None:
    """Which field of a decision is of a type that cannot be sent, in words; None: none."""
    silent = one.say is None and one.thought is None and one.raw is None and one.finish_reason is None
    plain = one.usage is None and one.weights_version is None and one.fault is None and one.detail is None
    if silent and plain and one.calls == () and type(one.answer) is int:  # most are an action and no more
        return None
    for name, kinds in TYPES.items():
        found = type(getattr(one, name))
        if found not in kinds:
            expected = ", ".join(kind.__name__ for kind in kinds[:-1])
            return f"{name} is of type {found.__module__}.{found.__qualname__}; it must be {expected} or None"
    if type(one.calls) is not tuple or any(type(call) is not ToolCall for call in one.calls):
        return f"calls are {str(one.calls)[:80]}; they must be a tuple of ToolCall"
    for call in one.calls:
        if type(call.tool) is not str or type(call.arguments) is not str:
            return f"a ToolCall has the tool {call.tool!r} and the arguments {call.arguments!r}; they must be str"
        if any(type(given) not in _TEXT for given in (call.text, call.picture, call.error)):
            return f"a ToolCall of {call.tool} has a text, picture or error that is neither str nor None"
    return None


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


def timed_out(request: Request, late: Decision | None = None) -> Decision:
    """The fault of an operator whose own clock ran out. Of a late decision the calls of tools stay: they were made."""
    calls = late.calls if isinstance(late, Decision) else ()
    return Decision(fault="timeout", detail=f"no answer within {request.budget:g} s", calls=calls)
