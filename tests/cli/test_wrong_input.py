"""Whatever is typed wrong ends with exit code 2 or 1 and one message: no traceback, and never "this is a bug"."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from arena.canonical import LARGEST
from arena.cli.main import COMMANDS, main
from arena.errors import InputError
from arena.lineup import build_plan
from arena.names import parse
from tests.cli.kit import ARENA

LONG = "a" * 3000
PLAY = ("play", "--game", "kuhn", "--operators", "random,random")
TOO_LARGE = f"is too large: expected at most {LARGEST}"
TWICE = "is given twice"
NO_ROOM = "No space left on device"

WRONG = [
    # options and names
    (("play", "-g", "leduc@hands=2@hands=3", "-o", "random,random"), f"hands {TWICE}"),
    (("play", "-g", "kuhn", "-o", "ppo@x=1@x=1,random"), f"x {TWICE}"),
    (("train", "ppo", "--game", "leduc@hands=2@hands=3", "--out", "o"), f"hands {TWICE}"),
    (("check", "game", "leduc@hands=2@hands=3"), f"hands {TWICE}"),
    (("games", "leduc@hands=2@hands=3"), f"hands {TWICE}"),
    ((*PLAY, "--seed", "1", "-s", "2"), f"--seed {TWICE}"),
    ((*PLAY, "--out", "a", "--out=b"), f"--out {TWICE}"),
    (("train", "ppo", "--game", "kuhn", "--game", "leduc", "--out", "o"), f"--game {TWICE}"),
    (("play", "-g", "kuhn", "-o", "random@x=1,random"), "has no option 'x'. It takes none."),
    (
        ("play", "-g", "leduc", "-o", "vlm@temprature=1,random"),
        "arena operators vlm` lists them all.\n",
    ),
    (("play", "-g", "leduc", "-o", "vlm@xyz=1,random"), "arena operators vlm` lists them all."),
    (
        ("play", "-g", "leduc", "-o", "vlm@temprature=1,random"),
        "has no option 'temprature'. Did you mean temperature? `",
    ),
    (("play", "-g", "leduc", "-o", "vlm@xyz=1,random"), "device, dtype and 31 more. `"),
    (("play", "-g", "kuhn ", "-o", "random,random"), "'kuhn ' is not a name"),
    (("play", "-g", "kuhn\u200b", "-o", "random,random"), "\\u200b"),
    (("play", "-g", "kuhn", "-o", "ran\u202edom,random"), "\\u202e"),
    (("play", "-g", "kuhn", "-o", "vlm:./\udcff,random"), "this is not UTF-8"),
    (("play", "-g", "kuhn", "-o", "random\x1b[31m,random"), "\\x1b[31m"),
    (("games", ""), "a name starts with a letter"),
    (("operators", ""), "a name starts with a letter"),
    # plans
    ((*PLAY, "--part", "1/2"), "the parts of a run have one seed. Give --seed"),
    ((*PLAY, "--seed", "1", "--part", "3/2"), "'3/2' is not a part: expected K/N with K from 1 to N, e.g. 1/2."),
    ((*PLAY, "--seed", "1", "--part", "1/9"), "is not part of the plan: expected some of its 1 matches"),
    ((*PLAY, "--schedule", "swiss"), "there is no schedule 'swiss'"),
    ((*PLAY, "-g", "kuhn"), "game 'kuhn' is given twice"),
    (("play", "-g", "connect_four", "-o", "random,random,random", "--schedule", "blocks"), "a game has 2 seats"),
    (("merge", "nowhere", "--out", "o"), "nowhere is not a run folder"),
    (("merge", "--out", "o"), "Missing argument 'PARTS...'"),
    # names that no file system takes
    (("play", "-g", LONG, "-o", "random,random"), "no kind has more than"),
    (("play", "-g", f"./{LONG}.py", "-o", "random,random"), "File name too long"),
    (("play", "-g", "kuhn", "-o", f"{LONG},random"), "no kind has more than"),
    (("play", "-g", "kuhn", "-o", f"ppo:{LONG},random"), "File name too long"),
    (("play", "-g", "kuhn", "-o", f"vlm:{LONG},random"), "File name too long"),
    (("play", "-g", "kuhn", "-o", f"cmd:{LONG},random"), "no program of that name is on PATH"),
    ((*PLAY, "--out", LONG), "File name too long"),
    (("verify", LONG), "File name too long"),
    (("replay", LONG), "File name too long"),
    (("check", "game", LONG), "no kind has more than"),
    (("env", "create", LONG), "no kind has more than"),
    (("new", "game", LONG), "expected at most 100"),
    # numbers
    ((*PLAY, "--seed", str(2**63)), TOO_LARGE),
    ((*PLAY, "--seed", "-1"), "not in the range x>=0"),
    ((*PLAY, "--matches", "0"), "not in the range x>=1"),
    ((*PLAY, "--matches", str(10**20)), TOO_LARGE),
    ((*PLAY, "--concurrency", "0"), "not in the range x>=1"),
    ((*PLAY, "--concurrency", str(10**20)), TOO_LARGE),
    ((*PLAY, "--max-ticks", str(10**20)), TOO_LARGE),
    ((*PLAY, "--reask", str(10**20)), TOO_LARGE),
    ((*PLAY, "--deadline", "inf"), "not a finite number of seconds"),
    (("train", "ppo", "--game", "kuhn", "--out", "o", "--seed", str(2**63)), TOO_LARGE),
    (("train", "ppo", "--game", "kuhn", "--out", "o", "--steps", str(10**20)), TOO_LARGE),
    (("play", "-g", f"leduc@hands={2**63}", "-o", "random,random"), "expected 1 to 1000"),
    # folders
    ((*PLAY, "--out", "/dev/null"), "cannot write a run into /dev/null"),
    ((*PLAY, "--out", "/proc/none"), "cannot write a run into /proc/none"),
    (("train", "ppo", "--game", "kuhn", "--out", "/proc/none", "--quiet"), "choose another --out"),
    (("new", "game", "coin", "--dir", "/proc/none"), "/proc/none cannot be written"),
    (("keys", "new", "--dir", "/proc/none"), "cannot keep keys in /proc/none"),
    (("verify", "nowhere"), "nowhere is not a run folder: it does not exist. `"),
    (("replay", "/dev/null"), "/dev/null is not a run folder: it is a file. `"),
    # commands
    (("xyzzy",), "no command is called 'xyzzy'. There is: "),
    (("verfy", "run"), "Did you mean verify?"),
    (("env", "foo"), "no command is called 'foo'. There is: "),
    (("new", "gmae", "x"), "Did you mean game?"),
    (("check", "xyzzy"), "There is: game, operator, tool, worker."),
    (("keys", "foo"), "no command is called 'foo'"),
    (("train", "foo"), "There is: ppo, sft, vlm."),
    (("verify",), "Missing argument 'RUN'"),
    (("play", "--foo"), "No such option '--foo'"),
    (("train", "ppo", "--option", "a=1"), "No such option '--option'. Settings are given by --set KEY=VALUE"),
    (("train", "vlm", "--updates", "3"), "No such option '--updates'. Settings are given by --set KEY=VALUE"),
    # options of what is named
    (("play", "-g", "spy", "--seats", "3"), "'--seats'. seats is an option of spy: did you mean --game spy@seats=3?\n"),
    (("play", "-g", "spy", "--players", "3"), "seats is an option of spy: did you mean --game spy@seats=3?\n"),
    (("play", "-g", "leduc", "--players=9"), "mean --game leduc@seats=VALUE? (option seats='9': expected 2 to 3)\n"),
    (("train", "ppo", "--game", "leduc", "--players", "2", "--out", "o"), "Did you mean --seats 2?\n"),
    (("play", "-g", "leduc@players=2", "-o", "random,random"), "it has: hands. The number of players is @seats=\n"),
    (("play", "--game=maze@turns=2", "--max-ticks", "9", "--branches=2"), "mean --game maze@turns=2@branches=2?\n"),
    (("play", "-g", "spy", "-g", "maze", "--spy-votes", "true"), "mean --game spy@spy_votes=true?\n"),
    (
        ("play", "-g", "leduc", "-o", "random,vlm@history=2", "--batch", "4"),
        "mean --operators vlm@history=2@batch=4?\n",
    ),
    (
        ("play", "-g", "sidescroller", "--level", "1-1"),
        "sidescroller@level=VALUE? (option level='1-1': expected a whole",
    ),
    (("play", "--hands", "5"), "hands is an option of holdem: did you mean --game holdem@hands=5?\n"),
    (("play", "-g", "leduc", "--hands"), "hands is an option of leduc: did you mean --game leduc@hands=VALUE?\n"),
    (("play", "-g", "leduc", "--foo", "5"), "No such option '--foo'."),
    (("train", "ppo", "--game", "leduc", "--hands", "2"), "did you mean --game leduc@hands=2?\n"),
    (("check", "game", "leduc", "--hands", "2"), "did you mean leduc@hands=2?\n"),
    (("prompt", "--batch", "4"), "batch is an option of vlm: did you mean --operator vlm@batch=4?\n"),
    # arguments too many, and lists
    (("play", "leduc", "--operators", "random,scripted"), "argument (leduc). Did you mean --game leduc?"),
    (("play", "-g", "leduc", "--operators", "random", "scripted"), "Did you mean --operators random,scripted?"),
    (("play", "-g", "leduc", "-o", "random,", "scripted", "ppo"), "Did you mean -o random,scripted,ppo?"),
    (("play", "-g", "leduc", "--operators=random", ",", "./a.py"), "Did you mean --operators random,./a.py?"),
    (("play", "leduc", "random", "vlm:DIR"), "Did you mean --game leduc --operators random,vlm:DIR?"),
    (("play", "./rps.py", "-o", "random,random"), "Did you mean --game ./rps.py?"),
    (("show", "run", "leduc"), "unexpected extra argument (leduc)\n"),
    (("play", "-g", "leduc", "--operator", "random,scripted"), "For several there is --operators random,scripted"),
    (("prompt", "--operator", "random,scripted"), "'random,scripted': expected one operator, without commas.\n"),
    # settings
    (
        ("train", "ppo", "--game", "leduc", "--out", "o", "--set", "entropy"),
        "expected key=value, e.g. --set entropy=0.02",
    ),
    (("train", "ppo", "--game", "leduc", "--out", "o", "--set", "zzzz"), "expected key=value, e.g. --set steps=200000"),
    # names in other letters, and of other libraries
    (("play", "-g", "leduc", "-o", "PPO,random"), "no operator is called 'PPO'. Did you mean ppo?"),
    (
        ("games", "chess"),
        "gymnasium:NAME, openspiel:NAME, pettingzoo:NAME, e.g. pettingzoo:chess_v6 (docs/adapters.md)",
    ),
    (("play",), "nobody plays"),
    (("check", "worker"), "nothing to check"),
]


@pytest.fixture
def arena(tmp_path, monkeypatch, capsys):
    """Runs `arena ARGS` in this process, in a new folder: the exit code, and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def run(*args: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["arena", *args])
        try:
            main()
        except SystemExit as ended:
            code: object = ended.code
        else:
            code = 0
        return code, *capsys.readouterr()

    return run


