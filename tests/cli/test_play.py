"""`arena play` and `arena verify` as a user meets them: messages, exit codes, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.kit import install, run, start
from tests.supervisor.kit import LONGEST, ROOT, Witness, members


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    install(folder)
    return folder


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-g", "kunh", "-o", "random,random"], "no game is called 'kunh'. Did you mean kuhn?"),
        (["-g", "kuhn", "-o", "random,scriptd"], "no operator is called 'scriptd'. Did you mean scripted?"),
        (["-g", "kuhn"], "nobody plays: give --operators"),
        (["-g", "kuhn", "-o", "random,,random"], "has an empty name between commas"),
        (["-g", "kuhn", "-o", "random,random:'x"], "this quote is not closed, at character 8"),
        (["-g", "kuhn@seats=4", "-o", "random,random,random,random"], "kuhn takes 2 to 3 seats, not 4"),
        (["-g", "kuhn", "-o", "random"], "kuhn takes 2 to 3 seats, not 1: give 2 operators or more"),
        (["-g", "kuhn@hands=many", "-o", "random,random"], "option hands='many': expected a whole number"),
        (["-g", "kuhn@hands=0", "-o", "random,random"], "option hands='0': expected 1 to 1000"),
        (["-g", "kuhn@hand=3", "-o", "random,random"], "kuhn has no option 'hand'; it has: hands"),
        (["-g", "kuhn", "-o", "random,torn@size=12"], "option size='12': expected 1 to 9"),
        (["-g", "kuhn", "-o", "random,torn@siez=1"], "torn has no option 'siez'. Did you mean size?"),
        (["-g", "kuhn", "-o", "random,torn:x"], "torn takes nothing after a colon"),
        (["-g", "kuhn", "-o", "random,random", "--max-ticks", "0"], "0 is not in the range x>=1"),
        (["-g", "kuhn", "-o", "random,random", "--deadline", "inf"], "'inf' is not a finite number of seconds"),
        (["-g", "kuhn", "-o", "random,random", "--human-timeout", "nan"], "'nan' is not a finite number of seconds"),
        (["-g", "kuhn", "-o", "random@foo=1,random"], "random has no option 'foo'. It takes none."),
        (["-g", "kuhn", "-o", "random,random", "--matches", "none"], "'none' is not a valid whole number"),
        (["-g", "kuhn", "-o", "random,needy"], "needs no_such_module, not installed here"),
        (
            ["-g", "kuhn", "-o", "random,seer"],
            "cannot play kuhn: the game does not give an image of 77x78 (there is: 128",
        ),
        (["-g", "kuhn", "-o", "random,broken"], "No module named 'toyplug_missing'"),
        (["-g", "kuhn", "-o", "random,no_kind"], "which is not an arena.operator.OperatorKind"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_said_and_exits_with_2(tmp_path: Path, plugins: Path, args: list[str], said: str) -> None:
    code, out, err = run(tmp_path, "play", *args, plugins=plugins)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []  # and no run folder is begun


def test_a_missing_extra_names_the_command_that_installs_it(tmp_path: Path, plugins: Path) -> None:
    _, _, err = run(tmp_path, "play", "-g", "kuhn", "-o", "random,needy", plugins=plugins)
    assert "Install it with: " in err
    assert "[ppo]'" in err


def test_debug_shows_the_traceback_wherever_it_stands(tmp_path: Path) -> None:
    for args in (["--debug", "play", "-g", "kunh", "-o", "random"], ["play", "-g", "kunh", "-o", "random", "--debug"]):
        code, _, err = run(tmp_path, *args)
        assert code == 2
        assert "Traceback" in err
        assert "arena: no game is called 'kunh'" in err


def test_what_a_game_in_a_file_raises_is_said_with_its_line(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "examples" / "rock_paper_scissors.py").read_text()
    broken = text.replace("self.played.append(", 'raise ZeroDivisionError("torn")\n        self.played.append(')
    (tmp_path / "rps.py").write_text(broken)
    line = broken.splitlines().index('        raise ZeroDivisionError("torn")') + 1
    code, out, err = run(tmp_path, "play", "-g", "./rps.py", "-o", "random,random")
    assert code == 1  # no match was resolved
    said = " ".join((out + err).split())
    assert f"rock_paper_scissors failed at tick 0: ZeroDivisionError: torn (rps.py, line {line}, in step)" in said
    assert "this is a bug" not in said


def test_debug_behind_two_dashes_is_the_workers_own(tmp_path: Path) -> None:
    shows = ("sh", "-c", 'echo "given $0"; exit 4', "--debug")
    _, out, _ = run(tmp_path, "check", "worker", "--", *shows)
    assert "given --debug" in out


def test_an_unknown_command_names_a_near_one(tmp_path: Path) -> None:
    code, _, err = run(tmp_path, "plya")
    assert code == 2
    assert "play" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("operator", "code", "said"),
    [
        ("torn", 1, "operator torn cannot start: RuntimeError: the weights are torn"),
        ("bad", 2, "operator bad cannot take seat 1: this policy plays seat 7 only"),
    ],
)
def test_a_worker_that_fails_is_said_with_its_log(
    tmp_path: Path, plugins: Path, operator: str, code: int, said: str
) -> None:
    got, _, err = run(tmp_path, "play", "-g", "kuhn", "-o", f"random,{operator}", "--out", "r", "-q", plugins=plugins)
    assert got == code
    assert said in err
    assert "Traceback" not in err
    (log,) = (tmp_path / "r" / "workers").glob(f"{operator}-*.log")
    assert "Traceback" in log.read_text()
    if code == 1:
        assert f"Its log: r/workers/{log.name}" in err


def test_a_run_is_played_verified_and_found_out_when_it_is_changed(tmp_path: Path) -> None:
    code, out, err = run(
        tmp_path, "play", "-g", "kuhn", "-o", "random,scripted", "-n", "4", "--seed", "1", "--out", "r"
    )
    assert (code, "Traceback" in err) == (0, False)
    assert "random" in out
    assert "scripted" in out
    assert "arena verify r" in err

    code, out, _ = run(tmp_path, "verify", "r")
    assert code == 0
    assert "verified: 4 matches" in out

    code, _, err = run(tmp_path, "play", "-g", "kuhn", "-o", "random,scripted", "--out", "r")
    assert code == 2
    assert "r is not empty" in err

    log = tmp_path / "r" / "log-000.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    turn = next(line for line in lines if line["type"] == "turn")
    turn["action"] = 1 - turn["action"]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, out, err = run(tmp_path, "verify", "r")
    assert code == 1
    assert "WRONG  match 0, tick 0: action is" in out
    assert "NOT verified" in out
    assert err == ""


def test_verify_without_a_run_is_bad_input(tmp_path: Path) -> None:
    code, _, err = run(tmp_path, "verify", "nowhere")
    assert code == 2
    assert "nowhere is not a run folder" in err
    assert "Traceback" not in err


def test_a_place_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, _, err = run(tmp_path, "play", "-g", "kuhn", "-o", "random,random", "--out", "file")
    assert code == 2
    assert "cannot write a run into file" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_run_leaves_no_process_and_says_where_it_is(
    tmp_path: Path, plugins: Path, sockets: Path, number: signal.Signals
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = start(
        tmp_path,
        *("play", "-g", "kuhn", "-o", "random,waits", "-n", "3", "--out", "r"),
        plugins=plugins,
        TOY_FIFO=str(fifo),
        TMPDIR=str(sockets),
    )
    with fifo.open() as reader:  # blocks until the operator is asked
        worker = int(reader.readline())
    witness = Witness(worker)
    process.send_signal(number)
    _, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 130
    assert "stopped after 0 of 3 matches; go on with:" in err
    assert "play --resume r\n" in err
    assert "Traceback" not in err
    assert witness.ended()
    assert members([worker]) == []
    assert list(sockets.iterdir()) == []
    code, out, _ = run(tmp_path, "verify", "r")
    assert code == 0
    assert "stopped after 0 of 3: those 0 are right" in out
