"""Checks the order of a worker's messages: one state for each connection, updated with every message.

Of `arena play` and of `arena check worker`, so that both name a breach in the same words. Replies to questions of games
are judged by arena/hosted.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from arena.errors import ProtocolError
from arena.operator import Decision, OpenSeat, Request
from arena.protocol import messages as m

ALLOWED = 10_000  # messages and answers that nobody asked for, beyond twice what was asked
MOST_CALLS = 100  # of tools in one decision
FAULTS = ("timeout", "crashed", "unparsable")  # that a worker may give
OWED = 10_000  # ENDs that wait for their CLOSED
MOST_FACTS = 100
LONGEST_FACT = 2000  # characters of its name, or of what it says


class ViolationError(ProtocolError):
    """A worker sent a message that it may not send, or not now."""


@dataclass(slots=True)
class _Seat:
    """How often it was opened and ended, and how often the worker answered that."""

    opens: int = 0
    opened: int = 0  # or refused
    ends: int = 0
    closed: int = 0


class ConnectionState:
    """Of one worker from its WELCOME on."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[Request, int]] = {}  # by id, and how often their seat had been opened
        self._cancelled: set[int] = set()
        self._seats: dict[tuple[int, int], _Seat] = {}
        self._owed = 0
        self._sent = 0
        self._over = False  # SHUTDOWN was sent
        self._bye = False
        self.unasked = 0  # messages that were not asked for

    def sent(self, message: m.Message) -> None:
        """Note a message that the arena sends."""
        match message:
            case m.Act():
                self._sent += len(message.requests)
                for request in message.requests:
                    seat = self._seats.get((request.match, request.seat))
                    self._asked[request.id] = request, 0 if seat is None else seat.opens
            case m.Cancel():
                self._cancelled.update(i for i in message.ids if i in self._asked)
            case OpenSeat():
                self._sent += 1
                self._seats.setdefault((message.match, message.seat), _Seat()).opens += 1
            case m.End():
                self._sent += 1
                self._owed += 1
                self._seats.setdefault((message.match, message.seat), _Seat()).ends += 1
            case m.Shutdown():
                self._over = True
            case _:
                self._sent += 1

    def received(self, message: m.ToArena, session: str) -> None:
        """ViolationError for what may not come now. What nobody asked for may, so often; see `unasked`."""
        if self._bye:
            raise ViolationError(f"sent {m.name_of(message)} after BYE, which is the last message")
        match message:
            case m.Action():
                self._action(message, session)
            case m.Opened():
                seat = self._seats.get((message.match, message.seat))
                if seat is None or seat.opened >= seat.opens:
                    raise ViolationError(f"sent OPENED of {_where(message.match, message.seat)}, which nobody opened")
                seat.opened += 1
                self._forget_when_done(message.match, message.seat, seat)
            case m.Closed():
                self._closed(message)
            case m.Error():
                seat = self._seats.get((message.match, message.seat))  # type: ignore[arg-type]
                if seat is not None and seat.opened < seat.opens and message.match is not None:
                    seat.opened += 1
                    self._forget_when_done(message.match, message.seat or 0, seat)
                else:
                    self._count(f"ERROR {message.code}")
            case m.Status() if (wrong := invalid_status(message)) is not None:
                raise ViolationError(wrong)
            case m.Bye():
                self._left()
            case _:
                self._count(m.name_of(message))

    def unknown(self) -> None:
        """A message of an unknown type came. ViolationError when there were too many."""
        self._count("of an unknown type")

    def _action(self, action: m.Action, session: str) -> None:
        if not action.answers:
            self._count("an ACTION without answers")
        for answer in action.answers:
            request, opens = self._asked.get(answer.id, (None, 0))
            if request is None or action.session != session or not m.echoes(request, answer):
                self._count(f"an answer to request {answer.id}")
                continue
            del self._asked[answer.id]
            cancelled = answer.id in self._cancelled
            self._cancelled.discard(answer.id)
            if (answer.decision is not None) + answer.cancelled + (answer.error is not None) != 1:
                raise ViolationError(
                    f"answered request {answer.id} by {_kinds(answer)}: expected one of decision, cancelled and error"
                )
            if answer.cancelled and not cancelled:
                raise ViolationError(f"answered request {answer.id} by cancelled, and nobody cancelled it")
            if answer.decision is not None:
                seat = self._seats.get((answer.match, answer.seat))
                if seat is not None and seat.opened < opens:
                    where = _where(answer.match, answer.seat)
                    raise ViolationError(f"decided for {where} without an OPENED of it")
                wrong = invalid_decision(answer.decision)
                if wrong is not None:
                    raise ViolationError(f"answered request {answer.id} by a decision with {wrong}")

    def _closed(self, message: m.Closed) -> None:
        where = _where(message.match, message.seat)
        seat = self._seats.get((message.match, message.seat))
        if seat is None or seat.closed >= seat.ends:
            raise ViolationError(f"sent CLOSED of {where}, {'which is open' if seat else 'which nobody ended'}")
        seat.closed += 1
        self._owed -= 1
        if seat.opened < min(seat.closed, seat.opens):
            raise ViolationError(f"sent CLOSED of {where} without an OPENED of it")
        self._forget_when_done(message.match, message.seat, seat)

    def _forget_when_done(self, match: int, number: int, seat: _Seat) -> None:
        """Forget a seat from which no message can follow."""
        if self._owed > OWED:
            raise ViolationError(f"left {self._owed:,} ENDs without their CLOSED")
        if seat.opened == seat.opens and seat.closed == seat.ends >= seat.opens:
            del self._seats[match, number]

    def _left(self) -> None:
        self._bye = True
        held = [where for where, seat in self._seats.items() if seat.opens > seat.ends]
        if held and not self._over:
            more = f" and {len(held) - 1} more" if len(held) > 1 else ""
            raise ViolationError(f"said BYE with {_where(*held[0])}{more} open")

    def _count(self, what: str) -> None:
        self.unasked += 1
        if self.unasked > ALLOWED + 2 * self._sent:
            raise ViolationError(f"sent {self.unasked:,} messages that nobody asked for, the last one {what}")


