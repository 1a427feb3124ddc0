"""What a seat gets does not depend on the other picture but by clues: any table, any options, any views, at any moment.

`Spy.reshuffle_hidden` exchanges what a seat may not know, the other picture and who else is the spy. An operator of any
kind is given the card and an observation in the views that it asked for: both are compared.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from arena.canonical import generator
from arena.game import Observation, Views
from arena.prompts import fill
from arena.testing.playing import played, seed
from arena_games.spy.rules import SIZES, Spy
from arena_games.spy.table import FEWEST_SEATS, MOST_SEATS

# All that any kind of operator can ask for: nothing (random), numbers (ppo), words (llm, a terminal), words and numbers
# (scripted, cmd), a picture and words (vlm, a page), and what no kind asks for yet.
EVERY = [
    Views(image=size, vector=vector, text=text)
    for size, vector, text in product((None, *SIZES), (False, True), (False, True))
]
PICTURES: dict[str, dict[str, object]] = {
    "scenes": {},
    "charts": {"pictures": "charts"},
    "blank": {"blank": True},
    "blank charts": {"pictures": "charts", "blank": True},
    "pairs": {},  # of a folder, which a fixture makes
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two pairs."""
    out = tmp_path_factory.mktemp("pairs")
    for at, side in product(range(2), "ab"):
        shade = 50 + 60 * at + 100 * (side == "b")
        Image.fromarray(np.full((64, 48, 3), shade, np.uint8)).save(out / f"pair{at}-{side}.png")
    return out


def parts(seen: Observation) -> dict[str, object]:
    """All that an observation holds, arrays by their bytes."""
    fields = msgspec.structs.asdict(seen)
    return {name: one.tobytes() if isinstance(one, np.ndarray) else one for name, one in fields.items()}


def same(game: Spy, seat: int, views: Views, chance: np.random.Generator) -> None:
    """AssertionError where the seat would get something else if the other picture were another one."""
    # A new twin may be the old one, by the same single edit; the blank one and those of a folder are not told apart.
    others = (game.reshuffle_hidden(seat, chance) for _ in range(20))
    other = next(one for one in others if None in game.pair.graphs or one.pair.graphs != game.pair.graphs)
    mine, theirs = game.observe(seat, views), other.observe(seat, views)
    assert parts(mine) == parts(theirs)
    card = game.card()
    assert card == other.card()
    if views.text:
        assert all(fill(card, mine, name) == fill(card, theirs, name) for name in card.prompts)


# A failure is not made smaller: pictures take too long for that, and the options that are told say enough.
@pytest.mark.parametrize("which", PICTURES)
@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_nothing_that_a_seat_gets_depends_on_the_other_picture(which: str, pairs: Path, data: st.DataObject) -> None:
    """In words and numbers for who is asked, at every moment; then for all seats in any views at the last moment."""
    known = "blank" in PICTURES[which] or data.draw(st.booleans(), "known")
    rounds = data.draw(st.integers(1, 4), "rounds")
    seats, number = data.draw(st.integers(FEWEST_SEATS, MOST_SEATS), "seats"), data.draw(st.integers(0, 999), "match")
    options = {
        "rounds": rounds,
        "known": known,
        "elimination": data.draw(st.booleans(), "elimination"),
        "spy_votes": data.draw(st.booleans(), "spy_votes") if known else None,
        **PICTURES[which],
        **({"pairs": str(pairs)} if which == "pairs" else {}),
    }
    game, chance = Spy(seats, options), generator(seed(number))
    ticks = data.draw(st.integers(0, 2 * (rounds * seats + 1)), "ticks")  # up to two votes, or the end
    for moment in played(game, number, ticks):
        for seat in moment.result.due:
            same(game, seat, Views(vector=which != "pairs", text=True), chance)
    views = data.draw(st.sampled_from([one for one in EVERY if which != "pairs" or not one.vector]), "views")
    for seat in range(seats):
        same(game, seat, views, chance)
