"""Who is not let in, and what is not done for those who are."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import zmq

from arena.errors import ArenaError, InputError, WorkerError
from arena.lineup import build_plan
from arena.names import parse
from arena.play import run_plan
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.version import MAJOR, MINOR
from arena.supervisor import curve
from arena.supervisor.remote import Link
from tests.supervisor.kit import LONGEST
from tests.supervisor.remote_kit import Served, keys, make_keys, served

__all__ = ["keys"]


def seat(at: str) -> None:
    build_plan("kuhn", [f"random@at={at}", "random"])


def swap_in(monkeypatch: pytest.MonkeyPatch, where: Path, at: str, server: Path) -> None:
    """From here on this is an arena with the keys in `where`, which expects the key `server` at this address."""
    curve.keep(curve.read_key(str(server)), curve.server_file(at, where))
    monkeypatch.setenv("ARENA_KEYS", str(where))


def test_an_arena_without_a_key_is_told_how_to_make_one(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served("random", keys, tmp_path / "logs") as there:
        monkeypatch.setenv("ARENA_KEYS", str(tmp_path / "none"))
        with pytest.raises(InputError, match=r"arena.key_secret is missing. Make it with: .*arena keys new"):
            seat(there.at)


def test_a_server_that_is_not_trusted_is_not_spoken_with(keys: Path, tmp_path: Path) -> None:
    with (
        served("random", keys, tmp_path / "logs", trusted=False) as there,
        pytest.raises(InputError, match=f"arena keys trust {there.at} 'KEY'"),
    ):
        seat(there.at)


def test_a_key_that_is_not_on_the_list_is_not_let_in(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served("random", keys, tmp_path / "logs") as there:
        swap_in(monkeypatch, make_keys(tmp_path / "foreign"), there.at, keys / "arena.key")
        foreign = curve.read_key(str(tmp_path / "foreign" / "arena.key")).decode()
        with pytest.raises(InputError) as caught:
            seat(there.at)
        assert f"its key is not on the list there. On that machine: arena keys allow NAME '{foreign}'" in str(
            caught.value
        )
        assert f"arena keys allow NAME '{foreign}'" in there.hear("refused the key.*").group()


def test_a_key_on_the_list_comes_in_without_a_restart_and_one_taken_off_does_not(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served("random", keys, tmp_path / "logs") as there:
        swap_in(monkeypatch, make_keys(tmp_path / "friend"), there.at, keys / "arena.key")
        friend = curve.client_file("friend", keys)
        curve.keep(curve.read_key(str(tmp_path / "friend" / "arena.key")), friend)
        seat(there.at)
        friend.unlink()
        with pytest.raises(InputError, match="not on the list"):
            seat(there.at)


def test_a_server_with_another_key_than_the_trusted_one_is_not_spoken_with(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served("random", keys, tmp_path / "logs") as there:
        other = make_keys(tmp_path / "other")
        swap_in(monkeypatch, other, there.at, other / "arena.key")
        with pytest.raises(InputError, match="broke off the handshake: either it is not `arena worker serve`, or"):
            seat(there.at)
        assert there.hear("refused a peer that knows another key than this server's")


def test_without_an_answer_of_the_authenticator_nobody_connects(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.supervisor.remote.CONNECT", 2.0)
    with served("random", keys, tmp_path / "logs") as there:
        there.gate.close()
        with pytest.raises(ArenaError, match=r"accepts the connection and says nothing|broke off the handshake"):
            seat(there.at)


def test_a_peer_without_curve_is_not_heard(keys: Path, tmp_path: Path) -> None:
    with served("random", keys, tmp_path / "logs") as there:
        context: zmq.Context[Any] = zmq.Context()
        plain = context.socket(zmq.DEALER)
        monitor = plain.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        plain.connect(there.at)
        plain.send_multipart(codec.encode(a_hire()))
        assert there.hear("a peer .*speaks without CURVE")
        assert not monitor.poll(0)
        plain.disable_monitor()
        context.destroy(linger=0)
    assert there.pids == []


@pytest.mark.parametrize("what", ["plain zeromq", "no zeromq"])
def test_what_listens_there_may_be_something_else(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr("arena.supervisor.remote.CONNECT", 2.0)
    context: zmq.Context[Any] = zmq.Context()
    other = context.socket(zmq.ROUTER if what == "plain zeromq" else zmq.STREAM)
    at = f"tcp://127.0.0.1:{other.bind_to_random_port('tcp://127.0.0.1')}"
    curve.keep(curve.read_key(str(keys / "arena.key")), curve.server_file(at, keys))
    reason = "broke off the handshake" if what == "plain zeromq" else "accepts the connection and says nothing"
    with pytest.raises(ArenaError, match=reason):
        seat(at)
    context.destroy(linger=0)


def test_a_machine_that_is_not_there_is_said_to_be_away(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.supervisor.remote.CONNECT", 0.2)
    at = "tcp://127.0.0.1:9"
    curve.keep(curve.read_key(str(keys / "arena.key")), curve.server_file(at, keys))
    with pytest.raises(WorkerError, match=f"{at} cannot be reached within 0.2 s. Does `arena worker serve` run there"):
        seat(at)


@pytest.mark.parametrize("at", ["ipc:///tmp/x", "127.0.0.1:7000", "tcp://127.0.0.1"])
def test_only_tcp_is_an_address(keys: Path, at: str) -> None:
    with pytest.raises(InputError, match="expected tcp://HOST:PORT"):
        seat(at)


@pytest.mark.parametrize("lacking", ["keys", "list"])
def test_nothing_is_served_without_a_key_and_a_list(keys: Path, tmp_path: Path, lacking: str) -> None:
    if lacking == "keys":
        (keys / "arena.key_secret").unlink()
    else:
        (keys / "clients" / "me.key").unlink()
    serve = [sys.executable, "-m", "arena", "worker", "serve", "random", "--listen", "tcp://127.0.0.1:0"]
    done = subprocess.run(serve, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert ("arena keys new" if lacking == "keys" else "arena keys allow NAME 'KEY'") in done.stderr
    assert "Traceback" not in done.stderr


# --- who is let in, and lies ------------------------------------------------------------------------------------------


def a_hire(kind: str = "random", major: int = MAJOR) -> m.Hire:
    return m.Hire(token="t", major=major, minor=MINOR, kind=kind, what="", options={})


class Liar:
    """An arena with a good key that says what it likes."""

    def __init__(self, there: Served) -> None:
        self.context: zmq.Context[Any] = zmq.Context()
        self.link = Link(self.context, there.at)

    def __enter__(self) -> Liar:
        return self

    def __exit__(self, *error: object) -> None:
        self.link.close()
        self.context.term()

    def say(self, message: m.Message) -> None:
        self.link.send(codec.encode(message))

    def hear(self, sort: type) -> Any:
        """The next message of this sort."""
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            self.link.wait(until)
            frames = self.link.receive()
            if frames is not None:
                message = codec.decode_to_arena(frames)
                if isinstance(message, sort):
                    return message
        raise AssertionError(f"no {sort.__name__} came")


def test_a_welcome_to_something_else_than_was_agreed_ends_the_worker(keys: Path, tmp_path: Path) -> None:
    """Else an arena could name files of the worker's machine after all."""
    with served("ppo", keys, tmp_path / "logs") as there, Liar(there) as liar:
        wanted = dict(build_plan("leduc", [f"ppo@at={there.at}", "random"]).pool[0].options)
        liar.say(m.Hire(token="t", major=MAJOR, minor=MINOR, kind="ppo", what="", options=wanted))
        assert liar.hear(m.Hello).token == "t"
        liar.say(m.Welcome(session="s", minor=MINOR, what="/tmp/evil.zip", options=wanted))
        assert "WELCOME has other options" in liar.hear(m.Gone).reason


