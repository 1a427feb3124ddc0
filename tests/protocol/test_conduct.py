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
from arena.protocol import conduct as module
from arena.protocol import messages as m
from arena.protocol.conduct import BreachError, Conduct, flaw
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
    conduct = Conduct()
    for message in (opened(), act(1), m.Cancel(ids=[1]), END, opened(), act(2)):
        conduct.sent(message)
    for reply in (
        m.Opened(**HERE),
        action(1, decision=None, cancelled=True),
        m.Closed(**HERE),
        m.Opened(**HERE),
        action(2),
    ):
        conduct.came(reply, "s")
    conduct.sent(END)
    conduct.came(m.Closed(**HERE), "s")
    conduct.came(m.Bye(), "s")
    assert conduct.unasked == 0
    assert not conduct._seats
    assert not conduct._asked
    with pytest.raises(BreachError, match="sent STATUS after BYE"):
        conduct.came(m.Status(state="ready"), "s")


def test_a_seat_that_was_refused_needs_no_opened() -> None:
    conduct = Conduct()
    for message in (opened(), act(1), END):
        conduct.sent(message)
    conduct.came(m.Error(code="failed", text="no", **HERE), "s")
    conduct.came(action(1, decision=None, error="backend"), "s")
    conduct.came(m.Closed(**HERE), "s")
    assert not conduct._seats


def test_a_bye_that_was_asked_for_may_leave_seats_open() -> None:
    conduct = Conduct()
    conduct.sent(opened())
    conduct.sent(m.Shutdown())
    conduct.came(m.Bye(), "s")


def test_ends_without_their_closed_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OWED", 3)
    conduct = Conduct()
    for _ in range(4):
        conduct.sent(opened())
        conduct.came(m.Opened(**HERE), "s")
        conduct.sent(END)
    conduct.sent(opened())
    with pytest.raises(BreachError, match="left 4 ENDs without their CLOSED"):
        conduct.came(m.Opened(**HERE), "s")


@given(st.lists(st.sampled_from(["asked", "late", "twice", "error", "status"]), max_size=60))
def test_what_nobody_asked_for_is_counted_and_what_was_asked_is_not(said: list[str]) -> None:
    conduct = Conduct()
    conduct.sent(opened())
    conduct.came(m.Opened(**HERE), "s")
    unasked = 0
    for i, what in enumerate(said):
        if what in ("asked", "twice"):
            conduct.sent(act(i))
            conduct.came(action(i), "s")
        if what in ("late", "twice"):
            conduct.came(action(i), "s")
        if what == "error":
            conduct.came(m.Error(code="failed", text="", match=0), "s")
        if what == "status":
            conduct.came(m.Status(state="loading"), "s")
        unasked += what != "asked"
    assert conduct.unasked == unasked


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
    conduct = Conduct()
    conduct.sent(opened())
    conduct.came(m.Opened(**HERE), "s")
    conduct.sent(act(1))
    for header in said:
        before = conduct.unasked
        try:
            message = codec.decode_to_arena([MAGIC, msgspec.msgpack.encode(header)])
            conduct.came(message, "s")
        except ProtocolError:
            return
        if isinstance(message, m.Action) and conduct.unasked == before:
            (reply,) = message.answers
            assert (reply.decision is not None) + (reply.error is not None) + reply.cancelled == 1
            assert not reply.cancelled
            assert reply.decision is None or flaw(reply.decision) is None
