"""nano-games: which game `vlm` alone stands for, what is trained then, and what it was made of."""

from __future__ import annotations

import hashlib
import json

import pytest

from arena.errors import InputError, UnplayableError
from arena.lineup import build_lineup, build_plan, find_game
from arena.plan import Limits
from arena.play import describe
from arena.plugins import game_class
from arena.protocol.messages import Inquire
from arena.protocol.version import MAJOR, MINOR
from arena.supervisor.service import Service
from arena.testing.seating import Bench
from arena.train.vlm.matches import RolloutConfig, standing
from arena.train.vlm.sampler import options_of
from arena_operators.vlm.checkpoint import GAMES, NAMED, check, source
from arena_operators.vlm.kind import stands_for, views

TAUGHT = ("blackjack", "ezpoints", "jigsaw", "maze", "numberline", "points24", "race", "spy")


def seated(game: str, operator: str) -> tuple[str, str | None]:
    """The model that sits down, and its adapter."""
    found = find_game(game, 3, Limits())
    entry = build_lineup(found.game, [operator, "random", "random"])[0]
    return entry.what, entry.options["adapter"]


@pytest.mark.parametrize("game", TAUGHT)
def test_vlm_alone_is_the_model_that_knows_the_game(game: str) -> None:
    assert seated(game, "vlm") == ("nano-games", None)


@pytest.mark.parametrize(
    ("game", "model", "adapter"),
    [
        ("connect_four", "nano-games", None),
        ("mario:1-1", "nano-games", None),
        ("sidescroller", "nano-sidescroller", None),
        ("holdem", "nano", None),
        ("kuhn", "nano", None),
        ("leduc", "nano", None),
    ],
)
def test_where_several_were_taught_vlm_alone_is_the_one_that_plays_best(
    game: str, model: str, adapter: str | None
) -> None:
    assert seated(game, "vlm") == (model, adapter)


@pytest.mark.parametrize(
    ("given", "model", "adapter"),
    [
        ("vlm:nano", "nano", None),
        ("vlm:nano-games", "nano-games", None),
        ("vlm@adapter=race", "nano", "race"),
    ],
)
def test_what_is_named_is_left_as_it_is_and_an_adapter_names_its_model(
    given: str, model: str, adapter: str | None
) -> None:
    assert seated("sidescroller", given) == (model, adapter)


def test_a_model_that_is_named_is_that_model() -> None:
    with pytest.raises(UnplayableError, match="vlm:nano-games"):
        seated("spy", "vlm:nano")
    with pytest.raises(UnplayableError, match=r"cannot play 'kuhn'.*What ships and knows it: vlm:nano, vlm:nano-games"):
        seated("kuhn", "vlm:nano-sidescroller")
    assert seated("race", "vlm:nano@adapter=race") == ("nano", "race")
    assert views(game_class("leduc").spec, "nano-games", {}).image == (128, 128)


def test_a_run_tells_what_a_name_alone_meant() -> None:
    head = describe(build_plan("sidescroller", ["vlm@temperature=0.5", "vlm:nano", "scripted"], seed=1, matches=1))
    told = [one.stood_for for one in head.games[0].operators]
    assert told == ["vlm:nano-sidescroller@temperature=0.5", None, None]


def test_vllm_serves_what_suits_the_game_too() -> None:
    spec = game_class("sidescroller").spec
    assert stands_for(spec, "", {"backend": "vllm"}) == ("nano-sidescroller", {"backend": "vllm"})


def test_what_is_checked_is_what_plays() -> None:
    entry = Bench("vlm", ["spy"]).entry("spy")
    assert (entry.what, entry.options["adapter"]) == ("nano-games", None)
    assert (entry.options["max_tokens"], entry.options["temperature"]) == (256, 0.5)  # its own, not nano's


def test_a_worker_that_serves_a_name_alone_is_refused_where_that_means_another_model() -> None:
    def asked(game: str) -> Inquire:
        return Inquire(major=MAJOR, minor=MINOR, kind="vlm", what="", options={}, spec=game_class(game).spec)

    assert Service("vlm").terms(asked("leduc")).what == ""
    with pytest.raises(InputError, match="arena worker serve vlm:nano-sidescroller"):
        Service("vlm").terms(asked("sidescroller"))
    assert Service("vlm:nano-games").terms(asked("spy")).what == "nano-games"


def test_what_is_trained_is_what_plays() -> None:
    config = RolloutConfig(levels=("maze@seats=1",), operator="vlm@max_tokens=32")
    assert standing(config).operator == "vlm:nano-games@max_tokens=32"
    assert standing(RolloutConfig(levels=("leduc@seats=2",))).operator == "vlm:nano"
    assert standing(RolloutConfig(levels=("sidescroller",))).operator == "vlm:nano-sidescroller"
    with pytest.raises(InputError, match="name the one"):
        standing(RolloutConfig(levels=("leduc@seats=2", "race@seats=2")))


@pytest.mark.parametrize(
    ("name", "drawn"),
    [("vlm:nano-games", 0.5), ("vlm:nano", 1), ("vlm:nano-games@temperature=1", 1), ("vlm:nano-sidescroller", 0.3)],
)
def test_it_plays_at_a_temperature_of_its_own(name: str, drawn: float) -> None:
    assert options_of(name)["temperature"] == drawn


def test_it_is_whole_small_and_says_what_it_is() -> None:
    check(GAMES)
    about = json.loads((GAMES / "nano.json").read_text())
    weights = (GAMES / "model.safetensors").read_bytes()
    assert about["name"] == "nano-games"
    assert hashlib.sha256(weights).hexdigest() == about["weights_sha256"]
    assert len(weights) <= 12_000_000
    assert {*TAUGHT, *(source("nano").metadata() or {})["games"]} == {*about["games"]}
    assert source("nano-games").path == NAMED["nano-games"]
