"""Whole runs with a model on a server, through the real worker process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("aiohttp")

from arena.errors import InputError
from arena.lineup import build_plan
from arena.names import masked
from arena.plan import Limits
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.verify import verify
from tests.operators.compatible_server import Chat, CompatibleServer, Reply
from tests.supervisor.kit import ROOT

KEY = "sk-secret-0123456789"
NOW = {"Retry-After": "0"}


def by_seed(chat: Chat) -> Reply:
    """Another legal action by the turn's chance: so an answer that goes to another seat changes the log."""
    return Reply(f"Answer: {chat.legal[chat.body['seed'] % len(chat.legal)]}")


def play(
    server: CompatibleServer, out: Path, matches: int = 6, concurrency: int = 4, limits: Limits | None = None
) -> bytes:
    """The log of a run of Leduc."""
    names = [f"vlm:toy@url={server.url}", f"vlm:toy@url={server.url}@top_k=3"]
    plan = build_plan("leduc", names, matches=matches, limits=limits)
    run_plan(plan, out, concurrency=concurrency)
    return (out / "log-000.jsonl").read_bytes()


def voids(out: Path) -> list[str]:
    lines = map(json.loads, (out / "timing-000.jsonl").read_text().splitlines())
    return [line["fault"] for line in lines if line["type"] == "void"]


def test_a_run_has_the_same_log_whatever_fails_on_the_way(tmp_path):
    """Every kind of failure, each at the first try of another turn: nobody's score knows of it."""
    failures = [
        Reply("full", status=503, headers=NOW),
        Reply("full", status=429, headers=NOW),
        Reply("oh", status=500),
        Reply(body="<html>"),
        Reply(cut=True),
        Reply(choices=False),
        Reply(model="other"),
        Reply("who?", status=401),
    ]
    seen: set[int] = set()

    def disturbed(chat: Chat) -> Reply:
        seed = chat.body["seed"]
        dry = len(server.turns) <= before + 2  # each operator is asked for a sample move before the first match
        if dry or seed in seen or not failures:
            return by_seed(chat)
        seen.add(seed)
        return failures.pop()

    with CompatibleServer(by_seed) as server:
        quiet = play(server, tmp_path / "quiet")
        server.script, before = disturbed, len(server.turns)
        assert play(server, tmp_path / "disturbed") == quiet
    assert not failures
    facts = json.loads((tmp_path / "quiet" / "operators.json").read_text())
    assert len(facts) == 2
    assert all(
        (one["seeds"], one["server"], one["pictures"]) == ("yes", "toy toy 1.0", "yes") for (one,) in facts.values()
    )
    assert voids(tmp_path / "quiet") == []
    assert set(voids(tmp_path / "disturbed")) == {"backend"}
    assert verify(Run(tmp_path / "disturbed")).passed


def test_a_server_that_hangs_is_told_to_stop_and_asked_again(tmp_path):
    """One question is never answered the first time: its deadline passes, and the match is played again."""
    hung: list[int] = []

    def hangs(chat: Chat) -> Reply:
        if not hung and len(server.turns) > before + 4:
            hung.append(chat.body["seed"])
            return Reply(hang=threading.Event())
        return by_seed(chat)

    limits = Limits(deadline=2.0)
    with CompatibleServer(by_seed) as server:
        quiet = play(server, tmp_path / "quiet", limits=limits)
        server.script, before = hangs, len(server.turns)
        assert play(server, tmp_path / "hung", limits=limits) == quiet
        assert server.given_up.is_set()
        assert server.in_flight == 0
    assert "deadline" in voids(tmp_path / "hung")


def test_a_turn_that_fails_in_every_try_costs_its_seat_alone(tmp_path):
    """One prompt is answered by 500 for ever, while the server answers others."""
    bad: list[int] = []

    def answer(chat: Chat) -> Reply:
        seed = chat.body["seed"]
        if not bad and "You hold" in chat.text and len(server.turns) > 4:
            bad.append(seed)
        return Reply("oh", status=500) if seed in bad else by_seed(chat)

    with CompatibleServer() as server:
        server.script = answer
        play(server, tmp_path / "run", concurrency=1)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log-000.jsonl").read_text().splitlines()]
    hit, match = set(), None
    for line in lines:
        match = line["match"] if line["type"] == "match" else match
        if line["type"] == "turn" and "fault" in line:
            hit.add((match, line["seat"], line["fault"]))
    assert [fault for _, _, fault in hit] == ["backend"]
    assert sum(line["type"] == "end" for line in lines) == 6


