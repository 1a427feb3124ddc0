"""OpenEnv: a seat of a game as an environment that trainers step over a WebSocket. Needs the extra `openenv`.

A session is one environment, and an episode one match. OpenEnv knows one agent, no truncation and no masks. So `done`
is true however the match ended, `truncated` says that it was cut, and what is legal stands in the observation.
"""

from __future__ import annotations

import base64
import io
import socket
import uuid
from typing import Any

import numpy as np
import uvicorn
from openenv.core.env_server.http_server import create_fastapi_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, ConcurrencyConfig, EnvironmentMetadata, Observation, State
from PIL import Image as Pictures
from pydantic import Field

import arena
from arena import prompts
from arena.game import GameCard, Image, floats
from arena.operator import Decision
from arena.prompts import MARK
from arena.serve.seat import SeatMatch, Turn
from arena.serve.table import Table

DEALS = 1000  # matches in a row that may end before the seat is asked
LEGAL = "Legal actions:"  # as most games' texts say it themselves


class SeatAction(Action):  # type: ignore[misc]
    """What the seat does."""

    answer: str | int = Field(
        description="The name of a legal action, or its number; or what a model wrote, with a last line `Answer: "
        "NAME`. Where `free_text` is over 0 it may be words of your own."
    )
    say: str | None = Field(default=None, description="Words beside the action, where `table_talk` is over 0.")


class SeatObservation(Observation):  # type: ignore[misc]
    """What the seat may know, when it is asked or when the match is over. `reward` is what it got since it was asked

    before; over an episode rewards add up to its return.
    """

    prompt: str = Field(default="", description="What to ask a model: first with the rules, later what is new.")
    text: str | None = Field(default=None, description="The position in words.")
    picture: str | None = Field(default=None, description="The position as a picture: PNG, as a data URL.")
    vector: list[float] | None = Field(default=None, description="The position as numbers.")
    legal: list[str] = Field(default_factory=list, description="The names of the legal actions.")
    legal_actions: list[int] = Field(default_factory=list, description="Their numbers.")
    heard: list[str] = Field(default_factory=list, description="What others said since the last turn.")
    free_text: int = Field(default=0, description="Most characters of an answer in words; 0: none is taken.")
    table_talk: int = Field(default=0, description="Most characters of `say`; 0: nothing can be said.")
    seat: int = Field(default=0, description="Which seat this is.")
    tick: int = Field(default=0, description="Ticks of the match so far.")
    attempt: int = Field(default=0, description="Over 0: the same question again, since the answer was refused.")
    fault: str | None = Field(default=None, description="What was wrong with the last answer, if it cost something.")
    reason: str | None = Field(default=None, description="Why it is asked again, or why the match ended.")
    truncated: bool = Field(default=False, description="With `done`: the match was cut; its rules had not ended it.")
    returns: list[float] | None = Field(default=None, description="With `done`: the returns of all seats.")


class SeatState(State):  # type: ignore[misc]
    """The state of an episode."""

    game: str = ""
    seat: int = 0
    seats: int = 0
    seed: int = 0


