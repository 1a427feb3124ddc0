"""Workers behind a worker server, over the loopback address: as good as local ones, and nothing of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from arena.errors import InputError, WorkerError
from arena.lineup import build_plan
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.verify import verify
from arena.supervisor import curve
from tests.supervisor.kit import LONGEST, ROOT, Witness
from tests.supervisor.remote_kit import Command, keys, served

__all__ = ["keys"]
EXITS = """
import os
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind

class Exits(Operator):
    def act(self, requests):
        if requests[0].match < 10**9:  # no dry turn
            os._exit(5)
        return [Decision(answer=0)] * len(requests)

def build(context):
    return Exits()

KIND = OperatorKind(name="exits", summary="", target=__file__ + ":build", views=lambda *a: Views())
"""


def play(at: str, out: Path, observer: Observer | None = None, operator: str = "random", matches: int = 12) -> Run:
    first = f"{operator}@at={at}" if at else operator
    plan = build_plan("leduc", [first, "random"], seed=5, matches=matches)
    run_plan(plan, out, concurrency=4, observer=observer)
    return Run(out)


def log(run: Run) -> bytes:
    return (run.folder / "log-000.jsonl").read_bytes()


class At(Observer):
    """Does something once, when an answer comes in."""

    def __init__(self, deed) -> None:  # type: ignore[no-untyped-def]
        self.deed = deed
        self.deaths: list[str] = []

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        deed, self.deed = self.deed, lambda: None
        deed()

    def worker_died(self, name: str, reason: str) -> None:
        self.deaths.append(reason)


def test_the_log_is_the_same_wherever_the_operators_run(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for end in ("hub", "worker_server"):  # a worker leaves by itself, however busy the machine is
        monkeypatch.setattr(f"arena.supervisor.{end}.GRACE", LONGEST)
    with served("random", keys, tmp_path / "logs") as there:
        remote = play(there.at, tmp_path / "remote")
    assert log(remote) == log(play("", tmp_path / "local"))
    assert verify(remote).passed
    assert there.hear(r"worker 1 (.*), after")[1] == "exited with code 0"


def test_what_decides_is_looked_up_and_hashed_on_the_workers_machine(keys: Path, tmp_path: Path) -> None:
    """The file that the served operator is made of need not be known to the arena."""
    weights = ROOT / "arena_operators" / "ppo" / "weights" / "leduc.safetensors"
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(weights.read_bytes())
    (tmp_path / "mine.json").write_bytes(weights.with_suffix(".json").read_bytes())
    with served(f"ppo:{mine}@deterministic=true", keys, tmp_path / "logs") as there:
        entry = build_plan("leduc", [f"ppo@at={there.at}", "random"]).pool[0]
        with pytest.raises(InputError, match=r"cannot play kuhn|was trained for leduc"):
            build_plan("kuhn", [f"ppo@at={there.at}", "random"])
    assert (entry.what, entry.options["deterministic"], entry.views.vector) == (str(mine), True, True)
    spec = build_plan("leduc", ["random", "random"]).games[0].make().spec
    assert list(entry.kind.fingerprint(spec, entry.what, entry.options)) == ["mine.safetensors"]


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        ("scripted", "ppo is served here, not scripted"),
        ("ppo:/etc/passwd", "not ppo:/etc/passwd. What stands behind the colon names something of the worker's"),
        ("ppo@normalize=/tmp/evil.pkl", "option normalize is for the machine of the worker to set"),
        ("ppo@wrap=/tmp/evil.py:f", "option wrap is for the machine of the worker to set"),
        ("ppo@mask=true@deterministic=true", "option deterministic is for the machine of the worker to set"),
    ],
)
def test_an_arena_does_not_choose_what_is_opened_on_the_workers_machine(
    keys: Path, tmp_path: Path, operator: str, why: str
) -> None:
    with served("ppo@deterministic=false", keys, tmp_path / "logs") as there, pytest.raises(InputError, match=why):
        build_plan("leduc", [f"{operator}@at={there.at}", "random"])
    assert there.pids == []


# --- deaths ----------------------------------------------------------------------------------------------------------


def test_a_remote_worker_that_is_killed_is_replaced_and_the_log_is_the_same(keys: Path, tmp_path: Path) -> None:
    calm = log(play("", tmp_path / "calm"))
    with served("random", keys, tmp_path / "logs") as there:
        killer = At(lambda: os.kill(there.pids[-1], signal.SIGKILL))
        run = play(there.at, tmp_path / "run", killer)
        assert len(there.pids) == 2
    assert log(run) == calm
    assert len(killer.deaths) == 1
    assert killer.deaths[0].startswith("was killed by SIGKILL (its log is there: ")


def test_a_remote_worker_that_dies_by_itself_is_charged_with_it(keys: Path, tmp_path: Path) -> None:
    (tmp_path / "exits.py").write_text(EXITS)
    offer = str(tmp_path / "exits.py")
    with served(offer, keys, tmp_path / "logs") as there:
        run = play(there.at, tmp_path / "run", operator=offer, matches=1)
    assert b'"fault":"crashed"' in log(run)


def test_an_arena_that_is_killed_leaves_no_worker(keys: Path, tmp_path: Path) -> None:
    with served("random", keys, tmp_path / "logs") as there:
        arena = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "arena",
                "play",
                "-g",
                "leduc",
                "-o",
                f"random@at={there.at},random",
                "-n",
                "1000000",
                "--out",
                str(tmp_path / "run"),
            ],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        worker = Witness(int(there.hear(r"process (\d+)")[1]))
        arena.kill()
        arena.wait(LONGEST)
        assert worker.ended()
        assert there.hear("was ended: its arena is gone")


def test_a_worker_server_that_is_killed_takes_its_workers_along_and_the_run_ends_in_words(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Command("random", "--listen", "tcp://127.0.0.1:0", "--logs", str(tmp_path / "logs"))
    at = trusted(there, keys)
    worker: list[Witness] = []

    def deed() -> None:
        worker.append(Witness(int(there.hear(r"process (\d+)")[1])))
        there.end()
        monkeypatch.setattr("arena.supervisor.remote.CONNECT", 0.2)  # not before: it was reached in its own time

    killer = At(deed)
    with pytest.raises(WorkerError, match=f"operator random#1 cannot start: {at} cannot be reached within 0.2 s"):
        play(at, tmp_path / "run", killer)
    assert killer.deaths[0] == f"{at} is gone: the connection was lost"
    assert worker[0].ended()


def test_a_worker_server_that_is_stopped_ends_its_workers_and_says_so(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Command("random", "--listen", "tcp://127.0.0.1:0", "--logs", str(tmp_path / "logs"))
    at = trusted(there, keys)
    worker: list[Witness] = []

    def deed() -> None:
        worker.append(Witness(int(there.hear(r"process (\d+)")[1])))
        there.process.terminate()
        assert there.wait() == 0
        monkeypatch.setattr("arena.supervisor.remote.CONNECT", 0.2)

    killer = At(deed)
    with pytest.raises(WorkerError, match="cannot be reached"):
        play(at, tmp_path / "run", killer)
    assert killer.deaths[0].startswith("was ended: `arena worker serve` was stopped there")
    assert worker[0].ended()


def trusted(there: Command, keys: Path) -> str:
    at = there.hear(r"serving \S+ at (\S+),")[1]
    curve.keep(curve.read_key(str(keys / "arena.key")), curve.server_file(at, keys))
    return at
