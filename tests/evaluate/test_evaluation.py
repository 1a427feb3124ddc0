"""Evaluations as scripts and TOML: what they declare, and what is said of wrong ones."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from arena import declared
from arena.declared import changed
from arena.errors import InputError
from arena.evaluation import Evaluation
from tests.cli.kit import run

SCRIPT = """
from arena.evaluation import Evaluation

EVALUATION = Evaluation(games=("leduc@seats=2", "kuhn@seats=2"), operators=("scripted", "random"), {more})

if __name__ == "__main__":
    EVALUATION.main()
"""


def load(path):
    return declared.load(path, Evaluation)


def script(tmp_path, more="blocks=3, seed=4", name="mine.py"):
    path = tmp_path / name
    path.write_text(SCRIPT.format(more=more))
    return path


TOML = """
games = ["leduc@seats=2", "kuhn@seats=2"]
operators = ["scripted", "random"]
blocks = 3
seed = 4

[limits]
max_reasks = 1

[budget]
tokens = 1000
"""


def test_toml_says_the_same_as_a_script(tmp_path):
    (tmp_path / "mine.toml").write_text(TOML)
    mine = changed(load(script(tmp_path)), ["limits.max_reasks=1", "budget.tokens=1000"])
    assert load(tmp_path / "mine.toml") == mine


def test_settings_change_fields_as_the_command_line_has_them(tmp_path):
    mine = changed(
        load(script(tmp_path)), ["operators=random,ppo@deterministic=true", "blocks=none", "width=[0.5, 2]", "name=x y"]
    )
    assert mine.operators == ("random", "ppo@deterministic=true")
    assert (mine.blocks, mine.width, mine.name) == (None, (0.5, 2.0), "x y")


def test_blocks_are_deals_of_every_line_up_in_every_seat_order(tmp_path):
    assert load(script(tmp_path)).plan().matches == 3 * (2 + 2)
    three = changed(load(script(tmp_path)), ["operators=scripted,random,random", "blocks=5"])
    assert three.plan().matches == 5 * (3 * 2 + 3 * 2)


def test_a_twin_enters_under_a_name_of_its_own(tmp_path):
    plan = changed(load(script(tmp_path)), ["null=random"]).plan()
    assert [entry.name for entry in plan.pool] == ["scripted", "random#1", "random#2"]
    assert plan.spec.twins == (1, 2)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("block=3", "Unexpected keyword argument 'block'"),
        ("blocks='three'", "blocks='three': expected a whole number or none"),
        ("blocks=0", "blocks=0: expected at least 1"),
        ("blocks=3, width=0.5", "width and blocks both say how long it is played"),
        ("width=0.5, schedule='round_robin'", "a width needs the schedule `until`"),
        ("null='ppo'", "null='ppo' is none of the operators"),
        ("blocks=3, matches=6", "matches=6 cannot balance"),
        ("schedule='roundrobin'", "Did you mean round_robin?"),
        ("budget={'token': 5}", "there is no 'token'. Did you mean tokens?"),
        ("limits={'deadline': 5, 'retires': 1}", "there is no 'retires'. Did you mean retries?"),
        ("concurrency=0", "concurrency=0: expected at least 1"),
    ],
)
def test_a_wrong_script_is_refused_in_words(tmp_path, more, said):
    with pytest.raises(InputError) as caught:
        load(script(tmp_path, more)).plan()
    assert said in str(caught.value)


def test_what_is_refused_leaves_nothing_and_ends_with_2(tmp_path):
    mine = script(tmp_path)
    refused = (["--set", "blocks=0"], ["--set", "blocks"], ["--null", "ppo"], ["--like", "x"])
    for wrong in (*refused, ["--engine", "rya"], ["--dry-run", "--engine", "rya"]):
        code, _, err = run(tmp_path, "evaluate", str(mine), "--out", "out", *wrong)
        assert (code, err.count("\n")) == (2, 1)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_run_is_not_gone_on_with(tmp_path):
    code, _, err = run(tmp_path, "evaluate", str(script(tmp_path)), "--resume", "run-1")
    assert code == 2
    assert "run-1 is not a run folder" in err
    assert not (tmp_path / "run-1").exists()


def test_a_refused_setting_names_its_value_and_no_secret(tmp_path):
    for setting, said in (
        ("blocks=x", "--set blocks=x: expected a whole number or none"),
        ("operater=vlm@api_key=s3cret", "***"),
    ):
        with pytest.raises(InputError) as caught:
            changed(load(script(tmp_path)), [setting])
        assert said in str(caught.value)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("games = 3", "games=3: expected a list"),
        ("games = ['kuhn']", "there is no `operators`"),
        ("games = [", "is not TOML"),
        ("gmaes = ['kuhn']", "there is no 'gmaes'. Did you mean games"),
    ],
)
def test_wrong_toml_is_refused_in_words(tmp_path, text, said):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        load(tmp_path / "mine.toml")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "declares none: expected one"),
        ("import nothing_here", "cannot be imported"),
        (None, "there is no file"),
    ],
)
def test_a_file_that_declares_no_evaluation_is_refused(tmp_path, source, said):
    if source is not None:
        (tmp_path / "mine.py").write_text(source)
    with pytest.raises(InputError, match=said):
        load(tmp_path / "mine.py")


def test_a_script_is_played_by_the_command_and_by_itself_with_equal_logs(tmp_path):
    mine = script(tmp_path)
    code, out, err = run(
        tmp_path, "evaluate", str(mine), "--out", str(tmp_path / "one"), "--concurrency", "1", "--quiet"
    )
    assert code == 0, err
    assert "12 matches" in out or "6 matches" in out
    command = [sys.executable, str(mine), "--out", str(tmp_path / "two"), "--quiet", "--concurrency", "7"]
    subprocess.run(command, check=True, capture_output=True)
    for name in ("run.json", "log-000.jsonl", "results.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert {"report.html", "matches.parquet", "turns.parquet"} <= {path.name for path in (tmp_path / "one").iterdir()}
    assert run(tmp_path, "verify", "one")[0] == 0


def test_a_width_is_played_until_it_is_reached_and_verifies(tmp_path):
    mine = script(tmp_path, "width=(40.0, 3.5), seed=2")
    code, _, err = run(tmp_path, "evaluate", str(mine), "--out", str(tmp_path / "one"), "--quiet")
    assert code == 0, err
    assert json.loads((tmp_path / "one" / "run.json").read_bytes())["plan"]["schedule"] == "until@width=40.0/3.5"
    assert run(tmp_path, "verify", "one")[0] == 0


def test_a_dry_run_plays_nothing_and_says_what_it_would_take(tmp_path):
    code, out, _ = run(tmp_path, "evaluate", str(script(tmp_path)), "--dry-run", "--out", str(tmp_path / "out"))
    assert code == 0
    assert "2 operators, 2 games, 12 matches" in out
    assert "decisions of a seat in a match, the mean of 3 matches of chance" in " ".join(out.split())
    assert not (tmp_path / "out").exists()


def test_the_analysis_is_written_and_a_changed_one_is_found_by_verify(tmp_path):
    code, out, err = run(tmp_path, "evaluate", str(script(tmp_path, "null='random', blocks=4")), "--out", "one", "-q")
    assert code == 0, err
    assert "random#2 (twin of random#1)" in out
    assert "ratings in Elo points" in out
    path = tmp_path / "one" / "analysis.json"
    found = json.loads(path.read_bytes())
    assert found["twins"] == ["random#1", "random#2"]
    assert run(tmp_path, "verify", "one")[0] == 0
    found["games"][0]["standings"][0]["score"]["value"] += 0.5
    path.write_text(json.dumps(found))
    code, out, _ = run(tmp_path, "verify", "one")
    assert code == 1
    assert "WRONG  analysis.json is not what the log gives" in out


SPENDER = """
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind, Usage


class Spender(Operator):
    def act(self, requests):
        return [Decision(answer=one.observation.legal[0], usage=Usage(prompt=9, completion=1)) for one in requests]


KIND = OperatorKind(name="spender", summary="", target=f"{__file__}:build", views=lambda *given: Views())


def build(context):
    return Spender()
"""


def test_the_command_that_is_printed_when_a_budget_is_spent_goes_on(tmp_path):
    (tmp_path / "spender.py").write_text(SPENDER)
    mine = script(tmp_path, "blocks=2, seed=4, budget=Budget(tokens=80)")
    mine.write_text("from arena.budget import Budget\n" + mine.read_text())
    words = ["evaluate", str(mine), "--set", "operators=./spender.py,random", "--out", "one", "--quiet"]
    budgets = []
    while (done := run(tmp_path, *words))[0]:
        code, _, err = done
        assert code == 1, err
        assert "is spent" in err
        [line] = [line for line in err.splitlines() if "--resume" in line]
        words = shlex.split(line)[shlex.split(line).index("evaluate") :]
        budgets.append(words[words.index("--resume") - 1])
        assert len(budgets) < 10
    assert len(budgets) > 1
    assert run(tmp_path, "verify", "one")[0] == 0
