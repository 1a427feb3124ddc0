"""The side store of turns: whole matches whatever stops a run, and equal whatever the concurrency."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.errors import ArenaError, RecordError
from arena.local_workers import LocalWorkers
from arena.log import MatchLine, TickLine
from arena.operator import Decision, Operator, Request, WorkerContext
from arena.plan import Plan
from arena.play import describe
from arena.record.reader import Run
from arena.record.turns import StoredEpisode, TurnStore, read, store_of
from arena.record.verify import verify
from arena.record.writer import Recorder
from arena.schedule import planned
from arena.scheduler import Scheduler
from tests.record.kit import make_plan
from tests.toys import Good, kind_of


class Talker(Good):
    """Answers as Good does, and says which tokens it was made of; every seventh question it answers badly."""

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self.told(request) for request in requests]

    def told(self, request: Request) -> Decision:
        number = request.match * 1000 + request.tick * 10 + request.attempt
        bad = number % 7 == 0 and not request.attempt
        return Decision(
            answer="rubbish" if bad else self.one(request).answer,
            prompt_tokens=np.arange(number, number + 5, dtype=np.int32),
            tokens=np.array([number, 1], np.int32),
            logprobs=np.array([-0.25, -number], np.float32),
            finish_reason="stop",
        )


def build(context: WorkerContext) -> Operator:
    return Talker()


TALKER = kind_of("talker", "tests.record.test_turns:build")


def plan(matches: int = 6) -> Plan:
    return make_plan("leduc", [TALKER, TALKER], matches=matches, seed=4, max_reasks=1)


def played(made: Plan, out: Path, *, concurrency: int = 1, resume: bool = False) -> Run:
    recorder = Recorder.reopen(out) if resume else Recorder(out, describe(made))
    with closing(recorder), closing(TurnStore(out)) as store:
        workers = LocalWorkers(made.pool)
        matches = planned(made, done=Run(out).results(recorder.due, recorder.waiting))
        Scheduler(made, workers, concurrency=concurrency, recorder=recorder, matches=matches, sinks=[store]).run()
    return Run(out)


def rows(run: Run) -> list[Any]:
    """All that is read, as values that compare."""
    return [(one.head, one.before, [tuple(map(plain, turn)) for turn in one.turns]) for one in read(run)]


def plain(value: Any) -> Any:
    return (value.dtype.str, value.tolist()) if isinstance(value, np.ndarray) else value


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return played(plan(), tmp_path_factory.mktemp("turns") / "run")


def test_what_the_operator_said_is_read_as_it_was(run: Run) -> None:
    turns = [turn for episode in read(run) for turn in episode.turns]
    assert len(turns) > 20
    for turn in turns:
        number = turn.match * 1000 + turn.tick * 10 + turn.attempt
        assert plain(turn.prompt_tokens) == ("<i4", [*range(number, number + 5)])
        assert plain(turn.tokens) == ("<i4", [number, 1])
        assert plain(turn.logprobs) == ("<f4", [-0.25, -number])
        assert (turn.finish_reason, turn.weights_version) == ("stop", None)
    assert any(turn.attempt == 1 and turn.line.answer != "rubbish" for turn in turns)


def test_the_rewards_are_those_of_the_log(run: Run) -> None:
    for episode, lines in zip(read(run), run.matches(), strict=True):
        paid = np.sum([line.rewards for line in lines if isinstance(line, TickLine)], axis=0)
        total = np.array(episode.before)
        for turn in episode.turns:
            total[turn.seat] += turn.reward
        assert total == pytest.approx(paid)


def test_equal_runs_have_equal_turns_whatever_the_concurrency(run: Run, tmp_path: Path) -> None:
    assert rows(played(plan(), tmp_path / "five", concurrency=5)) == rows(run)


def test_observations_are_had_by_playing_again(run: Run) -> None:
    for episode in read(run, observations=True):
        for turn in episode.turns:
            assert turn.observation is not None
            assert turn.observation.hashes() == turn.line.observation_hash
            assert turn.observation.image is not None


def test_what_is_stored_is_a_plain_file_that_any_sqlite_reads(run: Run) -> None:
    assert [path.name for path in store_of(run.folder).parent.iterdir()] == ["turns.sqlite"]
    with closing(sqlite3.connect(store_of(run.folder))) as db:
        (blob,) = db.execute("select tokens from turn where match = 1 and tick = 0 and attempt = 0").fetchone()
    assert np.frombuffer(blob, "<i4").tolist() == [1000, 1]


KILLED = """
import os, signal, sys
from pathlib import Path
from arena.record.writer import Recorder
from tests.record.test_turns import plan, played
end, count = Recorder.{where}, 0
def killed(self, *what):
    global count
    count += 1
    if count == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    return end(self, *what)
