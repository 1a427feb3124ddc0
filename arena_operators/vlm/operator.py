"""The operator: turns requests into prompts and answers into decisions, with the thought apart from the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from arena.canonical import generator
from arena.errors import InputError
from arena.game import Image
from arena.operator import Decision, OpenSeat, Operator, Outcome, Request, Usage, WorkerContext, turn_key
from arena_operators.vlm import checkpoint
from arena_operators.vlm.generate import Generated, generate
from arena_operators.vlm.kind import filled
from arena_operators.vlm.model import Model, Row
from arena_operators.vlm.prompt import MARK, fill, read

BATCHES = 2  # in flight: one is computed while the next is on its way


class VlmOperator(Operator):
    """Answers batches of requests, of any seats and matches, with one model at fixed shapes."""

    def __init__(self, model: Model, *, prompt: str, max_tokens: int, temperature: float, batch: int) -> None:
        self.model = model
        self.prompt = prompt
        self.max_tokens = max_tokens
        self.temperature = temperature
        self.batch = batch
        self.max_in_flight = BATCHES * batch
        self.seats: dict[tuple[int, int], OpenSeat] = {}
        self._sizes: set[tuple[int, int]] = set()  # sizes of pictures that were checked

    def open(self, seats: Sequence[OpenSeat]) -> None:
        """ValueError when the game has not what the model is asked with, or its prompt would go without the picture."""
        for seat in seats:
            if self.prompt not in seat.card.prompts:
                known = ", ".join(sorted(seat.card.prompts)) or "none"
                raise ValueError(f"{seat.card.game} has no {self.prompt!r} prompt for models; it has: {known}")
            if seat.views.image is None or not seat.views.text:
                raise ValueError(f"{seat.operator} needs the image and text views of {seat.card.game}")
            if seat.views.image not in self._sizes:
                self.model.check_picture_size(*seat.views.image)
                self._sizes.add(seat.views.image)
            self.seats[seat.match, seat.seat] = seat

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self.seats.pop((match, seat), None)

    def update(self, version: str, path: str) -> None:
        self.model.update(Path(path))

    def act(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Decision]]:
        rows = [self.model.encode(self.ask(request), self.picture(request)) for request in requests]
        groups: dict[tuple[object, ...], list[int]] = {}
        for index, row in enumerate(rows):
            groups.setdefault(row.shape(), []).append(index)
        for members in groups.values():
            for start in range(0, len(members), self.batch):
                part = members[start : start + self.batch]
                answers = self.answer([requests[i] for i in part], [rows[i] for i in part])
                for i, answer in zip(part, answers, strict=True):
                    yield requests[i], self.decide(answer, requests[i])

    def ask(self, request: Request) -> str:
        """The game's prompt for this request."""
        seat = self.seats[request.match, request.seat]
        prompt = fill(seat.card, request.observation, self.prompt, seat.seats)
        if request.reason and self.prompt == "full":
            prompt += f"\nYour last answer was refused: {request.reason}"
        return prompt

    @staticmethod
    def picture(request: Request) -> Image:
        if request.observation.image is None:
            raise ValueError(f"match {request.match} seat {request.seat} tick {request.tick}: the picture is missing")
        return request.observation.image

    def answer(self, requests: Sequence[Request], rows: Sequence[Row]) -> list[Generated]:
        draws = [
            generator(turn_key(self.seats[request.match, request.seat], request)).random(self.max_tokens)
            for request in requests
        ]
        return generate(self.model, rows, draws, self.batch, self.temperature)

    def decide(self, answer: Generated, request: Request) -> Decision:
        """A Decision of what was generated in answer to `request`."""
        seat = self.seats[request.match, request.seat]
        words = [token for token in answer.tokens.tolist() if token not in self.model.ends]
        raw = self.model.tokenizer.decode(words, clean_up_tokenization_spaces=False)
        thought, say, reply = read(raw, seat.card, request.observation)
        return Decision(
            answer=reply,
            say=say,
            fault="unparsable" if reply is None else None,
            detail=f"no {MARK!r} in it: nothing of it is said" if reply is None else None,
            thought=thought,
            raw=raw,
            prompt_tokens=answer.prompt if seat.tokens else None,
            tokens=answer.tokens if seat.tokens else None,
            logprobs=answer.logprobs if seat.tokens else None,
            finish_reason=answer.finish,
            usage=Usage(prompt=len(answer.prompt), completion=len(answer.tokens)),
        )


def make(context: WorkerContext) -> VlmOperator:
    """Loads the model that `context` names. Runs in the worker; raises ValueError with a message for the user."""
    origin = checkpoint.source(context.what, context.options.get("adapter"))
    try:
        checkpoint.check_source(origin)
        options = filled(origin, context.options)
    except InputError as error:
        raise ValueError(str(error)) from error
    torch.set_num_threads(options["threads"])
    device = options["device"]
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"vlm@device={device}: torch finds no CUDA device here; say @device=cpu")
    context.status(f"loading {origin.name}")
    return VlmOperator(
        Model(origin, device, options["dtype"], options.get("revision")),
        prompt=options["prompt"],
        max_tokens=options["max_tokens"],
        temperature=options["temperature"],
        batch=options["batch"],
    )
