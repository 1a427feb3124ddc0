"""Games that are not ours: asked about and played in another process, which may hang or die; the log is the same."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from arena import plugins
from arena.described import Description, Question, describe
from arena.errors import ArenaError, GameError, InputError
from arena.lineup import build_plan
from arena.plan import HERE, Limits
from arena.supervisor import describe as describing
from tests.cli.kit import run, start
from tests.toys import matches_of

ROOT = Path(__file__).resolve().parents[1]

GAME = """
import os, sys, time
import msgspec
from pathlib import Path
from arena.game import Game
from tests.toys import OwnWords

MADE = Path(__file__).with_name("made")
with MADE.open("a") as file:
    file.write(f"{os.getpid()}\\n")

def act(what):
    if what == "hang":
        with open(os.environ["TOY_FIFO"], "w") as fifo:
            fifo.write("here")
        while True:
            time.sleep(1000)
    if what == "raise":
        raise KeyError("licence")
    if what == "exit":
        os._exit(3)
    if what == "crash":
        os.abort()

class Mine(OwnWords):
    spec = msgspec.structs.replace(OwnWords.spec, id="mine")

class Bad(OwnWords):
    def __init__(self, *args):
        act(os.environ.get("AT_START", ""))
        super().__init__(*args)
    def step(self, moves):
        if os.environ.get("DEAL", "?") in self.secret and len(self.said) == 2:
            act(os.environ.get("AT_STEP", ""))
        return super().step(moves)
"""


@pytest.fixture
def game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    describing._ask.cache_clear()
    path = tmp_path / "mine.py"
    path.write_text(GAME)
    return path


@pytest.fixture
def fifo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    monkeypatch.setenv("TOY_FIFO", str(path))
    return path


def test_what_a_game_says_of_itself_is_what_its_class_says() -> None:
    told = describe(Question("sidescroller", 2, {}))
    assert isinstance(told, Description)
    here = plugins.game_class("sidescroller")(2)
    assert (told.spec, told.card, told.options) == (here.spec, here.card(), here.options)
    assert told.late == tuple(here.late(action) for action in range(here.spec.actions.n))


@pytest.mark.parametrize(
    ("name", "foreign"),
    [("kuhn", False), ("holdem", False), ("mario", False), ("openspiel:chess", True), ("gymnasium:X-v0", True)],
)
def test_whose_game_it_is(name: str, foreign: bool) -> None:
    assert plugins.is_foreign(name) is foreign


def test_a_plugin_of_another_distribution_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[arena.games]\ntheirs = tests.toys:Turns\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert plugins.is_foreign("theirs")


def test_a_file_is_played_in_a_host_and_its_code_never_runs_here(game: Path) -> None:
    plan = build_plan(f"{game}:Mine@rounds=3", ["random", "random"])
    assert plan.games[0].runtime == HERE
    assert (plan.games[0].facts.spec.id, plan.games[0].facts.options["rounds"]) == ("mine", 3)
    made = (game.parent / "made").read_text().split()
    assert made
    assert str(os.getpid()) not in made


def test_a_user_may_play_it_here(game: Path) -> None:
    assert build_plan(f"{game}:Mine@runtime=none", ["random", "random"]).games[0].runtime is None
    assert build_plan("kuhn", ["random", "random"]).games[0].runtime is None
    assert build_plan("kuhn@runtime=here", ["random", "random"]).games[0].runtime == HERE


def test_where_it_is_played_changes_no_log(game: Path, tmp_path: Path) -> None:
    logs = []
    for number, name in enumerate((f"{game}:Mine", f"{game}:Mine@runtime=none")):
        out = tmp_path / f"run{number}"
        args = ["-g", name, "-o", "random,random", "-n", "6", "-s", "3", "--out", str(out), "-q"]
        code, _, err = run(tmp_path, "play", *args, plugins=ROOT)
        assert code == 0, err
        logs.append((out / "log-000.jsonl").read_bytes())
    assert logs[0] == logs[1]
    code, _, err = run(tmp_path, "verify", str(tmp_path / "run0"), plugins=ROOT)
    assert code == 0, err


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ("raise", InputError, "cannot be made: KeyError: 'licence' (mine.py, line "),
        ("exit", GameError, "cannot be made: its code exited with code 3"),
        ("crash", GameError, "cannot be made: its code was killed by SIGABRT"),
    ],
)
def test_a_game_that_fails_when_it_is_made_is_refused_in_words(
    game: Path, monkeypatch: pytest.MonkeyPatch, what: str, error: type[ArenaError], said: str
) -> None:
    monkeypatch.setenv("AT_START", what)
    with pytest.raises(error) as caught:
        build_plan(f"{game}:Bad", ["random", "random"])
    assert said in str(caught.value)


def test_a_game_that_hangs_when_it_is_made_is_ended_by_the_deadline(
    game: Path, fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AT_START", "hang")
    with pytest.raises(GameError, match=r"did not come to an end within 0\.3 s"):
        build_plan(f"{game}:Bad", ["random", "random"], limits=Limits(deadline=0.3, making=0.3))


@pytest.mark.parametrize("where", ["AT_START", "AT_STEP"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_one_signal_ends_a_run_whose_game_hangs(game: Path, fifo: Path, where: str, number: signal.Signals) -> None:
    """The run ends although the game never comes back, neither when it is made nor in a step."""
    env = {where: "hang", "DEAL": ""}
    process = start(game.parent, "play", "-g", f"{game}:Bad", "-o", "random,random", plugins=ROOT, **env)
    with fifo.open(encoding="utf-8") as told:
        assert told.read(4) == "here"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("what", "said"), [("hang", "did not answer within 2 s at tick 2: it hangs"), ("exit", "exited with code 3")]
)
def test_a_step_that_never_comes_back_voids_its_match_alone(game: Path, tmp_path: Path, what: str, said: str) -> None:
    (tmp_path / "fifo").write_text("")
    deal = matches_of(build_plan(f"{game}:Bad", ["random", "random"], seed=3, matches=3))[2].seed.hex()
    env = {"AT_STEP": what, "DEAL": deal, "TOY_FIFO": str(tmp_path / "fifo")}
    args = ["-g", f"{game}:Bad", "-o", "random,random", "-n", "3", "-s", "3", "--deadline", "2", "--out", "run"]
    _, out, err = run(tmp_path, "play", *args, plugins=ROOT, **env)
    assert "this is a bug" not in err
    assert said in " ".join((out + err).split())
    log = (tmp_path / "run" / "log-000.jsonl").read_text()
    assert log.count('"status":"terminated"') == 2
    assert log.count('"status":"unresolved"') == 1


def test_a_module_beside_the_run_is_found_by_pythonpath(tmp_path: Path) -> None:
    pytest.importorskip("gymnasium")
    (tmp_path / "neighbour.py").write_text(
        "import gymnasium\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "gymnasium.register(id='Mine-v0', entry_point='neighbour:CartPoleEnv', max_episode_steps=9)\n"
    )
    args = ["play", "-g", "gymnasium:neighbour:Mine-v0", "-o", "random,random", "-q"]
    code, _, err = run(tmp_path, *args, plugins=Path("."))
    assert code == 0, err
    code, _, err = run(tmp_path, *args)
    assert code == 2
    assert "PYTHONPATH=." in err