def test_nothing_passes_before_welcome(keys: Path, tmp_path: Path) -> None:
    with served("random", keys, tmp_path / "logs") as there, Liar(there) as liar:
        liar.say(a_hire())
        liar.hear(m.Hello)
        liar.say(m.Cancel(ids=[1]))
        assert "sent Cancel before WELCOME" in liar.hear(m.Gone).reason


@pytest.mark.parametrize(
    ("hire", "text"),
    [(a_hire("scripted"), "random is served here, not scripted"), (a_hire(major=2), "protocol 2 is not spoken here")],
    ids=["kind", "major"],
)
def test_a_hire_that_cannot_be_is_refused(keys: Path, tmp_path: Path, hire: m.Hire, text: str) -> None:
    with served("random", keys, tmp_path / "logs") as there, Liar(there) as liar:
        liar.say(hire)
        error = liar.hear(m.Error)
        assert (error.code, text in error.text) == ("refused", True)
    assert there.pids == []


def test_no_more_workers_than_the_limit(keys: Path, tmp_path: Path) -> None:
    with served("random", keys, tmp_path / "logs", most=1) as there, Liar(there) as one, Liar(there) as two:
        one.say(a_hire())
        one.hear(m.Hello)
        two.say(a_hire())
        assert "all 1 workers that it may run are taken" in two.hear(m.Error).text
        assert len(there.pids) == 1


