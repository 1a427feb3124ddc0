"""A run on two nodes of Ray's own cluster utility: the folder is that of a run on one machine, whatever is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from arena.analysis.outcomes import read_outcomes
from arena.budget import Budget, BudgetError
from arena.errors import ArenaError, InputError
from arena.lineup import resolve
from arena.plan import PlanSpec
from arena.play import run_plan
from arena.record.reader import Run
from arena.report.beside import ReadingBeside

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_raylet_start_wait_time_s"] = "300"  # noqa: SIM112 (Ray's name; a busy machine takes longer than 30 s)
os.environ["ARENA_TEST_OF_RAY"] = str(os.getpid())  # whatever the cluster starts can be told by it
ray = pytest.importorskip("ray")
from arena.engines import ray as engine  # noqa: E402

SPEC = PlanSpec(games=("kuhn@seats=2", "leduc@seats=2"), operators=("scripted", "random"), seed=4, matches=1200)
SIZE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
SAME = ("run.json", "log-000.jsonl", "results.json")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    # A node is missed at once, not after half a minute.
    soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 3}
    made = Cluster(initialize_head=True, head_node_args={**SIZE, "include_dashboard": False, "_system_config": soon})
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("local") / "run"
    run_plan(resolve(SPEC), out, concurrency=8)
    return out


def same(one: Path, two: Path) -> dict[str, bool]:
    return {name: (one / name).read_bytes() == (two / name).read_bytes() for name in SAME}


def workers() -> list[psutil.Process]:
    """Worker processes of the arena that the cluster has started."""
    out = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            ours = process.environ().get("ARENA_TEST_OF_RAY") == os.environ["ARENA_TEST_OF_RAY"]
            if ours and "arena_workers.host" in (process.info["cmdline"] or ()):
                out.append(process)
    return out


class Removing(engine.Watcher):
    """Removes a node at the first match that comes back after its range began."""

    def __init__(self, cluster: Any, node: Any) -> None:
        self.cluster, self.node = cluster, node
        self.due = False
        self.said: list[str] = []

    def began(self, part: range, node: str) -> None:
        self.due = self.due or self.node.node_id.startswith(node.split()[-1])

    def over(self, lines: Any) -> None:
        if self.due and self.node is not None:
            self.cluster.remove_node(self.node, allow_graceful=False)
            self.node = None

    def told(self, text: str) -> None:
        self.said.append(text)


def test_a_node_is_lost_and_its_matches_are_played_again(cluster: Any, local: Path, tmp_path: Path) -> None:
    watcher, reading = Removing(cluster, cluster.add_node(**SIZE)), ReadingBeside(tmp_path / "run", pytest.fail)
    how: dict[str, Any] = {"cpus": 1, "ranges": 2, "concurrency": 8, "watcher": watcher, "read": reading.read}
    engine.run_plan(resolve(SPEC), tmp_path / "run", address=cluster.address, **how)
    assert watcher.node is None
    assert len(watcher.said) == 1
    assert "was lost" in watcher.said[0]
    assert "are played again" in watcher.said[0]
    assert same(local, tmp_path / "run") == dict.fromkeys(SAME, True)
    assert reading.known.facts.outcomes.course.tolist() == read_outcomes(Run(local)).course.tolist()


def test_it_stops_in_order_and_goes_on_here(cluster: Any, local: Path, tmp_path: Path) -> None:
    arena = [sys.executable, "-m", "arena", "play"]
    words = [f"--game={game}" for game in SPEC.games] + ["--operators=scripted,random", "--seed=4", "--matches=1200"]
    out = tmp_path / "run"
    played = subprocess.Popen(
        [*arena, *words, f"--out={out}", f"--engine=ray@address={cluster.address}@cpus=1@ranges=2", "-c8"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = out / "log-000.jsonl"
    while played.poll() is None and not log.exists():
        psutil.wait_procs([psutil.Process(played.pid)], timeout=0.05)
    assert workers()
    played.send_signal(signal.SIGINT)
    _, stderr = played.communicate(timeout=60)
    assert played.returncode == 130, stderr
    assert "go on with" in stderr
    assert 0 < len(list(Run(out).played())) < 1200
    assert not workers()
    run_plan(resolve(SPEC), out, concurrency=8, resume=True)
    assert same(local, out) == dict.fromkeys(SAME, True)


def test_a_node_that_cannot_play_says_why(cluster: Any, tmp_path: Path) -> None:
    operator = tmp_path / "gone.py"
    operator.write_text("import sys; sys.exit('no such thing')\n")
    plan = resolve(PlanSpec(games=("kuhn@seats=2",), operators=(f"cmd:'{sys.executable} {operator}'", "random")))
    with pytest.raises(ArenaError, match=r"node [0-9a-f]{8}: .* Its log: workers/000000-cmd"):
        engine.run_plan(plan, tmp_path / "run", address=cluster.address, cpus=1)
    (printed,) = (tmp_path / "run" / "workers").glob("000000-cmd*")
    assert "no such thing" in printed.read_text()


TALKING = """
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind, Usage


class Talking(Operator):
    def act(self, requests):
        return [Decision(answer=request.observation.legal[0], usage=Usage(9, 1)) for request in requests]


def build(context):
    return Talking()


KIND = OperatorKind(name="talking", summary="", target=f"{__file__}:build", views=lambda spec, what, options: Views())
"""


def test_a_budget_ends_all_ranges(cluster: Any, tmp_path: Path) -> None:
    operator = tmp_path / "talking.py"
    operator.write_text(TALKING)
    plan = resolve(PlanSpec(games=("kuhn@seats=2",), operators=(str(operator), "random"), matches=100_000))
    # In play at once are 2 x 8 matches with at most two answers of 10 tokens each: 320 are taken before one is over.
    how: dict[str, Any] = {"cpus": 1, "ranges": 2, "concurrency": 8, "budget": Budget(tokens=5_000)}
    with pytest.raises(BudgetError, match="the budget of 5,000 tokens is spent"):
        engine.run_plan(plan, tmp_path / "run", address=cluster.address, **how)
    assert 0 < len(list(Run(tmp_path / "run").played())) < 100_000
    assert not workers()


def test_an_evaluation_is_the_same_on_a_cluster(cluster: Any, tmp_path: Path) -> None:
    script = tmp_path / "mine.toml"
    script.write_text("games = ['kuhn@seats=2', 'leduc@seats=2']\noperators = ['scripted', 'random']\nblocks = 6\n")
    for out, engine_name in (("local", "local"), ("ray", f"ray@address={cluster.address}@cpus=1")):
        words = [str(script), "--null", "random", "--out", str(tmp_path / out), "--engine", engine_name, "--quiet"]
        subprocess.run([sys.executable, "-m", "arena", "evaluate", *words], check=True, capture_output=True)
    assert same(tmp_path / "local", tmp_path / "ray") == dict.fromkeys(SAME, True)
    assert (tmp_path / "local/analysis.json").read_bytes() == (tmp_path / "ray/analysis.json").read_bytes()


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"cpus": 64.0}, "a range takes 64 CPUs and 0 GPUs, and no node of the cluster has both"),
        ({"gpus": 1.0, "cpus": 1.0}, "a range takes 1 CPUs and 1 GPUs"),
    ],
)
def test_a_cluster_without_room_is_refused(cluster: Any, tmp_path: Path, how: dict[str, float], text: str) -> None:
    with pytest.raises(InputError, match=text):
        engine.run_plan(resolve(SPEC), tmp_path / "run", address=cluster.address, **how)
    assert not (tmp_path / "run").exists()
