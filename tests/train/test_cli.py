"""`arena train ppo` on the command line."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from arena.cli.train import train
from arena.errors import InputError, MissingExtraError

SHORT = ["ppo", "--game", "leduc", "--steps", "64", "-n", "0", "--quiet", "--option", "envs=4", "--option", "rollout=8"]


def _arena(*args):
    return CliRunner().invoke(train, [*args], catch_exceptions=False)


def test_it_trains_and_says_how_to_seat_the_policy(tmp_path):
    result = _arena(*SHORT, "--out", str(tmp_path))
    assert result.exit_code == 0
    assert (tmp_path / "policy.safetensors").is_file()
    assert f"ppo:{tmp_path}" in result.output


def test_bad_input_is_named(tmp_path):
    for words, expected in (
        (["--option", "emvs=4"], "envs"),
        (["--option", "batch=four"], "expected a whole number"),
        (["--seats", "2,9"], "2 to 3 seats, not 9"),
        (["--option", "batch=0"], "batch='0': expected 1 to"),
        (["--option", "hidden=99999999999999"], "expected 1 to 10000"),
        (["--option", "entropy=inf"], "entropy='inf': expected 0 to"),
        (["--option", "gamma=1.5"], "gamma='1.5': expected 0 to 1"),
        (["--option", "layers=-1"], "layers='-1': expected 0 to 20"),
    ):
        with pytest.raises(InputError, match=expected):
            _arena(*SHORT, "--out", str(tmp_path / "new"), *words)
        assert not (tmp_path / "new").exists()
    assert "KEY=VALUE" in _arena(*SHORT, "--out", str(tmp_path), "--option", "envs").output


@pytest.mark.parametrize("words", [SHORT, ["sft", "--teacher", "leduc", "--quiet"]])
def test_what_goes_on_must_have_begun(tmp_path, words):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").touch()
    for out, expected in (("new", "there is no folder"), ("foreign", "holds no training of `arena train")):
        with pytest.raises(InputError, match=f"--resume: .*{expected}.*leave --resume out"):
            _arena(*words, "--out", str(tmp_path / out), "--resume")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["foreign", "notes.txt"]


def test_an_option_given_twice_is_refused(tmp_path):
    result = _arena(*SHORT, "--out", str(tmp_path), "--option", "entropy=0.1", "--option", "entropy=0.2")
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