def test_rubbish_costs_its_sender_only(keys: Path, tmp_path: Path) -> None:
    with served("random", keys, tmp_path / "logs") as there, Liar(there) as one, Liar(there) as two:
        one.say(a_hire())
        one.hear(m.Hello)
        two.link.send([b"\x00", b"\xc1"])
        assert two.hear(m.Error).code == "malformed"
        two.say(m.Welcome(session="s", minor=0))
        assert two.hear(m.Error).code == "unexpected"
        one.say(m.Welcome(session="s", minor=0))
        assert one.hear(m.Status).state == "ready"


# --- secrets ---------------------------------------------------------------------------------------------------------

SECRETIVE = """
from arena.game import Views
from arena.operator import OperatorKind
from arena.options import Option
from arena_operators.random.kind import build

KIND = OperatorKind(name="secretive", summary="", target=__file__ + ":build", views=lambda *a: Views(),
                    options={"api_key": Option("str", None, "of a service")})
"""


def test_secrets_stand_in_no_file_and_no_name(keys: Path, tmp_path: Path) -> None:
    file = tmp_path / "secretive.py"
    file.write_text(SECRETIVE)
    plan = build_plan("kuhn", [f"{file}@api_key=hunter2", "random"], matches=2)
    assert plan.pool[0].options["api_key"] == "hunter2"
    run_plan(plan, tmp_path / "run")
    for path in (tmp_path / "run").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()
        assert "hunter2" not in path.name
    assert parse(plan.pool[0].given).options == {"api_key": "***"}


def test_the_token_and_the_secret_key_stand_nowhere(keys: Path, tmp_path: Path) -> None:
    secret = curve.load_pair(keys / "arena.key_secret", "x").secret
    with served("random", keys, tmp_path / "logs") as there, Liar(there) as liar:
        liar.say(m.Hire(token="s3cr3t-t0k3n", major=MAJOR, minor=MINOR, kind="random", what="", options={}))
        liar.hear(m.Hello)
        shown = Path(f"/proc/{there.pids[0]}/cmdline").read_bytes()
        environment = Path(f"/proc/{there.pids[0]}/environ").read_bytes()
    assert b"s3cr3t-t0k3n" not in shown
    assert secret not in shown + environment
    told = "\n".join(there.all).encode() + b"".join(path.read_bytes() for path in (tmp_path / "logs").iterdir())
    assert b"s3cr3t-t0k3n" not in told
    assert secret not in told
