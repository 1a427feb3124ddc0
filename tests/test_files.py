"""Plugins in a named file: what is loaded, what is refused in words, and runs that were played with one."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from arena import files, plugins
from arena.errors import InputError, RecordError
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.replay import Replay
from arena.record.verify import verify

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
RPS = (EXAMPLES / "rock_paper_scissors.py").read_text()
PARROT = (EXAMPLES / "first_operator.py").read_text()


@pytest.fixture
def rps(tmp_path):
    path = tmp_path / "rps.py"
    path.write_text(RPS)
    return path


def test_the_only_game_of_a_file_needs_no_name(rps):
    assert plugins.game_class(str(rps)) is plugins.game_class(f"{rps}:RockPaperScissors")


def test_a_file_is_loaded_once(rps):
    os.chdir(rps.parent)
    assert plugins.game_class("./rps.py") is plugins.game_class(str(rps))


def test_nothing_is_written_beside_it(rps, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    plugins.game_class(str(rps))
    assert [path.name for path in rps.parent.iterdir()] == ["rps.py"]


def test_a_missing_file_is_said_with_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"there is no file '{tmp_path}/gone.py'"):
        plugins.game_class("./gone.py:Game")


@pytest.mark.parametrize(("find", "what"), [(plugins.game_class, "game"), (plugins.operator_kind, "operator")])
def test_an_unknown_name_of_a_file_that_is_here_says_how_to_write_it(rps, monkeypatch, find, what):
    monkeypatch.chdir(rps.parent)
    with pytest.raises(
        InputError, match=rf"no {what} is called 'rps'\. To take the file of that name here, write \./rps\.py\."
    ):
        find("rps")


def test_a_syntax_error_is_said_with_its_line(rps):
    rps.write_text("x = 1\ny = (\n")
    with pytest.raises(InputError, match=r"rps\.py, line 2 cannot be imported: SyntaxError"):
        plugins.game_class(str(rps))


@pytest.mark.parametrize("raised", ["NameError", "RuntimeError", "AssertionError", "ZeroDivisionError", "KeyError"])
def test_what_a_file_raises_when_it_is_imported_is_said_with_its_line(rps, raised):
    rps.write_text(f"x = 1\n\n\ndef f():\n    raise {raised}('torn')\n\n\nf()\n")
    with pytest.raises(InputError, match=rf"rps\.py, line 5 cannot be imported: {raised}.*torn"):
        plugins.game_class(str(rps))


def test_a_file_that_was_repaired_can_be_loaded(rps):
    rps.write_text("x = (")
    with pytest.raises(InputError):
        plugins.game_class(str(rps))
    rps.write_text(RPS)
    assert plugins.game_class(str(rps)).spec.id == "rock_paper_scissors"


def test_two_games_in_a_file_must_be_told_apart(rps):
    rps.write_text(RPS + "\n\nclass Other(RockPaperScissors):\n    pass\n")
    with pytest.raises(InputError, match=r"there are Other, RockPaperScissors: name one, e\.g\. .*rps\.py:Other"):
        plugins.game_class(str(rps))
    assert plugins.game_class(f"{rps}:Other").__name__ == "Other"


def test_a_game_with_two_names_is_one_game(rps):
    rps.write_text(f"{RPS}\n\nGAME = RockPaperScissors\n")
    assert plugins.game_class(str(rps)) is plugins.game_class(f"{rps}:GAME")


def test_an_operator_that_is_imported_and_gets_a_second_name_is_one_operator(tmp_path):
    path = tmp_path / "idle.py"
    path.write_text("from arena.testing.noop import NOOP, build\n\nKIND = NOOP\n")
    assert build_plan("leduc", [str(path), "random"]).pool[0].kind.name == "noop"


def test_two_games_of_which_one_has_two_names_are_two(rps):
    rps.write_text(f"{RPS}\n\nclass Other(RockPaperScissors):\n    pass\n\n\nGAME = Other\n")
    with pytest.raises(InputError, match="there are Other, RockPaperScissors: name one"):
        plugins.game_class(str(rps))


def test_a_wrong_name_comes_with_near_ones(rps):
    with pytest.raises(InputError, match=r"no Game called 'RockPaper'\. Did you mean RockPaperScissors\?"):
        plugins.game_class(f"{rps}:RockPaper")


def test_a_game_that_is_only_imported_is_none_of_the_files(rps):
    rps.write_text("from arena_games.kuhn.rules import Kuhn\n")
    with pytest.raises(InputError, match="does not define exactly one Game: there is none"):
        plugins.game_class(str(rps))


def test_a_file_of_games_is_no_operator(rps):
    with pytest.raises(InputError, match="does not define exactly one OperatorKind: there is none"):
        build_plan("kuhn", [str(rps), "random"])


@pytest.fixture
def played(rps):
    """A run with a game in a file, played with a relative name."""
    os.chdir(rps.parent)
    run_plan(build_plan("./rps.py@rounds=3", ["scripted", "random"], seed=1, matches=2), rps.parent / "run")
    return rps.parent / "run"


def test_a_run_is_verified_from_another_folder(played, tmp_path_factory):
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert verify(Run(played)).passed


def test_a_run_of_a_file_that_changed_is_verified_with_the_copy(played, rps):
    rps.write_text("broken (")
    assert verify(Run(played)).passed


def test_a_run_of_a_file_that_is_gone_is_verified_with_the_copy(played, rps):
    rps.unlink()
    assert verify(Run(played)).passed


def test_a_run_of_a_file_that_is_gone_with_its_copy_is_refused(played, rps):
    rps.unlink()
    shutil.rmtree(played / "files")
    with pytest.raises(RecordError, match=r"rps\.py is gone \(its hash was"):
        Replay(Run(played))


def test_an_operator_in_a_file_plays_in_a_worker_of_its_own(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PARROT.replace('thought="as before"', "thought=f'{__name__} {__import__(\"os\").getpid()}'"))
    plan = build_plan("leduc", [f"{path}:KIND@stubborn=1", "random"], seed=1, matches=6)
    assert plan.pool[0].kind.target == f"{path}:build"
    run_plan(plan, tmp_path / "run")
    said = {line.thought for lines in Run(tmp_path / "run").matches() for line in lines if getattr(line, "thought", 0)}
    assert len(said) == 1, "one process answers for all its seats"
    module, process = said.pop().split()
    assert module.startswith("arena_file_mine_")
    assert int(process) != os.getpid()


def test_two_files_that_call_their_operator_alike_are_two_workers(tmp_path):
    entries = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(PARROT)
        entries += build_plan("kuhn", [str(tmp_path / f"{name}.py"), "random"]).pool[:1]
    assert entries[0].worker_key != entries[1].worker_key


@pytest.fixture(autouse=True)
def here():
    """Tests change the folder they are in."""
    before = Path.cwd()
    yield
    os.chdir(before)


FUNCTION = "import numpy as np\n\n\ndef halved(rows):\n    return np.array(rows) / WHAT\n"


def test_a_function_that_takes_other_things_is_refused_when_it_is_named(tmp_path):
    (tmp_path / "own.py").write_text(FUNCTION)
    name = f"{tmp_path}/own.py:halved"
    with pytest.raises(InputError, match=re.escape(f"{name} takes (rows), and is called with (rows, inputs)")):
        files.function(name, ("rows", "inputs"))


@pytest.mark.parametrize(
    ("what", "said"),
    [("TWO", "line 5: halved raised NameError: name 'TWO' is not defined"), ("[1, 2]", "line 5: halved raised Value")],
)
def test_what_fails_in_a_function_is_told_with_its_line(tmp_path, what, said):
    (tmp_path / "own.py").write_text(FUNCTION.replace("WHAT", what))
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}/own.py, {said}")):
        files.function(f"{tmp_path}/own.py:halved", ("rows",))([1, 2, 3])


def test_an_exception_of_a_class_of_its_own_is_told_with_its_line(tmp_path):
    (tmp_path / "own.py").write_text("class Odd(Exception): pass\n\n\ndef mine(rows):\n    raise Odd('so')\n")
    with pytest.raises(InputError, match=re.escape("own.py, line 5: mine raised Odd: so")):
        files.function(f"{tmp_path}/own.py:mine", ("rows",))([])


def test_a_function_that_a_decorator_wraps_is_told_with_its_own_line(tmp_path):
    wrapped = "import functools\n\n\n@functools.lru_cache\ndef cached(one):\n    return one.gone\n"
    text = wrapped + "\n\ndef mine(one):\n    return cached(one)\n"
    (tmp_path / "own.py").write_text(text)
    with pytest.raises(InputError, match=re.escape("own.py, line 6: mine raised AttributeError")):
        files.function(f"{tmp_path}/own.py:mine", ("one",))("a")


def test_a_wrapper_takes_what_it_takes_itself(tmp_path):
    lines = (
        "import functools",
        "def halving(function):",
        "    @functools.wraps(function)",
        "    def inner(rows):",
        "        return function(rows, 0.5)",
        "    return inner",
        "@halving",
        "def scaled(rows, scale):",
        "    return [scale * row for row in rows]",
    )
    (tmp_path / "own.py").write_text("\n".join(lines) + "\n")
    assert files.function(f"{tmp_path}/own.py:scaled", ("rows",))([2, 4]) == [1.0, 2.0]


def test_memory_that_runs_out_in_a_function_is_no_fault_of_its_input(tmp_path):
    (tmp_path / "own.py").write_text("def full(rows):\n    raise RuntimeError('not enough memory')\n")
    full = files.function(f"{tmp_path}/own.py:full", ("rows",))
    with pytest.raises(RuntimeError) as told:
        full([])
    assert not isinstance(told.value, InputError)
