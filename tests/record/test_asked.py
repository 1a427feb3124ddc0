"""What a model was asked is shown with what it answered, as its kind says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from arena.canonical import hash_file
from arena.cli.replay import replay as command
from arena.exporters.episodes import Reader
from arena.exporters.filters import Filter
from arena.record.asked import models, shown
from arena.record.moments import ShownTurn, moments
from arena.record.reader import Run
from arena.record.replay import Replay
from arena_operators.vlm.shown import prompts
from tests.exporters.kit import played

OPTIONS = {"url": "http://localhost:1/v1", "history": 2}  # nobody is asked there


def as_model(folder: Path, options: Mapping[str, Any], what: str = "toy") -> Run:
    """The run as if its first operator had been a model."""
    head = json.loads((folder / "run.json").read_text())
    head["games"][0]["operators"][0] |= {"kind": "vlm", "what": what, "options": dict(options)}
    (folder / "run.json").write_text(json.dumps(head))
    return Run(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    played(tmp_path / "run", matches=2, max_reasks=1)
    return tmp_path / "run"


def turns(run: Run) -> list[ShownTurn]:
    """Of the first operator, in the first match."""
    with closing(Replay(run)) as replay:
        plan, lines = next(replay.recorded())
        match = replay.match(plan)
        views, asked = replay.views(plan), models(replay, match)
        return [one for moment in moments(match, lines, views, asked) for one in moment.turns if one.seat in asked]


def test_every_turn_has_the_prompt_that_the_models_kind_says(folder: Path) -> None:
    run = as_model(folder, OPTIONS)
    with closing(Reader.open(run, Filter(operators=(run.operators[0],)))) as reader:
        episode = next(reader.episodes(0, lambda head: head.views))
    requests = [step.turn.request for step in episode.steps]
    texts = [step.turn.decision.raw or "" for step in episode.steps]
    wanted = [shown(one) for one in prompts("toy", OPTIONS, episode.opening, requests, texts)]
    found = turns(run)
    assert [one.prompt for one in found] == wanted
    assert any(one.attempt for one in found)
    assert "I think of" in wanted[-1]  # its earlier turn


@pytest.mark.parametrize("options", [{"url": "http://localhost:1/v1", "prompt": "gone.txt"}, {"adapter": "gone"}])
def test_a_prompt_that_cannot_be_known_is_said_to_be_unknown(folder: Path, options: dict[str, str]) -> None:
    run = as_model(folder, options)
    assert {one.prompt for one in turns(run)} == {""}
    assert "the record does not tell" in CliRunner().invoke(command, [str(folder)]).output


def test_words_that_a_model_was_not_given_are_not_called_what_it_saw(folder: Path) -> None:
    run = as_model(folder, {}, "nano")  # whose prompt has few words beside the picture
    out = CliRunner().invoke(command, [str(folder), "--match", "0"], env={"COLUMNS": "200"}).output
    assert "[picture 128x128]" in out
    assert "not what the model was given" in out
    panels = [panel.split("│", 1) for panel in out.split("╭─ ")[2:]]
    model = run.operators[0]
    assert {model in head: "saw " in body for head, body in panels if "asked again" not in body} == {
        True: False,
        False: True,
    }


def test_no_code_that_an_option_names_is_run_to_show_a_run(folder: Path, tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text("raise SystemExit('it was run')")
    run = as_model(folder, {**OPTIONS, "tools": f"{code}:odds"})
    head = json.loads((folder / "run.json").read_text())
    file = {"hash": hash_file(code), "name": "mine.py", "path": str(code), "where": "tools", "written": f"{code}:odds"}
    head["games"][0]["operators"][0]["files"] = [file]
    (folder / "run.json").write_text(json.dumps(head))
    assert {one.prompt for one in turns(Run(run.folder))} == {""}
