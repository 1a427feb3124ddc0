"""Games in a host: the same match as here, over the wire's bytes; and hosts that lie, fall silent or die."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from arena.canonical import generator, key
from arena.channel import Event
from arena.errors import InputError, ProtocolError
from arena.game import Game, Move, Observation, TimeStep, Views
from arena.host_games import GameHost
from arena.log import Line
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, MatchPlan
from arena.plugins import game_class
from arena.protocol import messages as m
from arena.session import LocalSession
from arena.testing.playing import every_view
from tests.hosting_kit import Edit, HostChannel, HostingWorkers, hosted, toy_name
from tests.toys import GOOD, Lenient, OwnWords, Together, Turns, plan_of, with_game
from tests.workers_kit import Clock, FakeChannel, FakeWorkers, Play, Script

# --- the same match -------------------------------------------------------------------------------------------------


def answers(number: int) -> Iterator[Decision]:
    """Good, illegal and unparsable answers, and faults, by seeded chance."""
    chance = generator(key("test of hosting", number))
    while True:
        answer: Any = int(chance.integers(-1, 4))
        if chance.random() < 0.05:
            answer = "rubbish"
        yield Decision(answer=answer) if chance.random() > 0.03 else Decision(fault="crashed", detail="it fell over")


def lines(match: Match, number: int, pump: Callable[[object], None] = lambda match: None) -> list[Line]:
    given = answers(number)
    match.start()
    pump(match)
    while match.outcome is None:
        for ask in match.requests():
            match.feed(ask.seat, next(given))
            pump(match)
        if match.ready:
            match.advance()
            pump(match)
    return match.take_lines()


GAMES = [Turns, Lenient, Together, OwnWords, *map(game_class, ("kuhn", "leduc", "connect_four", "holdem"))]


@pytest.mark.parametrize(
    "limits", [Limits(), Limits(max_ticks=3), Limits(max_reasks=1)], ids=["plain", "cut", "max_reasks"]
)
@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.__name__)
def test_a_hosted_game_gives_the_lines_of_the_same_game_here(game: type[Game], limits: Limits) -> None:
    name = game.spec.id if game.__module__.startswith("arena_games.") else toy_name(game)
    channel = HostChannel()
    for number in range(6):
        plan = MatchPlan(index=number, block=0, lineup=(0, 1), seed=key("seed", number))
        views = [every_view(game.spec), Views()]
        here = Match(plan, LocalSession(game(2), views), ["a", "b"], limits)
        session, pump = hosted(game(2), name, views, channel, number)
        there = Match(plan, session, ["a", "b"], limits)
        assert lines(there, number, pump) == lines(here, number)
        session.close()
    channel.pay()
    assert not channel.host._games


def test_a_hosted_game_can_be_looked_at_and_drawn() -> None:
    game = game_class("leduc")
    session, pump = hosted(game(2), "leduc", [Views()] * 2, HostChannel())
    here = game(2)
    here.reset(bytes(16))
    session.begin(bytes(16))
    pump(Match(MatchPlan(0, 0, (0, 1), bytes(16)), session, ["a", "b"], Limits()))  # type: ignore[arg-type]
    both = Views(image=(128, 128), text=True)
    assert session.look(1, both).hashes() == here.observe(1, both).hashes()
    assert np.array_equal(session.draw(96, 128), here.draw(96, 128))


# --- the host's own side --------------------------------------------------------------------------------------------


class Listener:
    """A bare GameHost and what it said."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.host = GameHost(self.said.append)
        self.host.receive(m.Welcome(session="s", minor=1))

    def tell(self, message: Any) -> Any:
        self.host.receive(message)
        self.host.work()
        return self.said[-1]


def opening(game: str = "kuhn", **changes: Any) -> m.OpenGame:
    return msgspec.structs.replace(
        m.OpenGame(id=1, match=4, game=game, seats=2, options={}, views=[Views(), Views()], seed=bytes(16)), **changes
    )


@pytest.mark.parametrize(
    ("ask", "code", "part"),
    [
        (opening("kuhm"), "refused", "kuhn"),
        (opening(seats=99, views=[Views()] * 99), "refused", "99"),
        (opening(options={"hand": 1}), "refused", "hand"),
        (m.Step(id=1, match=4, moves=[(0, Move(1))]), "failed", "match 4 has no game here"),
    ],
    ids=["game", "seats", "options", "not open"],
)
def test_what_cannot_be_is_an_error_that_names_the_match(ask: Any, code: str, part: str) -> None:
    error = Listener().tell(ask)
    assert isinstance(error, m.Error)
    assert (error.code, error.match) == (code, 4)
    assert part in error.text


def test_a_game_that_raises_is_forgotten_and_its_neighbours_live_on() -> None:
    host = Listener()
    host.tell(opening())
    host.tell(opening(match=5, id=2))
    assert host.tell(m.Step(id=3, match=4, moves=[(1, Move(0))])).match == 4  # seat 1 is not due
    assert isinstance(host.said[-1], m.Error)
    assert host.said[-1].code == "failed"  # "refused" would end the run as bad input
    assert isinstance(host.tell(m.Step(id=4, match=5, moves=[(0, Move(0))])), m.Stepped)
    assert host.tell(m.Step(id=5, match=4, moves=[(0, Move(0))])).text == "match 4 has no game here"