def invalid_decision(decision: Decision) -> str | None:
    """What is wrong with a decision by itself; None: nothing."""
    bare = decision.prompt_tokens is None and decision.tokens is None and decision.logprobs is None
    if (
        bare and decision.usage is None and decision.fault is None and not decision.calls
    ):  # most are an action and no more
        return None
    if decision.fault is not None and decision.fault not in FAULTS:
        return f"the fault {decision.fault!r}, which a worker does not give: expected one of {', '.join(FAULTS)}"
    if len(decision.calls) > MOST_CALLS:
        return f"{len(decision.calls)} calls of tools in one decision: expected at most {MOST_CALLS}"
    usage = decision.usage
    if usage is not None:
        if usage.prompt < 0 or usage.completion < 0 or usage.cached < 0:
            more = f", {usage.cached} cached" if usage.cached else ""
            return f"a usage of {usage.prompt} and {usage.completion} tokens{more}: expected numbers from 0"
        if usage.dropped < 0:
            return f"a usage with {usage.dropped} dropped turns: expected a number from 0"
        for name, seconds in (("first_token", usage.first_token), ("seconds", usage.seconds)):
            if seconds is not None and not 0 <= seconds < math.inf:
                return f"a usage with {name} {seconds}: expected seconds from 0"
    for name, dtype in (("prompt_tokens", np.int32), ("tokens", np.int32), ("logprobs", np.float32)):
        array = getattr(decision, name)
        if array is None:
            continue
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            return f"{name} of {found}: expected an array of {dtype.__name__} (n,)"
    for ids in (decision.prompt_tokens, decision.tokens):
        if ids is not None and (lowest := ids.min(initial=0)) < 0:
            return f"a token id {lowest}: expected numbers from 0"
    if decision.logprobs is not None:
        tokens = 0 if decision.tokens is None else len(decision.tokens)
        if len(decision.logprobs) != tokens:
            return f"{len(decision.logprobs)} log-probabilities for {tokens} tokens: expected one a token"
        wrong = decision.logprobs[~(decision.logprobs <= 0)]
        if len(wrong):
            return f"a log-probability of {wrong[0]}: expected a number up to 0"
    return None


def invalid_hello(hello: m.Hello) -> str | None:
    """What is wrong with a HELLO by itself; None: nothing."""
    if hello.minor < 0:
        return f"says that it speaks protocol {hello.major}.{hello.minor}: a minor is a number from 0"
    if hello.max_seats < 0:
        return f"says that it holds {hello.max_seats} seats: expected a number from 0"
    return None


def invalid_status(status: m.Status) -> str | None:
    """What is wrong with a STATUS by itself; None: nothing."""
    if status.max_in_flight < 0:
        return f"says that it takes {status.max_in_flight} requests at once: expected a number from 0"
    if len(status.facts) > MOST_FACTS:
        return f"says {len(status.facts):,} facts: at most {MOST_FACTS} are taken"
    longest = max((len(text) for fact in status.facts.items() for text in fact), default=0)
    if longest > LONGEST_FACT:
        return f"says a fact of {longest:,} characters: at most {LONGEST_FACT:,} are taken"
    return None


def _kinds(answer: m.Answer) -> str:
    given = {"a decision": answer.decision is not None, "cancelled": answer.cancelled, "an error": bool(answer.error)}
    return " and ".join(name for name, there in given.items() if there) or "nothing"


def _where(match: int, seat: int) -> str:
    return f"seat {seat} of match {match}"
