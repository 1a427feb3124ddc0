"""A whole session of docs/examples/tiny_worker.py with the arena's own Hub, as docs/protocol.md shows it.

python -m tests.protocol.transcript prints it.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from arena.canonical import key
from arena.channel import Died, Event, Received
from arena.game import Views
from arena.operator import Outcome, Request
from arena.protocol import messages as m
from arena.protocol.trace import Trace
from arena.supervisor.hub import Hub
from arena_games.kuhn.rules import Kuhn

WORKER = Path(__file__).parents[2] / "docs" / "examples" / "tiny_worker.py"
LONG = 48  # characters of a text that are shown
ARROWS = {"to worker": "arena  → worker  ", "to arena": "worker → arena   "}


def transcript() -> list[str]:
    """One line a message: who says it, the header, the sizes of its buffers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.jsonl"
        trace = Trace(path)
        hub = Hub(Path(folder) / "logs", trace=trace)
        try:
            _session(hub)
        finally:
            hub.close()
            trace.close()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    session = next(line["header"]["session"] for line in lines if line["header"]["type"] == "welcome")
    return [_line(line).replace(session, "9a3e") for line in lines]


def _session(hub: Hub) -> None:
    channel = hub.launch("tiny", [sys.executable, str(WORKER)], "python tiny_worker.py", {"views": "vector"})
    _until(hub, lambda event: channel.ready)
    game = Kuhn(2)
    step = game.reset(key("transcript", 0))
    card, views, (seat,) = game.card(), Views(vector=True), step.due
    seats = ("tiny", "random")
    channel.send(
        m.OpenSeat(match=0, seat=seat, operator="tiny", card=card, views=views, seed=key("transcript", 1), seats=seats)
    )
    ids = itertools.count(1)
    ask = Request(next(ids), 0, seat, 0, game.observe(seat, views))
    _until(hub, _is(m.Opened))
    channel.send(m.Act(requests=[ask]))
    _until(hub, _is(m.Action))
    channel.send(m.Act(requests=[Request(next(ids), 0, seat, 0, game.observe(seat, views), 1, "say it again", 0.0)]))
    _until(hub, _is(m.Action))
    channel.send(m.Ping(n=7))
    _until(hub, _is(m.Pong))
    channel.send(m.End(match=0, seat=seat, outcome=Outcome(status="terminated", returns=(-1.0, 1.0))))
    _until(hub, _is(m.Closed))
    channel.send(m.Shutdown(reason="the run is over"))
    _until(hub, lambda event: isinstance(event, Died))  # after its BYE, often in the same moment


def _is(kind: type) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Received) and isinstance(event.message, kind)


def _until(hub: Hub, wanted: Callable[[Event], bool]) -> None:
    while not any(wanted(event) for event in hub.poll(60)):
        pass


def _line(line: dict[str, object]) -> str:
    buffers = f"  + buffers of {line['buffers']} bytes" if line["buffers"] else ""
    return f"{ARROWS[str(line['direction'])]}{json.dumps(_cut(line['header']), ensure_ascii=False)}{buffers}"


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > LONG:
        return value[:LONG].rsplit(" ", 1)[0] + " ..."
    if isinstance(value, list):
        return [_cut(one) for one in value]
    if isinstance(value, dict):
        return {name: _cut(one) for name, one in value.items()}
    return value


if __name__ == "__main__":
    print("\n".join(transcript()))
