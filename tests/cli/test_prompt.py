"""`arena prompt` shows what a model is asked, without a model."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from PIL import Image

from arena.cli.prompt import prompt
from arena.errors import InputError

SERVED = "vlm:toy@url=http://localhost:1/v1"  # nobody is asked there


def shown(*words):
    return CliRunner().invoke(prompt, words)


def test_it_shows_roles_texts_and_pictures(tmp_path):
    words = ("--game", "leduc", "--operator", f"{SERVED}@history=2@image=128", "--turn", "2", "--out", str(tmp_path))
    lines = shown(*words).output.splitlines()
    assert [line for line in lines if line.startswith("---")] == ["--- user", "--- assistant", "--- user"]
    assert f"[picture 128x128: {tmp_path / 'picture-1.png'}]" in lines
    assert Image.open(tmp_path / "picture-1.png").size == (128, 128)


def test_the_model_is_vlm_where_none_is_named():
    words = ("--game", "leduc", "--seat", "0")
    assert shown(*words).output == shown(*words, "--operator", "vlm").output != ""


def test_the_same_words_show_the_same():
    words = ("--game", "connect_four", "--operator", SERVED, "--turn", "3", "--seat", "1")
    assert shown(*words).output == shown(*words).output != shown(*words, "--seed", "1").output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--game", "kuhn", "--operator", "random"), "is asked without prompts"),
        (("--game", "kuhn", "--operator", SERVED, "--turn", "9"), "so no turn 9"),
        (("--game", "kuhn@hands=x", "--operator", SERVED), "hands"),
        (("--game", "openspiel:tic_tac_toe", "--operator", "llm:x@url=http://h/v1@examples=1"), "@examples=1"),
    ],
)
def test_what_cannot_be_shown_is_told(words, said):
    if words[1].startswith("openspiel"):
        pytest.importorskip("pyspiel")
    found = shown(*words)
    assert isinstance(found.exception, InputError)
    assert said in str(found.exception)
