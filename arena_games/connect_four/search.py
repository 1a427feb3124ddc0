"""Looking ahead in connect four: bitboards and negamax to a fixed depth.

A board is an int; the disc at (column, row) is bit column * 7 + row, so each column has a free bit on top that keeps
lines from running over. `mine` are the discs of the side to move, `all` those of both.
"""

from __future__ import annotations

from collections.abc import Iterable

COLUMNS, ROWS = 7, 6
HEIGHT = ROWS + 1
BOTTOM = sum(1 << column * HEIGHT for column in range(COLUMNS))
BOARD = BOTTOM * ((1 << ROWS) - 1)
COLUMN = [((1 << ROWS) - 1) << column * HEIGHT for column in range(COLUMNS)]
ORDER = (3, 2, 4, 1, 5, 0, 6)  # the middle first: better moves tend to be there
MIDDLE = COLUMN[3]
INNER = COLUMN[2] | COLUMN[4]
WIN = 10_000
Board = tuple[int, int]  # mine, all


def board(columns: Iterable[int]) -> Board:
    """The board after these columns (from 0) were played in turn, as the side to move sees it."""
    mine = both = 0
    for column in columns:
        mine, both = play((mine, both), column)
    return mine, both


def play(at: Board, column: int) -> Board:
    """Drop a disc; the sides change."""
    mine, both = at
    return mine ^ both, both | (both + (1 << column * HEIGHT))


def moves(at: Board) -> list[int]:
    """Columns that are not full, the middle first."""
    return [column for column in ORDER if (at[1] & COLUMN[column]) != COLUMN[column]]


def completing(mine: int, both: int) -> int:
    """Free places, reachable now or not, where one more disc of `mine` makes four in a line."""
    out = (mine << 1) & (mine << 2) & (mine << 3)
    for step in (HEIGHT, HEIGHT - 1, HEIGHT + 1):
        pair = (mine << step) & (mine << 2 * step)
        out |= pair & (mine << 3 * step)
        out |= pair & (mine >> step)
        pair = (mine >> step) & (mine >> 2 * step)
        out |= pair & (mine << step)
        out |= pair & (mine >> 3 * step)
    return out & (BOARD ^ both)


def landing(both: int) -> int:
    """The places where a disc can land now."""
    return (both + BOTTOM) & BOARD


def wins(at: Board, own: bool = True) -> list[int]:
    """Columns in which the side to move (or, with `own` False, the other side) completes a line now."""
    mine, both = at
    places = completing(mine if own else mine ^ both, both) & landing(both)
    return [column for column in range(COLUMNS) if places & COLUMN[column]]


def value(at: Board, depth: int, low: int = -WIN, high: int = WIN) -> int:
    """What the position is worth to the side to move, `depth` plies deep: the sooner a win, the more."""
    mine, both = at
    theirs = mine ^ both
    here = landing(both)
    if not here:
        return 0
    if completing(mine, both) & here:
        return WIN - 1
    if depth <= 0:
        return _guess(mine, theirs, both)
    must = completing(theirs, both) & here
    best = -WIN
    for column in ORDER:
        if not here & COLUMN[column] or (must and not must & COLUMN[column]):
            continue
        result = -value(play(at, column), depth - 1, -high, -low)
        result -= (result > WIN // 2) - (result < -WIN // 2)  # a ply further away
        best = max(best, result)
        low = max(low, result)
        if low >= high:
            break
    return best


def _guess(mine: int, theirs: int, both: int) -> int:
    out = 8 * (completing(mine, both).bit_count() - completing(theirs, both).bit_count())
    out += 3 * ((mine & MIDDLE).bit_count() - (theirs & MIDDLE).bit_count())
    return out + (mine & INNER).bit_count() - (theirs & INNER).bit_count()


def best(at: Board, depth: int = 4) -> int:
    """The best column, `depth` plies deep, the one nearest to the middle among equals."""
    winning = wins(at)
    if winning:
        return winning[0]
    found, top = -1, -WIN - 1
    for column in moves(at):
        result = -value(play(at, column), depth - 1, -WIN, -top)
        if result > top:
            found, top = column, result
    if found < 0:
        raise ValueError("the board is full: there is no best column")
    return found
