"""A plugin that declares runtimes, installed for whoever has its folder on the path, and Pythons that are scripts."""

from __future__ import annotations

from pathlib import Path

PLUGIN = """
from arena.canonical import digest
from arena.game import Discrete, Game, GameSpec, Observation, StepResult, Views
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

class Old(Game):
    # One turn each; the text view says which gymnasium the game runs with.
    spec = GameSpec(id="old", version=1, summary="", seats=(1, 2), actions=Discrete(("yes", "no")), horizon=2,
                    unit="points", text=True, seeded=False)
    runtime = "toy"

    def card(self):
        return self.make_card("Say yes.", "yes or no", {})

    def reset(self, seed):
        import gymnasium
        self.version = gymnasium.__version__
        self.said = []
        return self.result()

    def step(self, moves):
        self.said.append(moves[len(self.said)].action)
        return self.result()

    def forfeit(self, seat):
        self.said.append("forfeit")
        return StepResult.terminated((0.0,) * self.seats, (-1.0,) * self.seats, digest(self.said))

    def result(self):
        events = [f"played with gymnasium {self.version}"]
        if len(self.said) == self.seats:
            returns = [1.0 - action for action in self.said]
            return StepResult.terminated(returns, returns, digest(self.said), events)
        return StepResult.going((len(self.said),), (0.0,) * self.seats, digest(self.said), events)

    def observe(self, seat, views):
        text = f"gymnasium {self.version}"
        return Observation(legal=(0, 1) if seat == len(self.said) else (), text=text if views.text else None,
                           facts={} if views.text else None)

KIND = OperatorKind(name="first", summary="", target="toyrt:first", views=lambda *a: Views(), runtime="toy")
"""
POINTS = """[arena.runtimes]
toy = toyrt:TOY
unreached = toyrt:UNREACHED
future = toyrt:FUTURE
here = toyrt:HERE
broken = toyrt:NOTHING
[arena.games]
old = toyrt:Old
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
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path