def arena(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "arena", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def leaks(folder: Path) -> list[str]:
    """Files that hold the key."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_the_key_reaches_the_server_and_nothing_else(tmp_path):
    """The server echoes it in errors and in an answer; it is in no file, message, or process's arguments."""
    arguments: list[str] = []
    replies = [
        Reply(f"bad key {KEY}", status=500),
        Reply(body=f"<html>{KEY}</html>"),
        Reply(f"slow down, {KEY}", status=429, headers=NOW),
        Reply(f"no such model for {KEY}", status=404),
        Reply(f"what is this? {KEY}", status=400),
        Reply(model=KEY),
        Reply(f"My key is {KEY}.\nAnswer: call", thought=f"{KEY}!"),
        Reply(None, refusal=f"Not with {KEY}"),
    ]

    def answer(chat: Chat) -> Reply | None:
        arguments.extend(" ".join(one.cmdline()) for one in psutil.Process().children(recursive=True))
        return replies.pop() if replies else None

    with CompatibleServer(answer, key=KEY) as server:
        name = f"vlm:toy@url={server.url}@key=TOY_API_KEY"
        out = tmp_path / "run"
        common = ("play", "--game", "leduc", "--operators", f"{name},random", "--matches", "6")
        done = arena(*common, "--out", str(out), TOY_API_KEY=KEY)
        assert done.returncode == 0, done.stderr
        assert {chat.headers["Authorization"] for chat in server.turns} == {f"Bearer {KEY}"}
        assert not replies
        server.probes = lambda chat: Reply(f"who is {KEY}?", status=403)
        refused = arena(*common, "--out", str(tmp_path / "refused"), TOY_API_KEY=KEY)
        assert refused.returncode != 0
        assert "answers 403: who is ***?" in refused.stderr
    assert leaks(tmp_path) == []
    told = [done.stdout, done.stderr, refused.stdout, refused.stderr, *arguments]
    assert not [text for text in told if KEY in text]
    assert any("arena_workers" in text for text in arguments)
    assert "TOY_API_KEY" in (out / "run.json").read_text()  # so that the run can go on


def test_a_key_that_is_given_itself_is_refused_and_not_repeated(monkeypatch):
    monkeypatch.delenv("TOY_API_KEY", raising=False)
    for given in (KEY, "AKIAIOSFODNN7EXAMPLE"):
        with pytest.raises(InputError, match="never the key itself") as caught:
            build_plan("leduc", [f"vlm:toy@url=http://localhost:1/v1@key={given}", "random"])
        assert given not in str(caught.value)
    with pytest.raises(InputError, match="variable TOY_API_KEY is not set here"):
        build_plan("leduc", ["vlm:toy@url=http://localhost:1/v1@key=TOY_API_KEY", "random"])


def test_the_name_of_a_variable_is_no_secret(monkeypatch):
    monkeypatch.setenv("TOY_API_KEY", KEY)
    assert masked({"key": "TOY_API_KEY", "api_key": KEY}) == {"key": "TOY_API_KEY", "api_key": "***"}


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "answers 401: no. It wants another key"), (404, "answers 404: no. Check the url")],
)
def test_what_is_found_at_the_start_ends_the_run_before_the_first_match(tmp_path, status, words):
    with CompatibleServer(probes=lambda chat: Reply("no", status=status)) as server:
        url = server.url
        done = arena(
            "play", "--game", "leduc", "--operators", f"vlm:toy@url={url},random", "--out", str(tmp_path / "r")
        )
    assert done.returncode in (1, 2)
    assert words in " ".join(done.stderr.split())
    assert server.turns == []
    assert "Traceback" not in done.stderr


def test_the_seat_that_wants_tokens_gets_them_through_the_worker(tmp_path):
    with CompatibleServer(by_seed) as server:
        plan = build_plan("leduc", [f"vlm:toy@url={server.url}", "random"], matches=2)
        run_plan(plan, tmp_path / "run", turns=True)
    assert server.turns
    assert all(chat.body["return_token_ids"] for chat in server.turns)
