"""What a worker may say when, without a worker."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ProtocolError
from arena.game import Observation
from arena.operator import OpenSeat, Outcome, Request
from arena.protocol import codec
from arena.protocol import connection_state as module
from arena.protocol import messages as m
from arena.protocol.connection_state import ConnectionState, ViolationError, invalid_decision
from arena.protocol.version import MAGIC
from tests.protocol.samples import CARD

HERE = {"match": 0, "seat": 0}
END = m.End(**HERE, outcome=Outcome(status="terminated"))


def opened() -> OpenSeat:
    return OpenSeat(**HERE, operator="x", card=CARD, views=m.Views(), seed=bytes(16))


def act(*ids: int) -> m.Act:
    return m.Act(requests=[Request(id=i, **HERE, tick=0, observation=Observation(legal=(0,))) for i in ids])


def action(*ids: int, **change: object) -> m.Action:
    what = {"decision": m.Decision(answer=0), **change}
    return m.Action(session="s", answers=[m.Answer(id=i, **HERE, tick=0, **what) for i in ids])  # type: ignore[arg-type]


def test_a_match_that_is_voided_and_played_again_is_no_breach() -> None:
    """The old question is cancelled, the seat ended and opened anew before the worker has said anything."""
    state = ConnectionState()
    for message in (opened(), act(1), m.Cancel(ids=[1]), END, opened(), act(2)):
        state.sent(message)
    for reply in (
        m.Opened(**HERE),
        action(1, decision=None, cancelled=True),
        m.Closed(**HERE),
        m.Opened(**HERE),
        action(2),
    ):
        state.received(reply, "s")
    state.sent(END)
    state.received(m.Closed(**HERE), "s")
    state.received(m.Bye(), "s")
    assert state.unasked == 0
    assert not state._seats
    assert not state._asked
    with pytest.raises(ViolationError, match="sent STATUS after BYE"):
        state.received(m.Status(state="ready"), "s")


def test_a_seat_that_was_refused_needs_no_opened() -> None:
    state = ConnectionState()
    for message in (opened(), act(1), END):
        state.sent(message)
    state.received(m.Error(code="failed", text="no", **HERE), "s")
    state.received(action(1, decision=None, error="backend"), "s")
    state.received(m.Closed(**HERE), "s")
    assert not state._seats


def test_a_bye_that_was_asked_for_may_leave_seats_open() -> None:
    state = ConnectionState()
    state.sent(opened())
    state.sent(m.Shutdown())
    state.received(m.Bye(), "s")


def test_ends_without_their_closed_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OWED", 3)
    state = ConnectionState()
    for _ in range(4):
        state.sent(opened())
        state.received(m.Opened(**HERE), "s")
        state.sent(END)
    state.sent(opened())
    with pytest.raises(ViolationError, match="left 4 ENDs without their CLOSED"):
        state.received(m.Opened(**HERE), "s")


@given(st.lists(st.sampled_from(["asked", "late", "twice", "error", "status"]), max_size=60))
def test_what_nobody_asked_for_is_counted_and_what_was_asked_is_not(said: list[str]) -> None:
    state = ConnectionState()
    state.sent(opened())
    state.received(m.Opened(**HERE), "s")
    unasked = 0
    for i, what in enumerate(said):
        if what in ("asked", "twice"):
            state.sent(act(i))
            state.received(action(i), "s")
        if what in ("late", "twice"):
            state.received(action(i), "s")
        if what == "error":
            state.received(m.Error(code="failed", text="", match=0), "s")
        if what == "status":
            state.received(m.Status(state="loading"), "s")
        unasked += what != "asked"
    assert state.unasked == unasked


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ODD = st.one_of(VALUES, st.sampled_from([0, 1, -1, 0.5, float("nan"), "timeout", "illegal", "backend", [], {}]))
ANSWERS = st.fixed_dictionaries(
    {"id": st.just(1) | ODD, "match": st.just(0) | ODD, "seat": st.just(0) | ODD, "tick": st.just(0) | ODD},
    optional={
        "attempt": ODD,
        "cancelled": st.booleans() | ODD,
        "error": st.just("backend") | ODD,
        "detail": ODD,
        "decision": st.dictionaries(
            st.sampled_from(["answer", "thought", "raw", "tokens", "logprobs", "usage", "fault", "detail", "more"]), ODD
        ),
    },
)
MESSAGES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("action"), "session": st.just("s") | ODD, "answers": st.lists(ANSWERS, max_size=3) | ODD}
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["opened", "closed", "bye", "error", "status", "pong", "stepped", "watched"])},
        optional={name: st.just(0) | ODD for name in ("match", "seat", "code", "text", "state", "n", "id", "tick")},
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGES, max_size=6))
def test_whatever_is_said_is_taken_counted_or_named(said: list[dict[str, object]]) -> None:
    """And nothing reaches the scheduler that a worker may not say."""
    state = ConnectionState()
    state.sent(opened())
    state.received(m.Opened(**HERE), "s")
    state.sent(act(1))
    for header in said:
        before = state.unasked
        try:
            message = codec.decode_to_arena([MAGIC, msgspec.msgpack.encode(header)])
            state.received(message, "s")
        except ProtocolError:
            return
        if isinstance(message, m.Action) and state.unasked == before:
            (reply,) = message.answers
            assert (reply.decision is not None) + (reply.error is not None) + reply.cancelled == 1
            assert not reply.cancelled
            assert reply.decision is None or invalid_decision(reply.decision) is None
