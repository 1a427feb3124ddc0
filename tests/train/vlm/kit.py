"""An operator that writes tokens without a model, and what reads them: letters are tokens, 0 ends a text."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from arena.canonical import generator
from arena.game import Views
from arena.operator import Decision, OpenSeat, Operator, OperatorKind, Outcome, Request, WorkerContext, turn_key
from arena.options import Option
from arena.train.vlm.rows import Tokens

STUMBLE = "TEST_STUMBLE"  # names a file: a process in which it is not there makes it, and dies
HANG = "TEST_HANG"  # is set: it hangs instead
MEET = "TEST_MEET"  # "3 FOLDER": a process plays no turn before so many have come to their first
IMAGE = 1  # the placeholder of a picture


def text(tokens: Sequence[int]) -> str:
    return "".join(map(chr, (one for one in tokens if one)))


TOKENS = Tokens(text, IMAGE)


def ids(text: str, end: bool = True) -> np.ndarray:
    return np.array([*map(ord, text), *[0] * end], np.int32)


class Writer(Operator):
    """Says a thought and a legal action, each drawn from the turn's own key; its weights are a file with a word."""

    def __init__(self, context: WorkerContext) -> None:
        self.word = "first"
        self.bad = float(context.options.get("bad") or 0)
        self.seats: dict[tuple[int, int], OpenSeat] = {}

    def open(self, seats: Sequence[OpenSeat]) -> None:
        self.seats.update({(seat.match, seat.seat): seat for seat in seats})

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        del self.seats[match, seat]

    def update(self, version: str, path: str) -> None:
        place = Path(path)
        self.word = (next(place.iterdir()) if place.is_dir() else place).read_text()

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        if MEET in os.environ:
            count, folder = os.environ[MEET].split(" ", 1)
            (Path(folder) / str(os.getpid())).touch()
            while len(list(Path(folder).iterdir())) < int(count):
                time.sleep(0.01)
        if (
            STUMBLE in os.environ
            and not (once := Path(os.environ[STUMBLE])).exists()
            and any(one.tick for one in requests)
        ):
            once.touch()
            if HANG in os.environ:
                time.sleep(1000)
            os.kill(os.getpid(), signal.SIGKILL)
        return [self.decide(request) for request in requests]

    def decide(self, request: Request) -> Decision:
        seat, seen = self.seats[request.match, request.seat], request.observation
        chance = generator(turn_key(seat, request))
        action = seat.card.actions[int(chance.choice(seen.legal))]
        raw = f"{self.word}\nAnswer: {'no such move' if chance.random() < self.bad else action}"
        tokens = ids(raw)
        pictures = [IMAGE] * (4 * (seen.image is not None))
        return Decision(
            answer=raw.rpartition(": ")[2],
            raw=raw,
            prompt_tokens=np.array([2, *pictures, 3], np.int32) if seat.tokens else None,
            tokens=tokens if seat.tokens else None,
            logprobs=-chance.random(len(tokens)).astype(np.float32) if seat.tokens else None,
        )


def views(spec, what, options):  # type: ignore[no-untyped-def]
    return Views(image=(128, 128) if (128, 128) in spec.image_sizes else None, text=spec.text)


def prompts(what, options, seat, requests, texts):  # type: ignore[no-untyped-def]
    for request in requests:
        yield [("user", [request.observation.image] if request.observation.image is not None else [])]


KIND = OperatorKind(
    name="writer",
    summary="writes tokens without a model",
    target="tests.train.vlm.kit:Writer",
    views=views,
    prompts="tests.train.vlm.kit:prompts",
    options={"bad": Option("float", 0.0, "the chance that an answer is none", 0, 1)},
)
