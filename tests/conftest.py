"""Fixtures that several rooms of tests use."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arena.plan import Plan
from tests.required import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401 - hooks
from tests.workers_kit import Play, Script

# A shell that starts the tests in the background leaves SIGINT ignored, nohup leaves SIGHUP so, and every process that
# they start would be so too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# The files that take longest, longest first (scripts/test --durations=100): begun first, so that no process is left
# alone with one of them at the end.
LONG = (
    "test_vllm.py",
    "test_docs_commands.py",
    "test_ray.py",
    "test_trainer.py",
    "test_told.py",
    "test_guided.py",
    "test_ablation.py",
    "test_engine.py",
    "test_tinker.py",
    "test_canary_training.py",
    "test_sft_model.py",
    "test_bench_train.py",
    "test_one_lockstep.py",
    "test_mario_frames.py",
    "test_kill.py",
    "test_people_in_lanes.py",
    "test_shipped.py",
    "test_nano.py",
    "test_mario_host.py",
    "test_worker_suite.py",
    "test_misbehaving.py",
    "test_env.py",
    "test_doctor.py",
    "test_play.py",
    "test_conformance.py",
    "test_site.py",
    "test_worker_server.py",
    "test_wheel.py",
    "test_lanes.py",
    "test_ppo.py",
    "test_plugin_examples.py",
    "test_check.py",
    "test_new.py",
    "test_golden.py",
    "test_vlm.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONG)))


@pytest.fixture(autouse=True, scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is noted of this user (the pickles that were made here) is noted elsewhere during tests."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Play]:
    count = iter(range(1000))

    def start(plan: Plan, script: Script | None = None, **how: object) -> Play:
        return Play(monkeypatch, tmp_path / f"run{next(count)}", plan, script, **how)  # type: ignore[arg-type]

    return start


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A temporary folder for the arena's sockets: a short path, since a socket's is limited."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    yield folder
    shutil.rmtree(folder)
