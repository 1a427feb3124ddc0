"""What a tick led to goes ahead of what the seats are shown; nobody who plays, logs or checks can tell."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from arena.errors import ProtocolError
from arena.game import Views
from arena.hosted import HostedSession
from arena.log import Line
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, MatchPlan
from arena.protocol import messages as m
from arena.protocol.version import AHEAD
from arena.session import LocalSession
from tests.games import lane_toy
from tests.games.lane_toy import ToyLanes
from tests.hosting_kit import HostChannel, hosted

LANES = f"{lane_toy.__file__}:ToyLanes"
VIEWS = [Views(vector=True), Views(image=(128, 128), text=True)]
LIMITS = Limits(max_ticks=6)


def match_of(session: LocalSession | HostedSession) -> Match:
    return Match(MatchPlan(0, 0, (0, 1), bytes(16)), session, ["a", "b"], LIMITS)


def answer_all(match: Match) -> None:
    for ask in match.asks():
        match.feed(ask.seat, Decision(answer=1 + ask.seat))
    match.advance()


def played(match: Match, pump: Any = lambda match: None) -> list[Line]:
    match.start()
    pump(match)
    while match.outcome is None:
        answer_all(match)
        pump(match)
    return match.take_lines()


class Halfway:
    """A match in a host that has said what the first tick led to, and not yet what is shown."""

    def __init__(self) -> None:
        self.channel = HostChannel()
        self.session, pump = hosted(ToyLanes(2), LANES, VIEWS, self.channel)
        self.session._wait = None
        self.match = match_of(self.session)
        self.match.start()
        pump(self.match)
        answer_all(self.match)
        (self.stepped, _), (self.shown, self.buffers) = [
            (event.message, event.buffers)  # type: ignore[union-attr]
            for event in self.channel.pay()
        ]
        assert self.take(self.stepped)

    def take(self, message: Any, **changes: Any) -> bool:
        return self.session.reply(self.match, msgspec.structs.replace(message, **changes), self.buffers)


@pytest.mark.parametrize("minor", [AHEAD, AHEAD - 1])
def test_a_hosted_game_gives_the_lines_of_the_same_game_here(minor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HostChannel, "minor", minor)
    said: list[m.ToArena] = []
    channel = HostChannel(edit=lambda message: said.append(message) or message)  # type: ignore[func-returns-value]
    session, pump = hosted(ToyLanes(2), LANES, VIEWS, channel)
    assert played(match_of(session), pump) == played(match_of(LocalSession(ToyLanes(2), VIEWS)))
    ahead = [one.ahead for one in said if isinstance(one, m.Stepped)]
    assert ahead == [False, *[minor >= AHEAD] * 5, False]  # not of a start, nor where nobody is asked any more
    assert sum(isinstance(one, m.Shown) for one in said) == sum(ahead)


def test_nobody_is_asked_before_it_is_shown_something() -> None:
    it = Halfway()
    assert (it.match.waits_for_game, it.match.asks(), it.session.idle) == (True, [], False)
    assert it.session.since is not None  # or a host that hangs now would never be found out
    assert it.take(it.shown)
    assert [ask.seat for ask in it.match.asks()] == [0, 1]
    assert it.session.idle


def test_each_half_is_taken_once_and_in_its_turn() -> None:
    it = Halfway()
    assert not it.take(it.stepped)
    assert not it.take(it.shown, id=99)
    assert it.take(it.shown)
    assert not it.take(it.shown)
    answer_all(it.match)
    assert not it.take(it.shown, id=next(iter(it.session._calls)))  # before its STEPPED


@pytest.mark.parametrize(
    "seats", [slice(0, 0), slice(0, 1), slice(None, None, -1)], ids=["nobody", "one of two", "out of order"]
)
def test_what_is_shown_must_fit_what_went_ahead(seats: slice) -> None:
    it = Halfway()
    with pytest.raises(ProtocolError, match="are due"):
        it.take(it.shown, seats=it.shown.seats[seats])  # type: ignore[union-attr]


@pytest.mark.parametrize("extra", ["a view", "a score"])
def test_what_goes_ahead_shows_nobody_and_ends_nothing(extra: str) -> None:
    it = Halfway()
    assert it.take(it.shown)
    answer_all(it.match)
    stepped, shown = (event.message for event in it.channel.pay())  # type: ignore[union-attr]
    result = stepped.result  # type: ignore[union-attr]
    fields = {name: getattr(result, name) for name in result.__slots__} | {"returns": (0.0, 0.0)}
    wrong = {"seats": shown.seats} if extra == "a view" else {"result": type(result)(**fields)}  # type: ignore[union-attr]
    with pytest.raises(ProtocolError, match="a STEPPED that goes ahead, but"):
        it.take(stepped, **wrong)


def test_a_result_that_cannot_be_is_refused_before_anything_is_shown() -> None:
    it = Halfway()
    assert it.take(it.shown)
    answer_all(it.match)
    (event, _) = it.channel.pay()
    wrong = type(event.message.result)(
        **{  # type: ignore[union-attr]
            **{name: getattr(event.message.result, name) for name in event.message.result.__slots__},  # type: ignore[union-attr]
            "rewards": (0.0,),
        }
    )
    with pytest.raises(ProtocolError, match="1 rewards for 2 seats"):
        it.take(event.message, result=wrong)  # type: ignore[union-attr]
