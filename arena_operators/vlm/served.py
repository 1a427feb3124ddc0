"""The operator whose model runs on a server: many turns are in flight at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from arena.operator import AsyncOperator, BackendError, Decision, OpenSeat, Outcome, Request, WorkerContext
from arena_operators.vlm.backend import AsyncBackend, Capabilities, TooLongError
from arena_operators.vlm.dialogue import Dialogue, Settings
from arena_operators.vlm.in_flight import Measured, measure, question
from arena_operators.vlm.options import AUTO


class ServedOperator(AsyncOperator):
    """Dialogue against a server."""

    def __init__(self, backend: AsyncBackend, settings: Settings, context: WorkerContext) -> None:
        self.backend = backend
        self.dialogue = Dialogue(settings)
        self.capabilities: Capabilities | None = None
        self.measured: Measured | None = None  # with @in_flight=auto
        self._context = context
        self._sizes: dict[tuple[int, int], asyncio.Task[None]] = {}  # of pictures: whether they reach the model

    @property
    def facts(self) -> Mapping[str, str]:
        """What the server was found to be able to do, by the names of Capabilities."""
        found = {} if self.capabilities is None else self.capabilities.facts()
        return found if self.measured is None else found | self.measured.facts(self.max_in_flight)

    async def start(self) -> None:
        """ValueError, in words, when the server cannot be used as it was asked for."""
        self.capabilities = await self.backend.start(self._context)
        self.max_in_flight = self.backend.max_in_flight
        if self.dialogue.settings.picture and not self.capabilities.pictures:
            raise ValueError(
                f"{self.capabilities.model} cannot play with pictures: {self.backend.blind}. Name a model that "
                "sees, or one of `llm`, which reads only"
            )
        self.dialogue.settings.check_context(self.capabilities.context)
        if self.dialogue.settings.choices and not self.capabilities.choices:
            raise ValueError(
                f"@choices=true: {self.capabilities.model} cannot be limited to the legal actions, since its server "
                "takes no list of choices, grammar, regex or JSON schema. Leave it out, or name another server"
            )
        if self._context.options.get("in_flight") == AUTO:
            self.measured = await measure(self._ask_to_measure, self._context.status)
            self.max_in_flight = self.measured.best or self.max_in_flight

    async def _ask_to_measure(self, number: int) -> None:
        asked = question(number, self.dialogue.settings)
        await self.backend.once(replace(asked, weights=self.backend.weights))

    def open(self, seats: Sequence[OpenSeat]) -> None:
        """ValueError when the game has not what the model is asked with, or the server not what the seat wants."""
        assert self.capabilities is not None
        if any(seat.tokens for seat in seats) and not (self.capabilities.tokens_out and self.capabilities.logprobs):
            raise ValueError(
                f"{seats[0].operator}: token ids and log-probabilities are wanted (training, or --turns), and its "
                "server gives none; vLLM gives both"
            )
        self.dialogue.open(seats)

    async def decide(self, request: Request) -> Decision:
        """BackendError when the server fails; ValueError when it refuses what it is asked."""
        if self.dialogue.settings.picture and request.observation.image is not None:
            await self._check_size(*request.observation.image.shape[:2])
        turn = self.dialogue.turn(request)
        asked, weights = next(turn), self.backend.weights  # an update may come in the middle of a turn
        while True:
            try:
                answer = await self.backend.generate(replace(asked, weights=weights))
            except TooLongError as error:
                asked = turn.throw(error)
                continue
            try:
                asked = turn.send(answer)
            except StopIteration as end:
                decision: Decision = end.value
                return decision

    async def _check_size(self, height: int, width: int) -> None:
        """Once for each size, before the first turn with it. The dry turns ask before the first match."""
        check = self._sizes.get((height, width))
        if check is None:
            check = asyncio.ensure_future(self.backend.check_picture_size(height, width))
            self._sizes[height, width] = check
        try:
            if check.done():
                check.result()
            else:
                await asyncio.shield(check)
        except BackendError:  # it may do so the next time
            self._sizes.pop((height, width), None)
            raise

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self.dialogue.end(match, seat, outcome)

    async def update(self, version: str, path: str) -> None:
        await self.backend.update(version, path)

    async def stop(self, complete: bool = False) -> None:
        await self.backend.stop()
