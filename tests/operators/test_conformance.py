"""Every operator of ours conforms."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.testing import OperatorSuite

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


class TestRandom(OperatorSuite):
    name = "random"


class TestScripted(OperatorSuite):
    name = "scripted"
    games = ("kuhn", "holdem", str(EXAMPLES / "rock_paper_scissors.py"))
    matches = 2


class TestParrot(OperatorSuite):
    name = str(EXAMPLES / "first_operator.py")
    games = ("leduc", str(EXAMPLES / "rock_paper_scissors.py"))


class TestPpo(OperatorSuite):
    name = "ppo"
    games = ("leduc", "holdem")
    matches = 2


@pytest.mark.slow
class TestNano(OperatorSuite):
    name = "vlm"
    games = ("kuhn",)
    matches = 2


@pytest.mark.slow
class TestLlm(OperatorSuite):
    """A tiny model with random weights that reads only: it writes rubbish, the same whatever comes with it."""

    games = (str(EXAMPLES / "rock_paper_scissors.py"),)
    matches = 2
    faults = 1.0

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _model(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        pytest.importorskip("transformers")
        from tests.operators.vlm_kit import text_model

        folder = text_model(tmp_path_factory.mktemp("text") / "model")
        cls.name = f"llm:{folder}@max_tokens=4@batch=4"


class TestPerson(OperatorSuite):
    """Nobody is there to answer: what the description says is tested."""

    name = "human:web"
