"""The worker's host under any order of events: every item is answered exactly once."""

from __future__ import annotations

import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.host import Host
from arena.operator import BackendError, Decision
from arena.protocol import messages as m
from tests.host_kit import OUTCOME, WELCOME, Peer, Puppet, open_message, request


@given(st.randoms(use_true_random=False), st.integers(1, 60), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_item_is_answered_exactly_once_in_any_order_of_events(
    chance: random.Random, steps: int, yields: bool
) -> None:
    puppet = Puppet()
    puppet.yields = yields
    peer = Peer(puppet)
    asked: list[int] = []

    def something() -> None:
        """One message of the arena, as it might come at any moment, also in the middle of `act`."""
        match, seat = chance.randrange(3), chance.randrange(2)
        match chance.randrange(6):
            case 0:
                peer.open(match, seat)
            case 1:
                peer.tell(m.End(match=match, seat=seat, outcome=OUTCOME))
            case 2 | 3:
                ids = [len(asked) + k for k in range(chance.randint(1, 3))]
                asked.extend(ids)
                for i in ids:
                    match chance.randrange(6):
                        case 0:
                            puppet.raises[i] = ValueError(i)
                        case 1:
                            puppet.raises[i] = BackendError(i)
                peer.ask(*ids, match=match, seat=seat)
            case 4:
                peer.tell(m.Cancel(ids=[chance.randrange(len(asked) + 2) for _ in range(3)]))
            case 5:
                peer.tell(m.Ping())

    def during(requests: object) -> None:
        for _ in range(chance.randrange(3)):
            something()

    puppet.during = during
    for _ in range(steps):
        something()
        if chance.randrange(3) == 0:
            peer.host.work()
    while peer.host.has_work:
        peer.host.work()
    assert sorted(peer.answers()) == asked
    for answer in peer.answers().values():
        assert (answer.decision is not None) + answer.cancelled + (answer.error is not None) == 1


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads change places as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("yields", [False, True])
def test_no_item_is_lost_when_another_thread_receives_while_work_runs(yields: bool) -> None:
    """As in the worker: a second thread takes messages while the operator computes."""
    lock = threading.RLock()
    out: list[m.Message] = []
    puppet = Puppet()
    puppet.yields = yields
    host = Host(lambda context: puppet, out.append, lock)
    host.receive(WELCOME)
    host.receive(open_message(0, 0))
    host.work()
    wanted = 10_000
    done = threading.Event()

    def feed() -> None:
        for i in range(wanted):
            with lock:
                host.receive(m.Act(requests=[request(i)]))
        done.set()

    thread = threading.Thread(target=feed)
    thread.start()
    while not done.is_set() or host.has_work:
        host.work()
    thread.join()
    answers = [a for message in out if isinstance(message, m.Action) for a in message.answers]
    assert Counter(a.id for a in answers) == Counter(range(wanted))
    assert [a for a in answers if a.decision != Decision(answer=a.id)] == []
