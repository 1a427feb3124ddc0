"""The compliance suite of workers finds what is wrong: each wrong worker fails the one check that it should."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from arena.cli.check_worker import worker
from arena.testing import worker_checks
from arena.testing.checking import Finding
from arena.testing.worker_checks_play import PLAY
from arena.testing.worker_peer import essence
from arena.testing.worker_suite import CHECKS, check_worker
from arena_games.leduc.rules import Leduc
from tests.testing.wrong_workers import WRONG

PEERS = Path(__file__).with_name("wrong_workers.py")
ROOT = Path(__file__).parents[2]
TINY = str(ROOT / "docs" / "examples" / "tiny_worker.py")
TALK = tuple(check for check in CHECKS if check not in PLAY)

# What each wrong worker fails. A few of them are seen by a second check too: what else they do not do follows from it.
FAILS = {
    "silent": ["hello"],
    "late_words": ["patient"],
    "wrong_token": ["hello"],
    "other_major": ["version"],
    "never_ready": ["ready"],
    "wrong_pong": ["ping"],
    "ignores_unknown": ["unknown_message"],
    "wrong_code": ["unknown_message"],
    "answers_errors": ["error"],
    "no_opened": ["opened"],
    "drops_requests": ["answers"],
    "answers_twice": ["once"],
    "wrong_tick": ["echo"],
    "wrong_session": ["session"],
    "illegal": ["legal"],
    "no_attempt": ["again"],
    "confirms_all": ["cancel"],
    "no_closed": ["closed", "closed_unknown"],
    "closes_known_only": ["closed_unknown"],
    "strict_fields": ["fields"],
    "nil_is_a_value": ["defaults"],
    "counts_buffers": ["buffers"],
    "no_clock": ["budget"],
    "no_bye": ["bye"],
    "exit_3": ["exit"],
    "stays": ["exit"],
    "ignores_stdin": ["lifeline"],
    "leaves_a_child": ["lifeline"],
    "newest_only": ["queued"],
    "never_forgets": ["void"],
    "strict_welcome": ["welcome_fields"],
    "late_lifeline": ["lifeline_early"],
}
# What breaks the protocol is named in the words of the arena, whichever check is the first to meet it.
BREACHES = {
    "two_answers": ("answers", "by a decision and an error: expected one of decision, cancelled and error"),
    "cancels_itself": ("answers", "by cancelled, and nobody cancelled it"),
    "illegal_fault": ("answers", "by a decision with the fault 'illegal', which a worker does not give"),
    "negative_usage": ("answers", "by a decision with a usage of -3 and 0 tokens: expected numbers from 0"),
    "closes_at_once": ("opened", "sent CLOSED of seat 0 of match 0, which is open"),
    "says_bye": ("answers", "said BYE with seat"),
    "steers_the_terminal": ("opened", "ERROR failed: \\x1b[2J\\x9b31m \\u202e gone"),
    "minor_below": ("hello", "it says that it speaks protocol 1.-1: a minor is a number from 0"),
}
STAY = {"stays", "ignores_stdin", "leaves_a_child", "late_lifeline"}


def run(name: str, checks=TALK, patience: float = 5.0) -> list[Finding]:
    command = [sys.executable, "-P", str(PEERS), name]
    # How long a worker may take to start says nothing about what is wrong with it, except for those that never do.
    # (Of those, one greets first: on a busy machine an interpreter takes seconds to come that far.)
    startup = {"silent": 3.0, "never_ready": 12.0}.get(name, 60.0)
    with pytest.MonkeyPatch.context() as changed:
        if name in STAY:
            changed.setattr(worker_checks, "LEAVE", 3.0)
        return check_worker(command, Leduc(2), patience=patience, startup=startup, checks=checks)


@pytest.fixture(autouse=True)
def _in_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that leaves may be slow to do so, on a busy machine."""
    monkeypatch.setattr(worker_checks, "LEAVE", 60.0)


def failed(results: list[Finding]) -> list[str]:
    return [result.test for result in results if result.state == "fails"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILS)
