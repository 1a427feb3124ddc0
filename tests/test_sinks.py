"""Sinks hear of each match once, in the order of the plan, and of nothing that does not count."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from arena.channel import Event
from arena.local_workers import LocalWorkers
from arena.operator import OpenSeat
from arena.plan import MatchPlan, Plan
from arena.scheduler import Scheduler
from arena.turns import Episode, TurnSink
from tests.toys import GOOD, Failing, Together, plan_of
from tests.workers_kit import FakeWorkers, Play, once, plan, sent


class Kept(TurnSink):
    def __init__(self) -> None:
        self.heard: list[Episode | tuple[int, str]] = []

    def match_over(self, episode: Episode) -> None:
        self.heard.append(episode)

    def match_void(self, plan: MatchPlan, reason: str) -> None:
        self.heard.append((plan.index, reason))

    @property
    def matches(self) -> list[int]:
        return [one.plan.index if isinstance(one, Episode) else one[0] for one in self.heard]

    def rows(self) -> list[tuple[object, ...]]:
        """All that is told of turns, without their observations."""
        return [
            (t.request.match, t.request.seat, t.request.tick, t.operator, t.decision.answer, t.reward, t.ended)
            for one in self.heard
            if isinstance(one, Episode)
            for t in one.turns
        ]


def uneven(workers: FakeWorkers) -> list[Event]:
    """The newest question is answered first: matches end in another order than they began."""
    for channel in workers.channels:
        if channel.owed:
            newest = max(channel.owed.values(), key=lambda one: one.match)
            return [channel.action(channel.good(newest))]
    return workers.pay()


def play(monkeypatch: pytest.MonkeyPatch, folder: Path, played: Plan, script: object = None, **how: object) -> Kept:
    sink = Kept()
    Play(monkeypatch, folder, played, script, sinks=[sink], **how)  # type: ignore[arg-type]
    return sink


def test_matches_come_in_the_order_of_the_plan_however_they_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone = play(monkeypatch, tmp_path / "1", plan(), concurrency=1)
    mixed = play(monkeypatch, tmp_path / "6", plan(), uneven, concurrency=6)
    assert alone.matches == mixed.matches == list(range(6))
    assert alone.rows() == mixed.rows()
    assert len(alone.rows()) == 6 * 6


def test_a_sink_that_does_not_mind_hears_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class AtOnce(Kept):
        in_order: ClassVar[bool] = False

    sink = AtOnce()
    Play(monkeypatch, tmp_path / "run", plan(), uneven, concurrency=6, sinks=[sink])
    assert sorted(sink.matches) == list(range(6)) != sink.matches


def test_a_try_that_does_not_count_is_never_heard_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def kill(workers: FakeWorkers) -> list[Event]:
        return [workers.channels[0].death()]

    calm = play(monkeypatch, tmp_path / "calm", plan())
    stormy = play(monkeypatch, tmp_path / "stormy", plan(), once(kill))
    assert calm.rows() == stormy.rows()


def test_a_match_that_stays_unresolved_is_told_as_void_in_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sink = play(monkeypatch, tmp_path / "run", plan_of(Failing, [GOOD, GOOD], matches=12, seed=2))
    assert sink.matches == list(range(12))
    void = [one for one in sink.heard if isinstance(one, tuple)]
    assert void
    assert all("no licence" in reason for _, reason in void)
    assert len(void) < 12


def test_operators_are_asked_for_tokens_only_where_somebody_wants_turns(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for sinks in ([], [Kept()]):
        run = Play(monkeypatch, tmp_path / str(len(sinks)), plan(1), sinks=sinks)
        asked = {message.tokens for channel in run.workers.channels for message in sent(channel, OpenSeat)}
        assert asked == {bool(sinks)}


def test_what_a_sink_raises_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Full(TurnSink):
        def match_over(self, episode: Episode) -> None:
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        Play(monkeypatch, tmp_path / "run", plan(), sinks=[Full()])
    assert not (tmp_path / "run" / "log-000.jsonl").exists()  # so that --resume plays it, turns and all


def test_turns_are_had_without_a_run_folder() -> None:
    sink = Kept()
    played = plan_of(Together, [GOOD, GOOD], matches=3)
    Scheduler(played, LocalWorkers(played.pool), concurrency=2, sinks=[sink]).run()
    assert sink.matches == [0, 1, 2]