def label(value: object) -> str:
    words = " ".join(value) if isinstance(value, tuple) else str(value)
    return words.replace(LONG, "LONG").encode("ascii", "backslashreplace").decode()


@pytest.mark.parametrize(("args", "said"), WRONG, ids=label)
def test_wrong_input_is_answered_in_words(arena, tmp_path, args, said):
    code, out, err = arena(*args)
    assert code in (1, 2)
    assert said in err
    assert "Traceback" not in err
    assert "this is a bug" not in err
    assert len(err) < 4000
    assert out == ""
    assert list(tmp_path.iterdir()) == []


GROUPS = {"train": ["ppo"], "check": ["game", "operator", "worker"], "new": ["game", "operator", "worker"]}
GROUPS |= {"worker": ["serve"], "keys": ["new", "show", "allow", "trust", "list"]}
GROUPS |= {"env": ["create", "list", "check", "remove"]}
WITH_HELP = [(), *((name,) for name in COMMANDS), *((name, sub) for name, subs in GROUPS.items() for sub in subs)]


@pytest.mark.parametrize("command", WITH_HELP, ids=label)
def test_every_command_has_help(arena, command):
    code, out, err = arena(*command, "--help")
    assert code == 0
    assert err == ""
    assert out.startswith(f"Usage: {' '.join(('arena', *command))} ")