def test_a_host_answers_a_ping_and_refuses_what_is_for_operators() -> None:
    host = Listener()
    assert host.tell(m.Ping(n=7)) == m.Pong(n=7)
    with pytest.raises(ProtocolError, match="CANCEL was sent to a game host"):
        host.tell(m.Cancel(ids=[1]))


# --- hosts that lie -------------------------------------------------------------------------------------------------


def stepped(change: Callable[[m.Stepped], m.Stepped]) -> Edit:
    return lambda message: change(message) if isinstance(message, m.Stepped) else message


def of_step(change: Callable[[TimeStep], dict[str, Any]]) -> Edit:
    def changed(message: m.Stepped) -> m.Stepped:
        step = msgspec.structs.replace(message.time_step, **change(message.time_step))
        return msgspec.structs.replace(message, time_step=step)

    return stepped(changed)


def of_result(**changes: Any) -> Edit:
    return of_step(lambda step: {"result": dataclasses.replace(step.result, **changes)})


def of_view(**changes: Any) -> Edit:
    return of_step(
        lambda step: {"observations": tuple(msgspec.structs.replace(one, **changes) for one in step.observations)}
    )


def both(one: Edit, other: Edit) -> Edit:
    return lambda message: other(one(message))  # type: ignore[arg-type]


LIES = {
    "too few rewards": of_result(rewards=(0.0,)),
    "over, yet somebody is due": of_result(ended="terminated", returns=(0.0, 0.0)),
    "nobody is due": of_result(due=()),
    "a seat that there is not": of_result(due=(5,)),
    "a seat is due twice": of_result(due=(0, 0)),
    "a score, and nobody is shown": both(of_result(returns=(0.0, 0.0)), of_step(lambda step: {"observations": ()})),
    "a reward that is not a number": of_result(rewards=(float("nan"), 0.0)),
    "one of two is shown": of_result(due=(0, 1)),
    "nobody is shown": of_step(lambda step: {"observations": ()}),
    "a default action where a fault forfeits": of_step(lambda step: {"defaults": (0,)}),
    "no legal action": of_view(legal=()),
    "an action that there is not": of_view(legal=(0, 77)),
    "legal actions out of order": of_view(legal=(1, 0)),
    "facts without a text": of_view(facts={"cards": "secret"}),
    "a view that was not agreed": of_view(text="secret"),
    "a view is missing": of_view(vector=None),
    "a vector of another shape": of_view(vector=np.zeros((1, 3), np.float32)),
    "a vector of another dtype": of_view(vector=np.zeros(3, np.uint8)),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_scene_that_cannot_be_is_a_breach_of_the_protocol(lie: Edit) -> None:
    channel = HostChannel(edit=lie)
    session, pump = hosted(Turns(2), toy_name(Turns), [Views(vector=True)] * 2, channel)
    with pytest.raises(ProtocolError):
        lines(Match(MatchPlan(0, 0, (0, 1), bytes(16)), session, ["a", "b"], Limits()), 0, pump)


@pytest.mark.parametrize("action", [-1, 3, 999])
def test_an_answer_that_is_parsed_into_no_legal_action_is_a_breach_of_the_protocol(action: int) -> None:
    def lie(message: m.ToArena) -> m.ToArena:
        wrong = {"move": Move(action), "fault": None}
        return msgspec.structs.replace(message, **wrong) if isinstance(message, m.Parsed) else message

    session, pump = hosted(OwnWords(2), toy_name(OwnWords), [Views()] * 2, HostChannel(edit=lie))
    with pytest.raises(ProtocolError, match="is not legal"):
        lines(Match(MatchPlan(0, 0, (0, 1), bytes(16)), session, ["a", "b"], Limits()), 0, pump)


def test_a_view_that_was_not_asked_for_is_not_shown() -> None:
    def lie(message: m.ToArena) -> m.ToArena:
        nothing = Observation(text="secret")
        return msgspec.structs.replace(message, observation=nothing) if isinstance(message, m.Observed) else message

    session, pump = hosted(Turns(2), toy_name(Turns), [Views()] * 2, HostChannel(edit=lie))
    session.begin(bytes(16))
    pump(Match(MatchPlan(0, 0, (0, 1), bytes(16)), session, ["a", "b"], Limits()))  # type: ignore[arg-type]
    for show in (lambda: session.draw(96, 128), lambda: session.look(0, Views(vector=True))):
        with pytest.raises(ProtocolError, match="an OBSERVED that cannot be"):
            show()


@pytest.mark.parametrize("change", [{"id": 99}, {"session": "another"}, {"match": 3}], ids=["id", "session", "match"])
def test_a_reply_that_belongs_nowhere_is_not_taken(change: dict[str, Any]) -> None:
    session, _ = hosted(Turns(2), toy_name(Turns), [Views()] * 2, HostChannel())
    match = Match(MatchPlan(0, 0, (0, 1), bytes(16)), session, ["a", "b"], Limits())
    match.start()
    good = session.channel.pay()[0].message  # type: ignore[attr-defined]
    assert not session.reply(match, msgspec.structs.replace(good, **change))
    assert match.waits_for_game
    assert session.reply(match, good)
    assert not session.reply(match, good)  # it says it twice
    assert len(match.requests()) == 1


# --- in the scheduler -----------------------------------------------------------------------------------------------


@pytest.fixture
def hosted_play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Play]:
    """Plays a plan of Turns in a HostingWorkers whose hosts have these edits."""

    def run(
        *edits: Edit,
        kinds: Any = (GOOD, GOOD),
        game: type[Game] = Turns,
        script: Script | None = None,
        dry_turn: bool = False,
        **limits: Any,
    ) -> Play:
        clock = Clock()
        monkeypatch.setattr("arena.hosted.time", clock)
        monkeypatch.setattr("tests.workers_kit.FakeWorkers", type("WorkerPool", (HostingWorkers,), {"edits": edits}))
        monkeypatch.setattr("tests.workers_kit.Clock", lambda: clock)
        made = plan_of(game, list(kinds), matches=4, **limits)
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        plan = with_game(made, name=toy_name(game), runtime="here")
        return Play(monkeypatch, folder, plan, script, dry_turn=dry_turn)

    return run


