"""Every file of docs/examples really plays, as a user would seat it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from arena import files
from arena.canonical import hash_file
from arena.errors import InputError, UnplayableError, WorkerError
from arena.lineup import build_plan
from arena.log import TurnLine
from arena.plan import Limits
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.verify import verify
from arena.testing.worker_suite import check_worker
from arena_games.leduc.rules import Leduc

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
NODE = EXAMPLES / "node"


def play(out: Path, game: str, *operators: str, matches: int = 4, concurrency: int = 4, **limits: int) -> Run:
    plan = build_plan(game, operators, seed=3, matches=matches, limits=Limits(**limits))
    [table] = run_plan(plan, out, concurrency=concurrency)
    assert [row.faults for row in table.rows] == [{}] * len(operators)
    assert [row.unresolved for row in table.rows] == [0] * len(operators)
    return Run(out)


def twice(folder: Path, game: str, *operators: str, matches: int = 4, **limits: int) -> Run:
    """Plays with all matches at once and one by one: the logs are equal, and are verified."""
    runs = [
        play(folder / str(at_once), game, *operators, matches=matches, concurrency=at_once, **limits)
        for at_once in (matches, 1)
    ]
    one, two = ([path.read_bytes() for path in sorted(run.folder.glob("log-*.jsonl"))] for run in runs)
    assert one == two
    assert verify(runs[0]).passed
    return runs[0]


# --- foreign workers -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the packages of the example installed."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed: the worker in Node.js is not tested. Debian: apt-get install nodejs npm")
    if not (NODE / "node_modules").is_dir():
        npm = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit"], cwd=NODE, capture_output=True, text=True)
        assert npm.returncode == 0, npm.stderr
    return found


def test_the_tiny_worker_is_tiny_and_needs_two_packages_only() -> None:
    text = (EXAMPLES / "tiny_worker.py").read_text()
    assert len(text.splitlines()) < 80
    imported = {line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import", "from"))}
    assert imported - sys.stdlib_module_names == {"msgpack", "zmq"}


def test_the_tiny_worker_plays(tmp_path: Path) -> None:
    twice(tmp_path, "leduc", f"cmd:'{sys.executable} {EXAMPLES}/tiny_worker.py'@determinism=deterministic", "random")


@pytest.mark.slow
def test_the_worker_in_node_plays(tmp_path: Path, node: str) -> None:
    run = twice(tmp_path, "leduc", f"cmd:'{node} {NODE}/worker.mjs'@determinism=deterministic", "random", matches=10)
    seat = [line.answer for line in run.lines() if isinstance(line, TurnLine) and line.operator.startswith("cmd")]
    assert len(set(seat)) > 1


@pytest.mark.slow
def test_the_worker_in_node_passes_every_check(node: str) -> None:
    found = check_worker([node, str(NODE / "worker.mjs")], Leduc(2))
    assert [finding.test for finding in found if finding.state != "passes"] == []


# --- a UCI engine ----------------------------------------------------------------------------------------------------

UCI = EXAMPLES / "uci.py"


@pytest.fixture(scope="session")
def stockfish() -> str:
    try:
        return str(files.module(UCI).find("stockfish"))
    except InputError:
        pytest.skip("stockfish is not installed: the UCI adapter is not tested. Debian: apt-get install stockfish")


@pytest.mark.slow
def test_an_engine_beats_random_at_chess_and_plays_the_same_again(tmp_path: Path, stockfish: str) -> None:
    run = twice(tmp_path, "pettingzoo:chess_v6", f"{UCI}@nodes=500", "random", matches=2)
    assert [row.score for row in run.tables()[0].rows] == [1.0, -1.0]
    assert run.head.games[0].operators[0].fingerprint == {"stockfish": hash_file(Path(stockfish))}


def test_the_adapter_says_what_it_cannot_play_and_which_engine_is_missing() -> None:
    with pytest.raises(UnplayableError, match=r"plays chess, e\.g\. pettingzoo:chess_v6, and not leduc"):
        build_plan("leduc", [f"{UCI}@path={sys.executable}", "random"])
    with pytest.raises(InputError, match=r"uci@path=\./gone: no such program"):
        build_plan("leduc", [f"{UCI}@path=./gone", "random"])


@pytest.mark.slow
def test_an_engine_that_always_dies_is_told_before_the_first_match(tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    engine.write_text("#!/bin/sh\nread line; echo uciok; read line; read line; exit 1\n")
    engine.chmod(0o755)
    plan = build_plan("pettingzoo:chess_v6", [f"{UCI}@path={engine}", "random"], seed=1)
    with pytest.raises(WorkerError, match=r"cannot play pettingzoo:chess_v6: .* has ended \(code 1\)"):
        run_plan(plan, tmp_path / "run")


# --- a bot of OpenSpiel ----------------------------------------------------------------------------------------------

BOT = EXAMPLES / "openspiel_bot.py"


def test_a_tree_search_does_not_lose_at_tic_tac_toe_and_plays_the_same_again(tmp_path: Path) -> None:
    run = twice(tmp_path, "openspiel:tic_tac_toe", f"{BOT}@simulations=300", "random", matches=6)
    assert run.tables()[0].rows[0].score is not None
    assert run.tables()[0].rows[0].score > 0


def test_the_uniform_bot_plays_a_game_with_parameters(tmp_path: Path) -> None:
    twice(tmp_path, "openspiel:hex(board_size=3)", f"{BOT}@bot=uniform_random", "random")


@pytest.mark.parametrize("game", ["leduc", "openspiel:kuhn_poker", "openspiel:matrix_rps"])
def test_a_bot_is_not_given_what_a_seat_may_not_know(game: str) -> None:
    with pytest.raises(UnplayableError, match=r"e\.g\. openspiel:tic_tac_toe"):
        build_plan(game, [str(BOT), "random"])


# --- a plain callable ------------------------------------------------------------------------------------------------

AGENT = EXAMPLES / "agent.py"
MINE = """
import random
from helper import pick

