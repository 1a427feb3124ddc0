"""Commands that are printed work as they stand: from that folder, with or without the environment entered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from arena import commands
from tests.cli.kit import ARENA, run

BIN = Path(ARENA).parent
NOWHERE = "/usr/bin:/bin"


@pytest.fixture
def origin(monkeypatch):
    """Sets where this arena was installed from."""

    def set_to(url: str = "", **info: object) -> None:
        record = {"url": url, **info} if url else {}
        monkeypatch.setattr(commands, "_origin", lambda: record)

    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{NOWHERE}")
    return set_to


def checkout(folder: Path) -> Path:
    folder.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).write_text("")
    return folder


def test_on_path_it_is_called_by_its_name(monkeypatch):
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{NOWHERE}")
    assert commands.arena("verify", "my runs/1") == "arena verify 'my runs/1'"
    assert commands.python("x.py") == "python x.py"


def test_another_arena_on_path_is_not_this_one(tmp_path, monkeypatch):
    other = tmp_path / "arena"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{NOWHERE}")
    monkeypatch.chdir(tmp_path)
    assert commands.arena("games") == f"{ARENA} games"


def test_below_this_folder_its_path_is_short(monkeypatch):
    monkeypatch.setenv("PATH", NOWHERE)
    monkeypatch.chdir(BIN.parent)
    assert commands.arena("games") == "bin/arena games"
    monkeypatch.chdir(BIN)
    assert commands.arena("games") == "./arena games"


def test_without_its_script_it_is_called_through_python(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("PATH", NOWHERE)
    monkeypatch.chdir("/usr")
    assert commands.arena("games") == f"{python} -m arena games"


def test_words_with_single_quotes_stay_readable():
    assert commands.arena("x", "cmd:'a b'").endswith("\"cmd:'a b'\"")
    assert commands.arena("x", "cmd:'a $b'").endswith("""'cmd:'"'"'a $b'"'"''""")


def test_an_extra_of_a_checkout_is_installed_from_it(tmp_path, origin, monkeypatch):
    folder = checkout(tmp_path / "my arena")
    origin(folder.as_uri(), dir_info={"editable": True})
    monkeypatch.chdir(folder)
    assert commands.install("ppo") == "pip install -c constraints.txt -e '.[ppo]'"
    monkeypatch.chdir(tmp_path)
    assert commands.install("ppo") == "pip install -c 'my arena/constraints.txt' -e './my arena[ppo]'"
    origin(folder.as_uri(), dir_info={})
    assert commands.install("ppo") == "pip install -c 'my arena/constraints.txt' './my arena[ppo]'"


def test_an_extra_of_a_wheel_is_installed_from_it(tmp_path, origin):
    wheel = tmp_path / "agent_arena-0.1.0-py3-none-any.whl"
    wheel.write_text("")
    origin(wheel.as_uri(), archive_info={})
    assert commands.install("vlm") == f"pip install '{wheel}[vlm]'"


def test_an_extra_of_a_repository_is_installed_from_its_commit(origin):
    origin("https://example.org/arena.git", vcs_info={"vcs": "git", "commit_id": "abc"})
    assert commands.install("web") == "pip install 'agent-arena[web] @ git+https://example.org/arena.git@abc'"


def test_an_extra_of_an_index_is_installed_by_name(origin):
    origin()
    assert commands.install("web") == "pip install 'agent-arena[web]'"


def test_where_the_source_is_gone_the_packages_are_named(tmp_path, origin):
    origin((tmp_path / "gone").as_uri(), dir_info={})
    assert commands.install("web") == "pip install 'aiohttp>=3.10'"
    assert "'torch>=2.4'" in commands.install("train")


def test_extras_of_extras_are_counted():
    names = {one.name for one in commands.requirements("train")}
    assert {"torch", "transformers", "matplotlib"} <= names
    assert "numpy" not in names
    assert "numpy" in {one.name for one in commands.requirements("")}


def test_without_torch_and_a_gpu_the_command_has_the_small_build(origin, monkeypatch, tmp_path):
    origin()
    monkeypatch.setattr(commands, "DEVICES", tmp_path)
    monkeypatch.setattr(commands.importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    monkeypatch.setattr(sys, "platform", "linux")
    assert commands.install("ppo") == f"pip install 'agent-arena[ppo]' --extra-index-url {commands.CPU_TORCH}"
    assert commands.CPU_TORCH in commands.how_to_install("ppo")
    assert commands.CPU_TORCH not in commands.how_to_install("web")
    (tmp_path / "nvidia0").touch()
    assert commands.CPU_TORCH not in commands.how_to_install("ppo")


@pytest.mark.slow
def test_what_play_prints_last_can_be_typed(tmp_path):
    """With a PATH that has no arena."""
    folder = tmp_path / "a b"
    folder.mkdir()
    play = ("play", "-g", "kuhn", "-o", "random,random", "-q", "--out", "o u t")
    _, _, err = run(folder, *play, PATH=NOWHERE)
    typed = [line.strip() for line in err.splitlines() if "/arena verify " in line]
    assert len(typed) == 1
    done = subprocess.run(["bash", "-c", typed[0]], cwd=folder, env={**os.environ, "PATH": NOWHERE})
    assert done.returncode == 0


def test_the_origin_is_what_pip_recorded():
    text = metadata.distribution(commands.DISTRIBUTION).read_text("direct_url.json")
    assert commands._origin() == (json.loads(text) if text else {})
