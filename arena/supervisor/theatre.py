"""Theatre: a game host for whoever plays matches again, one request at a time (`arena verify`, `arena replay`)."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from arena.channel import Received
from arena.errors import GameError, WorkerError
from arena.game import Game, Views
from arena.hosted import HostedStage
from arena.match import Match
from arena.plan import Limits
from arena.protocol import messages as m
from arena.supervisor.crew import ProcessCrew
from arena.supervisor.hub import Hub


class Theatre:
    """One host process in a runtime; `close` ends it. WorkerError when it cannot start or says that it cannot.

    GameError when the game fails, or its host dies or hangs over it: another match may be played after that.
    """

    def __init__(self, runtime: str) -> None:
        self._logs = tempfile.TemporaryDirectory(prefix="arena-host-")
        self._hub = Hub(Path(self._logs.name))
        self._crew = ProcessCrew(self._hub, [], runtime)
        self._ids = itertools.count(1)
        self._match: Match | None = None

    def stage(self, game: Game, name: str, views: Sequence[Views], match: int) -> HostedStage:
        """A stage for one match. Only one match is played at a time."""
        channel = self._crew.host(match)
        assert channel is not None
        self._wait_until_ready(time.monotonic() + Limits().deadline)
        return HostedStage(game, name, views, match, channel, self._ids, self.settle)

    def play(self, match: Match) -> None:
        """Whose match the stage's replies are for from now on."""
        self._match = match

    def settle(self, stage: HostedStage) -> None:
        """Wait until the host owes nothing."""
        until = time.monotonic() + Limits().deadline
        while not stage.idle:
            self._poll(stage, until)

    def close(self) -> None:
        self._hub.close()
        self._logs.cleanup()

    def _wait_until_ready(self, until: float) -> None:
        while not all(channel.ready for channel in self._crew.channels):
            self._poll(None, until)

    def _poll(self, stage: HostedStage | None, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            if stage is None:
                raise WorkerError(f"the game host did not start within {Limits().deadline:g} s")
            reason = f"did not answer within {Limits().deadline:g} s: it hangs"
            self._crew.kill(stage.channel, reason)
            self._crew.replace(stage.channel)
            raise GameError(f"the game's host {reason}")
        for event in self._hub.poll(left):
            if isinstance(event, Received):
                self._take(stage, event)
            elif event.was_ready and stage is not None and event.channel is stage.channel:
                self._crew.replace(event.channel)
                raise GameError(f"the game's host {event.reason}")
            elif event.channel in self._crew.channels:
                raise WorkerError(f"the game host {event.reason}")

    def _take(self, stage: HostedStage | None, event: Received) -> None:
        match event.message:
            case m.Error(code="failed"):
                raise GameError(event.message.text)
            case m.Error():
                raise WorkerError(f"the game host cannot go on: {event.message.text}")
            case (m.Stepped() | m.Shown() | m.Parsed() | m.Observed()) as reply if stage is not None:
                stage.reply(self._match, reply, event.buffers)
            case _:
                pass