def last(obs):
    assert obs["vector"].dtype == "float32" and obs["text"] and obs["facts"] and len(obs["actions"]) > 1
    obs["vector"][:] = 0
    return obs["legal"][-1]

class Draws:
    def __init__(self):
        self.calls = 0

    def __call__(self, obs):
        self.calls += 1
        return obs["actions"][pick(random.Random(obs["seed"]), obs["legal"])]

def torn(obs):
    raise RuntimeError("no idea")

def half(obs):
    return obs["legal"][0] + 0.5

NUMBER = 3
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "my_agent.py").write_text(MINE)
    (tmp_path / "helper.py").write_text("def pick(chance, legal):\n    return chance.choice(legal)\n")
    return tmp_path / "my_agent.py"


@pytest.mark.parametrize("name", ["last", "Draws"])
def test_a_function_or_a_class_of_the_users_plays(tmp_path: Path, mine: Path, name: str) -> None:
    run = twice(tmp_path / "runs", "leduc", f"{AGENT}@call={mine}:{name}", "random", matches=8)
    assert run.head.games[0].operators[0].fingerprint == {"my_agent.py": hash_file(mine)}


def test_an_agent_can_ask_for_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "sees.py"
    path.write_text("def act(obs):\n    assert obs['image'].shape == (128, 128, 3)\n    return obs['legal'][0]\n")
    play(tmp_path / "run", "kuhn", f"{AGENT}@call={path}:act@image=128x128", "random")


def test_an_agent_hears_and_says(tmp_path: Path) -> None:
    path = tmp_path / "talks.py"
    path.write_text(
        "def act(obs):\n"
        "    if obs['free_text']:\n"
        "        return 'a warm one'\n"
        "    heard = ', '.join(text for seat, text in obs['heard'])\n"
        "    return obs['legal'][0], f'I heard {heard}' if obs['table_talk'] else None\n"
    )
    game = str(EXAMPLES.parents[1] / "tests" / "talking_game.py")
    run = play(tmp_path / "run", game, f"{AGENT}@call={path}:act", f"{AGENT}@call={path}:act")
    turns = [line for line in run.lines() if isinstance(line, TurnLine)]
    assert {(turn.tick, turn.say) for turn in turns} == {(0, "a warm one"), (1, "I heard a warm one"), (2, None)}


@pytest.mark.parametrize(("name", "said"), [("torn", "no idea"), ("half", "'float' object cannot be interpreted")])
def test_an_agent_that_always_raises_is_told_before_the_first_match(
    tmp_path: Path, mine: Path, name: str, said: str
) -> None:
    plan = build_plan("kuhn", [f"{AGENT}@call={mine}:{name}", "random"], seed=1)
    with pytest.raises(WorkerError, match=f"cannot play kuhn: crashed: .*{said}"):
        run_plan(plan, tmp_path / "run")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("act", "expected FILE.py:NAME or MODULE:NAME"),
        ("./gone.py:act", "there is no file"),
        ("json:dumps@image=big", "expected HEIGHTxWIDTH"),
    ],
)
def test_a_callable_that_is_not_named_well_is_told_before_anything_starts(call: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_plan("kuhn", [f"{AGENT}@call={call}", "random"])


@pytest.mark.parametrize("call", ["no_such_module:act", "json:no_such_name"])
def test_a_callable_that_is_not_there_is_told_as_bad_input(tmp_path: Path, call: str) -> None:
    plan = build_plan("kuhn", [f"{AGENT}@call={call}", "random"])
    with pytest.raises(InputError, match=f"cannot start: agent@call={call}: "):
        run_plan(plan, tmp_path / "run")
