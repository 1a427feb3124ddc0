"""The learner's side of many matches: its observations and rewards, and the play of the other seats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from arena.canonical import generator, key
from arena.game import Observation, Views, floats
from arena.sync import SyncMatch
from arena.train.backend import VecBackend
from arena.train.nets import Floats, Net, is_picture, probabilities, sample
from arena.train.pool import Member, Pool

VECTOR = Views(vector=True)
Seen = npt.NDArray[Any]  # (n, *vector_shape) float32, or of pictures (n, channels, height, width) uint8
Masks = npt.NDArray[np.bool_]  # (n, actions): what is legal


class Finished(NamedTuple):
    """A finished match."""

    against: str  # the kind of the others: one of pool.KINDS, "mixed", or "nobody"
    total: float  # the sum of the learner's rewards, unscaled
    length: int  # its decisions


class Step(NamedTuple):
    """The results of the learner's answers, one row for each match."""

    rewards: Floats  # (n,), scaled and clipped
    dones: npt.NDArray[np.bool_]  # (n,): the match ended, and another one has begun
    cut: dict[int, Seen]  # by slot: the last observation (*shape,) of a truncated match


@dataclass(slots=True)
class _Slot:
    """The match of one slot."""

    match: SyncMatch
    learner: int
    others: list[Member]  # in seat order after the learner
    chance: np.random.Generator
    total: float = 0.0
    actions: list[int] = field(default_factory=list)  # the learner's

    def member(self, seat: int) -> Member:
        return self.others[(seat - self.learner) % (len(self.others) + 1) - 1]

    @property
    def against(self) -> str:
        kinds = {member.kind for member in self.others}
        return "mixed" if len(kinds) > 1 else next(iter(kinds), "nobody")


