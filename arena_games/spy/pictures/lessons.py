"""Lessons in seeing: a picture, a statement about it, what there is of it in the picture, and whether it is true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from arena.game import GameCard, Image, Observation
from arena.train.lesson import Lesson
from arena_games.spy.pictures import charts, render, scene
from arena_games.spy.pictures.charts import Chart
from arena_games.spy.pictures.scene import ATTRIBUTES, Scene, Thing
from arena_games.spy.statements import PLACES, Statement, described, of_charts, of_scenes
from arena_games.spy.table import FEWEST_SEATS

Mask = npt.NDArray[np.bool_]  # of all statements
EDGE = 128  # pixels of a side
ASKED = 6  # statements about one picture
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

    twin of the picture. What the lesson shows besides is the whole picture in words.
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
    return Lesson(CARD, seen, thought(graph, statement.words), answer, shown=shown(graph))


def shown(graph: Scene | Chart) -> str:
    """The whole picture in words."""
    return f"{described(graph)}."


def thought(graph: Scene | Chart, words: str) -> str:
    """What there is in the picture of what the statement is about."""
    return _of_chart(graph, words) if isinstance(graph, Chart) else _of_scene(graph, words)


def _asked(true: Mask, near: Mask, chance: np.random.Generator) -> list[int]:
    """The numbers of statements to ask about, in any order."""
    right, wrong, close = np.flatnonzero(true), np.flatnonzero(~true), np.flatnonzero(~true & near)
    half = ASKED // 2
    out = [int(at) for at in chance.choice(right, min(half, len(right)), replace=False)]
    for _ in range(half):
        pool = close if len(close) and chance.random() < NEAR else wrong
        out.append(int(chance.choice(pool)))
    return [out[at] for at in chance.permutation(len(out))]


def _of_scene(graph: Scene, words: str) -> str:
    """All things that have the statement's colour, else its shape, else its material; or how many there are."""
    parts = words.split()
    for attribute in ("colour", "shape", "material"):
        for word in ATTRIBUTES[attribute]:
            if word in parts or f"{word}s" in parts:
                found = [one for one in graph.things if getattr(one, attribute) == word]
                placed = any(words.endswith(place) for place in PLACES)
                return f"{word.capitalize()}: {_listed(found, word, placed)}."
    names = [f"{one.colour} {one.shape}" for one in _ordered(graph.things)]
    return f"I count {len(names)} things: {', '.join(names)}."


def _ordered(things: Sequence[Thing]) -> list[Thing]:
    """From left to right."""
    return sorted(things, key=lambda one: (one.x, one.y))


def _listed(things: Sequence[Thing], word: str, placed: bool) -> str:
    """How many things and which, without the word that all have; `placed`: and where."""
    names = []
    for one in _ordered(things):
        where = [place for place, within in PLACES.items() if within(one)] or ["in the middle"]
        names.append(" ".join([part for part in str(one).split() if part != word] + where * placed))
    return f"{len(names)}, {', '.join(names)}" if names else "none"


def _of_chart(graph: Chart, words: str) -> str:
    """The value of the statement's label, and the largest or least; or the kind and the labels."""
    label = words.split()[0]
    values = dict(zip(graph.labels, graph.values, strict=True))
    if words.endswith(" chart"):
        return f"It is a {graph.kind} chart."
    if words.endswith(" labels"):
        return f"I count {len(graph.labels)} labels: {', '.join(graph.labels)}."
    there = f"{label.capitalize()} is {values[label]}." if label in values else f"{label.capitalize()} is not there."
    for ending, which in (("most", max), ("least", min)):
        if words.endswith(ending):
            best = which(values, key=lambda one: values[one])
            return f"{there} The {ending}: {best}, {values[best]}."
    return there
