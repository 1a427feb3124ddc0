"""nano on lanes: what it says of the way ahead is true of the game's own state, and comes from the picture."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")

from arena.operator import WorkerContext
from arena_operators.vlm.operator import make
from scripts.nano import lessons as shards
from scripts.nano.evaluate import AHEAD, read
from tests.games.mario_kit import needed
from tests.operators.vlm_kit import answers, lessons, swapped

KIND = AHEAD[0][1]


@pytest.fixture(scope="module")
def nano():
    return make(WorkerContext("nano", {"batch": 32}))


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """By game: moments that it was not trained on; their thoughts are made of the game's state."""

    def moments(game):
        if game == "sidescroller":
            return lessons(game, 320)
        needed("mario")
        return shards.unseen(tmp_path_factory.mktemp("lessons"), game, 3, 64)

    return moments


def true(nano, taught, pattern, within=0):
    """The share of thoughts that say the truth; numbers may be off by `within`."""
    right = 0
    for decision, lesson in zip(answers(nano, taught), taught, strict=True):
        said, fact = read(decision.thought, pattern), read(lesson.thought, pattern)
        close = said.isdigit() and fact.isdigit() and abs(int(said) - int(fact)) <= within
        right += said == fact or close
    return right / len(taught)


# Measured on 500 moments: what is ahead 95% and 82%, to the tile 88% and 63% (docs/benchmarks.md). No two levels of the
# sidescroller are alike, and the most frequent answer there would be right in 31%.
@pytest.mark.parametrize(("game", "kind", "near"), [("mario", 0.85, 0.8), ("sidescroller", 0.7, 0.6)])
def test_what_it_says_is_ahead_is_ahead(nano, taught, game, kind, near):
    moments = taught(game)
    assert true(nano, moments, KIND) >= kind
    assert true(nano, moments, AHEAD[1][1], within=1) >= near


def test_it_says_what_the_picture_shows(nano):
    """The prompts are equal; with another moment's picture it says what is ahead there."""
    before, after, sources = swapped(lessons("sidescroller", 320))
    others = [i for i, (one, other) in enumerate(zip(before, sources, strict=True)) if one.thought != other.thought]
    shown, there = [after[i] for i in others][:60], [sources[i] for i in others][:60]
    said = [read(decision.thought, KIND) for decision in answers(nano, shown)]
    truth = [read(lesson.thought, KIND) for lesson in there]
    assert sum(one == other for one, other in zip(said, truth, strict=True)) >= 0.6 * len(truth)
