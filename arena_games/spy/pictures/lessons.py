"""Lessons in seeing: a picture, a statement about it, all that is in the picture, and whether the statement is true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from arena.game import GameCard, Image, Observation
from arena.train.lesson import Lesson
from arena_games.spy.pictures import charts, geometry, render, scene
from arena_games.spy.pictures.charts import Chart
from arena_games.spy.pictures.scene import Scene, Thing
from arena_games.spy.statements import PLACES, Statement, described, matching, of_charts, of_scenes
from arena_games.spy.table import FEWEST_SEATS

Mask = npt.NDArray[np.bool_]  # of all statements
EDGE = 128  # pixels of a side
ASKED = 2  # statements about one picture: few, so that there are many pictures
CELLS = 8  # of a side, into which the picture is divided: "a1" is its upper left
NEAR = 0.5  # of the false ones are true of a twin, as far as there are such
CHARTS = 0.2  # of the pictures are charts
ANSWERS = ("true", "false")
SHORT = "Look at the picture. Is this true of it? {statement}\nLegal: {legal}."
FULL = """\
{rules}

{layout}

The statement: {statement}.
Is it true of the picture? Legal actions: {legal}."""
RULES = (
    "You see a picture and a statement about it, and say whether the statement is true. What is on the left, on the "
    "right, in front or at the back of the floor is in those two fifths of it; the fifth in the middle is neither."
)
CARD = GameCard(
    game="spy",
    version=1,
    seats=FEWEST_SEATS,  # nobody is in the others; a card is of a game that can be made
    rules=RULES,
    actions=ANSWERS,
    answer_format="true or false",
    unit="right answers",
    prompts={"short": SHORT, "full": FULL},
)


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Draws one scene or chart and asks about it. Half of the statements are true; half of the false ones are true of a

    twin of the picture.
    """
    graph: Scene | Chart
    twin: Scene | Chart
    if chance.random() < CHARTS:
        graph, known = charts.chart(chance), of_charts()
        twin, picture = charts.edited(graph, chance)[0], charts.draw(graph, EDGE)
    else:
        graph, known = scene.scene(chance), of_scenes()
        twin, picture = scene.edited(graph, chance)[0], render.draw(graph, EDGE)
    true, near = known.true(graph), known.true(twin)
    for at in _asked(true, near, chance):
        statement = known.all[at]
        yield lesson(picture, graph, statement)


def lesson(picture: Image, graph: Scene | Chart, statement: Statement) -> Lesson:
    """The lesson of one statement about a picture of uint8 (128, 128, 3)."""
    answer = ANSWERS[not statement.holds(graph)]
    facts = {"statement": statement.words}
    seen = Observation(legal=(0, 1), image=picture, text="", facts=facts)
    return Lesson(CARD, seen, f"{looked(graph)} So: {statement.words}, {judged(graph, statement)}.", answer)


def looked(graph: Scene | Chart) -> str:
    """The whole picture in words, as an eye goes over it: which thing is in which cell, row by row; or a chart."""
    if isinstance(graph, Chart):
        return f"I see {described(graph)}."
    return f"I see {'; '.join(sorted(map(_placed, graph.things))) or 'nothing'}."


def judged(graph: Scene | Chart, statement: Statement) -> str:
    """Whether a statement is true, after what the picture has of it.

    Of a colour in a scene: what the first thing of that colour that makes it true, or else the first of them, has of
    what is stated. Without a colour the cell of the first thing that makes it true. Of a number: how many there are,
    and no more. Of a chart: whether it is true.
    """
    if isinstance(graph, Chart) or statement.where is None:
        return ANSWERS[not statement.holds(graph)]
    if statement.counts:
        return str(len(matching(statement.where, graph)))
    colour = statement.where.get("colour")
    like = sorted(matching(statement.where if colour is None else {"colour": colour}, graph), key=_cell)
    right = [one for one in like if statement.holds(Scene((one,)))]
    if colour is None:
        return _cell(right[0]) if right else "no"
    if not like:
        return "no"
    said = _stated((right or like)[0], statement)
    return f"{colour} {said}, {'yes' if right else 'no'}"


def _stated(thing: Thing, statement: Statement) -> str:
    """What a thing is beside its colour, of what is stated."""
    if statement.place is not None:
        return _where(thing) or "middle"
    return " ".join(getattr(thing, name) for name in statement.where or () if name != "colour")


def _placed(thing: Thing) -> str:
    """Its cell, itself and its place in words."""
    return f"{_cell(thing)} {thing} {_where(thing)}".rstrip()


def _where(thing: Thing) -> str:
    """Its places, by their last words; none of one in the middle."""
    return " ".join(place.split()[-1] for place, within in PLACES.items() if within(thing))


def _cell(thing: Thing) -> str:
    """Where its middle is drawn."""
    sides = geometry.frame(thing.solid.box(), EDGE)
    row, column = (min(CELLS - 1, (one.start + one.stop) * CELLS // (2 * EDGE)) for one in sides)
    return f"{'abcdefgh'[row]}{column + 1}"


def _asked(true: Mask, near: Mask, chance: np.random.Generator) -> list[int]:
    """The numbers of statements to ask about, in any order."""
    right, wrong, close = np.flatnonzero(true), np.flatnonzero(~true), np.flatnonzero(~true & near)
    half = ASKED // 2
    out = [int(at) for at in chance.choice(right, min(half, len(right)), replace=False)]
    for _ in range(half):
        pool = close if len(close) and chance.random() < NEAR else wrong
        out.append(int(chance.choice(pool)))
    return [out[at] for at in chance.permutation(len(out))]
