"""Every model that ships has a card beside its weights, which names the games that it plays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import arena_operators

SHIPPED = Path(arena_operators.__file__).parent
MODELS = sorted(path.parent for path in (SHIPPED / "vlm").rglob("nano.json"))
POLICIES = SHIPPED / "ppo" / "weights"


@pytest.mark.parametrize("folder", MODELS, ids=lambda folder: str(folder.relative_to(SHIPPED)))
def test_the_card_of_a_model_names_its_games_and_its_licence(folder: Path) -> None:
    _, front, _ = (folder / "README.md").read_text().split("---", 2)
    about = json.loads((folder / "nano.json").read_text())
    assert front.partition("games:\n")[2].split() == [word for game in about["games"] for word in ("-", game)]
    assert f"license: {about['licence'].lower()}\n" in front


def test_the_card_of_the_policies_names_each_of_them() -> None:
    card = (POLICIES / "README.md").read_text()
    assert [path.stem for path in sorted(POLICIES.glob("*.json")) if f"`{path.stem}`" not in card] == []
