"""The worker's side by messages alone, no process: every item is answered exactly once, whatever happens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from arena.errors import InputError, ProtocolError
from arena.host import Host
from arena.operator import BackendError, Decision, Operator, Outcome, OverloadedError, Request, ToolCall, Usage
from arena.protocol import codec
from arena.protocol import messages as m
from arena.replies import sendable
from tests.host_kit import OUTCOME, WELCOME, Peer, Puppet, open_message


def test_an_answer_echoes_where_it_belongs() -> None:
    peer = Peer()
    peer.open(4, 1)
    peer.ask(17, match=4, seat=1)
    peer.host.work()
    assert peer.answers() == {17: m.Answer(id=17, match=4, seat=1, tick=3, attempt=1, decision=Decision(answer=17))}
    assert isinstance(peer.out[-1], m.Action)
    assert peer.out[-1].session == "s"


@pytest.mark.parametrize(
    "message",
    [open_message(0, 0), m.End(match=0, seat=0, outcome=OUTCOME), m.Act(requests=[]), m.Cancel(ids=[])],
    ids=lambda message: type(message).__name__,
)
def test_nothing_is_taken_before_welcome(message: m.ToWorker) -> None:
    peer = Peer(welcome=False)
    with pytest.raises(ProtocolError, match="before WELCOME"):
        peer.tell(message)
    assert not peer.host.has_work


def test_a_second_welcome_is_refused() -> None:
    with pytest.raises(ProtocolError, match="second WELCOME"):
        Peer().tell(WELCOME)


def test_ping_is_answered_while_the_operator_computes() -> None:
    peer = Peer()
    assert isinstance(peer.operator, Puppet)
    peer.operator.during = lambda requests: peer.tell(m.Ping(n=5))
    peer.open()
    peer.ask(1)
    peer.host.work()
    pong = peer.out.index(m.Pong(n=5))
    assert pong < len(peer.out) - 1
    assert 1 in peer.answers()


def test_questions_of_many_seats_are_one_batch() -> None:
    peer = Peer()
    for match in range(3):
        peer.open(match)
        peer.ask(10 + match, match=match)
    peer.host.work()
    assert isinstance(peer.operator, Puppet)
    assert peer.operator.batches == [[10, 11, 12]]


def test_an_exception_costs_only_the_request_it_is_about() -> None:
    peer = Peer()
    assert isinstance(peer.operator, Puppet)
    peer.operator.raises = {2: KeyError("no card")}
    peer.open()
    peer.ask(1, 2, 3)
    peer.host.work()
    answers = peer.answers()
    assert answers[1].decision == Decision(answer=1)
    assert answers[3].decision == Decision(answer=3)
    assert answers[2].decision == Decision(fault="crashed", detail="KeyError: 'no card'")


@pytest.mark.parametrize(
    ("error", "kind"), [(BackendError("down"), "backend"), (OverloadedError("busy"), "overloaded")]
)
def test_a_service_that_fails_at_one_request_leaves_its_neighbours_alone(error: Exception, kind: str) -> None:
    peer = Peer()
    assert isinstance(peer.operator, Puppet)
    peer.operator.raises = {2: error}
    peer.open()
    peer.ask(1, 2)
    peer.host.work()
    answers = peer.answers()
    assert answers[1].decision == Decision(answer=1)
    assert (answers[2].error, answers[2].decision, answers[2].detail) == (kind, None, str(error))


def test_too_few_decisions_are_the_operators_crash() -> None:
    class Short(Puppet):
        def decided(self, requests: Sequence[Request]) -> list[Decision]:
            return super().decided(requests)[1:]

    peer = Peer(Short())
    peer.open()
    peer.ask(1, 2)
    peer.host.work()
    assert {a.decision.fault for a in peer.answers().values() if a.decision} == {"crashed"}


@pytest.mark.parametrize(
    "given",
    [
        Decision(answer=np.int64(1)),
        Decision(answer=True),
        Decision(answer=1.5),
        Decision(answer=1, say=5),  # type: ignore[arg-type]
        Decision(answer=1, thought=np.zeros(3, np.float32)),  # type: ignore[arg-type]
        Decision(answer=1, usage={"prompt": 3}),  # type: ignore[arg-type]
        Decision(answer=1, calls=[ToolCall(tool="notes")]),  # type: ignore[arg-type]
        Decision(answer=1, calls=(ToolCall(tool="notes", text=5),)),  # type: ignore[arg-type]
        Decision(answer=1, calls=(ToolCall(tool="notes"),) * 101),
        "bet",
        None,
    ],
    ids=repr,
)
def test_a_decision_of_the_wrong_type_is_the_operators_crash(given: object) -> None:
    """Sent as it is, it would break the protocol, and cost every seat of the worker."""
    peer = Peer()
    assert isinstance(peer.operator, Puppet)
    peer.operator.answers = {2: given}
    peer.open()
    peer.ask(1, 2)
    peer.host.work()
    answers = peer.answers()
    assert answers[1].decision == Decision(answer=1)
    assert answers[2].decision is not None
    assert answers[2].decision.fault == "crashed"


@pytest.mark.parametrize(
    "bad",
    [
        Decision(answer=2**70),
        Decision(answer=1, tokens=np.zeros(1, np.int64)),  # type: ignore[arg-type]
        Decision(answer=1, raw="\ud800"),
        Decision(answer=1, usage=Usage(prompt=np.int64(3))),  # type: ignore[arg-type]
    ],
    ids=["huge", "numpy", "surrogate", "nested"],
)
def test_what_does_not_encode_costs_only_its_own_answer(bad: Decision) -> None:
    good = m.Answer(id=1, match=0, seat=0, tick=0, decision=Decision(answer=1))
    action = m.Action(session="s", answers=[good, m.Answer(id=2, match=0, seat=1, tick=0, decision=bad)])
    with pytest.raises(codec.UNSENDABLE) as caught:
        codec.encode(action)
    message = codec.decode_to_arena(codec.encode(sendable(action, caught.value)))
    assert isinstance(message, m.Action)
    assert message.answers[0] == good
    assert message.answers[1].id == 2
    assert message.answers[1].decision is not None
    assert message.answers[1].decision.fault == "crashed"


def test_a_budget_that_ran_out_is_the_fault_timeout() -> None:
    peer = Peer()
    peer.open()
    peer.ask(1, budget=-1.0)  # any time at all is too long
    peer.ask(2, budget=3600.0)
    peer.host.work()
    answers = peer.answers()
    assert answers[1].decision is not None
    assert answers[1].decision.fault == "timeout"
    assert answers[2].decision == Decision(answer=2)


def test_a_cancelled_item_that_waits_is_confirmed_at_once() -> None:
    peer = Peer()
    peer.open()
    peer.ask(1, 2)
    peer.tell(m.Cancel(ids=[1]))
    assert peer.answers()[1].cancelled
    peer.host.work()
    assert peer.answers()[2].decision == Decision(answer=2)


def test_a_cancelled_item_under_way_is_confirmed_when_the_computation_returns() -> None:
    peer = Peer()
    assert isinstance(peer.operator, Puppet)
    peer.operator.during = lambda requests: peer.tell(m.Cancel(ids=[1]))
    peer.open()
    peer.ask(1, 2)
    peer.host.work()
    assert peer.answers()[1].cancelled
    assert peer.answers()[1].decision is None
    assert peer.answers()[2].decision == Decision(answer=2)


def test_a_question_for_a_seat_that_is_not_open_voids() -> None:
    peer = Peer()
    peer.ask(1, match=8)
    peer.host.work()
    assert peer.answers()[1].error == "backend"
    assert "not open" in str(peer.answers()[1].detail)


def test_a_seat_is_released_by_its_end() -> None:
    peer = Peer()
    peer.open()
    peer.tell(m.End(match=0, seat=0, outcome=OUTCOME))
    peer.ask(1)
    peer.host.work()
    assert m.Closed(match=0, seat=0) in peer.out
    assert peer.answers()[1].error == "backend"


@pytest.mark.parametrize(
    ("error", "code"),
    [(ValueError("no seat 9"), "refused"), (KeyError(1), "failed"), (BackendError("server is down"), "backend")],
    ids=lambda value: str(value),
)
def test_open_says_why_it_fails(error: Exception, code: str) -> None:
    class Picky(Puppet):
        def open(self, seats: object) -> None:
            raise error

    peer = Peer(Picky())
    peer.open(3, 1)
    peer.host.work()
    failed = peer.out[-1]
    assert isinstance(failed, m.Error)
    assert (failed.code, failed.match, failed.seat) == (code, 3, 1)


def test_an_exception_at_the_end_of_a_match_still_closes_the_seat() -> None:
    """And names no match: its result stands, and a later try of it has nothing to do with it."""

    class Sore(Puppet):
        def end(self, match: int, seat: int, outcome: Outcome) -> None:
            raise ValueError("I lost")

    peer = Peer(Sore())
    peer.open(3, 1)
    peer.tell(m.End(match=3, seat=1, outcome=OUTCOME))
    peer.host.work()
    error = next(message for message in peer.out if isinstance(message, m.Error))
    assert (error.code, error.match) == ("failed", None)
    assert "I lost" in error.text
    assert peer.out[-1] == m.Closed(match=3, seat=1)


@pytest.mark.parametrize(("error", "code"), [(InputError("no such file"), "refused"), (KeyError("x"), "failed")])
def test_an_operator_that_cannot_be_built_ends_the_host(error: Exception, code: str) -> None:
    def factory(context: object) -> Operator:
        raise error

    out: list[m.Message] = []
    host = Host(factory, out.append)
    host.receive(WELCOME)
    host.work()
    assert isinstance(out[-1], m.Error)
    assert out[-1].code == code
    assert host.finished
    assert host.failed


def test_goodbye_is_said_even_when_the_operator_fails_to_close() -> None:
    class Stuck(Puppet):
        def close(self) -> None:
            raise RuntimeError("stuck")

    peer = Peer(Stuck())
    with pytest.raises(RuntimeError):
        peer.host.close()
    assert isinstance(peer.out[-1], m.Bye)


def test_a_refusal_before_welcome_ends_the_host_and_one_after_it_does_not() -> None:
    early, late = Peer(welcome=False), Peer()
    for peer in (early, late):
        peer.tell(m.Error(code="version", text="too old"))
    assert (early.host.finished, early.host.failed) == (True, True)
    assert (late.host.finished, late.host.failed) == (False, False)
