"""Which Python an environment is made of: uv finds it, and is shown where to look."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from uv import find_uv_bin

from arena.errors import InputError, MissingExtraError
from arena.supervisor.runtime import uv
from tests.supervisor.runtime_kit import script

NOWHERE = SpecifierSet(">=3.29,<3.30")
# A uv that knows one Python once it has fetched it, and writes down where it was to look.
UV = """#!/bin/sh
echo "$PATH" > {folder}/path
case "$*" in
--version) ;;
"python install "*) : > {folder}/fetched; echo "$*" > {folder}/asked ;;
*--show-version) [ -e {folder}/fetched ] && echo 3.29.4 ;;
*) [ -e {folder}/fetched ] && echo {folder}/python3.29 ;;
esac
"""


@pytest.fixture
def fetching(monkeypatch, tmp_path):
    """The folder of such a uv, first on PATH."""
    script(tmp_path / "bin" / "uv", UV.format(folder=tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def test_the_arenas_own_is_taken_when_it_fits():
    assert uv.find_python(SpecifierSet(">=3.11")) == (Path(sys.executable), platform.python_version())


def test_the_one_that_is_named_is_the_only_one_tried(tmp_path):
    named = tmp_path / "mine"
    named.symlink_to(sys.executable)
    with pytest.raises(InputError, match=rf"mine is {platform.python_version()}; expected Python <3\.30,>=3\.29"):
        uv.find_python(NOWHERE, named)


def test_a_named_one_that_does_not_run_is_refused_in_uvs_words(tmp_path):
    with pytest.raises(InputError, match="No interpreter found at path"):
        uv.find_python(NOWHERE, tmp_path / "nowhere")


def test_a_shim_that_does_not_run_is_passed_over_and_pyenvs_folder_is_looked_into(monkeypatch, tmp_path):
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    script(tmp_path / "shims" / f"python{here}", "#!/bin/sh\nexit 127\n")
    (tmp_path / "shims" / "uv").symlink_to(find_uv_bin())  # `python -m uv` looks into its own environment first
    good = tmp_path / "pyenv" / "versions" / platform.python_version() / "bin" / f"python{here}"
    good.parent.mkdir(parents=True)
    good.symlink_to(Path(sys.executable).resolve())
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(platform, "python_version", lambda: "3.0.0")  # the arena's own is not looked at
    found = uv.find_python(SpecifierSet(f"=={here}.*"))
    assert found.path.is_relative_to(tmp_path / "pyenv")


def test_uv_fetches_one_when_there_is_none(fetching):
    assert uv.find_python(NOWHERE) == (fetching / "python3.29", "3.29.4")
    assert (fetching / "asked").read_text() == "python install --no-bin cpython<3.30,>=3.29\n"


def test_pyenvs_versions_come_after_path(fetching):
    (fetching / "pyenv" / "versions" / "3.28.7" / "bin").mkdir(parents=True)
    uv.find_python(NOWHERE)
    folders = (fetching / "path").read_text().strip().split(":")
    assert folders == [str(fetching / "bin"), "/usr/bin", "/bin", str(fetching / "pyenv/versions/3.28.7/bin")]


def test_when_none_can_be_had_uvs_words_and_the_way_out_are_told(monkeypatch, tmp_path):
    script(tmp_path / "uv", "#!/bin/sh\n[ $1 = --version ] || { echo '  cause: no route to the moon' >&2; exit 1; }\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(InputError, match=r"no Python <3\.30,>=3\.29 can be had: no route to the moon") as error:
        uv.find_python(NOWHERE)
    assert "--python PATH" in str(error.value)


def test_without_uv_the_error_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs uv, not installed here.*\[env\]"):
        uv.command()
