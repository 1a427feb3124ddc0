"""Who is shown which match, how often, and that it changes nothing. Without processes and without a real clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from arena.channel import Received
from arena.game import Game, Observation, Views
from arena.plan import Plan
from arena.protocol import messages as m
from arena.spectators import ALONE, BESIDE, EVERY
from arena_games.spy.rules import Spy
from tests.hosting_kit import HostingWorkers, toy_name
from tests.toys import GOOD, Leaving, OneByOne, Open, Together, Turns, kind_of, plan_of, with_game
from tests.workers_kit import FakeChannel, FakeWorkers, Play, sent

PERSON = kind_of("person", "tests.toys:build", interactive=True)


class OpenTurns(Turns):
    spec = msgspec.structs.replace(Turns.spec, perfect_information=True)


class WatchingWorkers(FakeWorkers):
    """Every worker can show matches; `looking` spectators are there."""

    looking = 0

    def _start(self, key: str) -> FakeChannel:
        channel = super()._start(key)
        channel.watches = True
        return channel

    def spectators(self) -> Sequence[FakeChannel]:
        if not hasattr(self, "hall"):
            self.hall = [FakeChannel("spectators", "hall") for _ in range(self.looking)]
            for channel in self.hall:
                channel.role = "spectator"
        return self.hall

    def pay(self) -> list[Any]:
        return super().pay() + [event for channel in self.spectators() for event in channel.confirm()]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Play]:
    """Plays a plan; a decision takes `seconds`."""
    counter = iter(range(100))

    def run(
        plan: Plan,
        seconds: float = 1.0,
        looking: int = 0,
        workers: Any = WatchingWorkers,
        script: Callable[[FakeWorkers], list[Any]] | None = None,
        **how: Any,
    ) -> Play:
        def well(workers: FakeWorkers) -> list[Any]:
            workers.clock.now += seconds
            return workers.pay()

        monkeypatch.setattr("tests.workers_kit.FakeWorkers", workers)
        monkeypatch.setattr(WatchingWorkers, "looking", looking)
        return Play(monkeypatch, tmp_path / str(next(counter)), plan, script or well, **how)

    return run


def table(game: type[Game], people: int = 1, matches: int = 1) -> Plan:
    return plan_of(game, [PERSON] * people + [GOOD] * (2 - people), options={"rounds": 3}, matches=matches)


def shown(channel: Any) -> Sequence[m.SpectatorUpdate]:
    """Sights of a match as a whole."""
    return [update for update in sent(channel, m.SpectatorUpdate) if update.seat is None]


def last_looks(channel: Any) -> Sequence[m.SpectatorUpdate]:
    """Of a person's seat, by its own eyes."""
    return [update for update in sent(channel, m.SpectatorUpdate) if update.seat is not None]


def test_a_person_who_plays_sees_the_match_where_nothing_is_hidden(show: Callable[..., Play]) -> None:
    run = show(table(Open))
    person, other = run.workers.channels
    assert [update.tick for update in shown(person)] == [0, 1, 2, 3]
    assert shown(person)[-1].outcome is not None
    assert shown(person)[0].picture.shape == (*BESIDE, 3)
    assert shown(other) == []  # no person


def test_in_a_game_of_turns_the_picture_takes_the_place_of_the_seats_own(show: Callable[..., Play]) -> None:
    assert shown(show(table(OpenTurns)).workers.channels[0])[0].picture.shape == (*ALONE, 3)


def test_a_person_who_plays_a_game_with_secrets_is_shown_nothing(show: Callable[..., Play]) -> None:
    assert shown(show(table(Together)).workers.channels[0]) == []


def test_spectators_see_every_game_and_one_match_at_a_time(show: Callable[..., Play]) -> None:
    run = show(table(Together, 0, matches=3), looking=1, concurrency=3)
    updates = shown(run.workers.spectators()[0])
    assert {update.picture.shape for update in updates} == {(*ALONE, 3)}
    assert [update.match for update in updates] == sorted(update.match for update in updates)


