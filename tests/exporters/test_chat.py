"""`datasets` loads the exports for fine-tuning, with the prompts, answers and pictures of the turns."""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.canonical import hash_array
from arena.errors import InputError
from arena.exporters.episodes import Reader
from arena.exporters.filters import Filter
from arena.game import Views
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.turns import read
from arena_operators.vlm.shown import prompts_of_llm
from tests.exporters.kit import exported, played
from tests.toys import GOOD

datasets = pytest.importorskip("datasets")
transformers = pytest.importorskip("transformers")


def rows(folder: Path, cache: Path) -> list[dict[str, Any]]:
    return list(datasets.load_dataset(str(folder), split="train", cache_dir=str(cache)))


def test_one_row_a_turn_without_those_that_were_faults(tmp_path: Path) -> None:
    episodes = played(tmp_path / "run", views=Views(vector=True), max_reasks=1)
    exported(tmp_path / "run", "--to", "chat", "--out", tmp_path / "out")
    found = {(row["match"], row["seat"], row["tick"]): row for row in rows(tmp_path / "out", tmp_path / "cache")}
    turns = [turn for one in episodes for turn in one.turns]
    assert any(turn.fault for turn in turns)
    good = [turn for turn in turns if turn.fault is None]
    assert len(found) == len(good)
    for turn in good:
        row = found[turn.request.match, turn.request.seat, turn.request.tick]
        assert turn.move is not None
        action = ("fold", "call", "raise")[turn.move.action or 0]
        assert row["completion"] == [{"role": "assistant", "content": f"Answer: {action}"}]
        assert row["reward"] == turn.reward
        assert "images" not in row


def test_the_prompt_is_the_games_own_with_the_picture(tmp_path: Path) -> None:
    episodes = played(tmp_path / "run", kinds=[GOOD, GOOD], matches=1)
    exported(tmp_path / "run", "--to", "chat", "--out", tmp_path / "out", "--prompt", "short")
    row = rows(tmp_path / "out", tmp_path / "cache")[0]
    turn = episodes[0].turns[0]
    (message,) = row["prompt"]
    assert [part["type"] for part in message["content"]] == ["image", "text"]
    (picture,) = row["images"]
    assert hash_array(np.asarray(picture)) == hash_array(turn.request.observation.image)
    facts = turn.request.observation.facts
    assert facts is not None
    assert f"Pot {facts['pot']}" in message["content"][1]["text"]


@pytest.mark.slow
def test_a_model_has_the_prompt_it_was_asked_with_and_the_text_it_wrote(tmp_path: Path) -> None:
    run_plan(build_plan("leduc", ["vlm", "scripted"], seed=1, matches=2), tmp_path / "run", turns=True)
    exported(tmp_path / "run", "--to", "chat", "--out", tmp_path / "out", "--operator", "vlm")
    found = {(row["match"], row["seat"], row["tick"]): row for row in rows(tmp_path / "out", tmp_path / "cache")}
    processor = transformers.AutoProcessor.from_pretrained(resources.files("arena_operators.vlm") / "nano")
    asked = [turn for one in read(Run(tmp_path / "run")) for turn in one.turns if turn.prompt_tokens is not None]
    assert len(asked) == len(found)
    for turn in asked:
        row = found[turn.match, turn.seat, turn.tick]
        assert row["completion"][0]["content"][0]["text"] == turn.line.raw
        text = processor.apply_chat_template(row["prompt"], add_generation_prompt=True)
        ids = processor(text=text, images=row["images"], return_tensors="np")["input_ids"][0]
        assert ids.tolist() == turn.prompt_tokens.tolist()


def test_what_a_model_wrote_before_is_in_its_later_prompts(tmp_path: Path) -> None:
    played(tmp_path / "run", kinds=[GOOD, GOOD], matches=1, views=Views(text=True))
    with closing(Reader.open(Run(tmp_path / "run"), Filter())) as reader:
        episode = next(reader.episodes(0, lambda head: head.views))
    requests = [step.turn.request for step in episode.steps][:2]
    options = {"history": 1}
    first, second = prompts_of_llm("smollm2", options, episode.opening, requests, ["I see.\nAnswer: call", ""])
    assert [role for role, _ in second][-3:] == ["user", "assistant", "user"]
    assert second[-2][1] == ["I see.\nAnswer: call"]
    assert len(second) > len(first)


def test_pairs_are_of_one_state_and_differ_in_what_they_led_to(tmp_path: Path) -> None:
    episodes = played(tmp_path / "run", kinds=[GOOD, GOOD], matches=30, views=Views(text=True))
    exported(tmp_path / "run", "--to", "pairs", "--out", tmp_path / "out", "--margin", 2)
    pairs = rows(tmp_path / "out", tmp_path / "cache")
    assert pairs
    asked: dict[tuple[int, int, str], dict[str, list[float]]] = {}
    for one in episodes:
        for turn in one.turns:
            left = sum(
                later.reward
                for later in one.turns
                if later.request.seat == turn.request.seat and later.request.tick >= turn.request.tick
            )
            text = turn.request.observation.text or ""
            assert turn.move is not None
            place = asked.setdefault((one.plan.block, turn.request.seat, text), {})
            place.setdefault(("fold", "call", "raise")[turn.move.action or 0], []).append(left)
    for row in pairs:
        assert row["chosen_return"] - row["rejected_return"] >= 2
        prompt = row["prompt"][0]["content"]
        better, worse = (row[which][0]["content"].removeprefix("Answer: ") for which in ("chosen", "rejected"))
        (place,) = [
            place
            for (block, seat, text), place in asked.items()
            if (block, seat) == (row["block"], row["seat"]) and text in prompt and {better, worse} <= place.keys()
        ]
        assert np.mean(place[better]) == row["chosen_return"]
        assert np.mean(place[worse]) == row["rejected_return"]


def test_pandas_and_duckdb_read_the_same_rows(tmp_path: Path) -> None:
    pandas, duckdb = pytest.importorskip("pandas"), pytest.importorskip("duckdb")
    played(tmp_path / "run", kinds=[GOOD, GOOD], matches=3)
    exported(tmp_path / "run", "--to", "chat", "--out", tmp_path / "out")
    path, wanted = tmp_path / "out/train.parquet", rows(tmp_path / "out", tmp_path / "cache")
    assert pandas.read_parquet(path)["reward"].tolist() == [row["reward"] for row in wanted]
    found = duckdb.sql(f"select completion[1].content[1].text from '{path}'").fetchall()
    assert [text for (text,) in found] == [row["completion"][0]["content"][0]["text"] for row in wanted]


def test_no_pairs_is_said(tmp_path: Path) -> None:
    played(tmp_path / "run", kinds=[GOOD, GOOD], matches=1)
    with pytest.raises(InputError, match="there is no pair"):
        exported(tmp_path / "run", "--to", "pairs", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [one.name for one in tmp_path.iterdir()] == ["run"]


def test_a_prompt_that_the_game_has_not_is_named(tmp_path: Path) -> None:
    played(tmp_path / "run", matches=1)
    with pytest.raises(InputError, match="--prompt long: leduc has no such prompt; it has: full, short"):
        exported(tmp_path / "run", "--to", "chat", "--out", tmp_path / "out", "--prompt", "long")
