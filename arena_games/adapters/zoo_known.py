"""Facts about PettingZoo's classic environments that the environments themselves do not state.

Without an entry an environment still plays: its actions have numbers for names, its text is the numbers of the
observation, it gives no picture to a seat, and a fault costs a tick: the first legal action is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Words = Callable[[Any, Any, int], dict[str, str]]  # (environment, what the seat was given, seat) -> facts
CARDS = tuple(rank + suit for suit in "shdc" for rank in "A23456789TJQK")  # as RLCard numbers them


@dataclass(frozen=True, slots=True)
class Known:
    """One environment."""

    names: Callable[[Any], Sequence[str]] | None = None  # environment -> names of its actions
    words: Words | None = None  # what a seat may know, from what it was given or from what everybody sees
    open: bool = False  # perfect information: render() shows nothing that a seat may not see
    stake: float = 1.0  # what a forfeit costs in a zero-sum game
    zero_sum: bool = False  # the other seats share what a forfeit costs
    together: bool = False  # cooperative: all seats get the same return, never less than 0
    horizon: int | None = None  # the most ticks that the rules allow
    licence: str = "MIT"
    legal: Callable[[Any], Mapping[int, int]] | None = None  # environment's action by the arena's, where they differ
    read: Callable[[Any, str], int | None] | None = None  # accepts further forms of an answer
    also: str = field(default="")  # what `read` takes, for the answer format


def known(name: str) -> Known:
    """Returns the entry of the environment with this name in its metadata; an empty one if there is none."""
    table: dict[str, Callable[[], Known]] = {
        "chess_v6": _chess,
        "tictactoe_v3": lambda: Known(_squares, _tictactoe, open=True, zero_sum=True, horizon=9),
        "connect_four_v3": lambda: Known(_columns, _connect_four, open=True, zero_sum=True, horizon=42),
        "go_v5": lambda: Known(_points, _go, open=True, zero_sum=True, licence="MIT AND Apache-2.0"),
        "leduc_holdem_v4": lambda: Known(_limit, _leduc, stake=7.0, zero_sum=True, horizon=8),
        "texas_holdem_v4": lambda: Known(_limit, _texas, stake=25.0, zero_sum=True),
        "texas_holdem_no_limit_v6": lambda: Known(_no_limit, _no_limit_words, stake=100.0, zero_sum=True),
        "hanabi_v5": lambda: Known(_hanabi_names, _hanabi, together=True, licence="MIT AND Apache-2.0"),
        "rps_v2": lambda: Known(_signs, _rps, zero_sum=True),
    }
    return table.get(name, Known)()


def _chess() -> Known:
    from arena_games.adapters import zoo_chess

    return Known(
        names=lambda env: zoo_chess.moves(),
        words=zoo_chess.words,
        open=True,
        zero_sum=True,
        licence="MIT AND GPL-3.0-or-later",  # python-chess
        legal=zoo_chess.legal,
        read=zoo_chess.read,
        also=" (UCI: from, to, and the piece a pawn becomes, as in e2e4, e1g1, e7e8q), or standard notation like Nf3",
    )


# Boards. A board that everybody sees is read from the environment, so that the words do not depend on the seat.


def _squares(env: Any) -> Sequence[str]:
    return [f"{row} {column}" for column in ("left", "centre", "right") for row in ("top", "middle", "bottom")]


def _tictactoe(env: Any, given: Any, seat: int) -> dict[str, str]:
    squares = np.array(env.unwrapped.board.squares).reshape(3, 3).T
    board = "\n".join(" ".join(".XO"[int(square)] for square in row) for row in squares)
    return {"board": board, "observation": f"You play {'XO'[seat]}. The board (X, O, . free):\n{board}"}


def _columns(env: Any) -> Sequence[str]:
    return [f"column {number}" for number in range(1, 8)]


def _connect_four(env: Any, given: Any, seat: int) -> dict[str, str]:
    rows = np.array(env.unwrapped.board).reshape(6, 7)
    board = "\n".join(" ".join(".XO"[int(disc)] for disc in row) for row in rows) + "\n1 2 3 4 5 6 7"
    return {
        "board": board,
        "observation": f"You play {'XO'[seat]}. The board (X, O, . free; the last line numbers the columns):\n{board}",
    }


def _points(env: Any) -> Sequence[str]:
    size = env.unwrapped._N
    letters = "ABCDEFGHJKLMNOPQRSTUVWXYZ"[:size]
    return [f"{letters[column]}{size - row}" for row in range(size) for column in range(size)] + ["pass"]


def _go(env: Any, given: Any, seat: int) -> dict[str, str]:
    stones = np.array(env.unwrapped._go.board)
    size = len(stones)
    rows = [f"{size - at:2d} " + " ".join(".XO"[int(stone)] for stone in row) for at, row in enumerate(stones)]
    board = "\n".join([*rows, "   " + " ".join("ABCDEFGHJKLMNOPQRSTUVWXYZ"[:size])])
    colour = ("black (X)", "white (O)")[seat]
    return {"board": board, "observation": f"You play {colour}. The board (. free):\n{board}"}


# Cards: from the observation of the seat alone.


def _limit(env: Any) -> Sequence[str]:
    return ["call", "raise", "fold", "check"]


def _no_limit(env: Any) -> Sequence[str]:
    return ["fold", "check or call", "raise half pot", "raise full pot", "all in"]


def _leduc(env: Any, given: Any, seat: int) -> dict[str, str]:
    flags = np.asarray(given["observation"])
    mine, shared = ("".join("JQK"[at] for at in np.flatnonzero(flags[part])) for part in (slice(3), slice(3, 6)))
    own, other = (int(np.flatnonzero(flags[part])[0]) for part in (slice(6, 21), slice(21, 36)))
    lines = [
        f"Your card: {mine}. Card on the table: {shared or 'none yet'}.",
        f"Chips in the pot: {own} of yours, {other} of the other's.",
    ]
    return {"card": mine, "table": shared, "observation": "\n".join(lines)}


def _cards(flags: Any) -> str:
    return " ".join(CARDS[at] for at in np.flatnonzero(np.asarray(flags)[:52]))


def _texas(env: Any, given: Any, seat: int) -> dict[str, str]:
    flags = np.asarray(given["observation"])
    cards = _cards(flags)
    raises = [str(int(at[0])) if (at := np.flatnonzero(flags[52 + 5 * i : 57 + 5 * i])).size else "0" for i in range(4)]
    said = f"Your cards and those on the table together: {cards}.\nRaises in each round: {', '.join(raises)}."
    return {"cards": cards, "raises": " ".join(raises), "observation": said}


def _no_limit_words(env: Any, given: Any, seat: int) -> dict[str, str]:
    numbers = np.asarray(given["observation"])
    cards, mine, most = _cards(numbers), int(numbers[52]), int(numbers[53])
    said = f"Your cards and those on the table together: {cards}.\nChips: {mine} of yours, at most {most} of anybody's."
    return {"cards": cards, "observation": said}


def _hanabi_names(env: Any) -> Sequence[str]:
    from arena_games.adapters.spiel_names import names

    return names(env.unwrapped.hanabi_env.game_state.get_game())


def _hanabi(env: Any, given: Any, seat: int) -> dict[str, str]:
    return {"observation": env.unwrapped.hanabi_env.game_state.observation_string(seat)}


def _signs(env: Any) -> Sequence[str]:
    return ["rock", "paper", "scissors", "lizard", "spock"]


def _rps(env: Any, given: Any, seat: int) -> dict[str, str]:
    n = env.action_space(env.possible_agents[0]).n
    last = "nothing yet" if int(given) >= n else ([*_signs(env)] + [f"action {at}" for at in range(5, n)])[int(given)]
    return {"last": last, "observation": f"The other showed last: {last}."}