def test_what_is_quicker_than_the_eye_is_left_out_but_not_the_end(show: Callable[..., Play]) -> None:
    plan = plan_of(Open, [PERSON, GOOD], options={"rounds": 100})
    run = show(plan, seconds=EVERY / 10)
    updates = shown(run.workers.channels[0])
    assert 9 <= len(updates) <= 13
    assert updates[-1].tick == 100
    assert updates[-1].outcome is not None


def test_looking_on_changes_nothing(show: Callable[..., Play]) -> None:
    plan = table(Open, matches=4)
    assert show(plan, looking=1).log == show(plan).log


def test_the_picture_is_the_one_of_its_moment(show: Callable[..., Play]) -> None:
    run = show(table(Open))
    assert [int(update.picture.max()) for update in shown(run.workers.channels[0])] == [0, 2, 4, 6]  # what was said


class WatchingHosts(WatchingWorkers, HostingWorkers):
    """The same, of a game in a host."""


def hosted(plan: Plan) -> Plan:
    return with_game(plan, name=toy_name(type(plan.games[0].facts)), runtime="here")


def test_the_picture_of_a_hosted_game_comes_from_its_host(show: Callable[..., Play]) -> None:
    run = show(hosted(table(Open)), workers=WatchingHosts, looking=1)
    assert [update.picture.shape for update in shown(run.workers.channels[0])] == [(*BESIDE, 3)] * 4
    assert {update.picture.shape for update in shown(run.workers.spectators()[0])} == {(*ALONE, 3)}
    assert run.log == show(table(Open)).log


def test_a_host_whose_picture_has_another_size_is_killed_and_its_match_played_again(show: Callable[..., Play]) -> None:
    def lie(message: m.ToArena) -> m.ToArena:
        small = Observation(image=np.zeros((1, 1, 3), np.uint8))
        return msgspec.structs.replace(message, observation=small) if isinstance(message, m.Observed) else message

    workers = type("Lying", (WatchingHosts,), {"edits": [lie]})
    run = show(hosted(table(Open)), workers=workers)
    assert "broke the protocol" in run.workers.killed[0][1]
    assert run.log == show(table(Open)).log


def deaf(workers: FakeWorkers) -> list[Any]:
    """All goes on, and nobody confirms what they were shown."""
    workers.clock.now += 1.0
    looked = [channel.looked for channel in workers.channels]
    for channel in workers.channels:
        channel.looked = []
    answers = FakeWorkers.pay(workers)
    for channel, unconfirmed in zip(workers.channels, looked, strict=True):
        channel.looked = unconfirmed
    return answers


def test_who_does_not_confirm_is_shown_one_picture_and_the_last_end(show: Callable[..., Play]) -> None:
    plan = table(Open, matches=5)
    run = show(plan, looking=1, script=deaf, concurrency=1)
    for viewer in (run.workers.channels[0], run.workers.spectators()[0]):
        assert [(update.match, update.tick) for update in shown(viewer)] == [(0, 0), (4, 3)]
    assert run.log == show(plan).log


def test_a_confirmation_of_something_else_is_none(show: Callable[..., Play]) -> None:
    def lying(workers: FakeWorkers) -> list[Any]:
        wrong = [Received(channel, m.Watched(match=9, tick=9)) for channel in workers.channels]
        return deaf(workers) + wrong

    assert len(shown(show(table(Open), script=lying).workers.channels[0])) == 2


def test_what_changed_meanwhile_is_shown_when_the_last_one_is_confirmed(show: Callable[..., Play]) -> None:
    def slow(workers: FakeWorkers) -> list[Any]:
        if workers.clock.now < 103:
            return deaf(workers)
        workers.clock.now += 1.0
        return FakeWorkers.pay(workers)

    updates = shown(show(plan_of(Open, [PERSON, GOOD], options={"rounds": 6}), script=slow).workers.channels[0])
    assert [update.tick for update in updates] == [0, 4, 5, 6]


