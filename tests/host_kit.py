"""A scripted arena for a Host without I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from arena.game import Observation, Views
from arena.host import Host
from arena.operator import Decided, Decision, Operator, Outcome, Request
from arena.protocol import messages as m
from tests.protocol.samples import CARD

WELCOME = m.Welcome(session="s", minor=0)
OUTCOME = Outcome(status="terminated", returns=(1.0, 0.0))


class Puppet(Operator):
    """Answers its request's id; a test may set what happens in `act`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.raises: dict[int, Exception] = {}  # by request id
        self.answers: dict[int, object] = {}
        self.during = lambda requests: None
        self.yields = False  # one by one

    def act(self, requests: Sequence[Request]) -> Decided:
        if self.yields:
            return ((r, *self.decided([r])) for r in requests)
        return self.decided(requests)

    def decided(self, requests: Sequence[Request]) -> list[Decision]:
        self.batches.append([r.id for r in requests])
        self.during(requests)
        for r in requests:
            if r.id in self.raises:
                raise self.raises[r.id]
        return [self.answers.get(r.id, Decision(answer=r.id)) for r in requests]  # type: ignore[misc]


class Peer:
    """The arena's end, scripted."""

    def __init__(self, operator: Operator | None = None, welcome: bool = True) -> None:
        self.operator = operator or Puppet()
        self.out: list[m.Message] = []
        self.host = Host(lambda context: self.operator, self.out.append)
        if welcome:
            self.tell(WELCOME)
            self.host.work()

    def tell(self, message: m.ToWorker) -> None:
        self.host.receive(message)

    def open(self, match: int = 0, seat: int = 0) -> None:
        self.tell(open_message(match, seat))

    def ask(self, *ids: int, match: int = 0, seat: int = 0, budget: float | None = None) -> None:
        self.tell(m.Act(requests=[request(i, match, seat, budget) for i in ids]))

    def answers(self) -> dict[int, m.Answer]:
        """All answers so far by id; fails when an item has two."""
        found = [a for message in self.out if isinstance(message, m.Action) for a in message.answers]
        assert max(Counter(a.id for a in found).values(), default=1) == 1
        return {a.id: a for a in found}


def open_message(match: int, seat: int) -> m.OpenSeat:
    return m.OpenSeat(match=match, seat=seat, operator="x", card=CARD, views=Views(), seed=bytes(16))


def request(i: int, match: int = 0, seat: int = 0, budget: float | None = None) -> Request:
    return Request(id=i, match=match, seat=seat, tick=3, observation=Observation(legal=(0,)), attempt=1, budget=budget)
