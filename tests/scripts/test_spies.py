"""What scripts/train/spies.py measures: one player among others, deal by deal."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.errors import InputError
from arena.log import TickLine
from arena.record.reader import Run
from arena.train.vlm.crossplay import ONE, one_among
from arena_games.spy.pictures.scene import ATTRIBUTES
from scripts.train.spies import difference, numbers
from scripts.train.votes import PLAIN, PLAIN_SPY, Numbers, votes_of

GAME, NEW = "spy@seats=3@rounds=1", ("start", None)
NOBODY = """
from arena.operator import Decision, Operator, OperatorKind
from arena.game import Views


class Nobody(Operator):
    def act(self, requests):
        for request in requests:
            yield request, Decision(answer="n/a")


KIND = OperatorKind(
    name="nobody", summary="votes for nobody", target=f"{__file__}:make", views=lambda *_: Views(text=True)
)


def make(context):
    return Nobody()
"""


def meet(operator: str, out: Path) -> Run:
    return one_among(GAME, operator, NEW, NEW, out, matches=12, seed=5)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    return [meet(operator, tmp_path_factory.mktemp(operator)) for operator in ("random", "scripted")]


def test_the_one_has_equal_deals_and_seats_whoever_plays(runs: list[Run]) -> None:
    told = [[(line[0].seed, line[0].state_hash, run.plan(line[0]).lineup) for line in run.played()] for run in runs]
    assert told[0] == told[1]
    assert {lineup.index(0) for _, _, lineup in told[0]} == {0, 1, 2}


def test_votes_and_wins_of_the_one_are_those_of_the_log(runs: list[Run]) -> None:
    found = numbers(runs[0])
    names = [operator.name for operator in runs[0].head.games[0].operators]
    right, abstained, spy = dict[int, bool](), dict[int, bool](), dict[int, bool]()
    for lines in runs[0].played():
        plan = runs[0].plan(lines[0])
        mine = [names[slot] for slot in plan.lineup].index(ONE)
        events = [event for line in lines if isinstance(line, TickLine) for event in line.events]
        (end,) = (event for event in events if " is the spy and " in event)
        if end.startswith(f"seat {mine} "):
            spy[plan.block] = end.endswith("wins")
        for event in events:
            if event.startswith(f"seat {mine} votes for "):
                right[plan.block] = event.endswith(f"votes for {' '.join(end.split()[:2])}")
                abstained[plan.block] = event.endswith("n/a")
    for name, expected in (("right", right), ("na", abstained), ("spy", spy)):
        assert found[name].by_deal == {block: (1, float(value)) for block, value in expected.items()}
    assert len(right) + len(spy) == 12


def test_who_votes_again_at_the_same_clues_votes_the_same(runs: list[Run]) -> None:
    """All civilians of all matches, who are two of three."""
    votes = {name: dict[int, list[bool]]() for name in ("right", "na")}
    for lines in runs[0].played():
        events = [event for line in lines if isinstance(line, TickLine) for event in line.events]
        (end,) = (event for event in events if " is the spy and " in event)
        given = [event for event in events if " votes for " in event]
        block = runs[0].plan(lines[0]).block
        votes["right"][block] = [event.endswith(f"votes for {' '.join(end.split()[:2])}") for event in given]
        votes["na"][block] = [event.endswith("n/a") for event in given]
        assert len(given) == 2
    found = votes_of(runs[0], GAME, "random", NEW, together=5)
    for name, by_block in votes.items():
        assert found[name].by_deal == {block: (2, float(sum(given))) for block, given in by_block.items()}


def test_votes_for_the_only_other_who_names_no_colour_are_those_of_the_log(runs: list[Run]) -> None:
    voted, spy = dict[int, list[bool]](), dict[int, list[bool]]()
    for lines in runs[0].played():
        events = [event.split() for line in lines if isinstance(line, TickLine) for event in line.events]
        (who,) = (event[1] for event in events if " is the spy and " in f" {' '.join(event)} ")
        plain = {*"012"} - {event[1] for event in events if event[2] == "says:" and {*event} & {*ATTRIBUTES["colour"]}}
        for event in events:
            if event[2] == "votes" and len(other := plain - {event[1]}) == 1:
                block = runs[0].plan(lines[0]).block
                voted.setdefault(block, []).append({event[-1]} == other)
                spy.setdefault(block, []).append({who} == other)
    found = votes_of(runs[0], GAME, "random", NEW)
    assert len(voted) > 3
    for name, by_block in ((PLAIN, voted), (PLAIN_SPY, spy)):
        assert found[name].by_deal == {block: (len(given), float(sum(given))) for block, given in by_block.items()}


def test_who_votes_otherwise_is_judged_by_its_own_votes(runs: list[Run], tmp_path: Path) -> None:
    (tmp_path / "nobody.py").write_text(NOBODY)
    found = votes_of(runs[0], GAME, f"{tmp_path / 'nobody.py'}:KIND", NEW)
    assert (found["na"].told()["score"], found["right"].told()["score"], found["na"].told()["count"]) == (1.0, 0.0, 24)


def test_votes_of_another_game_are_refused(tmp_path: Path) -> None:
    run = one_among("spy@seats=4@rounds=1@elimination=true", "random", NEW, NEW, tmp_path, matches=1, seed=5)
    with pytest.raises(InputError, match="without elimination"):
        votes_of(run, "spy@seats=4@rounds=1@elimination=true", "random", NEW)


def test_a_difference_is_of_the_deals_that_all_have() -> None:
    def of(**deals: float) -> Numbers:
        made = Numbers()
        for deal, value in deals.items():
            made.add(int(deal[1:]), value)
        return made

    found = difference([of(d1=1, d2=1, d3=0), of(d1=1, d2=0, d3=0)], of(d1=0, d2=0, d4=1))
    assert (found["score"], found["count"]) == (0.75, 2)
    equal = difference([of(d1=1, d2=1)], of(d1=0, d2=0))
    assert (equal["score"], equal["low"], equal["high"]) == (1.0, None, None)