class VectorEnv:
    """One match in each slot of `backend`. The learner's seat and the opponents are drawn for each match.

    A match follows from (seed, round, slot, its number there) and what is answered. Where others sit, every round
    begins with new matches, so between two rounds there is no state; the price is that one match a slot is cut then.
    Where the learner plays alone, matches go on from round to round (a level may take longer than a round): `state`
    and `restore` play them again to where they were.
    """

    def __init__(self, backend: VecBackend, pool: Pool, seed: int, scale: float = 1.0, clip: float = np.inf) -> None:
        """Rewards are given times `scale`, then clipped to +-`clip`."""
        spec = backend.games[0].spec
        assert spec.vector_shape is not None
        self._vector_scale = spec.vector_scale
        self.count = len(backend.games)
        self.pictures = is_picture(spec.vector_shape)
        self.alone = all(game.seats == 1 for game in backend.games)
        self.finished: list[Finished] = []  # the caller empties it
        high, wide, *deep = spec.vector_shape if self.pictures else (0, 0)
        shape = (*deep, high, wide) if self.pictures else spec.vector_shape
        self.seen: Seen = np.zeros((self.count, *shape), np.uint8 if self.pictures else np.float32)
        self.masks: Masks = np.zeros((self.count, spec.actions.n), np.bool_)
        self._backend = backend
        self._pool = pool
        self._seed = seed
        self._scale, self._clip = scale, clip
        self._cards = [game.card() for game in backend.games]
        self._round = 0
        self._numbers = [0] * self.count  # of each slot's match, from 1
        self._slots: list[_Slot] = []

    def begin(self, number: int) -> None:
        """Begin round `number`. If the learner plays alone, only the first round begins matches."""
        if self.alone and self._slots:
            return
        self._round = 0 if self.alone else number
        self._numbers = [0] * self.count
        self._slots = [self._deal(slot) for slot in range(self.count)]
        self._until_asked(range(self.count))
        self._look(range(self.count))

    def step(self, actions: Sequence[int]) -> Step:
        """Answer for the learner in every slot, and play until it is asked again in each."""
        for slot, action in zip(self._slots, actions, strict=True):
            slot.match.answer(slot.learner, action)
            slot.actions.append(action)
        self._play_others(range(self.count))
        rewards = np.zeros(self.count, np.float32)
        dones = np.zeros(self.count, np.bool_)
        cut: dict[int, Seen] = {}
        for number, slot in enumerate(self._slots):
            reward = slot.match.take_reward(slot.learner)
            slot.total += reward
            rewards[number] = np.clip(reward * self._scale, -self._clip, self._clip)
            dones[number] = slot.match.over
            if slot.match.result.ended == "truncated":
                cut[number] = self._view(slot.match.look(slot.learner, VECTOR))
            if slot.match.over:
                self.finished.append(Finished(slot.against, slot.total, len(slot.actions)))
        again = np.flatnonzero(dones).tolist()
        for number in again:
            self._slots[number] = self._deal(number)
        self._until_asked(again)
        self._look(range(self.count))
        return Step(rewards, dones, cut)

    def close(self) -> None:
        """Close the backend."""
        self._backend.close()

    def state(self) -> list[tuple[int, list[int]]]:
        """(number of the match, the learner's actions in it) of each slot where the learner plays alone; else empty."""
        if not self.alone:
            return []
        return [(number, list(slot.actions)) for number, slot in zip(self._numbers, self._slots, strict=False)]

    def restore(self, state: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Play the matches up to the point at which `state` was taken."""
        if not state:
            return
        self._numbers = [number - 1 for number, _ in state]
        self._slots = [self._deal(slot) for slot in range(self.count)]
        self._until_asked(range(self.count))
        for tick in range(max(len(played) for _, played in state)):
            for slot, (_, played) in zip(self._slots, state, strict=True):
                if tick < len(played):
                    slot.match.answer(slot.learner, played[tick])
            self._backend.wait()
        for slot, (_, played) in zip(self._slots, state, strict=True):
            slot.actions = list(played)
            slot.total = slot.match.take_reward(slot.learner)
        self._look(range(self.count))

    def _deal(self, number: int) -> _Slot:
        """Begin the next match of a slot."""
        self._numbers[number] += 1
        seed = key("train match", self._seed, self._round, number, self._numbers[number])
        chance = generator(key("train others", seed))
        seats = self._backend.games[number].seats
        learner = int(chance.integers(seats))
        others = self._pool.draw(chance, seats - 1) if seats > 1 else []
        views = [VECTOR] * seats
        for at, member in enumerate(others, 1):
            views[(learner + at) % seats] = member.views
        return _Slot(self._backend.begin(number, key("train deal", seed), views), learner, others, chance)

    def _until_asked(self, numbers: Iterable[int]) -> None:
        """Play these new matches until the learner is asked. One that ends before is no episode: another is dealt."""
        going = list(numbers)
        while going:
            self._play_others(going)
            going = [number for number in going if self._slots[number].match.over]
            for number in going:
                self._slots[number] = self._deal(number)

    def _play_others(self, numbers: Iterable[int]) -> None:
        """Answer for the others until each of these matches waits for the learner or is over."""
        self._backend.wait()
        going = list(numbers)
        while going:
            asked: dict[int, list[tuple[_Slot, int, Observation]]] = defaultdict(list)
            nets: dict[int, Net] = {}
            still = []
            for number in going:
                slot = self._slots[number]
                others = {seat: seen for seat, seen in slot.match.waiting.items() if seat != slot.learner}
                for seat, seen in others.items():
                    play = slot.member(seat).play
                    if isinstance(play, Net):
                        nets[id(play)] = play
                        asked[id(play)].append((slot, seat, seen))
                    else:
                        slot.match.answer(seat, play.play(seen, self._cards[number], slot.chance))
                if others:
                    still.append(number)
            for which, questions in asked.items():
                self._answer(nets[which], questions)
            self._backend.wait()
            going = still

    def _answer(self, net: Net, questions: Sequence[tuple[_Slot, int, Observation]]) -> None:
        """Answer for many seats with one network, each by its match's own chance."""
        masks = np.stack([seen.mask(self.masks.shape[1]) for _, _, seen in questions])
        vectors = np.stack([floats(seen.vector, self._vector_scale) for _, _, seen in questions])
        uniform = np.array([slot.chance.random() for slot, _, _ in questions])
        actions = sample(probabilities(net.batch(vectors.reshape(len(questions), -1)), masks), uniform)
        for (slot, seat, _), action in zip(questions, actions.tolist(), strict=True):
            slot.match.answer(seat, action)

    def _look(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            slot = self._slots[number]
            seen = slot.match.waiting[slot.learner]
            self.seen[number] = self._view(seen)
            self.masks[number] = seen.mask(self.masks.shape[1])

    def _view(self, seen: Observation) -> Seen:
        vector = floats(seen.vector, self._vector_scale)
        return as_picture(vector) if self.pictures else vector


def as_picture(vector: Floats) -> npt.NDArray[np.uint8]:
    """uint8 (channels, height, width) of a vector view (height, width, channels) from 0 to 1."""
    return np.ascontiguousarray(np.rint(vector * 255).astype(np.uint8).transpose(2, 0, 1))
