"""Plays a Stable-Baselines3 or sb3-contrib model. Imported only inside a worker: loading the model runs its code.

Rows are padded to one batch shape on one thread, so a decision does not depend on the rest of the batch; draws use the
turn's own key; a recurrent model's state is kept by (match, seat).
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import msgspec
import numpy as np
import numpy.typing as npt
import torch

from arena.errors import sentence, some
from arena.game import floats
from arena.operator import Decision, OpenSeat, Operator, Outcome, Request, WorkerContext
from arena.paths import expanded
from arena.train.nets import is_picture
from arena_operators.ppo.frame_stack import FrameStack
from arena_operators.ppo.kind import check_trust, named_file
from arena_operators.ppo.normalize import Normalizer
from arena_operators.ppo.policy import choose
from arena_operators.ppo.sb3_zip import ALGORITHMS, channels_first, read_zip
from arena_operators.ppo.wrap import Wrap

ROWS = 64  # of every forward pass: a fixed shape
Array = npt.NDArray[Any]
Memory = tuple[torch.Tensor, torch.Tensor]  # LSTM hidden and cell state of one seat, each (layers, width)


@dataclass(slots=True)
class Seated:
    """The state of one seat of one match."""

    seat: OpenSeat
    wrap: Any  # the user's object
    frames: FrameStack | None
    tick: int = -1  # of the fields below: a second question at the same tick must not advance any memory twice
    row: Array | None = None  # what the model observes
    targets: Sequence[int] = ()  # the game's action of each of the model's
    before: Memory | None = None
    after: Memory | None = None


class ForeignPolicy(Operator):
    """Plays the zip that `context.what` names."""

    def __init__(self, context: WorkerContext) -> None:
        torch.set_num_threads(1)
        options = context.options
        check_trust(context.what, options)
        path = named_file(context.what)
        self.name = f"ppo:{context.what}"
        self.algorithm = read_zip(path, options.get("algo")).algorithm
        self.model = _load(path, self.algorithm)
        self.model.policy.set_training_mode(False)
        self._normalize = Normalizer(expanded(options["normalize"])) if options.get("normalize") else None
        self._wrap = Wrap(options["wrap"]) if options.get("wrap") else None
        self._stack = options.get("stack") or 1
        self._deterministic = bool(options.get("deterministic")) or self.algorithm in ("DQN", "QRDQN", "ARS")
        self._masked = bool(options.get("mask", True))
        self._seats: dict[tuple[int, int], Seated] = {}

    def open(self, seats: Sequence[OpenSeat]) -> None:
        """Raises ValueError, naming both spaces, if the model does not fit the game."""
        for seat in seats:
            actions, card = self.model.action_space, seat.card
            free = self._wrap is not None and self._wrap.maps_actions
            fits = isinstance(actions, gymnasium.spaces.Discrete) and (free or actions.n == len(card.actions))
            seen: tuple[int, ...] | None = card.vector_shape
            if seat.views.image is not None:
                seen = (*seat.views.image, 3)
            if not fits or (self._wrap is None and not self._same(seen)):
                stacked = f" {self._stack} times" if self._stack > 1 else ""
                raise ValueError(
                    f"{self.name} observes {self.model.observation_space} and acts in {actions}; {card.game} gives "
                    f"{seen}{stacked} and takes Discrete({len(card.actions)}) ({some(card.actions)})"
                )
            wrap = None if self._wrap is None else self._wrap.open(seat.seat, seat.match)
            frames = FrameStack(self._stack) if self._stack > 1 else None
            self._seats[seat.match, seat.seat] = Seated(seat, wrap, frames)

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        out: list[Decision] = []
        for first in range(0, len(requests), ROWS):
            out += self._act(requests[first : first + ROWS])
        return out

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self._seats.pop((match, seat), None)

    def _act(self, requests: Sequence[Request]) -> list[Decision]:
        seated = [self._seats[one.match, one.seat] for one in requests]
        rows = np.stack([self._see(one, at) for one, at in zip(requests, seated, strict=True)])
        padded = np.zeros((ROWS, *rows.shape[1:]), dtype=rows.dtype)
        padded[: len(rows)] = rows
        with torch.no_grad():
            scores = self._scores(torch.as_tensor(padded), seated)[: len(rows)].double().numpy()
        masks = np.ones(scores.shape, np.bool_)
        for mask, one, at in zip(masks, requests, seated, strict=True):
            legal = np.isin(at.targets, one.observation.legal)
            if self._masked and legal.any():  # if none of its actions is legal, its choice is its own fault
                mask[:] = legal
        seats = [at.seat for at in seated]
        chosen = choose(scores, masks, seats, requests, self._deterministic)
        return [
            msgspec.structs.replace(one, answer=at.targets[int(one.answer or 0)])
            for one, at in zip(chosen, seated, strict=True)
        ]

    def _see(self, request: Request, at: Seated) -> Array:
        """The model's observation, in its space's shape; computed once a tick."""
        if at.row is None or at.tick != request.tick:
            at.row = self._look(request, at)
            at.tick, at.before = request.tick, at.after
            actions, offered = int(self.model.action_space.n), len(at.seat.card.actions)
            at.targets = range(actions) if self._wrap is None else self._wrap.targets(at.wrap, actions, offered)
        return at.row

    def _look(self, request: Request, at: Seated) -> Array:
        seen = request.observation
        space = self.model.observation_space
        out: Array = seen.image if seen.image is not None else floats(seen.vector, at.seat.card.vector_scale)
        if self._wrap is not None:
            out = self._wrap.observation(at.wrap, out)
        elif seen.image is None and is_picture(out.shape) and space.dtype == np.uint8:
            out = np.rint(out * 255).astype(np.uint8)  # the model was trained on bytes; the view is from 0 to 1
        once = out.shape
        if self._normalize is not None and self._normalize.takes(once):
            out = self._normalize(out)
        if at.frames is not None:
            out = at.frames.push(out)
        if self._normalize is not None and not self._normalize.takes(once):
            out = self._normalize(out)
        if out.shape != space.shape and channels_first(out.shape) == space.shape:
            out = out.transpose(2, 0, 1)  # SB3 puts the colours first
        if out.shape != space.shape:
            origin = "the game gives" if self._wrap is None else "@wrap gives"
            stacked = f", of which @stack={self._stack} make {out.shape}" if self._stack > 1 else ""
            raise ValueError(
                f"{self.name} observes {space}, but {origin} shape {once}{stacked}"
                + (". A model of stacked frames is told how many by @stack=N" if self._stack == 1 else "")
            )
        return out.astype(space.dtype)

    def _scores(self, rows: torch.Tensor, seated: Sequence[Seated]) -> torch.Tensor:
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
                return self._recurrent(rows, seated)
        return policy.get_distribution(rows).distribution.logits  # type: ignore[no-any-return]

    def _recurrent(self, rows: torch.Tensor, seated: Sequence[Seated]) -> torch.Tensor:
        policy = self.model.policy
        layers, _, width = policy.lstm_hidden_state_shape
        hidden, cell = torch.zeros(layers, ROWS, width), torch.zeros(layers, ROWS, width)
        for row, at in enumerate(seated):
            if at.before is not None:
                hidden[:, row], cell[:, row] = at.before
        starts = torch.zeros(ROWS)
        distribution, (new_hidden, new_cell) = policy.get_distribution(rows, (hidden, cell), starts)
        for row, at in enumerate(seated):
            at.after = (new_hidden[:, row].clone(), new_cell[:, row].clone())
        return distribution.distribution.logits  # type: ignore[no-any-return]

    def _same(self, shape: tuple[int, ...] | None) -> bool:
        if shape is None:
            return False
        along = (*shape[:-1], shape[-1] * self._stack)
        return self.model.observation_space.shape in (along, channels_first(along))


def _load(path: Path, algorithm: str) -> Any:
    """Loads the model in `path`; its own classes may be in modules beside it. Raises ValueError if it cannot."""
    sys.path.append(str(path.resolve().parent))  # last, so that nothing beside it shadows an installed package
    # Parts that only training needs are replaced: they may be large, or not load in this Python.
    unused = {
        "learning_rate": 0.0,
        "lr_schedule": lambda _: 0.0,
        "clip_range": 0.2,
        "exploration_schedule": lambda _: 0.0,
        "buffer_size": 1,
        "_last_obs": None,
        "_last_episode_starts": None,
    }
    try:
        with warnings.catch_warnings(record=True) as said:
            cls = getattr(importlib.import_module(ALGORITHMS[algorithm]), algorithm)
            model = cls.load(path, device="cpu", custom_objects=unused)
    except Exception as error:  # the zip's own code runs: the boundary to it
        lost = [f" ({' '.join(str(one.message).split())})" for one in said if "deserialize" in str(one.message)]
        raise ValueError(
            f"ppo:{path} cannot be loaded as {algorithm}: "
            f"{sentence(f'{type(error).__name__}: {error}' + ''.join(lost)[:400])} "
            f"Classes of its own are looked for beside it, in {path.resolve().parent}; @algo= names another algorithm"
        ) from error
    base = next(iter(cls.policy_aliases.values()))
    remembers = hasattr(model.policy, "lstm_hidden_state_shape")
    if not isinstance(model.policy, base) or remembers != (algorithm == "RecurrentPPO"):
        raise ValueError(
            f"ppo:{path} was taken for a {algorithm} model, but its policy is a {type(model.policy).__name__}; name "
            f"the algorithm with @algo=: {', '.join(ALGORITHMS)}"
        )
    return model
