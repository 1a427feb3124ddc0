"""Plays our own policies: an MLP or a CNN in NumPy. Imported only inside a worker.

A decision depends on its own row alone: every row is a matrix product of its own (Mlp.rows, Cnn.rows), and its draw
comes from its turn's key. So neither batching nor concurrency can change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from arena import commands
from arena.canonical import generator
from arena.errors import CheckpointError, UnplayableError, some
from arena.game import GameCard, floats
from arena.operator import Decision, OpenSeat, Operator, Outcome, Request, WorkerContext, turn_key
from arena.train.nets import Net, probabilities, sample
from arena.train.policy import PolicyCard, load_policy
from arena_operators.ppo.kind import is_zip, made_for, named_file, policy_path, unfit


def build(context: WorkerContext) -> Operator:
    """The factory that the worker calls. Only a zip needs torch."""
    if is_zip(context.what):
        from arena_operators.ppo.foreign import ForeignPolicy

        context.status(f"loading {context.what}")
        return ForeignPolicy(context)
    return OwnPolicy(context.what, bool(context.options.get("deterministic", False)))


def choose(
    scores: npt.NDArray[np.floating[Any]],
    masks: npt.NDArray[np.bool_],
    seats: Sequence[OpenSeat],
    requests: Sequence[Request],
    deterministic: bool,
) -> list[Decision]:
    """One decision for each row of scores (n, actions): the best legal one, or a draw by the turn's own key."""
    if deterministic:
        picked = np.where(masks, scores, -np.inf).argmax(axis=1)
    else:
        uniform = [generator(turn_key(seat, one)).random() for seat, one in zip(seats, requests, strict=True)]
        picked = sample(probabilities(scores, masks), np.array(uniform))
    return [Decision(answer=action) for action in picked.tolist()]


class OwnPolicy(Operator):
    """Plays the shipped policy of each game, or the given one."""

    def __init__(self, what: str, deterministic: bool) -> None:
        self._what = what
        self._deterministic = deterministic
        self._nets: dict[tuple[str, int], tuple[Net, PolicyCard]] = {}  # by game and seats at the table
        self._seats: dict[tuple[int, int], OpenSeat] = {}
        self._updated: dict[str, tuple[Net, PolicyCard]] = {}  # what `update` gave, by game, the newest last

    def update(self, version: str, path: str) -> None:
        """The policy of the game that `path` was trained for; ValueError when it does not fit the one that plays."""
        try:
            net, made = load_policy(named_file(path))
        except CheckpointError as error:
            raise ValueError(str(error)) from error
        plays = [key for key in self._nets if made_for(made, key[0])]
        for key in plays:
            old = self._nets[key][1]
            have = (old.game_version, old.vector_shape, old.actions, old.seats)
            if have != (made.game_version, made.vector_shape, made.actions, made.seats):
                raise ValueError(
                    f"{path} was trained for {_told(made)}; the policy that plays was trained for {_told(old)}"
                )
        self._nets.update(dict.fromkeys(plays, (net, made)))
        self._updated.pop(made.game, None)
        self._updated[made.game] = net, made

    def open(self, seats: Sequence[OpenSeat]) -> None:
        """Loads the policy of a game it has not met; ValueError when it is missing, damaged or for another game."""
        for seat in seats:
            game, table = seat.card.game, seat.card.seats
            if (game, table) not in self._nets:
                self._nets[game, table] = self._load(seat.card)
            low, high = self._nets[game, table][1].seats
            if not low <= table <= high:
                trained = str(low) if low == high else f"{low} to {high}"
                train = commands.arena("train", "ppo", "--game", game, "--seats", table, "--out", "DIR")
                raise ValueError(
                    f"the policy for {game} was trained at tables of {trained} seats, and this one has {table}. "
                    f"Train one with `{train}`, then name it: ppo:DIR"
                )
            self._seats[seat.match, seat.seat] = seat

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        if not requests:
            return []
        seats = [self._seats[one.match, one.seat] for one in requests]
        tables = {(seat.card.game, seat.card.seats) for seat in seats}
        if len(tables) > 1:
            return [self.act([one])[0] for one in requests]
        net, _ = self._nets[tables.pop()]
        scale = seats[0].card.vector_scale
        vectors = np.stack([floats(one.observation.vector, scale).ravel() for one in requests])
        masks = np.stack([one.observation.mask(len(seats[0].card.actions)) for one in requests])
        return choose(net.rows(vectors), masks, seats, requests, self._deterministic)

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self._seats.pop((match, seat), None)

    def _load(self, card: GameCard) -> tuple[Net, PolicyCard]:
        try:
            newest = next((one for one in reversed(self._updated.values()) if made_for(one[1], card.game)), None)
            net, made = newest or load_policy(policy_path(self._what, card.game, card.seats))
        except (CheckpointError, UnplayableError) as error:
            raise ValueError(str(error)) from error
        if why := unfit(made, "the policy", card.game, card.version, card.vector_shape, card.actions):
            raise ValueError(why)
        return net, made


def _told(card: PolicyCard) -> str:
    low, high = card.seats
    return (
        f"{card.game} version {card.game_version} with {low} to {high} seats, vectors of {card.vector_shape} and "
        f"{len(card.actions)} actions ({some(card.actions)})"
    )
