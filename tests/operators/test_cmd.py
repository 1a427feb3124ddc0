"""`cmd:'COMMAND'`: what is checked before anything is started, what is shown to it, and what the user reads when it

is not a worker.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import msgspec
import pytest

from arena.canonical import hash_file
from arena.errors import InputError, UnplayableError, WorkerError
from arena.game import Views
from arena.lineup import build_plan, check_views
from arena.local_workers import LocalWorkers
from arena.log import TurnLine
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.verify import verify
from arena_games.leduc.rules import Leduc
from arena_operators.cmd.kind import KIND
from tests.toys import Turns

ROOT = Path(__file__).parents[2]
TINY = ROOT / "docs" / "examples" / "tiny_worker.py"
NOTHING = msgspec.structs.replace(Turns.spec, vector_shape=None, text=False, image_sizes=())


def cmd(*words: object, **options: str) -> str:
    """The operator's name for this command."""
    command = shlex.join(str(word) for word in words).replace("\\", "\\\\").replace('"', '\\"')
    return f'cmd:"{command}"' + "".join(f"@{name}={value}" for name, value in options.items())


def shown(views: str | None, **spec: object) -> Views:
    options = KIND.resolve_options(None, sys.executable, {"views": views, "determinism": "none"})
    return KIND.views(msgspec.structs.replace(NOTHING, **spec), sys.executable, options)


ALL = {"vector_shape": (3,), "text": True, "image_sizes": ((600, 960), (128, 128))}


@pytest.mark.parametrize(
    ("wanted", "views"),
    [
        (None, Views(vector=True, text=True)),
        ("text", Views(text=True)),
        ("text+vector", Views(text=True, vector=True)),
        ("image", Views(image=(128, 128))),
        ("image:600x960+vector", Views(image=(600, 960), vector=True)),
        ("none", Views()),
    ],
)
def test_it_is_shown_what_was_asked_for_and_by_default_what_is_cheap(wanted: str | None, views: Views) -> None:
    assert shown(wanted, **ALL) == views


def test_a_game_of_pictures_alone_shows_its_smallest() -> None:
    assert shown(None, image_sizes=((600, 960), (128, 128))) == Views(image=(128, 128))


@pytest.mark.parametrize("views", ["sound", "text,vector", "text+text", "image:big", "image:128", "vector:3", ""])
def test_views_that_are_none_are_refused(views: str) -> None:
    with pytest.raises(InputError, match=r"cmd@views=.*expected"):
        shown(views, **ALL)


def test_a_view_that_the_game_lacks_is_named() -> None:
    with pytest.raises(UnplayableError, match="does not give a vector"):
        check_views(NOTHING, shown("vector"), "cmd:x")
    with pytest.raises(UnplayableError, match="draws none for a seat"):
        shown("image")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no-such-program --fast", "cannot start 'no-such-program': no program of that name is on PATH"),
        ("./gone", "there is no file '.*/gone'"),
        ("plain.py", r"cannot be run by itself. Name what runs it, e.g. cmd:'python plain.py'"),
        ("./plain.py", "cannot be run by itself"),
        ("runs.sh", r"is not on PATH. A program of this folder is written cmd:'./runs.sh'"),
        ("  ", "needs the command of a worker"),
        ("python 'x", "No closing quotation"),
    ],
)
def test_a_command_that_cannot_be_started_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.py").write_text("")
    (tmp_path / "runs.sh").write_text("#!/bin/sh\n")
    (tmp_path / "runs.sh").chmod(0o755)
    with pytest.raises(InputError, match=said):
        KIND.resolve_options(None, what, {"views": None, "determinism": "none"})


def test_a_relative_program_is_found_from_the_folder_that_the_arena_was_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.sh").write_text("#!/bin/sh\n")
    (tmp_path / "runs.sh").chmod(0o755)
    assert KIND.command is not None
    assert KIND.command("./runs.sh 'two words'", {}) == [str(tmp_path / "runs.sh"), "two words"]


def test_the_files_of_the_command_are_named_by_their_hashes(tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"w")
    what = shlex.join([sys.executable, str(TINY), f"--weights={weights}", "--depth", "3", str(tmp_path)])
    prints = KIND.fingerprint(Leduc.spec, what, {})
    assert prints == {
        sys.executable: hash_file(Path(sys.executable)),
        str(TINY): hash_file(TINY),
        str(weights): hash_file(weights),
    }


