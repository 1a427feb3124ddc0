"""Workers that never get as far as a seat: what the user reads, and that nothing of them is left."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from arena.channel import Died
from arena.errors import ArenaError, InputError, WorkerError
from arena.protocol.version import MINOR
from arena.supervisor import process as process_module
from tests.supervisor.kit import ROOT, peer_command, peer_kind, play, said, until, watched_hub
from tests.toys import Turns, kind_of, plan_of


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find the toys; one that refused and stays is not waited for long."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("arena.supervisor.hub.GRACE", 0.5)


@pytest.mark.parametrize(
    ("peer", "error", "reason"),
    [
        ("at_start", WorkerError, "exited with code 7"),
        ("rubbish", WorkerError, "broke the protocol: the first frame is .*rubbish"),
        ("other_version", WorkerError, "broke the protocol: the first frame is b'ARENA/2', expected b'ARENA/1'"),
        ("other_major", WorkerError, f"speaks protocol 2.0, this arena speaks 1.{MINOR}"),
        ("wrong_token", WorkerError, "gave a wrong token"),
        ("no_hello", WorkerError, "sent STATUS before HELLO"),
        ("twice", WorkerError, "sent HELLO twice"),
        ("refuses", InputError, "no weights at a.zip"),
        ("steers_the_terminal", WorkerError, r"\\x1b\[2J \\x9b31m \\x00 \\u202e gone"),
        ("refuses_and_stays", InputError, "no weights at a.zip"),
    ],
)
def test_a_worker_that_does_not_start_well_ends_the_run_in_words(
    tmp_path: Path, peer: str, error: type[ArenaError], reason: str
) -> None:
    with pytest.raises(error, match=reason) as caught:
        play(plan_of(Turns, [peer_kind(peer)]), tmp_path / "run")
    assert type(caught.value) is error
    assert f"operator {peer}0 cannot start" in str(caught.value)
    log = tmp_path / "run" / "workers" / f"{peer}0-1.log"
    assert str(log) in str(caught.value)
    assert log.is_file()
    assert ("cannot find my weights" in log.read_text()) == (peer == "at_start")


def test_a_worker_that_never_says_hello_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.supervisor.hub.GREETING", 0.2)
    with pytest.raises(WorkerError, match=r"operator silent0 cannot start: said no HELLO within 0.2 s"):
        play(plan_of(Turns, [peer_kind("silent")]), tmp_path / "run")


def test_a_worker_that_loads_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.supervisor.hub.STARTUP", 0.2)
    with pytest.raises(WorkerError, match=r"operator loads0 cannot start: was not ready within 0.2 s"):
        play(plan_of(Turns, [peer_kind("loads")]), tmp_path / "run")


def test_a_worker_that_says_how_far_it_is_may_take_longer_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.supervisor.hub.STARTUP", 0.4)
    monkeypatch.setattr("arena.supervisor.hub.LOADING", 1.2)
    with pytest.raises(WorkerError, match=r"operator progresses0 cannot start: was not ready within 1.2 s"):
        play(plan_of(Turns, [peer_kind("progresses")]), tmp_path / "run")


@pytest.mark.parametrize(
    ("factory", "error", "reason"),
    [
        ("cannot", WorkerError, "RuntimeError: the weights are torn"),
        ("refuses", InputError, "no file a.zip; give another"),
        ("forgotten", WorkerError, "AttributeError: .*forgotten"),
    ],
)
def test_what_an_operator_raises_when_it_is_built_reaches_the_user(
    tmp_path: Path, factory: str, error: type[ArenaError], reason: str
) -> None:
    with pytest.raises(error, match=f"operator toy0 cannot start: {reason}") as caught:
        play(plan_of(Turns, [kind_of("toy", f"tests.toys_ops:{factory}")]), tmp_path / "run")
    assert type(caught.value) is error
    assert "Traceback" in (tmp_path / "run" / "workers" / "toy0-1.log").read_text()


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    with watched_hub(tmp_path) as hub:
        with pytest.raises(WorkerError, match=r"cannot start /nowhere/worker --fast 'two words': No such file"):
            hub.launch("x", ["/nowhere/worker", "--fast", "two words"], "", {})
        with pytest.raises(WorkerError, match=r"cannot start /nowhere/worker 'a.x00b': embedded null byte"):
            hub.launch("x", ["/nowhere/worker", "a\0b"], "", {})


def test_a_log_that_becomes_too_long_loses_its_middle_and_says_so(tmp_path: Path) -> None:
    prints = (
        "import sys; print('first'); sys.stdout.write('x' * 40_000_000); print('last'); sys.stdout.flush(); input()"
    )
    with watched_hub(tmp_path) as hub:
        channel = hub.launch("x", [sys.executable, "-c", prints], "", {})
        log = channel.log
        assert log is not None
        while not log.exists() or log.stat().st_size < 40_000_000:
            hub.poll(0.01)
            if log.exists() and b"the arena cut this log" in log.read_bytes()[:20_000_000]:
                break
        while not log.read_bytes().endswith(b"last\n"):
            hub.poll(0.01)
        channel.process.trim()
        text = log.read_bytes()
        assert len(text) <= process_module.MOST_LOG
        assert text.startswith(b"first")
        assert text.endswith(b"last\n")
        assert b"the arena cut this log here: so far it has left out" in text


def test_unknown_messages_are_answered_and_the_worker_goes_on(tmp_path: Path) -> None:
    with watched_hub(tmp_path) as hub:
        channel = hub.launch("x", peer_command("unknown_message"), "", {})
        assert said(hub, channel) == "unknown_message"
        assert hub.dropped == 1
        assert channel.alive


def test_the_arena_answers_ping(tmp_path: Path) -> None:
    with watched_hub(tmp_path) as hub:
        assert said(hub, hub.launch("x", peer_command("chatty"), "", {})) == "pong 5"


def test_any_name_makes_a_log_file_inside_the_folder(tmp_path: Path) -> None:
    """A name holds whatever the options hold: slashes, quotes, a thousand letters."""
    with watched_hub(tmp_path) as hub:
        channel = hub.launch("cmd:'../../x y' " + "é" * 1000, peer_command("at_start"), "", {})
        until(hub, lambda event: isinstance(event, Died))
        assert channel.log is not None
        assert channel.log.parent == tmp_path
        assert channel.log.read_text().strip() == "cannot find my weights"


def test_a_worker_says_how_many_questions_it_takes_when_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with watched_hub(tmp_path) as hub:
        channel = hub.launch("x", [sys.executable, "-P", "-m", "arena_workers.host", "tests.toys_ops:slow"], "", {})
        until(hub, lambda event: channel.ready)
        assert channel.max_in_flight == 2
