"""`arena train sft` with a real model, a tiny one with random weights: from the command to a model that is seated."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from click.testing import CliRunner

pytest.importorskip("transformers")
pytest.importorskip("pyarrow")

import torch
from safetensors.torch import load_file

from arena.cli import export_model
from arena.cli.export import export
from arena.cli.show import show
from arena.cli.train import train
from arena.errors import InputError
from arena.lineup import build_plan
from arena.log import TurnLine
from arena.play import run_plan
from arena.record.reader import Run
from arena.train import shards
from arena.train.vlm import sft, sft_sources
from arena.train.vlm.sft_config import SftConfig, source
from arena_operators.vlm import checkpoint
from tests.operators.vlm_kit import foreign

SHORT = ("--steps", "4", "--set", "batch=4", "--set", "every=2", "--set", "warmup=1", "--quiet")


def _arena(*args):
    return CliRunner().invoke(train, ["sft", *args], catch_exceptions=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return f"vlm:{foreign(tmp_path_factory.mktemp('tiny'), chat=True)}@prompt=short"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of `scripted` and `random` at Kuhn."""
    out = tmp_path_factory.mktemp("run") / "kuhn"
    run_plan(build_plan("kuhn", ["scripted", "random"], seed=3, matches=20), out)
    return out


@pytest.fixture(scope="module")
def straight(model, run, tmp_path_factory):
    """The folder of a training that was not stopped."""
    out = tmp_path_factory.mktemp("straight") / "out"
    result = _arena("--model", model, "--run", f"{run}@operator=scripted", *SHORT, "--out", str(out))
    assert result.exit_code == 0
    assert f"seat it with: vlm:{out}/model@prompt=short" in result.output
    return out


def test_a_training_that_goes_on_ends_with_the_same_weights(model, run, straight, tmp_path, monkeypatch):

    saved = []
    save = sft.save

    def stop(*given):
        save(*given)
        saved.append(given[-1])
        if len(saved) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(sft, "save", stop)
    words = ("--model", model, "--run", f"{run}@operator=scripted", *SHORT, "--out", str(tmp_path))
    assert f"train sft --out {tmp_path} --resume\n" in _arena(*words).output
    with pytest.raises(InputError, match="was trained with batch=4, not 5"):
        _arena("--out", str(tmp_path), "--resume", "--set", "batch=5")
    assert _arena("--out", str(tmp_path), "--resume", "--quiet").exit_code == 0
    assert saved == [2, 4]
    first, second = ((out / "model" / "model.safetensors").read_bytes() for out in (straight, tmp_path))
    assert first == second


def begun(out, *words):
    """A training of three small updates, in a folder that says how it was begun."""
    small = ("--steps", "3", "--set", "batch=2", "--set", "every=1", "--set", "warmup=1", "--set", "held_out=0")
    assert _arena(*words, *small, "--out", str(out), "--quiet").exit_code == 0


def head(out):
    return json.loads((out / "sft.json").read_text())["trained_by"]


def test_what_is_said_now_counts_before_what_was_said_then(model, tmp_path):
    """Each way of saying it, and once more without."""
    out = tmp_path / "out"
    begun(out, "--model", model, "--teacher", "kuhn@lessons=20", "--set", "keep=1")
    for words, said in (
        (("--set", "keep=2"), "--set keep=2"),
        ((), "--set keep=2"),
        (("--set", "keep=3"), "--set keep=3"),
    ):
        assert _arena("--out", str(out), "--resume", "--quiet", *words).exit_code == 0
        assert head(out).count("keep=") == 1
        assert said in head(out)
    for words in (("--set", "steps=4"), ("--steps", "4"), ("--set", "seed=9"), ("--set", "model=vlm:nano")):
        key = words[1].partition("=")[0] if words[0] == "--set" else "steps"
        with pytest.raises(InputError, match=f"was trained with {key}="):
            _arena("--out", str(out), "--resume", "--quiet", *words)
    assert _arena("--out", str(out), "--resume", "--quiet").exit_code == 0