def silent_after(count: int) -> Edit:
    state = {"left": count}

    def edit(message: m.ToArena) -> m.ToArena | None:
        state["left"] -= 1
        return message if state["left"] >= 0 else None

    return edit


def test_a_host_that_hangs_is_killed_and_its_matches_are_played_again(hosted_play: Callable[..., Play]) -> None:
    calm = hosted_play()
    run = hosted_play(silent_after(6))
    assert run.workers.killed == [("game", "did not answer within 120 s at tick 1: it hangs")]
    assert {void["fault"] for void in run.timing("void")} == {"worker_died"}
    assert run.log == calm.log


def test_a_step_that_hangs_has_the_deadline_and_not_the_longer_time_of_a_first_word(
    hosted_play: Callable[..., Play],
) -> None:
    run = hosted_play(silent_after(6), deadline=2.0)
    assert run.workers.killed == [("game", "did not answer within 2 s at tick 1: it hangs")]
    assert run.clock.now == 102.0


def test_a_worker_that_dies_before_its_seat_is_opened_is_not_waited_for(hosted_play: Callable[..., Play]) -> None:
    """The seat of a sample position is opened once its operator is asked; until then its host may take long."""
    killed: list[FakeChannel] = []

    def script(workers: FakeWorkers) -> list[Event]:
        if killed:
            return workers.pay()
        killed.append(workers.channels[0])
        return [killed[0].death("was killed by SIGKILL", self_inflicted=False)]

    run = hosted_play(script=script, dry_turn=True)
    assert run.log == hosted_play().log
    assert not killed[0].sent
    assert run.clock.now == 100.0


def test_a_host_that_lies_is_killed_and_its_matches_are_played_again(hosted_play: Callable[..., Play]) -> None:
    run = hosted_play(LIES["no legal action"])
    assert run.workers.killed[0][1].startswith("broke the protocol: a STEPPED that cannot be: legal actions are []")
    assert run.log == hosted_play().log


def test_replies_to_nobody_are_counted_and_dropped(hosted_play: Callable[..., Play]) -> None:
    seen: list[m.ToArena] = []

    def repeat(message: m.ToArena) -> m.ToArena:
        if not isinstance(message, m.Stepped):
            return message
        seen.append(message)
        return seen[0]

    run = hosted_play(repeat)  # says its first word for ever: the rest is dropped, and the host hangs
    assert run.scheduler.dropped > 0
    assert run.log == hosted_play().log


def test_a_game_that_fails_in_every_try_leaves_its_match_unresolved_and_costs_nobody(
    hosted_play: Callable[..., Play],
) -> None:
    error = m.Error(code="failed", text="ValueError: broken", match=0)

    def fail(message: m.ToArena) -> m.ToArena:
        return error if isinstance(message, m.Stepped) and message.match == 0 else message

    run = hosted_play(fail)
    ends = run.lines("end")
    assert ends[0]["status"] == "unresolved"
    assert ends[0]["reason"] == "game: turns failed at its start: ValueError: broken"
    assert [end["status"] for end in ends[1:]] == ["terminated"] * 3
    assert run.lines("match")[0]["state_hash"] == ""
    assert not [turn for turn in run.lines("turn") if turn.get("fault")]


def test_a_game_that_its_host_refuses_ends_the_run_with_its_words(hosted_play: Callable[..., Play]) -> None:
    error = m.Error(code="refused", text="no ROM is installed", match=0)
    with pytest.raises(InputError, match="the game cannot be played: no ROM is installed"):
        hosted_play(lambda message: error)
