"""`act` may give its decisions one by one: each is sent at once, and an exception costs what was not decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from arena.operator import Decision, Operator, Request, decisions
from arena.protocol import messages as m
from tests.host_kit import Peer, request

Pairs = Iterator[tuple[Request, Decision]]


class Yielding(Operator):
    """Decides the last request first; `between(request)` runs before each."""

    def __init__(self, between: Callable[[Request], object] = lambda request: None) -> None:
        self.between = between
        self.batches: list[list[int]] = []

    def act(self, requests: Sequence[Request]) -> Pairs:
        self.batches.append([asked.id for asked in requests])
        for asked in reversed(requests):
            self.between(asked)
            yield asked, Decision(answer=asked.id)


def peer_of(operator: Operator, *ids: int) -> Peer:
    peer = Peer(operator)
    peer.open()
    peer.ask(*ids)
    return peer


def sent(peer: Peer) -> list[list[int]]:
    """The ids of each ACTION."""
    return [[a.id for a in message.answers] for message in peer.out if isinstance(message, m.Action)]


def test_each_decision_is_sent_before_the_next_one_is_made() -> None:
    seen: list[list[list[int]]] = []
    operator = Yielding(lambda request: seen.append(sent(peer)))
    peer = peer_of(operator, 1, 2, 3)
    peer.host.work()
    assert seen == [[], [[3]], [[3], [2]]]
    assert {i: a.decision for i, a in peer.answers().items()} == {i: Decision(answer=i) for i in (1, 2, 3)}


def test_an_exception_midway_costs_only_what_was_not_decided() -> None:
    def between(request: Request) -> None:
        if request.id == 2:
            raise KeyError("no card")

    operator = Yielding(between)
    peer = peer_of(operator, 1, 2, 3)
    peer.host.work()
    assert operator.batches == [[1, 2, 3], [1], [2]]
    answers = peer.answers()
    assert answers[2].decision == Decision(fault="crashed", detail="KeyError: 'no card'")
    assert [answers[i].decision for i in (1, 3)] == [Decision(answer=1), Decision(answer=3)]


def test_an_exception_after_the_last_decision_costs_nothing() -> None:
    class Late(Yielding):
        def act(self, requests: Sequence[Request]) -> Pairs:
            yield from super().act(requests)
            raise RuntimeError("too late")

    peer = peer_of(Late(), 1, 2)
    peer.host.work()
    assert {a.decision for a in peer.answers().values()} == {Decision(answer=1), Decision(answer=2)}


def test_a_question_that_comes_between_two_decisions_is_in_the_next_batch() -> None:
    operator = Yielding(lambda request: peer.ask(9) if request.id == 2 else None)
    peer = peer_of(operator, 1, 2)
    peer.host.work()
    peer.host.work()
    assert operator.batches == [[1, 2], [9]]
    assert sorted(peer.answers()) == [1, 2, 9]


@pytest.mark.parametrize("cancelled", [1, 2])
def test_a_cancel_between_two_decisions_counts_for_what_is_not_decided(cancelled: int) -> None:
    """Of 2 it comes too late: its decision is sent already."""
    operator = Yielding(lambda request: peer.tell(m.Cancel(ids=[cancelled])) if request.id == 1 else None)
    peer = peer_of(operator, 1, 2)
    peer.host.work()
    assert [peer.answers()[i].cancelled for i in (1, 2)] == [cancelled == 1, False]


def test_each_decision_has_its_own_clock() -> None:
    """What is decided before its budget is over stands, though the batch takes longer."""
    now = [0.0]

    def between(request: Request) -> None:
        now[0] += 10.0

    operator = Yielding(between)
    peer = Peer(operator)
    peer.open()
    peer.ask(1, 2, budget=15.0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("arena.host.time.monotonic", lambda: now[0])
        peer.host.work()
    answers = peer.answers()
    assert answers[2].decision == Decision(answer=2)
    assert answers[1].decision is not None
    assert answers[1].decision.fault == "timeout"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda requests: iter([(requests[0], Decision(answer=0))] * 2 if len(requests) == 2 else []),
        lambda requests: iter([(request(77), Decision(answer=0))]),
        lambda requests: iter([Decision(answer=0)]),
        lambda requests: iter([]),
    ],
    ids=["twice", "not asked", "no pair", "none"],
)
def test_what_no_iterator_may_give_is_the_operators_crash(wrong: Callable[[Sequence[Request]], Pairs]) -> None:
    class Wrong(Operator):
        def act(self, requests: Sequence[Request]) -> Pairs:
            return wrong(requests)

    peer = peer_of(Wrong(), 1, 2)
    peer.host.work()
    assert sorted(peer.answers()) == [1, 2]
    last = peer.answers()[2].decision
    assert last is not None
    assert last.fault == "crashed"


def test_whoever_calls_act_may_have_the_decisions_in_order() -> None:
    asked = [request(i) for i in (4, 5)]
    for given in (Yielding().act(asked), [Decision(answer=4), Decision(answer=5)]):
        assert decisions(asked, given) == [Decision(answer=4), Decision(answer=5)]
