"""The socket is the user's alone, the token is nowhere to be read, and workers do not outlive their arena."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from arena.supervisor import sockets as sockets_module
from arena.supervisor.sockets import LONGEST_PATH, Folder
from tests.supervisor.kit import LONGEST, ROOT, Witness, said, watched_hub


def test_the_sockets_folder_is_for_the_user_alone(tmp_path: Path) -> None:
    with watched_hub(tmp_path) as hub:
        assert stat.S_IMODE(os.stat(hub._folder).st_mode) == 0o700


def test_what_a_killed_arena_left_is_swept_and_what_a_living_one_holds_stays(
    tmp_path: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(sockets))
    held = Folder()
    dead = Folder()
    os.close(dead._lock)  # as the kernel does
    foreign = Path(tempfile.mkdtemp(prefix="arena-"))  # no lock: of another program, or not finished yet
    with watched_hub(tmp_path):
        assert [Path(p).exists() for p in (held, dead, foreign)] == [True, False, True]
    held.remove()


def results(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def marked(folder: Path) -> None:
    (folder / sockets_module.LOCK).write_bytes(sockets_module.MARK)


def unmarked(folder: Path) -> None:
    """As any program writes a lock."""
    (folder / "lock").write_text("4711")


def linked(folder: Path) -> None:
    """The lock is a link to a marked one elsewhere."""
    elsewhere = folder.with_name("elsewhere")
    elsewhere.mkdir()
    marked(elsewhere)
    (folder / "lock").symlink_to(elsewhere / "lock")


@pytest.mark.parametrize("lock", [unmarked, marked, linked])
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_a_folder_with_somebodys_files_stays_whatever_its_name_and_its_lock(
    tmp_path: Path, lock: Callable[[Path], None], mode: int
) -> None:
    mine = tmp_path / "arena-results"
    (mine / "run").mkdir(parents=True)
    (mine / "run" / "log-000.jsonl").write_text("a month of work")
    (mine / "table.csv").write_text("1,2")
    lock(mine)
    mine.chmod(mode)
    before = results(mine)
    sockets_module.sweep(tmp_path)
    assert results(mine) == before


@pytest.mark.parametrize("lock", [unmarked, linked])
def test_a_folder_with_a_lock_of_another_program_stays(tmp_path: Path, lock: Callable[[Path], None]) -> None:
    other = tmp_path / "arena-other"
    other.mkdir(mode=0o700)
    lock(other)
    sockets_module.sweep(tmp_path)
    assert (other / "lock").exists()


def test_a_link_to_a_folder_of_ours_is_not_followed(tmp_path: Path, sockets: Path) -> None:
    dead = sockets / "dead"
    dead.mkdir(mode=0o700)
    marked(dead)
    (tmp_path / "arena-link").symlink_to(dead)
    sockets_module.sweep(tmp_path)
    assert (dead / "lock").exists()


def test_an_arena_that_ends_leaves_what_others_put_into_its_folder(
    sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(sockets))
    own = Folder()
    (Path(own) / "notes.txt").write_text("mine")
    own.remove()
    assert results(Path(own)) == {"notes.txt": "mine"}


def test_a_long_temporary_folder_is_avoided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Unix socket's path has at most 107 bytes."""
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with watched_hub(tmp_path) as hub:
        assert len(hub._listener.address.removeprefix("ipc://").encode()) <= LONGEST_PATH
    assert list(deep.iterdir()) == []


def test_the_token_is_in_no_command_line_no_file_and_no_grandchild(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with watched_hub(tmp_path / "workers") as hub:
        command = [sys.executable, "-P", "-m", "arena_workers.host", "tests.toys_ops:has_child"]
        channel = hub.launch("x", command, "", {})
        child = int(said(hub, channel).split()[-1])
        token = channel.token.encode()
        assert token not in Path(f"/proc/{channel.process.pid}/cmdline").read_bytes()
        assert token in Path(f"/proc/{channel.process.pid}/environ").read_bytes()  # the way it came
        assert token not in Path(f"/proc/{child}/environ").read_bytes()
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or token not in path.read_bytes()


def test_workers_and_their_children_end_when_the_arena_is_killed(tmp_path: Path, sockets: Path) -> None:
    arena = subprocess.Popen(
        [sys.executable, "-m", "tests.supervisor.kit", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(sockets)},
    )
    assert arena.stdout is not None
    peer, peers_child, worker, workers_child = map(int, arena.stdout.readline().split())
    witnesses = [Witness(worker), Witness(workers_child)]
    arena.kill()
    arena.wait(LONGEST)
    arena.stdout.close()
    # The other is a foreign worker that does not watch its stdin: end it here.
    for pid in (peer, peers_child):
        os.kill(pid, 9)
    assert [witness.ended() for witness in witnesses] == [True, True]
