"""The vote: who is out, and how often votes by chance find the spy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache


def voted_out(votes: Mapping[int, int | None]) -> int | None:
    """The seat with more votes than any other and than "n/a" (None); None in a tie, or if "n/a" has the most."""
    counted = Counter(votes.values()).most_common(2)
    if not counted or (len(counted) == 2 and counted[0][1] == counted[1][1]):
        return None
    return counted[0][0]


@cache
def found_by_chance(seats: int, spy_votes: bool = False) -> float:
    """How likely one vote finds the spy if everybody who votes takes each other seat and "n/a" with the same chance.

    Exact, by all ways in which they can vote.
    """
    spy = 0
    voters = range(0 if spy_votes else 1, seats)
    ways: dict[tuple[int, ...], int] = {(0,) * (seats + 1): 1}  # votes by seat and for "n/a" -> in how many ways
    for voter in voters:
        after: dict[tuple[int, ...], int] = {}
        for counts, many in ways.items():
            for choice in range(seats + 1):
                if choice != voter:
                    new = (*counts[:choice], counts[choice] + 1, *counts[choice + 1 :])
                    after[new] = after.get(new, 0) + many
        ways = after
    found = sum(many for counts, many in ways.items() if counts[spy] > max(counts[1:]))
    return found / float(seats ** len(voters))
