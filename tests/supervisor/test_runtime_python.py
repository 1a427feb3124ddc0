"""Which Python an environment is made of."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from arena.errors import InputError
from arena.supervisor.runtime.pythons import Search
from tests.supervisor.runtime_kit import fake_python, script

WANTED = SpecifierSet(">=3.29,<3.30")  # none that is really here


@pytest.fixture(autouse=True)
def places(monkeypatch, tmp_path):
    """Two folders on PATH and pyenv's, all empty."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))


def find(**how) -> str:
    return Search(WANTED, ()).find(**how).path.as_posix()


def test_the_arenas_own_is_taken_when_it_fits(tmp_path):
    fake_python(tmp_path / "first" / "python3.11", platform.python_version())
    assert Search(SpecifierSet(">=3.11"), ()).find().path == Path(sys.executable)


def test_a_shim_that_does_not_run_is_passed_over(tmp_path):
    script(tmp_path / "first" / "python3.29", "#!/bin/sh\nexit 127\n")
    good = fake_python(tmp_path / "second" / "python3.29", "3.29.4")
    assert find() == str(good)


def test_path_comes_before_pyenv(tmp_path):
    fake_python(tmp_path / "pyenv/versions/3.29.9/bin/python", "3.29.9")
    good = fake_python(tmp_path / "second" / "python3.29", "3.29.0")
    assert find() == str(good)


def test_pyenv_gives_the_newest_release_that_fits(tmp_path):
    for version in ("3.28.7", "3.29.1", "3.29.10", "3.30.0"):
        fake_python(tmp_path / f"pyenv/versions/{version}/bin/python", version)
    assert "3.29.10" in find()


def test_the_name_of_a_file_is_not_believed(tmp_path):
    fake_python(tmp_path / "first" / "python3.29", "3.12.0")
    with pytest.raises(InputError, match=r"python3\.29 is 3\.12\.0"):
        find()


def test_another_implementation_is_passed_over(tmp_path):
    fake_python(tmp_path / "first" / "python3.29", "3.29.0", kind="pypy")
    with pytest.raises(InputError, match="is pypy"):
        find()


def test_without_uv_it_must_have_venv(tmp_path):
    fake_python(tmp_path / "first" / "python3.29", "3.29.0", venv="false")
    with pytest.raises(InputError, match="no venv or ensurepip"):
        find()


def test_the_one_that_is_named_is_the_only_one_tried(tmp_path):
    fake_python(tmp_path / "first" / "python3.29", "3.29.0")
    named = fake_python(tmp_path / "mine", "3.12.0")
    with pytest.raises(InputError, match=r"mine is 3\.12\.0; expected Python <3\.30,>=3\.29"):
        find(given=named)


def test_when_none_can_be_had_every_place_is_told(tmp_path):
    script(tmp_path / "first" / "python3.29", "#!/bin/sh\nexit 127\n")
    fake_python(tmp_path / "pyenv/versions/3.28.7/bin/python", "3.28.7")
    with pytest.raises(InputError) as error:
        find()
    for told in (sys.executable, "exit code 127", "pyenv/versions has 3.28.7", "uv: not installed", "--python PATH"):
        assert told in str(error.value)


def test_uv_fetches_one_when_there_is_none(tmp_path):
    fetched = fake_python(tmp_path / "fetched", "3.29.0")
    uv = script(
        tmp_path / "uv",
        f"""#!/bin/sh
        case "$*" in
        "python install --no-bin 3.29") : > {tmp_path}/done ;;
        *) [ -e {tmp_path}/done ] && echo {fetched} ;;
        esac
        """,
    )
    assert Search(WANTED, (str(uv),)).find().path == fetched


def test_what_uv_says_when_it_cannot_fetch_is_told(tmp_path):
    uv = script(tmp_path / "uv", "#!/bin/sh\necho '  cause: no route to the moon' >&2; exit 1\n")
    with pytest.raises(InputError, match=r"cannot fetch 3\.29: no route to the moon"):
        Search(WANTED, (str(uv),)).find()


def test_a_range_that_no_python_can_fit_is_said_at_once():
    with pytest.raises(InputError, match=r"no Python is <3\.10,>=3\.11"):
        Search(SpecifierSet("<3.10,>=3.11"), ()).find()
