"""Config files and `--set` of `arena train ppo` and `sft`: one mechanism, that of `arena train vlm`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from arena.cli.train import train
from arena.errors import InputError
from arena.train import config as ppo_config
from arena.train.config import PictureSettings, PpoSettings
from arena.train.vlm import sft_config
from arena.train.vlm.sft_config import SftFile, source

NO_SOURCES = {"run": (), "teacher": (), "correct": (), "chat": ()}


def ppo(path: Path | None, *changes: str) -> PpoSettings:
    return ppo_config.load(path, changes)


def sft(path: Path | None, *changes: str) -> SftFile:
    return sft_config.load(path, changes, NO_SOURCES)


def file(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def asked(monkeypatch):
    """What the command line would train, instead of training it."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from arena.train import ppo
    from arena.train.vlm import sft

    found = []

    def noted(config):
        found.append(config)
        return Path(config.out)

    monkeypatch.setattr(ppo, "run", noted)
    monkeypatch.setattr(sft, "run", noted)
    return found


def arena(*words: object) -> None:
    done = CliRunner().invoke(train, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output


PPO = 'game = "leduc@hands=2"\nseed = 4\nsteps = 900\nseats = [2, 3]\nentropy = 0.5\n'


def test_ppo_takes_a_file_changes_to_it_and_words_that_count_before_both(tmp_path, asked):
    mine = file(tmp_path, PPO)
    arena("ppo", mine, "--set", "envs=7", "--set", "steps=800", "--seed", 5, "-n", 0, "--quiet", "--out", tmp_path)
    (made,) = asked
    assert (made.game, made.game_options, made.seats) == ("leduc", {"hands": "2"}, (2, 3))
    assert (made.entropy, made.envs, made.steps, made.seed) == (0.5, 7, 800, 5)
    assert made.rollout == PpoSettings().rollout


def test_what_a_training_was_made_by_makes_it_again(tmp_path, asked):
    """It is what `go on with:` says, so it names the file and all that was changed."""
    mine = file(tmp_path, PPO)
    rest = ("--quiet", "--out", tmp_path)
    (tmp_path / "train.parquet").touch()
    arena("ppo", mine, "--set", "envs=7", "--seats", "3", "-n", 0, *rest)
    arena("sft", file(tmp_path, SFT, "sft.toml"), "--set", "rate=1e-3", "--chat", tmp_path, *rest)
    for made in list(asked):
        arena(*made.trained_by.split()[2:], *rest)
    assert asked[:2] == asked[2:]


def test_games_of_pictures_have_defaults_of_their_own_which_a_file_and_changes_count_before(tmp_path):
    found = ppo(file(tmp_path, 'game = "sidescroller"\nentropy = 0.3\n'), "batch=64")
    assert (found.gamma, found.envs, found.steps) == (0.99, 16, 500_000)
    assert (found.entropy, found.batch) == (0.3, 64)
    assert ppo(None, "game=leduc").gamma == 1.0


SFT = 'teacher = ["kuhn@lessons=20@weight=0.3", "leduc"]\nmode = "lora"\nsteps = 7\nbatch = 3\n'


def test_sft_takes_a_file_changes_to_it_and_words_that_count_before_both(tmp_path, asked):
    mine = file(tmp_path, SFT)
    arena("sft", mine, "--set", "rate=1e-3", "--set", "batch=4", "--steps", 8, "--quiet", "--out", tmp_path / "out")
    (made,) = asked
    assert made.sources == (source("teacher", "kuhn@lessons=20@weight=0.3"), source("teacher", "leduc"))
    assert (made.mode, made.steps, made.batch, made.rate, made.model) == ("lora", 8, 4, 1e-3, "vlm:nano")


def test_sources_of_the_command_line_stand_in_place_of_those_of_the_file(tmp_path, asked):
    arena("sft", file(tmp_path, SFT), "--teacher", "holdem", "--quiet", "--out", tmp_path / "out")
    assert asked[0].sources == (source("teacher", "holdem"),)
    assert sft(None, "teacher=kuhn,leduc").teacher == ("kuhn", "leduc")


def test_python_files_declare_them_too(tmp_path):
    lines = "from arena.train.config import PictureSettings\nMINE = PictureSettings(game='sidescroller', envs=3)\n"
    assert ppo(file(tmp_path, lines, "a.py"), "batch=9") == PpoSettings(
        **{**vars(PictureSettings(game="sidescroller")), "envs": 3, "batch": 9}
    )
    lines = "from arena.train.vlm.sft_config import SftFile\nMINE = SftFile(run=('somewhere',), steps=5)\n"
    assert sft(file(tmp_path, lines, "b.py"), "rank=4") == SftFile(run=("somewhere",), steps=5, rank=4)


WRONG = [
    (ppo, "entropi = 1\n", "mine.toml: there is no 'entropi'. Did you mean entropy"),
    (ppo, 'game = "leduc"\nenvs = "many"\n', "mine.toml: envs='many': expected a whole number"),
    (ppo, 'game = "leduc"\ngamma = 2\n', "gamma=2.0: expected at least 0 and at most 1"),
    (ppo, 'game = "leduc"\nclip = nan\n', "clip=nan: expected at least 0"),
    (ppo, 'game = "leduc"\nout = "here"\n', "there is no 'out'"),
    (ppo, 'game = "leducc"\n', "Did you mean leduc"),
    (ppo, "envs = 4\n", "say what is played: --game GAME, or game= in a config file"),
    (ppo, "envs = \n", "is not TOML"),
    (sft, "teachers = []\n", "mine.toml: there is no 'teachers'. Did you mean teacher"),
    (sft, 'teacher = "kuhn"\n', "teacher='kuhn': expected a list"),
    (sft, 'mode = "ful"\n', "mode='ful': expected one of full, lora"),
    (sft, 'dtype = "half"\n', "dtype='half': expected one of auto, float32, bfloat16"),
    (sft, "rate = 2\n", "rate=2.0: expected at least 0 and at most 1"),
    (sft, "steps = 0\n", "steps=0: expected at least 1"),
    (sft, "seed = -1\n", "seed=-1: expected at least 0"),
]


@pytest.mark.parametrize(("load", "text", "said"), WRONG, ids=[text.strip() for _, text, _ in WRONG])
def test_what_is_wrong_in_a_file_is_told_with_what_would_be_right(tmp_path, load, text, said):
    with pytest.raises(InputError) as caught:
        load(file(tmp_path, text))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("load", "setting", "said"),
    [
        (ppo, "rolout=4", "--set rolout=4: there is no 'rolout'. Did you mean rollout?"),
        (ppo, "batch=four", "--set batch=four: expected a whole number"),
        (ppo, "envs", "--set envs: expected key=value"),
        (sft, "rat=1", "--set rat=1: there is no 'rat'. Did you mean rate"),
        (sft, "keep=0", "keep=0: expected at least 1"),
    ],
)
def test_what_is_wrong_in_a_change_is_told_with_what_would_be_right(load, setting, said):
    with pytest.raises(InputError) as caught:
        load(None, setting)
    assert said in str(caught.value)


def test_a_source_in_a_file_is_checked_as_on_the_command_line(tmp_path):
    with pytest.raises(InputError, match=r"--teacher kuhn@wieght=1: there is no 'wieght'. Did you mean weight"):
        sft(file(tmp_path, 'teacher = ["kuhn@wieght=1"]')).sources()


@pytest.mark.parametrize("words", [("vlm", "--preset", "race-nano"), ("ppo", "--game", "kuhn"), ("sft",)])
def test_a_setting_that_is_given_twice_is_refused_by_all_three(tmp_path, words):
    done = CliRunner().invoke(train, [*words, "--out", str(tmp_path), "--set", "seed=1", "--set", "seed=2"])
    assert done.exit_code == 2
    assert "seed is given twice, the first time as 1" in done.output
