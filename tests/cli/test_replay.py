"""`arena replay`: what it shows, and its keys on a real terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios

import pytest
from click.testing import CliRunner
from PIL import Image

from arena.cli.replay import replay
from arena.errors import ArenaError
from arena.lineup import build_plan
from arena.play import run_plan

WAIT = 60  # seconds until a test gives up on the terminal; it never waits for long when all is well


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three recorded matches of kuhn, three hands each."""
    folder = tmp_path_factory.mktemp("replay") / "run"
    run_plan(build_plan("kuhn@hands=3", ["random", "scripted"], seed=4, matches=3), folder)
    return folder


class Terminal:
    """A process on a pseudo-terminal of 80 x 40."""

    def __init__(self, *command: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        env = {**os.environ, "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            env.pop(name, None)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env)
        self.slave = slave
        self.seen = ""

    def expect(self, text: str) -> str:
        """Read until `text` is on the screen; everything that came since the last call."""
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], WAIT)
            assert ready, f"{text!r} did not come; the terminal shows {self.seen!r}"
            more = os.read(self.master, 65536).decode(errors="replace")
            self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", more)
        out, self.seen = self.seen, ""
        return out

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(run):
    out = Terminal(sys.executable, "-m", "arena", "replay", str(run))
    yield out
    out.close()


def test_plain_shows_every_turn_of_every_match(run):
    out = CliRunner().invoke(replay, [str(run)]).output
    assert len(re.findall("result: terminated", out)) == 3
    turns = sum(line.count('"type":"turn"') for line in (run / "log-000.jsonl").read_text().splitlines())
    assert out.count("You hold") == turns


@pytest.mark.parametrize(
    ("game", "options"), [("spy@seats=3", "as by default"), ("spy@seats=3@blank=true", "blank=true")]
)
def test_options_are_those_that_somebody_chose(tmp_path, game, options):
    run_plan(build_plan(game, ["random", "random", "random"], seed=1, matches=1), tmp_path / "run")
    out = CliRunner().invoke(replay, [str(tmp_path / "run"), "--plain"]).output
    assert re.search(rf"options +{options} ", out)


def test_a_result_has_its_unit_without_what_explains_it(tmp_path):
    run_plan(build_plan("numberline", ["random"], seed=1, matches=1), tmp_path / "run")
    out = CliRunner().invoke(replay, [str(tmp_path / "run"), "--plain"]).output
    assert re.search(r"seat 0 · random +[+-]\d\.\d{3} points +║", out)


def test_plain_shows_one_match_when_asked(run):
    out = CliRunner().invoke(replay, [str(run), "--plain", "--match", "1"]).output
    assert "match 1 " in out
    assert "match 0 " not in out


def test_a_match_out_of_range_is_bad_input(run):
    error = CliRunner().invoke(replay, [str(run), "--match", "3"]).exception
    assert isinstance(error, ArenaError)
    assert "0 to 2" in str(error)


def test_frames_saves_a_picture_a_step(run, tmp_path):
    out = CliRunner().invoke(replay, [str(run), "--match", "0", "--frames", str(tmp_path / "frames")]).output
    pictures = sorted((tmp_path / "frames").iterdir())
    assert len(pictures) == out.count("match 0 ")
    assert Image.open(pictures[0]).size == (960, 600)


def test_a_changed_answer_is_pointed_out_and_nothing_after_it_is_shown(run, tmp_path):
    text = (run / "log-000.jsonl").read_text()
    swapped = {'"answer":0,"action":0': '"answer":1,"action":1', '"answer":1,"action":1': '"answer":0,"action":0'}
    changed = re.sub("|".join(swapped), lambda found: swapped[found[0]], text, count=1)
    (tmp_path / "run.json").write_bytes((run / "run.json").read_bytes())
    (tmp_path / "log-000.jsonl").write_text(changed)
    out = CliRunner().invoke(replay, [str(tmp_path), "--match", "0"]).output
    assert out.count("differ here") == 1
    assert "· tick" not in out[out.index("differ here") :]
    assert "result:" not in out


HOSTILE = r"[/v1/chat/completions] [bold]\u001b[2J\u001b]0;x\u0007\u009b\u202e"  # as JSON writes it
SHOWN = r"[/v1/chat/completions] [bold]\x1b[2J\x1b]0;x\x07\x9b\u202e"


