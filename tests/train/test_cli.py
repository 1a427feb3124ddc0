"""`arena train ppo` on the command line."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from arena.cli.train import train
from arena.errors import InputError, MissingExtraError

SHORT = ["ppo", "--game", "leduc", "--steps", "64", "-n", "0", "--quiet", "--set", "envs=4", "--set", "rollout=8"]


def _arena(*args):
    return CliRunner().invoke(train, [*args], catch_exceptions=False)


def test_it_trains_and_says_how_to_seat_the_policy(tmp_path):
    result = _arena(*SHORT, "--out", str(tmp_path))
    assert result.exit_code == 0
    assert (tmp_path / "policy.safetensors").is_file()
    assert f"ppo:{tmp_path}" in result.output


def test_bad_input_is_named(tmp_path):
    for words, expected in (
        (["--set", "emvs=4"], "there is no 'emvs'. Did you mean envs"),
        (["--set", "batch=four"], "expected a whole number"),
        (["--seats", "2,9"], "2 to 3 seats, not 9"),
        (["--set", "rate"], "--set rate: expected key=value"),
        (["--set", "dtype=half"], "--set dtype=half: expected one of auto, float32, bfloat16"),
        (["--set", "out=here"], "there is no 'out'"),
        (["--set", "batch=0"], "batch=0: expected at least 1"),
        (["--set", "hidden=99999999999999"], "hidden=99999999999999: expected at least 1 and at most 10000"),
        (["--set", "entropy=inf"], "entropy=inf: expected at least 0"),
        (["--set", "gamma=1.5"], "gamma=1.5: expected at least 0 and at most 1"),
        (["--set", "layers=-1"], "layers=-1: expected at least 0 and at most 20"),
    ):
        with pytest.raises(InputError) as caught:
            _arena(*SHORT, "--out", str(tmp_path / "new"), *words)
        assert expected in str(caught.value)
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("words", [SHORT, ["sft", "--teacher", "leduc", "--quiet"]])
def test_what_goes_on_must_have_begun(tmp_path, words):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").touch()
    for out, expected in (("new", "there is no folder"), ("foreign", "holds no training of `arena train")):
        with pytest.raises(InputError, match=f"--resume: .*{expected}.*leave --resume out"):
            _arena(*words, "--out", str(tmp_path / out), "--resume")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["foreign", "notes.txt"]


def test_a_setting_given_twice_is_refused(tmp_path):
    result = _arena(*SHORT, "--out", str(tmp_path), "--set", "entropy=0.1", "--set", "entropy=0.2")
    assert result.exit_code == 2
    assert "entropy is given twice, the first time as 0.1" in result.output


@pytest.mark.parametrize("folder", ["/dev/null/run", "/proc/run", "x" * 3000])
def test_a_folder_that_cannot_be_written_to_is_told(folder):
    with pytest.raises(InputError, match=r"--out .*: nothing can be written there"):
        _arena(*SHORT, "--out", folder)


def test_a_missing_extra_is_named_with_the_command(tmp_path, monkeypatch):
    import sys

    for name in ("arena.train.ppo", "arena.train.checkpoint"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(MissingExtraError, match=r"Install it with: .*\[train\]'"):
        _arena(*SHORT, "--out", str(tmp_path))