def test_what_the_user_declares_is_recorded() -> None:
    tiny = cmd(sys.executable, TINY, determinism="deterministic")
    plan = build_plan("leduc", [tiny, cmd(sys.executable, TINY), "random"])
    assert [entry.determinism for entry in plan.pool] == ["deterministic", "none", "deterministic"]
    with pytest.raises(InputError, match="expected one of deterministic, measured, none"):
        build_plan("leduc", [cmd(sys.executable, TINY, determinism="yes"), "random"])


def test_a_foreign_worker_plays_and_its_run_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder of the user's, named as one would there."""
    (tmp_path / "my worker.py").write_text(TINY.read_text())
    monkeypatch.chdir(tmp_path)
    plan = build_plan("leduc", [cmd(sys.executable, "./my worker.py"), "random"], seed=1, matches=10)
    [table] = run_plan(plan, tmp_path / "run", concurrency=4)
    assert table.rows[0].turns > 0
    assert table.rows[0].faults == {}
    assert verify(Run(tmp_path / "run")).passed
    (head, _) = Run(tmp_path / "run").head.games[0].operators
    assert head.kind == "cmd"
    assert head.determinism == "none"
    assert head.fingerprint["./my worker.py"] == hash_file(TINY)


@pytest.mark.parametrize(
    ("script", "reason", "printed"),
    [
        ("print('hello there')", "exited with code 0", "hello there"),
        ("import sys; sys.exit('no weights')", "exited with code 1", "no weights"),
        ("raise ValueError('torn')", "exited with code 1", "ValueError: torn"),
    ],
)
def test_a_program_that_is_no_worker_is_told_with_its_log(
    tmp_path: Path, script: str, reason: str, printed: str
) -> None:
    plan = build_plan("leduc", [cmd(sys.executable, "-c", script), "random"])
    with pytest.raises(WorkerError, match=f"cannot start: .*{reason}") as caught:
        run_plan(plan, tmp_path / "run")
    (log,) = (tmp_path / "run" / "workers").glob("cmd*.log")
    assert str(log) in str(caught.value)
    assert printed in log.read_text()


def test_a_program_that_never_says_hello_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.supervisor.hub.GREETING", 0.5)
    plan = build_plan("leduc", ["cmd:cat", "random"])
    with pytest.raises(WorkerError, match=r"operator .* cannot start: said no HELLO within 0.5 s"):
        run_plan(plan, tmp_path / "run")


def test_it_runs_as_a_process_only() -> None:
    plan = build_plan("leduc", [cmd(sys.executable, TINY), "random"])
    with pytest.raises(WorkerError, match="runs only as a process of its own"):
        LocalWorkers(plan.entries)


@pytest.mark.parametrize("word", ["--api-key=hunter2", "--token=x", "-password=x"])
def test_a_secret_in_the_command_is_refused_and_not_repeated(word: str) -> None:
    with pytest.raises(InputError, match=r"looks like a secret.*environment") as caught:
        build_plan("leduc", [cmd(sys.executable, TINY, word), "random"])
    assert word.partition("=")[2] not in str(caught.value)


@pytest.mark.parametrize("length", [256, 5000])
def test_an_argument_that_no_file_can_be_called_is_an_argument(length: int) -> None:
    what = f"{sys.executable} -c pass {'x' * length} --weights={'y' * length}"
    KIND.resolve_options(None, what, {"views": None, "determinism": "none"})
    assert list(KIND.fingerprint(NOTHING, what, {})) == [sys.executable]
    with pytest.raises(InputError, match="no program of that name"):
        KIND.resolve_options(None, "z" * length, {"views": None, "determinism": "none"})


def test_a_program_without_a_line_of_ours_talks(tmp_path: Path) -> None:
    game = str(ROOT / "tests" / "talking_game.py")
    talker = cmd(sys.executable, TINY.with_name("talking_worker.py"), views="text")
    run_plan(build_plan(game, [talker, "scripted"], seed=1, matches=2), tmp_path / "run")
    turns = [line for line in Run(tmp_path / "run").lines() if isinstance(line, TurnLine)]
    mine = {turn.tick: turn for turn in turns if turn.operator != "scripted"}
    assert mine[0].say == "Think of the sky."
    assert mine[1].say == "I heard that nobody spoke"  # `scripted` gives no clue
    report = verify(Run(tmp_path / "run"))
    assert report.passed, report.problems
