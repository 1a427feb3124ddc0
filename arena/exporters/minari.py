"""Minari: offline reinforcement learning. One dataset a game, one of its episodes for each seat of each match.

Nothing is rounded or compressed with loss: pictures are stored as they were given. A step is one turn that led to a
move: its reward is what the seat got until its next turn. Without an action (a forfeit; words alone, where seats talk)
its action is the number after the last action's, which the space has only in games where that can be.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import gymnasium
import minari
import numpy as np
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage
from minari.serialization import serialize_space

import arena
from arena.exporters.episodes import Episode, Reader, Step, count
from arena.exporters.options import Options, slugs, views_of
from arena.game import GameSpec, Observation, Views, floats

BATCH = 64  # episodes that are written at once


def export(reader: Reader, out: Path, options: Options) -> list[str]:
    """Writes OUT/arena/GAME-vN for each game. `MINARI_DATASETS_PATH=OUT` and `minari.load_dataset` find them."""
    told = []
    for (place, head), slug in zip(reader.games.items(), slugs([g.name for g in reader.games.values()]), strict=True):
        spec = reader.game(place).spec
        views = views_of(spec, reader.operators(place), options)
        name = f"arena/{slug}-v{head.version}"
        episodes, steps = _write(reader, place, views, out / name, name)
        told.append(f"{name}: {count(episodes, 'episode')}, {count(steps, 'step')}, {views.described()}")
    (out / "arena" / "namespace_metadata.json").write_text("{}", encoding="utf-8")
    return told


def _write(reader: Reader, place: int, views: Views, folder: Path, name: str) -> tuple[int, int]:
    (folder / "data").mkdir(parents=True)
    spec, texts = reader.game(place).spec, {"text": _Texts(), "say": _Texts()}
    storage = MinariStorage.new(
        folder / "data",
        observation_space=_observations(spec, views, texts["text"]),
        action_space=_actions(spec, texts["say"]),
        jpeg_encoding=False,  # it loses something
    )
    names = [head.given for head in reader.operators(place)]
    storage.update_metadata(
        {
            "dataset_id": name,
            "minari_version": minari.__version__,
            "algorithm_name": ", ".join(names),
            "description": f"{spec.id} version {spec.version} ({spec.summary}), played by agent-arena "
            f"{arena.__version__}. Actions: {', '.join(spec.actions.names)}",
        }
    )
    found = reader.episodes(place, lambda head: views)
    episodes = steps = 0
    while batch := list(itertools.islice(found, BATCH)):
        storage.update_episodes(_buffer(one, views, texts) for one in batch)
        storage.update_episode_metadata(map(_facts, batch), range(episodes, episodes + len(batch)))
        episodes, steps = episodes + len(batch), steps + sum(len(one.played) for one in batch)
    # Which texts there are is known only now.
    path = folder / "data" / "metadata.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["observation_space"] = serialize_space(_observations(spec, views, texts["text"]))
    kept["action_space"] = serialize_space(_actions(spec, texts["say"]))
    path.write_text(json.dumps(kept), encoding="utf-8")
    return episodes, steps


class _Texts:
    """The space of the texts that were met."""

    def __init__(self) -> None:
        self.longest = 1
        self.characters: set[str] = set()

    def met(self, text: str) -> str:
        self.longest = max(self.longest, len(text))
        self.characters |= set(text)
        return text

    @property
    def space(self) -> gymnasium.spaces.Text:
        return gymnasium.spaces.Text(
            max_length=self.longest, min_length=0, charset="".join(sorted(self.characters)) or " "
        )


def _observations(spec: GameSpec, views: Views, texts: _Texts) -> gymnasium.spaces.Dict:
    parts: dict[str, gymnasium.Space[Any]] = {
        "action_mask": gymnasium.spaces.Box(0, 1, (spec.actions.n,), np.int8),
    }
    if views.image is not None:
        parts["image"] = gymnasium.spaces.Box(0, 255, (*views.image, 3), np.uint8)
    if views.vector:
        parts["vector"] = gymnasium.spaces.Box(-np.inf, np.inf, spec.vector_shape, np.float32)
    if views.text:
        parts["text"] = texts.space
    return gymnasium.spaces.Dict(parts)


def _actions(spec: GameSpec, texts: _Texts) -> gymnasium.Space[Any]:
    number = gymnasium.spaces.Discrete(spec.actions.n + (spec.on_fault == "forfeit" or spec.talk))
    return gymnasium.spaces.Dict({"action": number, "say": texts.space}) if spec.talk else number


def _buffer(episode: Episode, views: Views, texts: dict[str, _Texts]) -> EpisodeBuffer:
    spec, played = episode.game.spec, episode.played
    seen = [*(step.seen for step in played), episode.last]
    observations: dict[str, Any] = {"action_mask": np.stack([one.mask(spec.actions.n) for one in seen]).astype(np.int8)}
    if views.image is not None:
        observations["image"] = np.stack([_image(one) for one in seen])
    if views.vector:
        observations["vector"] = np.stack([floats(one.vector, spec.vector_scale) for one in seen])
    if views.text:
        observations["text"] = [texts["text"].met(one.text or "") for one in seen]
    moves = [step.turn.move for step in played]
    numbers = np.array(
        [spec.actions.n if move is None or move.action is None else move.action for move in moves], np.int64
    )
    said = [texts["say"].met((move and move.say) or "") for move in moves]
    return EpisodeBuffer(
        observations=observations,
        actions={"action": numbers, "say": said} if spec.talk else numbers,
        rewards=[step.turn.reward for step in played],
        terminations=[step.turn.ended == "terminated" for step in played],
        truncations=[step.turn.ended == "truncated" for step in played],
        infos=_infos(episode, played),
    )


def _image(seen: Observation) -> Any:
    assert seen.image is not None
    return seen.image


def _infos(episode: Episode, played: list[Step]) -> dict[str, Any]:
    """As Minari has it: one entry for the reset, and one for each step."""
    decisions = [step.turn.decision for step in played]
    refused = {step.turn.request.tick: 0 for step in played}
    for step in episode.steps:
        if step.turn.asked_again:
            refused[step.turn.request.tick] = refused.get(step.turn.request.tick, 0) + 1
    return {
        "tick": np.array([-1, *(step.turn.request.tick for step in played)], np.int64),
        "refused": np.array([0, *(refused[step.turn.request.tick] for step in played)], np.int64),
        "fault": ["", *(step.turn.fault or "" for step in played)],
        "answer": ["", *("" if one.answer is None else _text(str(one.answer)) for one in decisions)],
        "thought": ["", *(_text(one.thought) for one in decisions)],
        "raw": ["", *(_text(one.raw) for one in decisions)],
        "say": ["", *((step.turn.move and step.turn.move.say) or "" for step in played)],
    }


def _text(text: str | None) -> str:
    return (text or "").replace("\0", "\N{REPLACEMENT CHARACTER}")  # which HDF5 cannot store


def _facts(episode: Episode) -> dict[str, Any]:
    return {
        "match": episode.plan.index,
        "block": episode.plan.block,
        "seat": episode.seat,
        "operator": episode.operator.name,
        "status": episode.status,
        "return": episode.returns[episode.seat],
        "returns": np.array(episode.returns),
        "reward_before": episode.before,  # what the seat got before its first turn
        "deal": episode.plan.seed.hex(),
    }
