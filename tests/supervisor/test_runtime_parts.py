"""Definitions, lock files, and the arena's own wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from arena import plugins
from arena.errors import InputError, PluginNotFoundError
from arena.runtime import Runtime
from arena.supervisor.runtime import create, home, lockfile, own, use, uv

TOY = Runtime(name="toy", summary="", python=">=3.11", requirements=("gymnasium==0.29.1",))


def test_without_uv_the_command_that_brings_it_comes_first(monkeypatch):
    assert use.how_to_create("toy").endswith("env create toy")
    monkeypatch.setattr(uv.shutil, "which", lambda name: None)
    monkeypatch.setattr(uv.importlib.util, "find_spec", lambda name: None)
    assert re.search(r"env create toy \(it needs uv: first .*pip install .*\)", use.how_to_create("toy"))


# --- definitions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Toy/.."),
        ("python", "3.13 please"),
        ("requirements", ("nes py",)),
        ("requirements", "nes-py"),
        ("excludes", "x"),
        ("excludes", ("x>1",)),
    ],
)
def test_a_broken_definition_is_refused(field, value):
    with pytest.raises(ValueError, match="runtime"):
        replace(TOY, **{field: value})


def test_the_emulators_runtime_is_declared_and_says_whose_content_it_brings():
    assert "Nintendo" in plugins.runtime("mario").licence


def test_a_runtime_is_found_in_a_file(tmp_path):
    file = tmp_path / "plug.py"
    file.write_text(
        "from arena.runtime import Runtime\nR = Runtime(name='r', summary='', python='', requirements=())\n"
    )
    assert plugins.runtime(f"{file}:R").name == plugins.runtime(str(file)).name == "r"


def test_an_unknown_runtime_is_answered_with_near_names():
    with pytest.raises(PluginNotFoundError, match=r"Did you mean mario\? `\S*arena env list`"):
        plugins.runtime("marjo")


@pytest.mark.parametrize(
    "other",
    [
        replace(TOY, requirements=("gymnasium==0.29.0",)),
        replace(TOY, python=">=3.11,<3.14"),
        replace(TOY, name="toy2"),
        replace(TOY, excludes=("numpy",)),
    ],
)
def test_another_definition_is_another_environment(other):
    assert home.folder_name(TOY, "3.11.7") != home.folder_name(other, "3.11.7")


def test_another_python_is_another_environment():
    assert home.folder_name(TOY, "3.11.7") != home.folder_name(TOY, "3.11.8")


def test_another_lock_of_the_plugins_is_another_environment(tmp_path):
    locks = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for number, path in enumerate(locks):
        path.write_text(f"gymnasium==0.29.{number}\n")
    first, second = (home.folder_name(replace(TOY, lock=path), "3.11.7") for path in locks)
    assert first != second


def test_another_arena_is_another_environment_of_the_same_versions(monkeypatch):
    folder, lock = home.folder_name(TOY, "3.11.7"), home.lock_file(TOY, "3.11.7")
    monkeypatch.setattr(own, "identity", lambda: "another arena")
    assert home.folder_name(TOY, "3.11.7") != folder
    assert home.lock_file(TOY, "3.11.7") == lock


def test_summary_and_licence_are_words_only():
    assert home.folder_name(TOY, "3.11.7") == home.folder_name(replace(TOY, summary="x", licence="y"), "3.11.7")


@pytest.mark.parametrize(
    ("requirements", "python", "fits"),
    [
        (("click>=8",), ">=3.11", True),
        (("click>=8", "absent; python_version < '3'"), ">=3.11", True),
        (("click<8",), ">=3.11", False),
        (("no-such-package",), ">=3.11", False),
        (("click>=8",), ">=3.30", False),
    ],
)
def test_the_arenas_own_python_serves_when_everything_fits(requirements, python, fits):
    assert home.fits_here(replace(TOY, requirements=requirements, python=python)) is fits


# --- lock files ------------------------------------------------------------------------------------------------------


LOCK = """# made
--index-url https://example.org/simple
A_a==1 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
b @ file:///tmp/b  # of a folder
c==3 ; python_version > "3" --hash=sha256:cc
"""


def test_a_lock_file_says_each_packages_version(tmp_path):
    (tmp_path / "lock.txt").write_text(LOCK)
    assert lockfile.read(tmp_path / "lock.txt") == {"a-a": "1", "b": None, "c": "3"}


def test_hashes_are_demanded_where_every_package_has_some(tmp_path):
    (tmp_path / "some.txt").write_text(LOCK)
    (tmp_path / "all.txt").write_text("a==1 --hash=sha256:aa\n")
    assert (lockfile.hashed(tmp_path / "some.txt"), lockfile.hashed(tmp_path / "all.txt")) == (False, True)


def test_a_line_that_pins_nothing_is_refused(tmp_path):
    (tmp_path / "lock.txt").write_text("a==1\nb>=2\n")
    with pytest.raises(InputError, match="'b>=2' pins no version"):
        lockfile.read(tmp_path / "lock.txt")


def test_missing_other_and_extra_packages_are_differences():
    found = lockfile.differences(
        {"a": "1", "b-b": "2", "same": "3", "from-a-url": None},
        {"from-a-url": "7", "b-b": "9", "same": "3", "more": "4"},
    )
    assert found == [
        "a is not installed; the lock says 1",
        "b-b is 9; the lock says 2",
        "more 4 is not in the lock",
    ]


# --- the arena's own wheel -------------------------------------------------------------------------------------------


def test_an_installed_distribution_becomes_a_wheel_that_imports(tmp_path):
    wheel = own.pack(tmp_path, "click")
    code = "import click; print(click.__file__)"
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(wheel))


def test_the_wheel_holds_the_arena_and_nothing_of_its_installation(tmp_path):
    names = zipfile.ZipFile(own.pack(tmp_path)).namelist()
    assert sum(name.endswith("/entry_points.txt") for name in names) == 1
    assert not [name for name in names if name.startswith(("/", "..")) or name.endswith((".pyc", "direct_url.json"))]


def test_the_wheel_asks_for_no_extra():
    assert any(text.startswith("numpy") for text in own.requirements())
    assert not any(text.startswith(("torch", "pytest")) for text in own.requirements())


# --- settings --------------------------------------------------------------------------------------------------------


def test_uv_is_told_what_pip_is_told(monkeypatch):
    for name in ("UV_DEFAULT_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@example.org/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/a /b")
    told = uv.pip_settings()
    assert (told["UV_DEFAULT_INDEX"], told["UV_FIND_LINKS"]) == ("https://user:secret@example.org/simple", "/a,/b")


def test_what_uv_was_told_itself_holds(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/pip")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://example.org/uv")
    assert "UV_DEFAULT_INDEX" not in uv.pip_settings()


def test_the_versions_and_hashes_of_a_shipped_lock_hold(tmp_path, monkeypatch):
    """Of those packages that are needed; what it does not name is resolved."""
    looked_at = "sha256:" + "a" * 64
    (tmp_path / "shipped.txt").write_text(f"six==1.16.0 --hash={looked_at}\nnot-needed==1\n")
    monkeypatch.setattr(own, "requirements", lambda: ["iniconfig"])
    shipping = replace(TOY, requirements=("six",), lock=tmp_path / "shipped.txt")
    lock = tmp_path / "locks" / "lock.txt"
    create.resolve(shipping, "3.11.7", uv.Uv(tmp_path, tmp_path / "log.txt"), Path(sys.executable), lock)
    text = lock.read_text()
    assert f"six==1.16.0 \\\n    --hash={looked_at}\n" in text
    assert set(lockfile.read(lock)) == {"six", "iniconfig"}
    assert lockfile.hashed(lock)


def test_a_package_that_is_left_out_is_neither_resolved_nor_what_it_asks_for(tmp_path, monkeypatch):
    monkeypatch.setattr(own, "requirements", lambda: ["iniconfig"])
    without = replace(TOY, requirements=("python-dateutil==2.9.0.post0",), excludes=("six",))
    lock = tmp_path / "locks" / "lock.txt"
    create.resolve(without, "3.11.7", uv.Uv(tmp_path, tmp_path / "log.txt"), Path(sys.executable), lock)
    assert set(lockfile.read(lock)) == {"python-dateutil", "iniconfig"}


def made(folder: Path, *, guarded: bool) -> home.Environment:
    """As `create` leaves one."""
    environment = home.Environment(folder / "toy-0123456789ab")
    (environment.folder / "venv" / "lib").mkdir(parents=True)
    (environment.folder / "venv" / "lib" / "a.py").write_text("")
    environment.log.write_text("")
    environment.marker.write_text("{}")
    if guarded:
        environment.guard.write_text("")
    return environment


def test_removing_takes_what_was_made_and_leaves_what_others_put_there(tmp_path: Path) -> None:
    environment = made(tmp_path, guarded=True)
    (environment.folder / "results.csv").write_text("a month of work")
    with pytest.raises(InputError, match=r"holds what is not ours, which stays: results.csv"):
        create.remove(environment)
    assert [path.name for path in environment.folder.iterdir()] == ["results.csv"]
    (environment.folder / "results.csv").unlink()
    create.remove(environment)
    assert not environment.folder.exists()


def test_a_folder_that_only_looks_like_an_environment_is_not_removed(tmp_path: Path) -> None:
    environment = made(tmp_path, guarded=False)
    with pytest.raises(InputError, match="was not made by `arena env create`"):
        create.remove(environment)
    assert environment.marker.exists()
