"""How often vLLM answers as the transformers backend does: the same greedy turns of three games, asked of both.

    python scripts/bench/agreement.py [--turns 500] [--games leduc,holdem,connect_four] [--model nano]

The turns are those of the games' teachers, as nano was taught them, from a seed that no recipe uses. Of each turn whose
answers differ the first token that differs is reported with the log-probability that each side gave to its own: where
both saw the same tokens before it, a small difference of the two is a near-tie.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass

import numpy as np

from arena import plugins
from arena.canonical import generator, key
from arena.game import Views
from arena.operator import OpenSeat, Request, WorkerContext
from arena_operators.vlm import operator
from arena_operators.vlm.backend import ModelAnswer, ModelRequest
from arena_operators.vlm.dialogue import Dialogue

NEAR = 1e-3  # difference of two log-probabilities


@dataclass(frozen=True)
class Config:
    turns: int = 500
    games: tuple[str, ...] = ("leduc", "holdem", "connect_four")
    model: str = "nano"


def questions(config: Config, dialogue: Dialogue) -> list[ModelRequest]:
    """What the model is asked, spread evenly over the games."""
    out: list[ModelRequest] = []
    for number, game in enumerate(config.games):
        teach, chance = plugins.resolve(plugins.game_class(game).teacher), generator(key("agreement", game))
        wanted = config.turns * (number + 1) // len(config.games)
        while len(out) < wanted:
            for lesson in list(teach(chance))[: wanted - len(out)]:
                seat = OpenSeat(
                    match=len(out),
                    seat=0,
                    operator="vlm",
                    card=lesson.card,
                    views=Views(image=(128, 128), text=True),
                    seed=key("agreement seat", len(out)),
                    tokens=True,
                )
                dialogue.open([seat])
                out.append(next(dialogue.turn(Request(len(out), seat.match, 0, 0, lesson.observation))))
    return out


def by_transformers(config: Config) -> tuple[list[ModelRequest], list[ModelAnswer]]:
    """The questions, and what the embedded backend answers."""
    made = operator.make(WorkerContext(config.model, {"temperature": 0.0}))
    assert isinstance(made, operator.BatchOperator)
    asked = questions(config, made.dialogue)
    answers = dict(made.backend.generate(asked))
    return asked, [answers[index] for index in range(len(asked))]


async def by_vllm(config: Config, asked: list[ModelRequest]) -> tuple[list[ModelAnswer], str]:
    """What a vLLM server answers, and which it is."""
    made = operator.make(WorkerContext(config.model, {"temperature": 0.0, "backend": "vllm"}, status=print))
    await made.start()
    room = asyncio.Semaphore(made.max_in_flight)

    async def one(request: ModelRequest) -> ModelAnswer:
        async with room:
            return await made.backend.generate(request)

    try:
        return list(await asyncio.gather(*map(one, asked))), made.capabilities.server
    finally:
        await made.stop()


def main(config: Config) -> dict[str, object]:
    """The report."""
    asked, ours = by_transformers(config)
    theirs, server = asyncio.run(by_vllm(config, asked))
    prompts = equal = 0
    apart, differing = [0.0], []
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        prompts += np.array_equal(one.prompt_tokens, other.prompt_tokens)
        if np.array_equal(one.tokens, other.tokens):
            equal += 1
            apart.append(float(np.abs(one.logprobs - other.logprobs).max()))
            continue
        length = min(len(one.tokens), len(other.tokens))
        at = next((i for i in range(length) if one.tokens[i] != other.tokens[i]), length - 1)
        logprobs = float(one.logprobs[at]), float(other.logprobs[at])
        differing.append(
            {"turn": index, "at": at, "texts": [one.text, other.text], "logprobs": logprobs,
             "near_tie": abs(logprobs[0] - logprobs[1]) < NEAR}
        )  # fmt: skip
    return {
        "server": server,
        "turns": len(asked),
        "equal_prompts": prompts,
        "equal_answers": equal,
        "largest_difference_of_log-probabilities_of_equal_answers": max(apart),
        "differing": differing,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=Config.turns)
    parser.add_argument("--games", default=",".join(Config.games))
    parser.add_argument("--model", default=Config.model)
    given = parser.parse_args()
    print(json.dumps(main(Config(given.turns, tuple(given.games.split(",")), given.model)), indent=2))
