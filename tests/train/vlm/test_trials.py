"""What short trainings check and foretell, without one being made."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from click.testing import CliRunner

from arena.cli.main import cli
from arena.errors import ArenaError
from arena.train.vlm import trials
from arena.train.vlm.config import load

LEARNT = {"actor/ratio_error": 0.0, "actor/rows": 4.0, "mismatch/k3": 0.0, "mismatch/max": 0.0}
NOTHING = {"actor/rows": 0.0}
FOUND = trials.Forecast(updates=1, matches=2, turns=3.0, tokens=4.0, hours=5.0, memory=6, device="cuda")


def trained(out, *updates, weights=(1, 2)):
    """A folder as two updates leave it."""
    lines = [{"update": at + 1, "reward/mean": 0.5, "reward/stderr": 0.1, **one} for at, one in enumerate(updates)]
    (out / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    for number in weights:
        folder = out / "weights" / f"pi_v{number}"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"the same")
    return out


@pytest.mark.parametrize(
    ("settings", "copies", "said"),
    [
        ((), 1, "the copy that plays,"),
        (("processes=3",), 1, "the copy that plays,"),
        (("staleness=2",), 3, "the 3 copies that play,"),
        (("staleness=2", "processes=2"), 2, "the 2 copies that play,"),
    ],
)
def test_a_forecast_counts_each_copy_that_plays_ahead(settings, copies, said):
    config = load(None, None, settings, ("leduc",))
    assert config.copies == copies
    told = " ".join(replace(FOUND, copies=config.copies).sentences())
    assert said in told
    assert ("overlaps with learning" in told) == (copies > 1)


def test_the_weights_of_both_updates_are_kept_to_be_compared():
    config = trials.at_rate_zero(load("race-nano", None, ("checkpoint_every=5",)))
    assert (config.updates, config.checkpoint_every, config.keep) == (2, 1, 2)


def test_weights_that_are_missing_are_not_called_changed(tmp_path):
    with pytest.raises(ArenaError, match="pi_v1 holds no weights"):
        trials.check_rate_zero(trained(tmp_path, LEARNT, LEARNT, weights=(2,)))


def test_an_update_that_learnt_from_no_row_is_left_out(tmp_path):
    said = trials.check_rate_zero(trained(tmp_path, LEARNT, NOTHING))
    assert said[0] == "every ratio is exactly 1 (4 turns)"


def test_updates_that_learnt_from_no_row_show_nothing(tmp_path):
    with pytest.raises(ArenaError, match=r"no turn .* could be learnt from.*rollout\.matches"):
        trials.check_rate_zero(trained(tmp_path, NOTHING, NOTHING))


def test_a_ratio_that_is_no_number_is_not_1(tmp_path):
    with pytest.raises(ArenaError, match="a ratio differs from 1"):
        trials.check_rate_zero(trained(tmp_path, LEARNT, LEARNT | {"actor/ratio_error": math.nan}))


@pytest.mark.parametrize(
    ("gpus", "said"),
    [
        (0, "about 5 hours on this machine (cuda), if turns take as long as in the trial"),
        (1, "about 5 GPU-hours (5 hours of 1 GPU) on this machine (cuda), if turns take as long as in the trial"),
        (4, "about 20 GPU-hours (5 hours of 4 GPUs) on this machine (cuda), if turns take as long as in the trial"),
    ],
)
def test_hours_are_those_of_all_gpus_that_the_placement_names(gpus, said):
    sentences = replace(FOUND, gpus=gpus).sentences()
    assert sentences[1] == f"{said}; evaluations are not counted"


@pytest.mark.parametrize(
    ("hours", "said"), [(1.04, "about 1 hour on"), (1.2, "about 1.2 hours on"), (0.01, "about 1 minute on")]
)
def test_one_hour_is_one(hours, said):
    assert replace(FOUND, hours=hours).sentences()[1].startswith(said)


@pytest.mark.parametrize(("words", "updates"), [(["--smoke"], 2), (["--lr", "0"], 2), (["--set", "updates=7"], 7)])
def test_progress_counts_the_updates_that_are_made(tmp_path, monkeypatch, words, updates):
    pytest.importorskip("transformers")
    from arena.train.vlm import trainer

    def made(config, out, *, shown, **_):
        assert config.updates == updates
        shown.updated(
            config.updates, {"reward/mean": 0, "reward/stderr": 0, "rollout/turns": 1}, {"turns_per_second": 0.31}
        )
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "main", made)
    command = ["train", "vlm", "--preset", "sidescroller-nano", *words, "--out", str(tmp_path / "out")]
    said = CliRunner().invoke(cli, command).stderr
    assert f"update {updates}/{updates}," in said
    assert ", 0.3/s" in said
