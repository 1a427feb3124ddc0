"""Exact returns at two-seat kuhn and leduc: the whole game is walked, so nothing is drawn and no interval is needed.

    python scripts/ppo/exact.py leduc ppo,random ppo:runs/leduc,scripted scripted,random ppo:runs/leduc

prints what the first of each pair wins a hand, in chips, over all deals and both seats: ppo (the shipped policy, or
ppo:DIR, ppo:FILE.safetensors), scripted or random; and of a name alone OpenSpiel's exploitability at leduc. Takes
seconds.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from open_spiel.python import policy as tabular
from open_spiel.python.algorithms import exploitability as solver

from arena.errors import InputError
from arena.game import Baseline, Move, Views
from arena.plugins import game_class, resolve
from arena.train.nets import Mlp, probabilities
from arena.train.policy import load_policy
from arena_games.spiel import Hand, SpielGame
from arena_operators.ppo.kind import policy_path

DEALT = {"kuhn": 2, "leduc": 3}  # cards that two seats are dealt in a hand, in the order in which they come
CELLS = 1000  # a baseline compares one draw with thresholds, all of them multiples of 1 / CELLS
VIEWS = Views(vector=True, text=True)

Chances = npt.NDArray[np.float64]
Strategy = Callable[[SpielGame, int], Chances]  # the chance of every action where this seat of this game is due


def deals(game: str) -> Iterator[SpielGame]:
    """The game right after each deal; all of them are equally likely."""
    if game not in DEALT:
        raise InputError(f"{game!r} cannot be walked in seconds; expected one of {', '.join(DEALT)}")
    start: Any = game_class(game)(2, {"hands": 1})
    cards = range(start.engine.max_chance_outcomes())
    for deal in itertools.permutations(cards, DEALT[game]):
        table = start.clone()
        table.reset(bytes(16))
        deck = (*deal, *(card for card in cards if card not in deal))
        table.decks, table.hands = [deck], [Hand(table.engine, deck)]
        yield table


def value(game: str, one: Strategy, other: Strategy) -> float:
    """The mean return of `one` against `other` in chips a hand, over all deals and both seats."""
    totals = [_walk(table, seats)[seats.index(one)] for table in deals(game) for seats in ((one, other), (other, one))]
    return float(np.mean(totals))


def _walk(table: SpielGame, seats: Sequence[Strategy]) -> Chances:
    """Expected returns of both seats from here on."""
    seat = table.due_seat
    if seat is None:
        return np.array(table.totals)
    out = np.zeros(2)
    for action, chance in enumerate(seats[seat](table, seat)):
        if chance > 0:
            after = table.clone()
            after.step({seat: Move(action)})
            out += chance * _walk(after, seats)
    return out


def uniform() -> Strategy:
    """What `random` plays."""

    def chances(table: SpielGame, seat: int) -> Chances:
        mask = table.observe(seat, Views()).mask(table.spec.actions.n)
        return mask / mask.sum()

    return _once_a_state(chances)


def scripted(game: str) -> Strategy:
    """What the game's baseline plays: the share of all draws that it answers with each action."""
    choose: Baseline = resolve(game_class(game).spec.baseline)

    def chances(table: SpielGame, seat: int) -> Chances:
        seen, card = table.observe(seat, VIEWS), table.card()
        taken = [choose(seen, card, _Draw((cell + 0.5) / CELLS)) for cell in range(CELLS)]  # type: ignore[arg-type]
        return np.bincount(taken, minlength=table.spec.actions.n) / CELLS

    return _once_a_state(chances)


def network(mlp: Mlp) -> Strategy:
    """What a policy plays."""

    def chances(table: SpielGame, seat: int) -> Chances:
        seen = table.observe(seat, VIEWS)
        assert seen.vector is not None
        return probabilities(mlp.rows(seen.vector[None]), seen.mask(table.spec.actions.n)[None])[0]

    return _once_a_state(chances)


class _Draw:
    """A generator that gives one number."""

    def __init__(self, number: float) -> None:
        self._number: float | None = number

    def random(self) -> float:
        number, self._number = self._number, None
        assert number is not None, "a baseline of one draw drew twice"
        return number


def _once_a_state(chances: Strategy) -> Strategy:
    """The same, asked once an information state."""
    known: dict[str, Chances] = {}

    def remembered(table: SpielGame, seat: int) -> Chances:
        state = table.hand.state.information_state_string()
        if state not in known:
            known[state] = chances(table, seat)
        return known[state]

    return remembered


def strategy(game: str, name: str) -> Strategy:
    """The strategy of this name: random, scripted, ppo or ppo:WHAT."""
    if name == "random":
        return uniform()
    if name == "scripted":
        return scripted(game)
    kind, _, what = name.partition(":")
    if kind != "ppo":
        raise InputError(f"{name!r}: expected random, scripted, ppo or ppo:WHAT")
    net, _ = load_policy(policy_path(what, game))
    assert isinstance(net, Mlp)
    return network(net)


def exploitability(name: str) -> float:
    """OpenSpiel's exploitability of a leduc policy: chips a hand that a best response wins, half of nash_conv."""
    table = table_of(strategy("leduc", name))
    return float(solver.exploitability(table.game, table))


def table_of(chosen: Strategy) -> tabular.TabularPolicy:
    """A strategy of leduc as OpenSpiel's tabular policy: it is asked at every decision of every deal."""
    out = None

    def visit(table: SpielGame) -> None:
        seat = table.due_seat
        if seat is None:
            return
        nonlocal out
        out = out or tabular.TabularPolicy(table.engine)
        out.action_probability_array[out.state_index(table.hand.state)] = chosen(table, seat)
        for action in table.legal(seat):
            after = table.clone()
            after.step({seat: Move(action)})
            visit(after)

    for table in deals("leduc"):
        visit(table)
    assert out is not None
    return out


def main(argv: Sequence[str]) -> int:
    if len(argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    game, *asked = argv
    for what in asked:
        one, _, other = what.partition(",")
        if other:
            won = value(game, strategy(game, one), strategy(game, other))
            print(f"{game}: {one} against {other} {won:+.4f} chips a hand")
        else:
            print(
                f"leduc: {one} loses {exploitability(one):.4f} chips a hand to a best response (uniform play: 2.3736)"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