def test_a_wrong_worker_fails_what_it_should(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "late_words":  # which come when the machine lets them; nothing is waited for once they are here
        monkeypatch.setattr(worker_checks, "QUIET", 60.0)
    results = run(name)
    assert failed(results) == FAILS[name]
    told = next(result for result in results if result.state == "fails")
    assert re.fullmatch(r"expected .+\ncame .+", told.why, re.DOTALL)
    assert told.where.startswith("docs/protocol.md, section ")
    assert told.repair


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_named_in_the_words_of_the_arena(name: str) -> None:
    check, said = BREACHES[name]
    results = run(name, tuple(c for c in TALK if c.name in {"hello", "ready", "ping", "opened", "answers"}))
    assert failed(results)[0] == check
    assert said in next(result.why for result in results if result.state == "fails")


def test_the_worker_they_are_made_of_passes_everything() -> None:
    results = run("good", CHECKS, patience=30.0)
    assert [result.test for result in results if result.state != "passes"] == []


def test_chance_from_elsewhere_than_the_seed_is_found() -> None:
    results = run("undecided", CHECKS, patience=30.0)
    assert failed(results) == ["repeats"]
    assert "line" in next(result.why for result in results if result.test == "repeats")


@pytest.mark.slow
@pytest.mark.parametrize("target", ["arena_operators.random.kind:build", "arena_operators.human.build:build"])
def test_the_shipped_python_worker_passes(target: str) -> None:
    """Both of its hosts, the batched one and the asynchronous one (a person, who answers nobody here)."""
    command = [sys.executable, "-P", "-m", "arena_workers.host", target]
    asynchronous = "human" in target
    options = {"port": 0, "mode": "web"} if asynchronous else {}
    greeting = {"hello", "token", "version", "patient", "ready", "ping", "unknown_message", "error", "opened"}
    leaving = {"closed_unknown", "welcome_fields", "bye", "exit", "lifeline", "lifeline_early"}
    checks = [check for check in CHECKS if not asynchronous or check.name in greeting | leaving]
    results = check_worker(command, Leduc(2), options=options, checks=checks)
    skipped = [] if asynchronous else ["repeats"]  # its HELLO promises nothing: the operator's kind does
    assert [result.test for result in results if result.state != "passes"] == skipped


def test_every_wrong_worker_is_tried() -> None:
    assert set(FAILS) == set(WRONG) - {"good", "undecided", *BREACHES}


def test_every_check_but_the_whole_matches_has_a_worker_that_fails_it() -> None:
    assert {check.name for check in TALK} == {name for names in FAILS.values() for name in names}


def test_the_command_says_what_failed_and_how_to_repair_it() -> None:
    done = CliRunner().invoke(worker, ["--timeout", "3", "--startup", "3", "--", sys.executable, str(PEERS), "silent"])
    assert done.exit_code == 1
    assert "FAILS       Says HELLO first and in time" in done.stdout
    assert "expected HELLO as the first message" in done.stdout
    assert "came nothing within 3 s" in done.stdout
    assert "docs/protocol.md, section 1, 3 (hello)" in done.stdout
    assert "1 fails" in done.stdout


def test_a_worker_that_breaks_shows_its_error_also_when_a_stack_and_more_follow_it() -> None:
    printed = "Error: Cannot find package 'msgpackr'\n    at getError (a.js:1)\n    at b\n  code: 'X'\n}\n\nNode.js v20"
    assert essence(printed).splitlines() == ["Error: Cannot find package 'msgpackr'", "...", "}", "", "Node.js v20"]
    assert essence("Traceback:\n  File x\n    y\nKeyError: 'z'") == "  File x\n    y\nKeyError: 'z'"
    assert essence("") == ""


def test_results_as_json_hold_every_check() -> None:
    done = CliRunner().invoke(worker, ["--json", "--", "sh", "-c", "exit 4"])
    assert done.exit_code == 1
    found = msgspec.convert(json.loads(done.stdout)["findings"], list[Finding])
    assert found == check_worker(["sh", "-c", "exit 4"], Leduc(2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to check"),
        (["--", "no-such-program"], "cannot start 'no-such-program': it is neither a file nor on PATH"),
        (["--", TINY], f"it is not a file that can be run. Name the program that runs it: python {TINY}"),
        (["--game", "chess960", "--", "true"], "no game is called 'chess960'"),
        (["--seats", "7", "--", "true"], "leduc takes 2"),
        (["--options", "3", "--", "true"], "expected a JSON object"),
        (["--options", "{", "--", "true"], "is not JSON"),
    ],
)
def test_bad_input_is_told(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(worker, arguments)
    assert getattr(done.exception, "exit_code", None) == 2
    assert said in str(done.exception)


def test_a_program_that_is_no_worker_fails_with_what_it_printed() -> None:
    results = check_worker(["sh", "-c", "echo I am no worker; exit 4"], Leduc(2))
    assert failed(results) == ["hello"]
    assert "exited with code 4" in results[0].why
    assert "I am no worker" in results[0].why
    assert {result.state for result in results[1:]} == {"not tested"}
