"""Exact numbers of small games on OpenSpiel's engine, of which every state is walked once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyspiel

from arena.analysis.exact import Decision, Response
from arena.game import Game
from arena_games.spiel import SpielGame

Floats = npt.NDArray[np.float64]
History = Sequence[tuple[int, int]]  # (player, action), and (-1, outcome) of chance
Strategy = Callable[[History, int], Sequence[float]]  # the chance of each action of this player, after this history


class Tree:
    """The states of a game, with the value of each where all play `strategy`."""

    def __init__(self, engine: pyspiel.Game, strategy: Strategy) -> None:
        self._engine, self._strategy = engine, strategy
        self._values: dict[tuple[int, ...], Floats] = {}
        self._legal: dict[str, list[int]] = {}  # by information state
        self._walk(engine.new_initial_state(), [])

    def _walk(self, state: pyspiel.State, history: list[tuple[int, int]]) -> Floats:
        if state.is_terminal():
            value = np.array(state.returns())
        else:
            player, value = state.current_player(), np.zeros(self._engine.num_players())
            if state.is_chance_node():
                chances = list(state.chance_outcomes())
            else:
                legal, row = state.legal_actions(), self._strategy(history, player)
                self._legal.setdefault(state.information_state_string(), legal)
                total = sum(row[action] for action in legal)
                chances = [(action, row[action] / total) for action in legal]
            for action, chance in chances:
                value += chance * self._walk(state.child(action), [*history, (max(player, -1), action)])
        self._values[tuple(action for _, action in history)] = value
        return value

    def luck(self, log: History) -> Floats:
        """What the outcomes of chance gave each player beside their expectation, in one play that went so."""
        state, out = self._engine.new_initial_state(), np.zeros(self._engine.num_players())
        path: tuple[int, ...] = ()
        for player, action in log:
            if player < 0:
                expected = sum(chance * self._values[(*path, one)] for one, chance in state.chance_outcomes())
                out += self._values[(*path, action)] - expected
            path = (*path, action)
            state.apply_action(action)
        return out

    def response(self, halves: Sequence[Mapping[str, Mapping[int, int]]]) -> Response:
        """Best responses to the policy of these answers, of the two halves of the matches."""
        whole: dict[str, dict[int, int]] = {}
        for half in halves:
            for where, counts in half.items():
                into = whole.setdefault(where, {})
                for action, count in counts.items():
                    into[action] = into.get(action, 0) + count
        policy, parts = self._policy(whole), [self._policy(half) for half in halves]
        held_out = [self._won(parts[at], parts[1 - at]) for at in (0, 1)]
        unseen = sum(where not in whole for where in self._legal)
        return Response(self._won(policy, policy), float(np.mean(held_out)), unseen, len(self._legal))

    def uniform(self) -> float:
        """What a best response wins against who chooses any legal action with the same chance."""
        policy = self._policy({})
        return self._won(policy, policy)

    def _policy(self, counts: Mapping[str, Mapping[int, int]]) -> pyspiel.TabularPolicy:
        table = {}
        for where, legal in self._legal.items():
            seen = counts.get(where) or dict.fromkeys(legal, 1)
            total = sum(seen.values())
            table[where] = [(action, seen.get(action, 0) / total) for action in legal]
        return pyspiel.TabularPolicy(table)

    def _won(self, learnt: pyspiel.TabularPolicy, met: pyspiel.TabularPolicy) -> float:
        """The mean over both players of what the best response to `learnt` wins against `met`."""
        out = []
        for player in (0, 1):
            best = pyspiel.TabularBestResponse(self._engine, player, learnt).get_best_response_policy()
            policies = [best, met] if player == 0 else [met, best]
            out.append(pyspiel.expected_returns(self._engine.new_initial_state(), policies, -1, True)[player])
        return float(np.mean(out))


class ExactCards:
    """What arena.analysis.exact asks of a game for two. `strategy`: the reference by which luck is measured."""

    def __init__(self, game: SpielGame, strategy: Strategy) -> None:
        self._tree = Tree(game.engine, strategy)
        self.response, self.uniform = self._tree.response, self._tree.uniform

    def luck(self, game: Game) -> list[float]:
        assert isinstance(game, SpielGame)
        out = np.zeros(game.seats)
        for number, hand in enumerate(game.hands):
            for player, value in enumerate(self._tree.luck(hand.log)):
                out[game.seat_of(player, number)] += value
        return list(out * game.scale / game.hand_count)

    def decisions(self, game: Game) -> Iterator[Decision]:
        assert isinstance(game, SpielGame)
        for number, hand in enumerate(game.hands):
            state = game.engine.new_initial_state()
            for player, action in hand.log:
                if player >= 0:
                    yield Decision(game.seat_of(player, number), state.information_state_string(), action)
                state.apply_action(action)
