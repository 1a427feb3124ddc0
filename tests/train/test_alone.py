"""One training at a time writes in a folder, and one that is refused leaves it as it was."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("pyarrow")

from arena.cli.main import cli
from arena.errors import InputError
from arena.record.training import LOCK
from arena.train.folders import alone, check_free
from arena.train.vlm import begun, sft_facts

# A training that has started other processes, in the two ways in which engines, players and servers are started.
TRAINING = """
import multiprocessing, subprocess, sys, time
from pathlib import Path
from arena.train.folders import alone

if __name__ == "__main__":
    with alone(Path(sys.argv[1])):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
        other.start()
        print(child.pid, other.pid, flush=True)
        sys.stdin.read()
"""
COMMANDS = {
    "vlm": ("vlm", "--preset", "race-nano"),
    "sft": ("sft", "--teacher", "kuhn"),
    "ppo": ("ppo", "--game", "kuhn"),
    "vlm again": ("vlm", "--resume"),
    "sft again": ("sft", "--resume"),
    "ppo again": ("ppo", "--resume"),
    "sft --dry-run": ("sft", "--teacher", "kuhn", "--dry-run"),
}


@pytest.fixture
def training(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A training in `tmp_path`/out, and the processes that it started."""
    script = tmp_path / "training.py"
    script.write_text(TRAINING)
    command = [sys.executable, str(script), str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        children = [int(word) for word in process.stdout.readline().split()]
        assert len(children) == 2
        yield process, children
        process.kill()
        for child in children:
            os.kill(child, signal.SIGKILL)


def there(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_second_training_is_refused_and_touches_nothing(
    training: tuple[subprocess.Popen[bytes], list[int]], tmp_path: Path, words: tuple[str, ...]
) -> None:
    process, _ = training
    before = there(tmp_path)
    done = CliRunner().invoke(cli, ["train", *words, "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == (
        f"{tmp_path / 'out'}: another training (process {process.pid}) is writing there: wait until it has ended, or "
        "choose another --out"
    )
    assert there(tmp_path) == before


def test_a_killed_training_leaves_its_folder_free_while_processes_that_it_started_live_on(
    training: tuple[subprocess.Popen[bytes], list[int]], tmp_path: Path
) -> None:
    process, children = training
    with pytest.raises(InputError, match="another training"):
        check_free(tmp_path / "out")
    process.kill()
    process.wait()
    check_free(tmp_path / "out")
    for child in children:
        os.kill(child, 0)  # it is there


def test_a_folder_that_was_made_and_stayed_empty_is_gone_with_those_above_it(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for out in (tmp_path / "mine", tmp_path / "new" / "out"):
        with alone(out):
            assert (out / LOCK).read_text() == f"{os.getpid()}\n"
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]


def test_what_a_training_wrote_stays_without_its_lock(tmp_path: Path) -> None:
    with alone(tmp_path / "out"):
        (tmp_path / "out" / "curve.csv").touch()
    assert list(tmp_path.rglob("*")) == [tmp_path / "out", tmp_path / "out" / "curve.csv"]


def test_a_disk_that_is_full_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(InputError, match=r"nothing can be written there \(File too large\)"):
            check_free(tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_training_that_was_killed_at_once_does_not_keep_the_next_one_away(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("1\n")
    begun.check_folder(tmp_path, "no")
    assert not sft_facts.has_begun(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path} is empty"):
        begun.check_folder(tmp_path, "exact")