class SeatEnvironment(Environment[SeatAction, SeatObservation, SeatState]):  # type: ignore[misc]
    """One session."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table
        self._facts = table.plan.games[0].facts
        self._card: GameCard = self._facts.card()
        self._match: SeatMatch | None = None
        self._turn: Turn | None = None
        self._tick = 0
        self._state = SeatState(game=table.plan.games[0].given, seats=self._facts.seats)

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, seat: int | None = None, **kwargs: Any
    ) -> SeatObservation:
        """A new match, begun until the seat is asked. `seed` makes it repeatable.

        Without a seed the server chooses one, and `state` says it. A match that ends before the seat is asked is no
        episode: another one is dealt. Raises what Table.sit raises.
        """
        self.close()
        for deal in range(DEALS):
            match, seed = self._table.sit(seed, seat, deal)
            self._match, self._turn = match, match.wait()
            if self._turn.request is not None:
                break
        self._tick = 0
        self._state = SeatState(
            episode_id=episode_id or str(uuid.uuid4()),
            step_count=0,
            game=self._state.game,
            seat=match.seat,
            seats=self._facts.seats,
            seed=seed,
        )
        return self._told(first=True)

    def step(self, action: SeatAction, timeout_s: float | None = None, **kwargs: Any) -> SeatObservation:
        """Answer, and wait until the seat is asked again or the match is over. ValueError when there is no question.

        An illegal answer costs what it costs in a match, and `fault` says so. `timeout_s` is not heeded: an opponent
        has the deadline that the server was started with.
        """
        if self._match is None or self._turn is None or self._turn.request is None:
            raise ValueError("nothing is asked: the match is over, or was not begun. Call reset")
        answer = action.answer
        if isinstance(answer, str) and MARK in answer:
            answer = answer.rpartition(MARK)[2].strip()
        self._match.answer(self._turn.request, Decision(answer=answer, say=action.say))
        self._state.step_count += 1
        self._turn = self._match.wait()
        return self._told()

    @property
    def state(self) -> SeatState:
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        spec = self._facts.spec
        return EnvironmentMetadata(
            name=spec.id,
            description=spec.summary,
            readme_content=self._card.rules,
            version=f"{spec.version} (agent-arena {arena.__version__})",
        )

    def close(self) -> None:
        """Leave the match, if there is one: its seat costs what the game's rule says."""
        if self._match is not None and (self._turn is None or self._turn.request is not None):
            self._match.leave()
        self._match = self._turn = None

    def _told(self, first: bool = False) -> SeatObservation:
        assert self._match is not None
        assert self._turn is not None
        turn, seat = self._turn, self._match.seat
        if turn.request is None:
            assert turn.outcome is not None
            return SeatObservation(
                done=True,
                reward=turn.reward,
                seat=seat,
                tick=self._tick,
                fault=turn.fault,
                reason=turn.outcome.reason or None,
                truncated=turn.outcome.status == "truncated",
                returns=list(turn.outcome.returns),
                text="\n".join(turn.outcome.events) or None,
            )
        request = turn.request
        seen = request.observation
        self._tick = request.tick
        vector = None if seen.vector is None else floats(seen.vector, self._card.vector_scale).ravel().tolist()
        return SeatObservation(
            reward=None if first else turn.reward,
            prompt=self._prompt(turn, first),
            text=seen.text,
            picture=None if seen.image is None else data_url(seen.image),
            vector=vector,
            legal=[self._card.actions[action] for action in seen.legal],
            legal_actions=list(seen.legal),
            heard=[f"seat {one.seat}: {one.text}" for one in seen.heard],
            free_text=seen.free_text,
            table_talk=seen.table_talk,
            seat=seat,
            tick=request.tick,
            attempt=request.attempt,
            fault=turn.fault,
            reason=request.reason,
        )

    def _prompt(self, turn: Turn, first: bool) -> str:
        """The game's whole prompt, and in later turns the position and what is legal."""
        assert turn.request is not None
        seen = turn.request.observation
        if first and seen.text is not None and "full" in self._card.prompts:
            prompt = prompts.Prompt.of(self._card.prompts["full"], self._card)
            return prompt.fixed + prompt.fill(self._card, seen)
        facts = prompts.observed(self._card, seen)
        why = f"That was refused: {turn.request.reason}" if turn.request.reason else ""
        legal = "" if LEGAL in facts["text"] else f"{LEGAL} {facts['legal']}"
        parts = [self._card.rules if first else "", why, facts["heard"], facts["text"], legal]
        return "\n".join(part for part in parts if part)


def data_url(picture: Image) -> str:
    """The picture as PNG in a data URL."""
    out = io.BytesIO()
    Pictures.fromarray(np.ascontiguousarray(picture)).save(out, format="PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def application(table: Table, idle: float | None = None) -> Any:
    """The FastAPI application of a table that was started. idle: seconds after which a silent session is ended."""
    return create_fastapi_app(
        lambda: SeatEnvironment(table),
        SeatAction,
        SeatObservation,
        concurrency_config=ConcurrencyConfig(max_concurrent_envs=table.players, session_timeout=idle),
        env_name=table.plan.games[0].facts.spec.id,
        state_cls=SeatState,
    )


def serve(table: Table, listening: socket.socket, idle: float | None = None) -> None:
    """Serve a table that was started, at a socket that listens, until a signal comes or the table plays no more.

    The server sends no pings: a trainer that thinks for minutes cannot answer them, and keeps its session.
    """
    app = application(table, idle)
    config = uvicorn.Config(app, log_level="warning", ws_ping_interval=None, ws_ping_timeout=None)
    server = uvicorn.Server(config)
    table.on_end = lambda: setattr(server, "should_exit", True)
    server.run(sockets=[listening])
