"""The text view and its facts: what a seat knows. Seats are named by number; chips are whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from arena_games.cards.codes import code
from arena_games.cards.evaluate import name, value
from arena_games.holdem.ledger import BIG_BLIND, CALL, FOLD, RAISE, ROUNDS

if TYPE_CHECKING:
    from arena_games.holdem.rules import Holdem

ORDER = ("first", "second", "third", "fourth", "fifth", "sixth")


def position(seats: int, player: int) -> str:
    """The usual name for the position of the engine's `player`."""
    if player == seats - 1:
        return "button and small blind" if seats == 2 else "button"
    if seats == 2:
        return "big blind"
    return ("small blind", "big blind")[player] if player < 2 else f"{player - 1} after the big blind"


def order(seats: int, player: int, round_number: int) -> str:
    """When the engine's `player` acts in a round: first, second, ..."""
    start = 0 if round_number else (1 if seats == 2 else 2)
    return ORDER[(player - start) % seats]


def _cards(cards: tuple[int, ...]) -> str:
    return " ".join(map(code, cards))


def _moves(game: Holdem, seat: int) -> list[str]:
    ledger, player = game.ledger, game.player_of(seat)
    out = []
    for action in game.legal(seat):
        cost = ledger.cost(player, action)
        if action == FOLD:
            out.append("fold")
        elif action == CALL:
            out.append(f"call (costs {cost})" if cost else "call (check, free)")
        else:
            out.append(
                f"raise ({'to ' if max(ledger.bets) else 'a bet of '}{ledger.bets[player] + cost}, costs {cost})"
            )
    return out


def labels(game: Holdem, seat: int) -> dict[str, str]:
    """Each legal action with its current amount, for people's buttons: `label.call` is "call 10"."""
    ledger, player = game.ledger, game.player_of(seat)
    due, names = ledger.to_call(player), game.spec.actions.names
    raised = f"{'raise to' if max(ledger.bets) else 'bet'} {ledger.bets[player] + ledger.cost(player, RAISE)}"
    said = {FOLD: "fold", CALL: f"call {due}" if due else "check", RAISE: raised}
    return {f"label.{names[action]}": said[action] for action in game.legal(seat)}


def history(game: Holdem) -> str:
    """The hand's betting by round, e.g. "preflop: seat 2 calls 10, seat 0 folds; flop: seat 1 checks"."""
    rounds = []
    for number, title in enumerate(ROUNDS):
        said = [f"seat {game.seat_of(one.player)} {one.word}" for one in game.ledger.log if one.round == number]
        if said:
            rounds.append(f"{title}: {', '.join(said)}")
    return "; ".join(rounds) or "nothing yet"


def table(game: Holdem, seat: int) -> str:
    """One line a seat: its place, what it put in, whether it folded, its result so far."""
    ledger, lines = game.ledger, []
    for other in range(game.seats):
        player = game.player_of(other)
        line = f"seat {other}{' (you)' if other == seat else ''}, {position(game.seats, player)}: "
        line += "folded" if ledger.folded[player] else f"bet {ledger.bets[player]} this round"
        line += f", {ledger.bets[player] + ledger.spent[player]} in the pot"
        if other != seat and game.visible(seat, other):
            line += f", shows {_cards(game.hole(other))}"
        lines.append(f"{line}, won {game.totals[other]:+g} before this hand")
    return "\n".join(lines)


def facts(game: Holdem, seat: int) -> dict[str, str]:
    """What `seat` knows, as named parts."""
    ledger, player = game.ledger, game.player_of(seat)
    hole, board = game.hole(seat), game.board()
    due = ledger.to_call(player)
    legal = game.legal(seat)
    return {
        "hand": _cards(hole),
        "board": _cards(board) or "empty",
        "made": name(value([*hole, *board])),
        "pot": str(ledger.pot),
        "to_call": str(due),
        "pot_bb": f"{ledger.pot / BIG_BLIND:g}",
        "to_call_bb": f"{due / BIG_BLIND:g}",
        "bets": ", ".join(f"seat {s} {ledger.bets[game.player_of(s)]}" for s in range(game.seats)),
        "folded": ", ".join(f"seat {s}" for s in range(game.seats) if ledger.folded[game.player_of(s)]) or "nobody",
        "live": str(len(ledger.live)),
        "opponents": str(len(ledger.live) - (not ledger.folded[player])),
        "raises": str(ledger.raises),
        "raises_left": str(ledger.raises_left),
        "history": history(game),
        "table": table(game, seat),
        "moves": " ".join(game.spec.actions.names[action] for action in legal) or "none",
        "costs": ", ".join(_moves(game, seat)) or "none, it is not your turn",
        "seat": str(seat),
        "seats": str(game.seats),
        "button": str(game.button()),
        "round": ROUNDS[ledger.round],
        "position": position(game.seats, player),
        "order": order(game.seats, player, ledger.round),
        "hand_number": str(len(game.hands)),
        "hands": str(game.hand_count),
        "last_hand": "; ".join(game.last_hand) or "none",
        "can_raise": "yes" if RAISE in legal else "no",
        **labels(game, seat),
    }


def text(facts: Mapping[str, str]) -> str:
    """The text view."""
    return (
        f"Hand {facts['hand_number']} of {facts['hands']}. You are seat {facts['seat']} of {facts['seats']}, "
        f"{facts['position']}; seat {facts['button']} has the button.\n"
        f"Your cards: {facts['hand']}\n"
        f"Board: {facts['board']} ({facts['round']})\n"
        f"You have: {facts['made']}\n"
        f"Pot: {facts['pot']}, to call: {facts['to_call']}, raises left this round: {facts['raises_left']}\n"
        f"{facts['table']}\n"
        f"This hand: {facts['history']}\n"
        f"The hand before: {facts['last_hand']}\n"
        f"You can: {facts['costs']}"
    )
