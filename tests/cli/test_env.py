"""`arena env` with a real environment, of a toy plugin whose requirement conflicts with the arena's own extras.

One story, told once: a creation is killed half way, two others are started at once, one of them finishes the work.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

from arena.supervisor.runtime import lockfile
from tests.cli import kit
from tests.supervisor.runtime_kit import UV, install, script

HELD_GYMNASIUM = "0.29.1"
pytestmark = pytest.mark.timeout(600)


@dataclass
class Story:
    folder: Path
    env: dict[str, str]
    while_orphaned: list[dict[str, str]]  # what `list --json` said while a tool outlived the arena that was killed
    refused: tuple[int, str, str]  # `check` then
    said: list[tuple[int, str, str]]  # by the two that were started at once
    calls: list[str]  # of uv, in order, with "---" where the first arena was killed

    def run(self, *args: str, **env: str) -> tuple[int, str, str]:
        process = self.start(*args, **env)
        out, err = process.communicate()
        return process.returncode, out, err

    def start(self, *args: str, **env: str) -> subprocess.Popen[str]:
        return kit.start(self.folder, *args, plugins=self.folder / "plugins", **{**self.env, **env})

    def environment(self) -> dict[str, str]:
        return next(row for row in json.loads(self.run("env", "list", "--json")[1]) if row["name"] == "toy")


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("story")
    install(folder / "plugins")
    script(folder / "bin" / "uv", UV.replace("{python}", sys.executable))
    env = {
        "ARENA_HOME": str(folder / "home"),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "TOY_CALLS": str(folder / "calls"),
        "TOY_GO": str(folder / "go"),
    }
    told = Story(folder, env, [], (0, "", ""), [], [])
    for name in ("held", "go"):
        os.mkfifo(folder / name)
    first = told.start("env", "create", "toy", TOY_HELD=str(folder / "held"))
    assert (folder / "held").read_text() == "held\n"  # waits until uv is about to install
    first.send_signal(signal.SIGKILL)
    first.communicate()
    with (folder / "calls").open("a") as calls:
        calls.write("---\n")
    told.while_orphaned = json.loads(told.run("env", "list", "--json")[1])
    told.refused = told.run("env", "check", "toy")
    both = [told.start("env", "create", "toy") for _ in range(2)]
    heads = [_until_it_waits(process) for process in both]
    (folder / "go").write_text("")  # uv, which outlived its arena, ends
    for head, process in zip(heads, both, strict=True):
        out, err = process.communicate()
        told.said.append((process.returncode, out, head + err))
    told.calls = (folder / "calls").read_text().splitlines()
    return told


def _until_it_waits(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = ""
    while "waiting for it" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


def test_what_a_kill_leaves_does_not_look_finished(story):
    assert [row["state"] for row in story.while_orphaned if row["name"] == "toy"] == ["being created"]
    assert story.refused[0] == 2
    assert "arena env create toy" in story.refused[2]


def test_two_at_once_make_one_and_both_end_well(story):
    assert [code for code, _, _ in story.said] == [0, 0], story.said
    assert all("toy is ready" in out for _, out, _ in story.said)
    assert sum("installing this arena" in err for _, _, err in story.said) == 1


def test_going_on_does_not_resolve_again(story):
    at = story.calls.index("---")
    resolved = [call.startswith("pip compile") for call in story.calls]
    assert (sum(resolved[:at]), sum(resolved[at:])) == (1, 0)


def test_whoever_creates_it_is_told_the_licence(story):
    assert "toys may be sharp" in story.said[0][2]


def test_its_packages_conflict_with_ours_and_both_work(story):
    python = next(line for line in story.said[0][1].splitlines() if line.startswith("python: ")).split()[1]
    code = "import arena, arena_workers.host, gymnasium; print(arena.__version__, gymnasium.__version__)"
    done = subprocess.run([python, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [metadata.version("agent-arena"), HELD_GYMNASIUM]
    assert metadata.version("gymnasium") != HELD_GYMNASIUM


def test_an_operator_of_the_runtime_sits_at_the_table(story):
    code, out, err = story.run("play", "--game", "kuhn", "--operators", "first,random", "--out", "run")
    assert (code, "first" in out) == (0, True), err
    assert '"fault"' not in (story.folder / "run" / "log-000.jsonl").read_text()


def test_a_game_of_the_runtime_is_hosted_there_and_verified_and_shown(story):
    code, _, err = story.run("play", "--game", "old", "--operators", "random,random", "-n", "3", "--out", "hosted")
    assert code == 0, err
    assert f"played with gymnasium {HELD_GYMNASIUM}" in (story.folder / "hosted" / "log-000.jsonl").read_text()
    code, out, err = story.run("verify", "hosted")
    assert (code, "verified: 3 matches" in out) == (0, True), out + err
    code, out, err = story.run("replay", "hosted", "--plain", "--match", "1", "--frames", "pictures")
    assert (code, f"gymnasium {HELD_GYMNASIUM}" in out) == (0, True), out + err
    assert len(list((story.folder / "pictures").glob("*.png"))) == 3


def test_a_game_whose_runtime_is_not_there_cannot_be_verified(story):
    code, _, err = story.run("verify", "hosted", ARENA_HOME="elsewhere")
    assert (code, "arena env create toy" in err) == (2, True), err


def test_every_package_is_locked_with_hashes(story):
    lock = next((story.folder / "home" / "locks").glob("toy-*.txt"))
    assert lockfile.read(lock)["gymnasium"] == HELD_GYMNASIUM
    assert lockfile.hashed(lock)


def test_it_is_listed(story):
    row = story.environment()
    assert (row["state"], row["python"].count("."), row["advice"]) == ("ready", 2, "")


def test_a_runtime_that_fits_here_needs_no_environment(story):
    rows = {row["name"]: row["state"] for row in json.loads(story.run("env", "list", "--json")[1])}
    assert (rows["here"], rows["future"], rows["broken"]) == ("fits here", "not created", "broken")


def test_check_says_what_differs_and_rebuild_repairs(story):
    assert story.run("env", "check", "toy")[0] == 0
    info = next(Path(story.environment()["path"]).glob("venv/lib/*/site-packages/mdurl-*.dist-info")) / "METADATA"
    text = info.read_text()
    info.unlink()  # it is linked to uv's cache: written over, the cache would change too
    info.write_text(text.replace("\nVersion: ", "\nVersion: 9"))
    code, out, _ = story.run("env", "check", "toy")
    assert (code, "mdurl is 9" in out, "arena env create toy --rebuild" in out) == (1, True, True), out
    assert story.run("env", "create", "toy", "--rebuild")[0] == 0
    code, out, _ = story.run("env", "check", "toy")
    assert (code, "toy is well" in out) == (0, True), out


def test_what_play_needs_and_nobody_can_be_asked_for(story):
    code, _, err = story.run("play", "--operators", "first,random", "--game", "kuhn", ARENA_HOME="elsewhere")
    assert (code, "arena env create toy, or play with --yes" in err) == (2, True), err


def test_without_an_index_the_error_says_so(story):
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_INDEX": "", "UV_FIND_LINKS": ""}
    code, _, err = story.run("env", "create", "unreached", UV_NO_CACHE="1", UV_HTTP_RETRIES="0", **nowhere)
    assert code == 1
    for part in ("'unreached' cannot be resolved", "127.0.0.1:9", "pip config list", "log.txt"):
        assert part in err
    states = [row["state"] for row in json.loads(story.run("env", "list", "--json")[1]) if row["name"] == "unreached"]
    assert states == ["unfinished"]


def test_when_no_python_can_be_had_the_error_says_where_it_looked(story):
    code, _, err = story.run("env", "create", "future", UV_PYTHON_DOWNLOADS="never")
    assert (code, "no Python" in err, "No download found" in err, "--python PATH" in err) == (2, True, True, True), err


def test_it_is_not_removed_without_a_question(story):
    code, _, err = story.run("env", "remove", "toy")
    assert (code, "Add --yes" in err) == (2, True)
    assert story.environment()["state"] == "ready"


def test_it_is_not_removed_while_it_is_used(story):
    hold = "import sys; from arena.supervisor.runtime.use import interpreter; print(interpreter('toy'), flush=True)"
    user = subprocess.Popen(
        [sys.executable, "-c", f"{hold}; sys.stdin.read()"],
        env={**os.environ, **story.env, "PYTHONPATH": str(story.folder / "plugins")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    assert user.stdout.readline().strip().endswith("/venv/bin/python")
    for command in (("remove", "toy", "--yes"), ("create", "toy", "--rebuild")):
        code, _, err = story.run("env", *command)
        assert (code, "in use" in err) == (2, True), err
    user.communicate()
    assert story.environment()["state"] == "ready"


def test_removed_it_is_gone_and_its_lock_stays(story):
    path = Path(story.environment()["path"])
    assert story.run("env", "remove", "toy", "--yes")[0] == 0
    assert not path.exists()
    assert story.environment()["state"] == "not created"
    assert list((story.folder / "home" / "locks").glob("toy-*.txt"))
