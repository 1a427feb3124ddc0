"""A plugin that declares runtimes, installed for whoever has its folder on the path, and Pythons that are scripts."""

from __future__ import annotations

from pathlib import Path

PLUGIN = """
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind
from arena.runtime import Runtime

TOY = Runtime(name="toy", summary="a gymnasium that conflicts with the arena's extras", python=">=3.11",
              requirements=("gymnasium==0.29.1",), licence="toys may be sharp")
UNREACHED = Runtime(name="unreached", summary="", python=">=3.11", requirements=("gymnasium==0.28.1",))
FUTURE = Runtime(name="future", summary="", python=">=3.29,<3.30", requirements=())
HERE = Runtime(name="here", summary="", python=">=3.11", requirements=("click>=8",))

class First(Operator):
    def act(self, requests):
        import gymnasium
        assert gymnasium.__version__ == "0.29.1"
        return [Decision(answer=request.observation.legal[0]) for request in requests]

def first(context):
    return First()

KIND = OperatorKind(name="first", summary="", target="toyrt:first", views=lambda *a: Views(), runtime="toy")
"""
POINTS = """[arena.runtimes]
toy = toyrt:TOY
unreached = toyrt:UNREACHED
future = toyrt:FUTURE
here = toyrt:HERE
broken = toyrt:NOTHING
[arena.operators]
first = toyrt:KIND
"""

# A uv that notes how it was called. With TOY_HELD it stops before it installs, tells that FIFO, waits for the FIFO
# TOY_GO and fails.
UV = """#!/bin/sh
echo "$*" >> "$TOY_CALLS"
case "$*" in
"pip install"*requirement*)
    if [ -n "$TOY_HELD" ]; then
        echo held > "$TOY_HELD"
        cat "$TOY_GO"
        exit 1
    fi ;;
esac
exec {python} -m uv "$@"
"""


def install(folder: Path) -> None:
    """The plugin as an installed distribution, for whoever has `folder` on its path."""
    info = folder / "toyrt-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toyrt\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (folder / "toyrt.py").write_text(PLUGIN)


def script(path: Path, text: str) -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def fake_python(path: Path, version: str, kind: str = "cpython", venv: str = "true") -> Path:
    """A file that answers as a Python of this version does."""
    return script(path, f'#!/bin/sh\necho \'["{kind}", "{version}", {venv}]\'\n')
