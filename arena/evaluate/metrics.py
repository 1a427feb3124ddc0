"""The numbers of an analysis that an evaluation may choose from."""

from __future__ import annotations

from collections.abc import Sequence

from arena.errors import InputError, nearest

METRICS = {
    "differences": "who is ahead of whom and by how much, win rates, and the ranks that follow",
    "ratings": "Bradley-Terry with ties and seats, of each game and over all",
    "payoffs": "mean return of each against each",
    "middle": "interquartile mean over games, of scores between `random` and `scripted`",
}
EXACT = {  # every match is played again for these
    "luck": "scores without the luck of the cards, of games that know their odds",
    "exploitability": "what a best response wins against each, of games that can be enumerated",
}


def check_metrics(given: Sequence[str]) -> None:
    """InputError for a name that is none, or stands there twice."""
    for name in given:
        if name not in METRICS | EXACT:
            raise InputError(f"metrics: there is none called {name!r}. {nearest(name, METRICS | EXACT)}")
        if given.count(name) > 1:
            raise InputError(f"metrics: {name} stands there {given.count(name)} times. Name it once")
