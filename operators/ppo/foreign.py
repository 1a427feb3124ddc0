"""A Stable-Baselines3 or sb3-contrib model at the table. Only ever imported inside a worker: loading runs its code.

Rows are padded to one batch shape on one thread, so a decision does not depend on its companions; draws come from the
turn's own key; a recurrent model's state is kept per (match, seat).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from arena.errors import InputError
from arena.operator import Decision, OpenSeat, Operator, Outcome, Request, WorkerContext
from arena.train.cnn import is_picture
from operators.ppo.kind import split_wrap
from operators.ppo.policy import choose
from operators.ppo.zipfacts import ALGORITHMS, channels_first, read_zip

ROWS = 64  # of every forward pass: one fixed shape
Array = npt.NDArray[Any]
Memory = tuple[torch.Tensor, torch.Tensor]  # LSTM hidden and cell state of one seat, each (layers, width)


class ForeignPolicy(Operator):
    """See the module. `context.what` is the zip's path."""

    def __init__(self, context: WorkerContext) -> None:
        torch.set_num_threads(1)
        options = context.options
        path = Path(context.what).expanduser()
        self.name = f"ppo:{context.what}"
        self.algorithm = read_zip(path, options.get("algo")).algorithm
        self.model = _load(path, self.algorithm)
        self.model.policy.set_training_mode(False)
        self._normalize = _normalizer(options["normalize"], self.model) if options.get("normalize") else None
        self._wrap = _function(options["wrap"]) if options.get("wrap") else None
        self._deterministic = bool(options.get("deterministic")) or self.algorithm in ("DQN", "QRDQN", "ARS")
        self._masked = bool(options.get("mask", True))
        self._seats: dict[tuple[int, int], OpenSeat] = {}
        self._memory: dict[tuple[int, int], tuple[int, Memory, Memory]] = {}  # (tick, before it, after it)

    def open(self, seats: Sequence[OpenSeat]) -> None:
        """ValueError with both spaces when the model does not fit the game."""
        for seat in seats:
            actions, card = self.model.action_space, seat.card
            fits = isinstance(actions, gymnasium.spaces.Discrete) and actions.n == len(card.actions)
            seen: tuple[int, ...] | None = card.vector_shape
            if seat.views.image is not None:
                seen = (*seat.views.image, 3)
            if not fits or (self._wrap is None and not self._same(seen)):
                raise ValueError(
                    f"{self.name} observes {self.model.observation_space} and acts in {actions}; {card.game} gives "
                    f"{seen} and takes Discrete({len(card.actions)}) ({', '.join(card.actions)})"
                )
            self._seats[seat.match, seat.seat] = seat

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        out: list[Decision] = []
        for first in range(0, len(requests), ROWS):
            out += self._act(requests[first : first + ROWS])
        return out

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self._seats.pop((match, seat), None)
        self._memory.pop((match, seat), None)

    def _act(self, requests: Sequence[Request]) -> list[Decision]:
        seats = [self._seats[one.match, one.seat] for one in requests]
        rows = np.stack([self._see(one) for one in requests])
        padded = np.zeros((ROWS, *rows.shape[1:]), dtype=rows.dtype)
        padded[: len(rows)] = rows
        with torch.no_grad():
            scores = self._scores(torch.as_tensor(padded), requests)[: len(rows)].double().numpy()
        masks = np.stack(
            [one.observation.mask(len(seat.card.actions)) for one, seat in zip(requests, seats, strict=True)]
        )
        return choose(scores, masks if self._masked else np.ones_like(masks), seats, requests, self._deterministic)

    def _see(self, request: Request) -> Array:
        seen = request.observation
        out = np.asarray(seen.vector if seen.image is None else seen.image)
        if self._wrap is not None:
            out = np.asarray(self._wrap(out))
        if self._normalize is not None:
            out = np.asarray(self._normalize.normalize_obs(out))
        space = self.model.observation_space
        if out.shape != space.shape and channels_first(out.shape) == space.shape:
            out = out.transpose(2, 0, 1)  # SB3 puts the colours first
        if seen.image is None and self._wrap is None and is_picture(np.shape(seen.vector)) and space.dtype == np.uint8:
            out = np.rint(out * 255)  # it learned from bytes what the view gives from 0 to 1
        if out.shape != space.shape:
            origin = "the @wrap function gives" if self._wrap is not None else "the game gives"
            raise ValueError(f"{self.name} observes {space}, but {origin} shape {out.shape}, {out.dtype}")
        return out.astype(space.dtype)

    def _scores(self, rows: torch.Tensor, requests: Sequence[Request]) -> torch.Tensor:
        """Logits, or values, of every action: (ROWS, actions)."""
        policy = self.model.policy
        match self.algorithm:
            case "DQN":
                return policy.q_net(rows)  # type: ignore[no-any-return]
            case "QRDQN":
                return policy.quantile_net(rows).mean(dim=1)  # type: ignore[no-any-return]
            case "ARS":
                return policy.action_net(policy.extract_features(rows, policy.features_extractor))  # type: ignore[no-any-return]
            case "RecurrentPPO":
                return self._recurrent(rows, requests)
        return policy.get_distribution(rows).distribution.logits  # type: ignore[no-any-return]

    def _recurrent(self, rows: torch.Tensor, requests: Sequence[Request]) -> torch.Tensor:
        policy = self.model.policy
        layers, _, width = policy.lstm_hidden_state_shape
        hidden, cell = torch.zeros(layers, ROWS, width), torch.zeros(layers, ROWS, width)
        for row, one in enumerate(requests):
            if (one.match, one.seat) in self._memory:
                tick, before, after = self._memory[one.match, one.seat]
                # A re-ask of the same tick must not pass through the memory twice.
                hidden[:, row], cell[:, row] = before if tick == one.tick else after
        starts = torch.zeros(ROWS)
        distribution, (new_hidden, new_cell) = policy.get_distribution(rows, (hidden, cell), starts)
        for row, one in enumerate(requests):
            before = (hidden[:, row].clone(), cell[:, row].clone())
            after = (new_hidden[:, row].clone(), new_cell[:, row].clone())
            self._memory[one.match, one.seat] = (one.tick, before, after)
        return distribution.distribution.logits  # type: ignore[no-any-return]

    def _same(self, shape: tuple[int, ...] | None) -> bool:
        have = self.model.observation_space.shape
        return shape is not None and have in (shape, channels_first(shape))