@pytest.mark.parametrize("text", ["cmd:a\0b", "a\0", "./a\0.py"])
def test_a_zero_byte_is_no_part_of_a_name(text):
    with pytest.raises(InputError, match="holds no zero byte"):
        parse(text)


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30])
def test_a_seed_has_63_bits_wherever_it_is_given(seed):
    with pytest.raises(InputError, match=rf"seed {seed}: expected a whole number from 0 to {LARGEST}"):
        build_plan("kuhn", ["random", "random"], seed=seed)


def test_the_largest_seed_is_one():
    assert build_plan("kuhn", ["random", "random"], seed=LARGEST).seed == LARGEST


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("args", [("games",), ("--help",), ("verify", "nowhere")], ids=label)
def test_a_full_output_is_said(tmp_path, args, buffered):
    with open("/dev/full", "w", encoding="utf-8") as full:
        env = {**os.environ, "PYTHONUNBUFFERED": buffered}
        done = subprocess.run([ARENA, *args], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, env=env)
    assert done.returncode == (2 if args[0] == "verify" else 1)
    assert (NO_ROOM in done.stderr) == (args[0] != "verify")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_that_has_gone_is_no_error_to_speak_of(tmp_path, buffered):
    read, write = os.pipe()
    os.close(read)
    env = {**os.environ, "PYTHONUNBUFFERED": buffered}
    done = subprocess.run([ARENA, "games"], cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True, env=env)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_what_the_file_of_a_user_cannot_open_is_said_with_its_line(arena, tmp_path):
    (tmp_path / "mine.py").write_text("from arena.game import Game\n\nopen('/none/at/all')\n")
    code, _, err = arena("play", "-g", "./mine.py", "-o", "random,random")
    assert code in (1, 2)
    assert "mine.py, line 3" in err