@pytest.mark.parametrize("field", ["thought", "raw", "detail"])
def test_what_an_operator_wrote_is_shown_and_never_obeyed(run, tmp_path, field):
    text = (run / "log-000.jsonl").read_text()
    said = f'"{field}":"{HOSTILE}"' + (',"fault":"illegal"' if field == "detail" else "")
    text = re.sub(r'"raw":"[^"]*",?', "", text)
    assert '"answer":' in text
    (tmp_path / "log-000.jsonl").write_text(text.replace('"answer":', f'{said},"answer":', 1))
    (tmp_path / "run.json").write_bytes((run / "run.json").read_bytes())
    out = CliRunner().invoke(replay, [str(tmp_path), "--match", "0"], env={"COLUMNS": "200"}).output
    assert SHOWN in out
    assert not set(out) & set("\x1b\x07\x9b\u202e")


def test_names_are_shown_and_never_obeyed(run, tmp_path):
    for name in ("log-000.jsonl", "run.json"):
        (tmp_path / name).write_text((run / name).read_text().replace('"scripted"', f'"{HOSTILE}"'))
    out = CliRunner().invoke(replay, [str(tmp_path), "--match", "0"], env={"COLUMNS": "200"}).output
    assert SHOWN in out
    assert not set(out) & set("\x1b\x07\x9b\u202e")


def test_forty_columns_are_enough(run):
    out = CliRunner().invoke(replay, [str(run)], env={"COLUMNS": "40"}).output
    assert max(map(len, out.splitlines())) <= 40
    assert "…" not in out
    assert len(re.findall("result: terminated", out)) == 3


def test_a_long_reason_is_not_cut_off(run, tmp_path):
    reason = "every try failed, and nobody's seat did it: " + "the server was down; " * 4
    lines = (run / "log-000.jsonl").read_text().splitlines(keepends=True)
    end = json.loads(next(line for line in lines if '"type":"end"' in line))
    unresolved = json.dumps({**end, "status": "unresolved", "reason": reason, "returns": None, "ticks": 0})
    (tmp_path / "log-000.jsonl").write_text(lines[0] + unresolved + "\n")
    (tmp_path / "run.json").write_bytes((run / "run.json").read_bytes())
    out = CliRunner().invoke(replay, [str(tmp_path), "--match", "0"], env={"COLUMNS": "60"}).output
    assert " ".join(out.replace("║", " ").split()).count("the server was down;") == 4


def test_a_match_in_flight_is_shown_as_far_as_it_was_played(run, tmp_path):
    lines = (run / "log-000.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "open").mkdir()
    (tmp_path / "run.json").write_bytes((run / "run.json").read_bytes())
    (tmp_path / "open" / "match-000000.jsonl").write_text("".join(lines[:3]) + lines[3][:20])
    out = CliRunner().invoke(replay, [str(tmp_path)]).output
    assert "tick 0" in out
    assert "The record ends here" in out


@pytest.mark.parametrize("key", ["\r", " ", "\x1b[C", "\x1bOC"])
def test_keys_step_forward(terminal, key):
    terminal.expect("quit")
    terminal.press(key)
    terminal.expect("tick 0")


def test_left_steps_back(terminal):
    terminal.expect("quit")
    terminal.press(" ")
    terminal.expect("tick 0")
    terminal.press("\x1b[D")
    terminal.expect("· start")


def test_n_and_p_change_the_match(terminal):
    terminal.expect("match 0 ")
    terminal.press("n")
    terminal.expect("match 1 ")
    terminal.press("p")
    terminal.expect("match 0 ")


def test_auto_goes_on_to_the_last_result(terminal):
    terminal.expect("quit")
    terminal.press("9a")
    terminal.expect("match 2 ")
    terminal.expect("result: terminated")


def test_q_quits_and_leaves_the_terminal_as_it_was(terminal):
    terminal.expect("quit")
    assert termios.tcgetattr(terminal.slave) != terminal.before
    terminal.press("q")
    assert terminal.process.wait(WAIT) == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_a_closed_terminal_ends_it(run):
    terminal = Terminal(sys.executable, "-m", "arena", "replay", str(run))
    terminal.expect("quit")
    os.close(terminal.slave)
    terminal.slave = os.open(os.devnull, os.O_RDONLY)
    os.close(terminal.master)
    terminal.master = os.open(os.devnull, os.O_RDONLY)
    try:
        terminal.process.wait(WAIT)
    finally:
        terminal.close()
    assert terminal.process.returncode is not None