def test_matches_do_not_wait_for_a_spectator_that_is_not_ready(show: Callable[..., Play]) -> None:
    class Late(WatchingWorkers):
        def spectators(self) -> Sequence[FakeChannel]:
            for channel in super().spectators():
                channel.ready = False
            return self.hall

    plan = table(Open, matches=3)
    run = show(plan, workers=Late, looking=1)
    assert shown(run.workers.spectators()[0]) == []
    assert run.log == show(plan).log


TEXT = Views(text=True)


@pytest.mark.parametrize("workers", [WatchingWorkers, WatchingHosts])
def test_a_person_sees_the_end_by_their_seats_own_eyes_in_every_game(show: Callable[..., Play], workers: Any) -> None:
    plan = plan_of(Turns, [PERSON, GOOD], options={"rounds": 3}, views=TEXT, matches=2)
    run = show(hosted(plan) if workers is WatchingHosts else plan, workers=workers, concurrency=1)
    person, other = run.workers.channels
    assert [(one.match, one.seat, one.observation.text) for one in last_looks(person)] == [
        (0, 0, "turn 6"),
        (1, 1, "turn 6"),
    ]
    assert all(one.outcome is not None for one in last_looks(person))
    assert shown(person) == []  # of a game with secrets nothing else
    assert last_looks(other) == []


class LeavingInSight(Leaving):
    spec = msgspec.structs.replace(Leaving.spec, perfect_information=True)


@pytest.mark.parametrize("workers", [WatchingWorkers, WatchingHosts])
def test_who_is_out_before_the_others_has_the_last_look_then(show: Callable[..., Play], workers: Any) -> None:
    plan = plan_of(Leaving, [PERSON, GOOD], options={"rounds": 4}, views=TEXT)
    run = show(hosted(plan) if workers is WatchingHosts else plan, workers=workers)
    (look,) = last_looks(run.workers.channels[0])
    assert (look.tick, look.outcome, look.observation.text) == (1, None, "turn 2")


@pytest.mark.parametrize(("game", "told"), [(Leaving, 0), (LeavingInSight, 2)])
def test_who_is_out_is_told_what_others_did_only_where_nothing_is_hidden(
    show: Callable[..., Play], game: type[Game], told: int
) -> None:
    run = show(plan_of(game, [PERSON, GOOD], options={"rounds": 4}, views=TEXT))
    (look,) = last_looks(run.workers.channels[0])
    assert len(look.events) == told


@pytest.mark.parametrize("workers", [WatchingWorkers, WatchingHosts])
def test_who_is_not_asked_now_but_will_be_is_not_out(show: Callable[..., Play], workers: Any) -> None:
    plan = plan_of(OneByOne, [PERSON, GOOD], options={"rounds": 3}, views=TEXT)
    run = show(hosted(plan) if workers is WatchingHosts else plan, workers=workers)
    (look,) = last_looks(run.workers.channels[0])
    assert look.outcome is not None
    assert (look.tick, look.observation.text) == (5, "turn 6")


def test_in_spy_who_is_voted_out_is_told_no_votes_of_others(show: Callable[..., Play]) -> None:
    options = {"elimination": True, "rounds": 1, "spy_votes": True}
    plan = plan_of(Spy, [PERSON] * 5, options=options, views=TEXT, matches=20)
    run = show(plan, concurrency=1)
    looks = [look for channel in run.workers.channels for look in last_looks(channel)]
    out = [one for one in looks if one.outcome is None]
    assert out  # a vote by chance leaves somebody out here
    assert len(looks) == 20 * 5
    for look in out:
        assert f"Out: seat {look.seat}." in look.observation.text
        assert look.events == ()


class Blind(Turns):
    def observe(self, seat: int, views: Views) -> Any:
        if len(self.said) == 6:
            raise ZeroDivisionError("nothing to see")
        return super().observe(seat, views)


def test_a_last_look_that_fails_ends_no_match(show: Callable[..., Play]) -> None:
    run = show(plan_of(Blind, [PERSON, GOOD], options={"rounds": 3}, views=TEXT))
    assert last_looks(run.workers.channels[0]) == []
    assert run.lines("end")[0]["status"] == "terminated"
