"""OpenEnv's training trace, for games that are played by text: token ids, log-probabilities and masks, turn by turn.

OUT/results.jsonl has a line for each episode as OpenEnv's collector writes it (`EpisodeRecord`: messages, reward), and
OUT/traces.jsonl in the same order its `TrainingTrace`. Both are plain JSON: nothing of OpenEnv is needed to write them.
The run must have been played with `--turns`, which keeps the tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy.typing as npt

import arena
from arena.errors import InputError
from arena.exporters.episodes import Episode, Reader, count
from arena.exporters.options import Options
from arena.record.asked import Messages, asked_with
from arena.record.turns import StoredTurn, TurnReader, store_of

Stored = dict[tuple[int, int, int], StoredTurn]  # by seat, tick and attempt


def export(reader: Reader, out: Path, options: Options) -> list[str]:
    """Writes the folder OUT. InputError without tokens, and for operators that were given pictures."""
    folder = reader.run.folder
    if not store_of(folder).is_file():
        raise InputError(f"{folder} has no tokens beside its log: they are kept by `arena play --turns`")
    for place, head in reader.games.items():
        for operator in reader.operators(place):
            if operator.views.image is not None:
                raise InputError(
                    f"{operator.name} was given pictures in {head.name}, and OpenEnv's trace holds tokens alone: leave "
                    "it out with --operator"
                )
    out.mkdir()
    episodes = turns = left = 0
    with (
        (out / "results.jsonl").open("w", encoding="utf-8") as results,
        (out / "traces.jsonl").open("w", encoding="utf-8") as traces,
        closing(TurnReader(folder)) as stored,
    ):
        for place, head in reader.games.items():
            kept: tuple[int, Stored] = (-1, {})
            for episode in reader.episodes(place, lambda head: head.views):
                if kept[0] != episode.plan.index:
                    kept = episode.plan.index, _stored(stored, episode)
                trace, messages = _trace(episode, kept[1])
                left += len(episode.steps) - len(trace)
                if trace:
                    results.write(json.dumps(_record(episode, head.name, messages), ensure_ascii=False) + "\n")
                    traces.write(json.dumps({"schema_version": 1, "turns": trace}, ensure_ascii=False) + "\n")
                    episodes, turns = episodes + 1, turns + len(trace)
    if not turns:
        raise InputError(
            "no turn has tokens: only models that run in the arena's worker, or whose server says them, do"
        )
    (out / "metadata.json").write_text(
        json.dumps({"source": f"agent-arena {arena.__version__}", "episodes": episodes}), encoding="utf-8"
    )
    told = [f"{count(episodes, 'episode')}, {count(turns, 'turn')} with tokens"]
    return [*told, f"left out: {count(left, 'turn')} (without tokens)"] if left else told


def _stored(stored: TurnReader, episode: Episode) -> Stored:
    found = stored.episode(episode.lines, {})
    return {(turn.seat, turn.tick, turn.attempt): turn for turn in found.turns}


def _trace(episode: Episode, stored: Stored) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The turns that have tokens, as TrainingTurns, and the chat of the episode: questions, and what was written."""
    trace: list[dict[str, Any]] = []
    chat: list[dict[str, str]] = []
    for step, asked in zip(episode.steps, _asked(episode), strict=True):
        request, decision = step.turn.request, step.turn.decision
        turn = stored[request.seat, request.tick, request.attempt]
        prompt, tokens, logprobs = (
            _list(turn.prompt_tokens),
            _list(turn.tokens),
            [min(0.0, one) for one in _list(turn.logprobs)],
        )
        if not prompt or not tokens or len(logprobs) != len(tokens):
            continue
        messages = [{"role": role, "content": "".join(map(str, parts))} for role, parts in asked]
        written = {"role": "assistant", "content": decision.raw or ""}
        chat += [*(messages if not chat else messages[-1:]), written]
        told = {"operator": episode.operator.name, "tick": request.tick, "attempt": request.attempt}
        told |= {"reward": step.turn.reward, "ended": step.turn.ended, "fault": step.turn.fault}
        trace.append(
            {
                "node_id": f"{_id(episode)}-tick-{request.tick}-attempt-{request.attempt}",
                "prompt_token_ids": prompt,
                "completion_token_ids": tokens,
                "per_token_logps": logprobs,
                "loss_mask": [0] * len(prompt) + [1] * len(tokens),
                "request": {"messages": messages},
                "response": {"message": written, "finish_reason": turn.finish_reason},
                "metadata": {**told, "weights_version": turn.weights_version},
            }
        )
    return trace, chat


def _asked(episode: Episode) -> Iterator[Messages]:
    """The messages of every step; empty for an operator whose kind does not say them."""
    made = asked_with(episode.operator)
    if made is None:
        return iter([[] for _ in episode.steps])
    requests = [step.turn.request for step in episode.steps]
    texts = [step.turn.decision.raw or "" for step in episode.steps]
    return made(episode.operator.what, episode.operator.options, episode.opening, requests, texts)


def _record(episode: Episode, game: str, messages: list[dict[str, str]]) -> dict[str, Any]:
    told = {"match": episode.plan.index, "block": episode.plan.block, "seat": episode.seat, "status": episode.status}
    return {
        "episode_id": _id(episode),
        "messages": messages,
        "reward": episode.returns[episode.seat],
        "done": True,
        "tool_trace": [],
        "metrics": {"truncated": episode.status == "truncated", "turns": len(episode.steps)},
        "verify_metrics": {},
        "artifacts": {},
        "task": game,
        "extra": {**told, "operator": episode.operator.name, "seed": episode.plan.seed.hex()},
    }


def _id(episode: Episode) -> str:
    return f"match-{episode.plan.index}-seat-{episode.seat}"


def _list(array: npt.NDArray[Any] | None) -> list[Any]:
    return [] if array is None else array.tolist()
