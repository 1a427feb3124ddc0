"""An OpenSpiel game as a Game. Seat i is the engine's player i.

Chance is decided by the seed alone: the k-th chance node of a match takes the outcome at the k-th number that the
seed gives, in the engine's order of outcomes. So equal deals come whatever the players do, wherever what they do
does not change what can be dealt.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pyspiel

from arena.canonical import digest, generator, key
from arena.game import Image, Move, StepResult, Vector, actions_of
from arena_games.adapters import picture
from arena_games.adapters.base import Adapter
from arena_games.adapters.numbers import in_words

Information = pyspiel.GameType.Information


class SpielAdapter(Adapter):
    """One game of OpenSpiel; `arena_games.adapters.openspiel.make` gives the class attributes."""

    engines = ("open_spiel",)
    engine: ClassVar[pyspiel.Game]
    fen: ClassVar[bool] = False
    answers = ", or the words that stand after its '='"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        try:
            super().__init__(seats, options)
        except ValueError as error:
            declared = self.engine.get_type().parameter_specification
            if seats == self.spec.seats[0] or "players" not in declared:
                raise
            name = self.engine.get_type().short_name
            raise ValueError(f"{error}; for another number write openspiel:{name}(players={seats})") from None
        self.state: pyspiel.State | None = None
        self.tick = 0
        self.forfeited: int | None = None
        self._seed = b""
        self._drawn = 0  # chance nodes so far
        self._chain = ""  # digest over every action and chance outcome so far
        self._legal: dict[int, tuple[int, ...]] = {}  # of the seats that are due
        self._totals = (0.0,) * seats
        self._over = False

    # Stepping the engine.

    def reset(self, seed: bytes) -> StepResult:
        self.state = self.engine.new_initial_state()
        self.tick, self._drawn, self.forfeited, self._over = 0, 0, None, False
        self._seed = bytes(seed)
        self._totals = (0.0,) * self.seats
        # In a game without chance the seed is not part of the state.
        self._chain = digest(self._seed if self.spec.seeded else b"")
        self._walk()
        if self._over:
            raise ValueError(f"{self.spec.id}: the match is over before anybody acts")
        return StepResult.going(self.waiting_for(), self._totals, self.state_hash())

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        actions = actions_of(moves)
        self.check(actions)
        state, said = self._now(), self.said(actions)
        if state.is_simultaneous_node():
            state.apply_actions([actions.get(player, 0) for player in range(self.seats)])
        else:
            state.apply_action(next(iter(actions.values())))
        self.tick += 1
        self._chain = digest(self._chain, sorted(actions.items()))
        self._walk()
        before, self._totals = self._totals, self._returns()
        rewards = tuple(now - then for now, then in zip(self._totals, before, strict=True))
        if state.is_terminal():
            return StepResult.terminated(rewards, self._totals, self.state_hash(), said)
        if self._over:
            return StepResult.truncated(rewards, self._totals, self.state_hash(), said)
        return StepResult.going(self.waiting_for(), rewards, self.state_hash(), said)

    def _walk(self) -> None:
        """Advance to the next decision, or to the end."""
        state = self._now()
        self._legal = {}
        while not state.is_terminal():
            if state.is_chance_node():
                outcome = self._draw(state.chance_outcomes())
                state.apply_action(outcome)
                self._chain = digest(self._chain, outcome)
            elif state.is_simultaneous_node():
                legal = {player: tuple(state.legal_actions(player)) for player in range(self.seats)}
                self._legal = {player: some for player, some in legal.items() if some}
                if self._legal:
                    break
                state.apply_actions([0] * self.seats)
            else:
                player = state.current_player()
                self._legal = {player: tuple(state.legal_actions(player))}
                break
        # Some engines state a longest match that can be exceeded: the horizon is enforced all the same.
        self._over = state.is_terminal() or self.tick >= self.spec.horizon
        if self._over:
            self._legal = {}

    def _draw(self, outcomes: Sequence[tuple[int, float]]) -> int:
        number = int.from_bytes(key("openspiel chance", self._seed, self._drawn)[:8], "little") / 2**64
        self._drawn += 1
        total = 0.0
        ordered = sorted(outcomes)
        for outcome, probability in ordered:
            total += probability
            if number < total:
                return outcome
        return [outcome for outcome, probability in ordered if probability > 0][-1]

    def _now(self) -> pyspiel.State:
        if self.state is None:
            raise ValueError(f"{self.spec.id}: call reset before anything else")
        return self.state

    def _returns(self) -> tuple[float, ...]:
        """The engine's returns so far; zeros before the end in games that only score at the end."""
        state = self._now()
        if self.engine.get_type().reward_model == pyspiel.GameType.RewardModel.TERMINAL and not state.is_terminal():
            return (0.0,) * self.seats
        return tuple(float(value) for value in state.returns())

    # Due seats, and the end.

    def legal(self, seat: int) -> tuple[int, ...]:
        return self._legal.get(seat, ())

    def waiting_for(self) -> tuple[int, ...]:
        return tuple(self._legal)

    def forfeit(self, seat: int) -> StepResult:
        """`seat` gets the least that the game can bring. The others share what that leaves of a constant sum, get the

        same in a game that is played together, and what they have so far in any other.
        """
        if not self._legal:
            raise ValueError(f"{self.spec.id}: the match is over, nobody can forfeit")
        kind, least = self.engine.get_type(), float(self.engine.min_utility())
        if not math.isfinite(least):
            least = min(self._totals) - 1.0
        others = list(self._totals)
        if kind.utility in (pyspiel.GameType.Utility.ZERO_SUM, pyspiel.GameType.Utility.CONSTANT_SUM):
            whole = self.engine.utility_sum() or 0.0
            others = [(whole - least) / max(1, self.seats - 1)] * self.seats
        elif kind.utility == pyspiel.GameType.Utility.IDENTICAL:
            others = [least] * self.seats
        least = min(least, *others)
        returns = tuple(least if at == seat else others[at] for at in range(self.seats))
        rewards = tuple(now - then for now, then in zip(returns, self._totals, strict=True))
        self._totals, self._legal, self._over, self.forfeited = returns, {}, True, seat
        return StepResult.terminated(rewards, returns, self.state_hash(), (f"seat {seat} forfeits",))

    def state_hash(self) -> str:
        """32 hex digits over the seed (where there is chance), every action and outcome, and the engine's state."""
        return digest(self._chain, str(self._now()), self.forfeited)

    # Views.

    @classmethod
    def tensor_of(cls, engine: pyspiel.Game) -> str:
        """Which tensor is the vector view. With hidden information, the one that remembers what was seen."""
        kind = engine.get_type()
        either = [("observation", kind.provides_observation_tensor)]
        either.append(("information", kind.provides_information_state_tensor))
        return _first(either, reverse=kind.information != Information.PERFECT_INFORMATION)

    @classmethod
    def string_of(cls, engine: pyspiel.Game) -> str:
        """Which string is the text view."""
        kind = engine.get_type()
        either = [("observation", kind.provides_observation_string)]
        either.append(("information", kind.provides_information_state_string))
        return _first(either, reverse=kind.information != Information.PERFECT_INFORMATION)

    def vector(self, seat: int) -> Vector:
        state = self._now()
        kind = self.tensor_of(self.engine)
        values = state.observation_tensor(seat) if kind == "observation" else state.information_state_tensor(seat)
        return np.array(values, np.float32)

    def seen(self, seat: int) -> dict[str, str]:
        state, kind = self._now(), self.string_of(self.engine)
        if kind == "observation":
            words = state.observation_string(seat)
        elif kind == "information":
            words = state.information_state_string(seat)
        elif self.spec.perfect_information:
            words = str(state)
        else:
            words = in_words(self.vector(seat)) if self.spec.vector_shape else "nothing"
        out = {"observation": words, "move": str(self.tick + 1)}
        if self.spec.perfect_information:  # every action and chance outcome so far: with them a bot rebuilds the state
            out["history"] = " ".join(str(action) for action in state.history())
        return {**out, "fen": words} if self.fen else out

    def word(self, seat: int, action: int) -> str:
        return str(self._now().action_to_string(seat, action))

    def draw(self, height: int, width: int) -> Image:
        return picture.of_text(str(self._now()), height, width)

    def clone(self) -> Self:
        other = copy.copy(self)
        other.options = dict(self.options)
        other.state = None if self.state is None else self.state.clone()
        return other


class Resampling(SpielAdapter):
    """A game whose engine can redeal what a player does not know."""

    def reshuffle_hidden(self, seat: int, chance: np.random.Generator) -> Self:
        """Returns a copy in which the engine redeals what `seat` does not know. See arena.testing.

        After the end the engine cannot do it, and the copy is exact.
        """
        other = self.clone()
        if self._over:
            return other
        dealt = generator(chance.bytes(16))
        other.state = self._now().resample_from_infostate(seat, lambda: float(dealt.random()))
        other._seed = dealt.bytes(16)
        other._chain = digest(other._seed, other.state.history())
        return other


def _first(either: list[tuple[str, bool]], *, reverse: bool) -> str:
    return next((name for name, there in (reversed(either) if reverse else either) if there), "")
