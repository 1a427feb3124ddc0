"""`arena train vlm` and `sft` before they train: what is checked first, and what they say of it."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from arena.cli.main import cli
from arena.errors import InputError, RecordError
from arena.train.vlm import begun, sft_facts
from arena.train.vlm.config import VlmConfig, begun_with, load
from arena.train.vlm.folder import Files

WRONG = [
    (["--preset", "nonsuch", "--out", "new"], "no preset is called 'nonsuch'"),
    (["--preset", "race-nano", "--set", "lern.share=1", "--out", "new"], "Did you mean learn.share?"),
    (["--preset", "race-nano", "--set", "updates=abc", "--out", "new"], "expected a whole number"),
    (["--preset", "race-nano", "--set", "learn.algorithm=rein", "--out", "new"], "reinforce++"),
    (["--preset", "race-nano"], "--out is missing"),
    (["--out", "new"], "say what is played"),
    (["--game", "kunh", "--out", "new"], "Did you mean kuhn?"),
    (["--preset", "race-nano", "--out", "foreign"], "holds other files already: choose another --out"),
    (["--preset", "race-nano", "--out", "new", "--resume", "exact"], "there is no folder new"),
    (["--preset", "race-nano", "--out", "/proc/new"], "--out /proc/new: nothing can be written there"),
    (["--preset", "race-nano", "--out", "foreign/notes.txt/new"], "nothing can be written there (Not a directory)"),
    (["--preset", "race-nano", "--out", "foreign/notes.txt"], "that is a file; name a folder"),
    (["--preset", "race-nano", "--out", "foreign", "--resume", "exact"], "holds no training of `arena train vlm`"),
    (["sft", "--teacher", "leducc", "--out", "new"], "Did you mean leduc?"),
    (["sft", "--teacher", "leduc", "--model", "vlmm", "--out", "new"], "Did you mean vlm"),
    (["sft", "--teacher", "pettingzoo:chess_v6", "--out", "new"], "teacher"),
    (["sft", "--run", "nowhere", "--out", "new"], "nowhere is not a run folder"),
    (["sft", "--chat", "nowhere", "--out", "new"], "no chats can be read"),
    (["sft", "--teacher", "leduc", "--out", "/proc/new"], "--out /proc/new: nothing can be written there"),
]
SCRIPT = """
import json, sys
from arena.cli.main import cli