def _load(path: Path, algorithm: str) -> Any:
    cls = getattr(importlib.import_module(ALGORITHMS[algorithm]), algorithm)
    # What only training needs is replaced: it may not load here (another Python), or be large.
    unused = {
        "learning_rate": 0.0,
        "lr_schedule": lambda _: 0.0,
        "clip_range": 0.2,
        "exploration_schedule": lambda _: 0.0,
        "buffer_size": 1,
        "_last_obs": None,
        "_last_episode_starts": None,
    }
    return cls.load(path, device="cpu", custom_objects=unused)


class _Spaces(gymnasium.Env[Any, Any]):  # type: ignore[misc]
    """Spaces only: what VecNormalize wants to stand on."""

    def __init__(self, model: Any) -> None:
        self.observation_space = model.observation_space
        self.action_space = model.action_space


def _normalizer(file: str, model: Any) -> Any:
    normalizer = VecNormalize.load(str(Path(file).expanduser()), DummyVecEnv([lambda: _Spaces(model)]))
    normalizer.training = False
    return normalizer


def _function(wrap: str) -> Callable[[Array], Array]:
    path, name = split_wrap(wrap)
    spec = importlib.util.spec_from_file_location(f"arena_wrap_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"ppo@wrap={wrap}: {path} has no function {name!r}")
    return function  # type: ignore[no-any-return]