Recorder.{where} = killed
played(plan(), Path(sys.argv[1]), concurrency=3)
"""


@pytest.mark.parametrize(("where", "number"), [("journal", 9), ("end", 1), ("end", 4)])
def test_a_killed_run_has_the_turns_of_all_that_its_log_has_and_goes_on(
    run: Run, tmp_path: Path, where: str, number: int
) -> None:
    out = tmp_path / "run"
    code = KILLED.format(where=where, number=number)
    done = subprocess.run([sys.executable, "-c", code, str(out)], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    whole = rows(run)
    assert rows(Run(out)) == [one for one in whole if any(one[0] == lines[0] for lines in Run(out).played())]
    assert rows(played(plan(), out, concurrency=2, resume=True)) == whole


def test_a_run_without_turns_says_how_they_are_kept(tmp_path: Path) -> None:
    made = plan(1)
    with closing(Recorder(tmp_path, describe(made))) as recorder:
        Scheduler(made, LocalWorkers(made.pool), recorder=recorder).run()
    with pytest.raises(RecordError, match="has no turns beside its log: they are kept by `arena play --turns`"):
        next(read(Run(tmp_path)))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("delete from episode where match = 1", "lacks match 1, which the log has"),
        ("delete from turn where match = 1 and tick = 0", "lacks the turn of match 1, seat ., tick 0"),
        ("update turn set tick = 77 where match = 1 and tick = 0", "has a turn of match 1, seat ., tick 77; the log"),
        ("drop table turn", "cannot be read"),
    ],
)
def test_turns_that_do_not_fit_the_log_are_found(tmp_path: Path, damage: str, said: str) -> None:
    run = played(plan(2), tmp_path / "run")
    with closing(sqlite3.connect(store_of(run.folder))) as db, db:
        db.execute(damage)
    with pytest.raises(RecordError, match=said):
        list(read(run))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("update turn set reward = reward + 1 where match = 1 and tick = 1 and attempt = 0", "of seat ., tick 1, att"),
        ("update turn set ended = 'truncated' where match = 1 and ended = 'terminated'", "'truncated'., re-execution"),
        ("delete from turn where match = 1 and tick = 0", "the stored turn is None, re-execution gives"),
        ("insert into turn select 1, seat, 99, 0, 0, 'none', null, null, null, null, null from turn where match = 1",
         "tick 99, attempt 0 the stored turn is .0.0, 'none'., re-execution gives None"),
        ("update episode set before = '[1.5,0.0]' where match = 1", "is stored as the rewards before the first turn"),
        ("delete from episode where match = 1", "it has no stored turns"),
    ],
)  # fmt: skip
def test_verify_makes_the_turns_anew_and_finds_what_was_changed(tmp_path: Path, damage: str, said: str) -> None:
    run = played(plan(2), tmp_path / "run")
    assert verify(run).passed
    with closing(sqlite3.connect(store_of(run.folder))) as db, db:
        db.execute(damage)
    (problem,) = verify(run).problems
    assert problem.match == 1
    assert re.search(said, problem.text), problem.text


def test_a_store_that_cannot_be_written_ends_the_run_and_says_how_to_go_on(tmp_path: Path) -> None:
    made = plan(2)
    with closing(Recorder(tmp_path / "run", describe(made))) as recorder, closing(TurnStore(tmp_path / "run")) as store:
        store._db.execute("drop table turn")
        with pytest.raises(ArenaError, match=r"cannot be written into .* go on with: arena play --resume"):
            Scheduler(made, LocalWorkers(made.pool), recorder=recorder, sinks=[store]).run()
    assert not [line for line in Run(tmp_path / "run").lines() if isinstance(line, MatchLine)]


def names(episodes: Sequence[StoredEpisode]) -> list[int]:
    return [episode.head.match for episode in episodes]


def test_a_run_that_goes_on_can_be_read(tmp_path: Path) -> None:
    made = plan(2)
    seen: list[list[int]] = []

    class Watching(TurnStore):
        def match_over(self, episode: Any) -> None:
            seen.append(names(list(read(Run(tmp_path / "run")))))
            super().match_over(episode)

    with closing(Recorder(tmp_path / "run", describe(made))) as recorder, closing(Watching(tmp_path / "run")) as store:
        Scheduler(made, LocalWorkers(made.pool), recorder=recorder, sinks=[store]).run()
    assert seen == [[], [0]]
