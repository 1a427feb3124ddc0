"""A run with a model on a server: what it found out is shown, what it took is summed, and it is asked again."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("aiohttp")

from click.testing import CliRunner

from arena.cli.show import show
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.rerun import rerun
from tests.operators.compatible_server import Chat, CompatibleServer, Reply
from tests.operators.test_served_runs import by_seed


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folder and its server, which goes on."""
    folder = tmp_path_factory.mktemp("served") / "run"
    with CompatibleServer(by_seed) as server:
        operators = [f"vlm:toy@url={server.url}@price=1/2", "random"]
        run_plan(build_plan("leduc", operators, matches=4), folder, concurrency=4)
        yield folder, server


def test_what_the_server_said_is_shown(played):
    folder, _ = played
    (said,) = Run(folder).facts()[Run(folder).operators[0]]
    assert said["model"] == "toy"
    assert "model toy" in " ".join(CliRunner().invoke(show, [str(folder)]).output.split())


def test_what_it_took_is_summed(played):
    folder, _ = played
    used = json.loads((folder / "usage.json").read_text())[Run(folder).operators[0]]
    row = Run(folder).tables()[0].rows[0]
    assert (used["prompt_tokens"], used["completion_tokens"]) == (row.prompt_tokens, row.completion_tokens)
    assert used["cost"] == pytest.approx((row.prompt_tokens + 2 * row.completion_tokens) / 1e6)
    assert used["model_seconds"] > 0


def test_it_is_sent_the_seeds_of_the_run_again_and_told_when_it_is_gone(played):
    folder, server = played
    found = rerun(Run(folder), 10**6)
    turns = [row.turns for row in Run(folder).tables()[0].rows]
    assert [one.asked for one in found.agreements] == [one.same for one in found.agreements] == turns
    assert found.agreements[0].determinism == "measured"
    server.stop()
    try:
        gone, chance = rerun(Run(folder), 10**6).agreements
    finally:
        server.start()
    assert gone.asked == 0
    assert server.url in (gone.absent or "")
    assert chance.asked == chance.same > 0


def by_notes(chat: Chat) -> Reply:
    """Notes each turn, reads its notes, and answers by how many there are and by its last text's chance."""
    written = sum(one["role"] == "assistant" for one in chat.body["messages"])
    calls = ['Tool: notes {"action": "write", "text": "mark"}', 'Tool: notes {"action": "read"}']
    place = chat.parts[-1]["text"].count("mark") + chat.body["seed"]
    return Reply(calls[written] if written < len(calls) else f"Answer: {chat.legal[place % len(chat.legal)]}")


def test_one_with_tools_uses_them_again_and_has_the_notes_that_it_had(tmp_path):
    with CompatibleServer(by_notes) as server:
        operators = [f"vlm:toy@url={server.url}@tools=notes", "random"]
        run_plan(build_plan("leduc", operators, matches=6), tmp_path / "run", concurrency=4)
        run, asked = Run(tmp_path / "run"), len(server.turns)
        found, _ = rerun(run, 10**6).agreements
        again = len(server.turns) - asked
    turns = run.tables()[0].rows[0].turns
    assert run.tables()[0].rows[0].calls == 2 * turns
    assert found.same == found.asked == turns
    assert again == 3 * turns
