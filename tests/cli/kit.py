"""The installed `arena` command in a process of its own, with a plugin that only these tests install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ARENA = str(Path(sys.executable).with_name("arena"))

PLUGIN = '''
import os, signal
from arena.errors import UnplayableError
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind
from arena.options import Option

def nothing(spec, what, options):
    return Views()

class Waits(Operator):
    """Tells a FIFO its process when it is asked, and never answers."""
    def act(self, requests):
        if requests[0].match > 10**9:  # a dry turn
            return [Decision(answer=0)]
        with open(os.environ["TOY_FIFO"], "w") as fifo:
            fifo.write(f"{os.getpid()}\\n")
        while True:
            signal.pause()

class Bad(Operator):
    def open(self, seats):
        raise ValueError("this policy plays seat 7 only")
    def act(self, requests):
        return []

def waits(context):
    return Waits()

def bad(context):
    return Bad()

def torn(context):
    raise RuntimeError("the weights are torn")

NEEDY = OperatorKind(name="needy", summary="", target="x:y", views=nothing, requires=("no_such_module",), extra="ppo")
SEER = OperatorKind(name="seer", summary="", target="x:y", views=lambda *a: Views(image=(77, 78)))
WAITS = OperatorKind(name="waits", summary="", target="toyplug:waits", views=nothing)
BAD = OperatorKind(name="bad", summary="", target="toyplug:bad", views=nothing)
TORN = OperatorKind(name="torn", summary="", target="toyplug:torn", views=nothing,
                    options={"size": Option("int", 3, "how large", low=1, high=9)})
NO_KIND = 3
'''
POINTS = """[arena.operators]
needy = toyplug:NEEDY
seer = toyplug:SEER
waits = toyplug:WAITS
bad = toyplug:BAD
torn = toyplug:TORN
broken = toyplug_missing:KIND
no_kind = toyplug:NO_KIND
"""


def install(folder: Path) -> None:
    """The plugin as an installed distribution, for whoever has `folder` on its path."""
    info = folder / "toyplug-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toyplug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (folder / "toyplug.py").write_text(PLUGIN)


def start(folder: Path, *args: str, plugins: Path | None = None, **env: str) -> subprocess.Popen[str]:
    """`arena ARGS`, started in `folder`."""
    return subprocess.Popen(
        [ARENA, *args],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(plugins or ""), "COLUMNS": "200", **env},
    )


def run(folder: Path, *args: str, plugins: Path | None = None, **env: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `arena ARGS`."""
    process = start(folder, *args, plugins=plugins, **env)
    out, err = process.communicate()
    return process.returncode, out, err
