"""Keys: who may read them, and that none is replaced or taken for another without a word."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from zmq.utils import z85

from arena.cli.curve_keys import keys as commands
from arena.errors import InputError
from arena.supervisor import curve


def test_a_secret_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = curve.new("arena", tmp_path / "keys")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert sorted(path.name for path in file.parent.iterdir()) == ["arena.key", "arena.key_secret"]
    assert curve.load_pair(file, "x").secret not in (tmp_path / "keys" / "arena.key").read_bytes()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    before = curve.new("arena", tmp_path).read_bytes()
    with pytest.raises(InputError, match="exists, and a key is never overwritten"):
        curve.new("arena", tmp_path)
    assert (tmp_path / "arena.key_secret").read_bytes() == before


def test_no_half_of_a_pair_is_made_beside_another_half(tmp_path: Path) -> None:
    (tmp_path / "arena.key").write_text("of another")
    with pytest.raises(InputError, match=r"arena\.key exists"):
        curve.new("arena", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["arena.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = curve.new("arena", tmp_path)
    file.chmod(mode)
    with pytest.raises(InputError, match=rf"mode {mode:04o}: others can read it. chmod 600 {file}"):
        curve.load_pair(file, "x")


def test_a_missing_key_says_the_command_that_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_KEYS", str(tmp_path))
    with pytest.raises(InputError, match=r"Make it with: .*arena keys new$"):
        curve.load_pair(tmp_path / "arena.key_secret", "x")
    with pytest.raises(InputError, match="arena keys trust tcp://there:7000 'KEY'"):
        curve.server_key("tcp://there:7000")
    with pytest.raises(InputError, match="arena keys allow NAME 'KEY'"):
        curve.allowed(tmp_path / "clients")


def test_a_public_key_is_no_pair(tmp_path: Path) -> None:
    curve.new("arena", tmp_path)
    (tmp_path / "arena.key").chmod(0o600)
    with pytest.raises(InputError, match="holds no secret key"):
        curve.load_pair(tmp_path / "arena.key", "x")


@pytest.mark.parametrize("text", ["x" * 39, "~" * 40, "%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc1#####"[:40]])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as caught:
        curve.read_key(text)
    if len(text) == 40:
        assert text not in str(caught.value)  # it may be a secret, mistyped


def test_a_server_that_shows_another_key_is_not_trusted_again_by_itself(tmp_path: Path) -> None:
    file = curve.server_file("tcp://there:7000", tmp_path)
    one = curve.read_key(str(curve.new("one", tmp_path).with_suffix(".key")))
    other = curve.read_key(str(curve.new("other", tmp_path).with_suffix(".key")))
    assert curve.keep(one, file)
    assert not curve.keep(one, file)
    with pytest.raises(InputError, match="holds another key"):
        curve.keep(other, file)


@pytest.mark.parametrize("text", ["there:7000", "ipc:///tmp/x", "tcp://there", "tcp://there:70000", "tcp://a b:1", ""])
def test_an_address_is_tcp_with_host_and_port(text: str) -> None:
    with pytest.raises(InputError, match="expected tcp://HOST:PORT"):
        curve.parse_address(text, "at=")


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "-x"])
def test_a_keys_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is not a name for a key"):
        curve.client_file(name, tmp_path)
    with pytest.raises(InputError, match="is not a name for a key"):
        curve.new(name, tmp_path)


def test_a_key_that_begins_with_a_dash_is_taken_by_the_command_line(tmp_path: Path) -> None:
    key = z85.encode(b"\xc5" + bytes(31)).decode()
    assert key.startswith("-")
    done = CliRunner().invoke(commands, ["allow", "me", key, "--dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert curve.allowed(tmp_path / "clients") == {key.encode(): "me"}
