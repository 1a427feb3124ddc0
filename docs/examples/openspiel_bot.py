"""Seats a bot of OpenSpiel, unmodified, at a game of OpenSpiel in which everybody sees everything.

arena play --game openspiel:tic_tac_toe --operators ./docs/examples/openspiel_bot.py@simulations=200,random

A bot wants the engine's state. It is rebuilt from the fact `history`: the actions so far. Each move gets a new bot,
seeded by the turn's own key, so that it plays the same game again, whatever else is asked at the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arena.errors import UnplayableError
from arena.game import GameSpec, Views
from arena.names import parse
from arena.operator import Decision, OpenSeat, Operator, OperatorKind, Outcome, Request, WorkerContext, turn_key
from arena.options import Option


class BotOperator(Operator):
    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._seats: dict[tuple[int, int], tuple[OpenSeat, Any]] = {}

    def open(self, seats: Sequence[OpenSeat]) -> None:
        import pyspiel

        for seat in seats:
            # `openspiel:hex(board_size=5)`: what stands after the colon is the engine's own name of the game.
            game = pyspiel.load_game(parse(seat.card.game).what)
            self._seats[seat.match, seat.seat] = seat, game

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self._move(request) for request in requests]

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self._seats.pop((match, seat), None)

    def _move(self, request: Request) -> Decision:
        seat, game = self._seats[request.match, request.seat]
        history = (request.observation.facts or {}).get("history")
        if history is None:
            raise ValueError("the game gives no fact `history`: its state cannot be rebuilt")
        state = game.new_initial_state()
        for action in history.split():
            state.apply_action(int(action))
        seed = int.from_bytes(turn_key(seat, request)[:4], "little") >> 1
        return Decision(answer=int(self._bot(game, request.seat, seed).step(state)))

    def _bot(self, game: Any, player: int, seed: int) -> Any:
        """A new bot. Any class of pyspiel or open_spiel.python.bots with `step(state)` could stand here."""
        import pyspiel

        if self._options["bot"] == "uniform_random":
            return pyspiel.make_uniform_random_bot(player, seed)
        simulations, memory_mib = self._options["simulations"], 256
        evaluator = pyspiel.RandomRolloutEvaluator(1, seed)
        return pyspiel.MCTSBot(game, evaluator, self._options["uct_c"], simulations, memory_mib, True, seed, False)


def build(context: WorkerContext) -> Operator:
    return BotOperator(context.options)


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    if not spec.id.startswith("openspiel:"):
        raise UnplayableError(f"a bot of OpenSpiel plays games of OpenSpiel, e.g. openspiel:tic_tac_toe, not {spec.id}")
    if not spec.perfect_information or spec.simultaneous:
        raise UnplayableError(
            f"a bot is given the engine's whole state, so it plays games in which everybody sees everything and one "
            f"acts at a time, e.g. openspiel:tic_tac_toe, and not {spec.id}"
        )
    return Views(text=True)


KIND = OperatorKind(
    name="openspiel_bot",
    summary="a bot of OpenSpiel: Monte Carlo tree search, or uniform",
    target=f"{__file__}:build",
    views=views,
    options={
        "bot": Option("str", "mcts", "which bot", choices=("mcts", "uniform_random")),
        "simulations": Option("int", 1000, "mcts: simulations a move", low=2),
        "uct_c": Option("float", 2.0, "mcts: how much it explores", low=0),
    },
    requires=("pyspiel",),
)