found = []
for words in json.loads(sys.argv[1]):
    try:
        cli(["train", *words], standalone_mode=False)
    except Exception as error:
        found.append([str(error), sorted({"torch", "transformers"} & sys.modules.keys())])
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each of WRONG says, and which of torch and transformers were imported by then."""
    folder = tmp_path_factory.mktemp("begun")
    (folder / "foreign").mkdir()
    (folder / "foreign" / "notes.txt").touch()
    words = json.dumps([words if words[0] == "sft" else ["vlm", *words] for words, _ in WRONG])
    command = [sys.executable, "-c", SCRIPT, words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert [path.name for path in folder.iterdir()] == ["foreign"]
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_is_typed_wrong_is_said_before_torch_is_imported(said, number):
    text, imported = said[number]
    assert WRONG[number][1] in text
    assert imported == []


def test_each_message_about_a_folder_leads_on(tmp_path):
    """Whoever does what a message says does not meet one that sends them back."""
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError) as caught:
        begun.check_folder(tmp_path, "no")
    assert "--resume" not in str(caught.value)
    (tmp_path / begun.HEAD).touch()
    with pytest.raises(InputError, match="add --resume exact"):
        begun.check_folder(tmp_path, "no")
    begun.check_folder(tmp_path, "exact")


def head(config: VlmConfig) -> dict:
    versions = dict.fromkeys(("arena", "python", "numpy", "torch"), "1")
    both = {"config": config.facts(), begun.OTHERS: config.others(), begun.ALONE: None, begun.FILES: {}}
    return {"format": begun.FORMAT, "updates": config.updates, "versions": versions, **both}


def keys(told, at=()):
    """The path of each key of settings, however deep."""
    for key, value in told.items():
        yield (*at, key)
        if isinstance(value, dict) and key not in ("opponents", "format"):  # names of operators are no settings
            yield from keys(value, (*at, key))


def test_each_key_that_a_head_lacks_is_named_with_what_to_do(tmp_path):
    whole = head(load("race-nano", None))
    every = [path for path in keys(whole) if path != ("format",)]
    assert ("config", "rollout", "pool", "every") in every
    for *above, last in every:
        told = json.loads(json.dumps(whole))
        functools.reduce(dict.__getitem__, above, told).pop(last)
        (tmp_path / begun.HEAD).write_text(json.dumps(told))
        with pytest.raises(RecordError) as caught:
            begun_with(tmp_path)
        assert f"{tmp_path / begun.HEAD} is damaged" in str(caught.value)
        assert f"it lacks {'.'.join([*above, last])}" in str(caught.value)
        assert "another --out" in str(caught.value)


def test_a_folder_knows_all_settings_that_it_was_begun_with(tmp_path):
    made = load("race-nano", None, ("updates=7", "keep=5", "evaluation.every=3", "learn.betas=[0.8, 0.9]"))
    (tmp_path / begun.HEAD).write_text(json.dumps(head(made)))
    assert begun_with(tmp_path) == replace(made, model=made.model.here(), critic=made.critic.here())
    assert isinstance(made, VlmConfig)


def test_who_stops_it_is_told_a_command_that_needs_the_folder_alone(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    from arena.train.vlm import trainer
    from arena.train.vlm.folder import Files

    def stopped(config, out, **_):
        Files(out).begin(config, "no")
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "main", stopped)
    words = ["train", "vlm", "--preset", "sidescroller-nano", "--smoke", "--out", str(tmp_path)]
    said = CliRunner().invoke(cli, words).stderr
    assert f"train vlm --out {tmp_path} --resume exact" in said
    assert begun_with(tmp_path).updates == 2


@pytest.mark.parametrize(("quiet", "notes"), [([], "loading vlm:nano\n"), (["--quiet"], "")])
def test_it_says_at_once_what_is_loaded_and_not_among_the_results(monkeypatch, quiet, notes):
    pytest.importorskip("transformers")
    from arena.train.vlm import trials

    forecast = trials.Forecast(updates=1, matches=2, turns=3.0, tokens=4.0, hours=5.0, memory=6, device="cpu")
    monkeypatch.setattr(trials, "forecast", lambda config, shown: forecast)
    words = ["train", "vlm", "--preset", "sidescroller-nano", "--dry-run", *quiet]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert (done.stderr, done.stdout) == (notes, "\n".join([*forecast.sentences(), ""]))


@pytest.mark.parametrize(
    "left",
    [
        ("lessons/leduc-train-0-0000.lessons",),
        ("sft.json",),
        ("sft.json", "lessons/x.lessons", "evaluations/000000/run.json", "pi_v0/weights.json"),
        (".checkpoint-00000050.partial/state", ".pi_v0.partial/x"),
    ],
)
def test_a_supervised_start_without_a_checkpoint_is_shown_as_one_and_goes_on(tmp_path, left):
    for name in left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    if "sft.json" in left:
        sft_facts.write_head(tmp_path, "arena train sft --teacher leduc --steps 3", {})
    shown = CliRunner().invoke(cli, ["show", str(tmp_path)]).output
    assert "a supervised start (`arena train sft`) without a checkpoint" in shown
    how = f"train sft --out {tmp_path} --resume" if "sft.json" in left else "and --resume"
    assert how in shown
    words = ["train", "sft", "--teacher", "leducc", "--out", str(tmp_path), "--resume"]
    assert "Did you mean leduc?" in str(CliRunner().invoke(cli, words).exception)  # which is said of a fit folder alone


def test_a_folder_with_other_files_is_no_supervised_start(tmp_path):
    for name in ("lessons", "notes"):
        (tmp_path / name).mkdir()
    assert not sft_facts.has_begun(tmp_path)
    words = ["train", "sft", "--teacher", "leduc", "--out", str(tmp_path), "--resume"]
    assert "holds no training of `arena train sft`" in str(CliRunner().invoke(cli, words).exception)


@pytest.mark.parametrize(
    ("changed", "ways"),
    [
        (("model.rank=8",), ("export model", "vlm:DIR")),
        (("model.mode=full", "learn.gamma=0.5"), ("export model", "vlm:DIR")),
        (("learn.gamma=0.5",), ("--resume weights-only",)),
        (("rollout.operator=vlm:nano-games",), ("weights-only where it is the same model", "export model")),
    ],
)
def test_each_changed_setting_is_told_the_ways_that_are_open_to_it(tmp_path, changed, ways):
    Files(tmp_path / "out").begin(load(None, None, (), ("kuhn",)), "no")
    with pytest.raises(InputError) as caught:
        Files(tmp_path / "out").begin(load(None, None, changed, ("kuhn",)), "exact")
    assert all(way in str(caught.value) for way in ways)
    assert ("weights-only" in str(caught.value)) == any("weights-only" in way for way in ways)