def test_one_that_was_killed_before_its_first_checkpoint_is_shown_and_gone_on_with(model, run, straight, tmp_path):
    """Its curve has a line by then."""
    out = tmp_path / "out"
    shutil.copytree(straight, out, ignore=shutil.ignore_patterns("checkpoint-*", "model"))
    assert f"train sft --out {out} --resume" in CliRunner().invoke(show, [str(out)]).output
    with pytest.raises(InputError, match="holds a training already: add --resume"):
        _arena("--out", str(out))
    assert _arena("--out", str(out), "--resume", "--quiet").exit_code == 0
    assert (out / "curve.csv").read_bytes() == (straight / "curve.csv").read_bytes()
    first, second = ((one / "model" / "model.safetensors").read_bytes() for one in (straight, out))
    assert first == second


def test_one_whose_checkpoints_were_deleted_at_its_end_is_still_seated(straight, tmp_path):
    """docs/sft.md says that they may be."""
    out = tmp_path / "out"
    shutil.copytree(straight, out, ignore=shutil.ignore_patterns("checkpoint-*", "lessons"))
    seat = f"vlm:{out}/model@prompt=short"
    assert f"seat it with: {seat}" in CliRunner().invoke(show, [str(out)]).output
    with pytest.raises(InputError, match=f"is a training, and no model: {seat} seats it"):
        checkpoint.source(str(out))
    before = (out / "model" / "model.safetensors").read_bytes()
    with pytest.raises(InputError, match=f"has no checkpoint any more.*{seat} seats it"):
        _arena("--out", str(out), "--resume", "--quiet")
    assert (out / "model" / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("wrong", [("--teacher", "kuhn@decides=true@lessons=30"), ("--chat", "{cards}")])
def test_who_is_refused_late_leaves_the_folder_as_it_was(wrong, model, run, straight, tmp_path):
    """Lessons may take an hour, so those that were made stay."""
    (tmp_path / "train.parquet").write_text("none")
    words = [word.format(cards=tmp_path) for word in wrong]
    with pytest.raises(InputError):
        _arena("--model", model, *words, "--out", str(tmp_path / "new"), "--quiet")
    assert not (tmp_path / "new").exists()
    out = tmp_path / "out"
    shutil.copytree(straight, out, ignore=shutil.ignore_patterns("checkpoint-*", "model"))
    before = (out / "sft.json").read_bytes()
    with pytest.raises(InputError):
        _arena("--model", model, *words, *SHORT, "--out", str(out), "--resume")
    assert (out / "sft.json").read_bytes() == before


def test_a_dry_run_needs_no_folder(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = _arena("--model", model, "--teacher", "kuhn@lessons=20", "--dry-run", "--quiet")
    assert "teacher:kuhn: 18 examples" in done.output
    assert list(tmp_path.iterdir()) == []


def test_chats_that_are_too_long_are_exported_anew(run, tmp_path):
    """They stay as they are: no option of the model's makes them shorter."""
    out = tmp_path / "chats"
    words = [str(run), "--to", "chat", "--out", str(out), "--prompt", "full"]
    assert CliRunner().invoke(export, words, catch_exceptions=False).exit_code == 0
    with pytest.raises(InputError, match=r"and the model's context 512: .*arena export --to chat --prompt short"):
        _arena("--model", "vlm:nano", "--chat", str(out), "--out", str(tmp_path / "a"), "--smoke", "--quiet")


def test_a_trial_is_not_made_longer(model, tmp_path):
    _arena("--model", model, "--teacher", "kuhn", "--out", str(tmp_path / "a"), "--smoke", "--quiet")
    assert _arena("--out", str(tmp_path / "a"), "--resume", "--quiet").exit_code == 0
    with pytest.raises(InputError, match=r"was begun with --smoke, which makes two updates"):
        _arena("--out", str(tmp_path / "a"), "--resume", "--steps", "60", "--quiet")


def test_from_another_folder_it_goes_on_where_the_command_named_no_file(model, run, tmp_path, monkeypatch):
    """What a relative name means there may be another file."""
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    shutil.copytree(run, "cards")
    begun(tmp_path / "of-run", "--model", model, "--run", "cards@operator=scripted")
    begun(tmp_path / "of-teacher", "--model", model, "--teacher", "kuhn@lessons=20")
    monkeypatch.chdir(tmp_path)
    assert _arena("--out", str(tmp_path / "of-teacher"), "--resume", "--quiet").exit_code == 0
    with pytest.raises(InputError, match=r"was begun in .*/there, by a command that names cards@operator=scripted th"):
        _arena("--out", str(tmp_path / "of-run"), "--resume", "--quiet")
    again = ("--model", model, "--run", "there/cards@operator=scripted", "--steps", "3")
    with pytest.raises(InputError, match="was trained with"):
        _arena(*again, "--out", str(tmp_path / "of-run"), "--resume", "--quiet")


def test_matches_between_updates_have_the_weights_so_far_and_change_no_bit(model, run, straight, tmp_path):
    played = ("--set", "evaluation.every=2", "--set", "evaluation.matches=2")
    words = ("--model", f"{model}@max_tokens=4", "--run", f"{run}@operator=scripted", *SHORT, *played)
    result = _arena(*words, "--out", str(tmp_path))
    first, second = ((out / "model" / "model.safetensors").read_bytes() for out in (straight, tmp_path))
    assert first == second
    versions = [
        {
            line.weights_version
            for lines in Run(tmp_path / "evaluations" / f"{update:06d}").played()
            for line in lines
            if isinstance(line, TurnLine) and line.operator.endswith("#1")
        }
        for update in (0, 2, 4)
    ]
    assert versions == [{None}, {"pi_v2"}, {"pi_v4"}]  # first as it was loaded
    assert re.search(r"kuhn: \S+ before training, \S+ after update 4, ", result.output)
    assert not list(tmp_path.glob("pi_v*"))


def test_who_goes_on_with_matches_has_those_of_the_start_too(model, run, straight, tmp_path):
    shutil.copytree(straight, out := tmp_path / "out")
    shutil.rmtree(max(out.glob("checkpoint-*")))
    shutil.rmtree(out / "model")
    words = ("--model", model, "--run", f"{run}@operator=scripted", *SHORT, "--out", str(out), "--resume")
    _arena(*words, "--set", "evaluation.every=4", "--set", "evaluation.matches=2")
    assert sorted(path.name for path in (out / "evaluations").glob("*[0-9]")) == ["000000", "000004"]


def test_matches_need_a_game_before_anything_is_loaded(model, tmp_path):
    (tmp_path / "chats").mkdir()
    (tmp_path / "chats" / "train.parquet").touch()
    words = ("--model", model, "--chat", str(tmp_path / "chats"), "--set", "evaluation.every=2")
    with pytest.raises(InputError, match="chats name no game: say what is played"):
        _arena(*words, "--out", str(tmp_path / "out"))


def test_show_says_how_far_it_came(straight):
    said = CliRunner().invoke(show, [str(straight)]).output
    assert "kuhn@operator" not in said
    assert ": 4 of 4 updates of 4 examples, all weights, seed 0" in said
    assert f"seat it with: vlm:{straight}/model" in said


def test_the_trained_model_plays(straight, tmp_path):
    name = f"vlm:{straight}/model@prompt=short@max_tokens=4"
    run_plan(build_plan("kuhn", [name, "random"], seed=1, matches=1), tmp_path / "run")
    assert Run(tmp_path / "run").logged == 1


def test_an_export_says_how_far_it_was(straight, tmp_path):
    done = CliRunner().invoke(export_model.model, [str(straight), str(tmp_path / "a")])
    assert f"written: {tmp_path / 'a'}, after update 4 of 4\n" in done.output
    assert done.output.endswith(f"seat it with: vlm:{tmp_path / 'a'}@prompt=short\n")


def test_a_dry_run_counts_and_trains_nothing(model, tmp_path):
    out = _arena("--model", model, "--teacher", "kuhn@lessons=30", "--out", str(tmp_path / "a"), "--dry-run").output
    assert "teacher:kuhn: 27 examples" in out
    assert "(3 more are watched)" in out
    assert not (tmp_path / "a" / "model").exists()


def test_smoke_makes_two_small_updates_and_plays_every_game(model, tmp_path):
    played = ("--set", "evaluation.every=1", "--set", "evaluation.levels=leduc,kuhn")
    _arena("--model", model, "--teacher", "kuhn", "--out", str(tmp_path / "a"), "--smoke", "--quiet", *played)
    assert all(table.matches for table in Run(tmp_path / "a" / "evaluations" / "000002").tables())
    assert len((tmp_path / "a" / "curve.csv").read_text().splitlines()) == 4
    assert (tmp_path / "a" / "model" / "model.safetensors").is_file()


def test_a_tower_that_is_frozen_is_the_same_afterwards_and_the_rest_is_not(model, run, tmp_path):
    source = ("--model", model, "--run", f"{run}@operator=scripted")
    done = _arena(*source, *SHORT, "--set", "freeze_vision_tower=true", "--out", str(tmp_path / "a"))
    assert done.exit_code == 0
    folder = model.removeprefix("vlm:").partition("@")[0]
    before, after = (load_file(f"{one}/model.safetensors") for one in (folder, tmp_path / "a" / "model"))
    same = {name for name, one in after.items() if torch.equal(one, before[name].to(one.dtype))}
    seeing = {name for name in after if "vision" in name or "connector" in name}
    assert seeing
    assert seeing <= same
    assert not {name for name in same - seeing if "proj" in name}
    assert "all weights but the tower's" in CliRunner().invoke(show, [str(tmp_path / "a")]).output


def test_what_the_teacher_would_have_done_in_a_run_is_learnt(model, tmp_path):
    """The run need not be good: its corrector says what would have been better."""
    run_plan(build_plan("sidescroller@set=train@horizon=30", ["random"], seed=3, matches=1), tmp_path / "went")
    words = ("--model", model, "--correct", str(tmp_path / "went"), "--out", str(tmp_path / "a"), "--smoke", "--quiet")
    assert _arena(*words).exit_code == 0
    assert (tmp_path / "a" / "model" / "model.safetensors").is_file()


def test_of_corrections_those_can_be_learnt_alone_where_no_other_answer_would_do(model, tmp_path):
    run_plan(build_plan("sidescroller@set=train@horizon=60", ["scripted"], seed=3, matches=2), tmp_path / "went")
    config = SftConfig(model=model, out=str(tmp_path / "a"), sources=(), progress=False)
    named = source("correct", f"{tmp_path / 'went'}@decides=true")
    learnt = [chat.text for chat in sft_sources.chats(config, named, tmp_path / "lessons")]
    every = list(shards.visited("sidescroller", tmp_path / "went", 0, 2))
    assert learnt == [f"{lesson.thought}\nAnswer: {lesson.answer}" for lesson in every if lesson.decides]
    assert 0 < len(learnt) < len(every)


def test_a_run_in_which_no_turn_decides_is_told(model, tmp_path):
    run_plan(build_plan("sidescroller@set=train@horizon=2", ["random"], seed=3, matches=1), tmp_path / "went")
    with pytest.raises(InputError, match="no lesson of sidescroller says"):
        _arena(
            "--model", model, "--correct", f"{tmp_path / 'went'}@decides=true", "--out", str(tmp_path / "a"), "--quiet"
        )


def test_a_run_that_cannot_be_corrected_is_told_before_anything_is_written(model, run, tmp_path):
    with pytest.raises(InputError, match=r"^kuhn has no corrector"):
        _arena("--model", model, "--correct", str(run), "--out", str(tmp_path / "out"), "--quiet")
    with pytest.raises(InputError, match=r"no such operator\. Did you mean scripted"):
        _arena("--model", model, "--run", f"{run}@operator=scriptd", "--out", str(tmp_path / "out"), "--quiet")
    run_plan(build_plan("sidescroller@horizon=3@actions=buttons", ["random"], seed=3, matches=1), tmp_path / "buttons")
    with pytest.raises(InputError, match="was played with @actions=buttons"):
        _arena("--model", model, "--correct", str(tmp_path / "buttons"), "--out", str(tmp_path / "out"), "--quiet")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "nothing to learn from"),
        (("--resume",), "--resume: there is no folder"),
        (("--chat", "{run}"), "expected what `arena export --to chat` wrote. A run is learned from with --run "),
        (("--teacher", "holdem@hands=1"), "there is no 'hands'. Its teacher chooses the options of holdem"),
        (("--teacher", "kuhn", "--model", "nano"), "Did you mean vlm:nano?"),
        (("--teacher", "kuhn@lesons=4"), "lessons"),
        (("--teacher", "kuhn", "--set", "rat=1"), "rate"),
        (("--teacher", "openspiel:tic_tac_toe"), "no teacher"),
        (("--teacher", "kuhn", "--model", "random"), "random"),
        (("--chat", "nowhere"), "no chats can be read"),
        (("--teacher", "numberline", "--model", "vlm:nano"), "cannot play .numberline.*vlm:nano-games"),
    ],
)
def test_bad_input_is_told(words, expected, model, run, tmp_path):
    words = [word.format(run=run) for word in words]
    with pytest.raises(InputError, match=expected):
        _arena(*([] if "--model" in words else ["--model", model]), *words, "--out", str(tmp_path / "out"), "--quiet")
    assert not (tmp_path / "out").exists()
