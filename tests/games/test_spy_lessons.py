"""Lessons in seeing: what they say is true, and as often one answer as the other."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from arena.game import Move
from arena.prompts import fill
from arena.train.lesson import Lesson
from arena_games.spy import teacher
from arena_games.spy.baseline import choose
from arena_games.spy.pictures import charts, lessons, scene
from arena_games.spy.pictures.charts import Chart
from arena_games.spy.pictures.lessons import ANSWERS, thought
from arena_games.spy.pictures.scene import Scene, Thing
from arena_games.spy.rules import Spy
from arena_games.spy.statements import of_charts, of_scenes
from arena_games.spy.table import FIRST, FIRST_SEAT, SAY_NOTHING
from arena_games.spy.teacher import voted

SCENE = Scene(
    (
        Thing("cube", "red", "large", "metal", 0.1, 0.2),
        Thing("sphere", "red", "small", "rubber", 0.5, 0.5),
        Thing("sphere", "blue", "small", "rubber", 0.9, 0.9),
    )
)
CHART = Chart("bar", ("tea", "milk", "egg"), (20, 90, 50), ("#3b6fd4", "#d8432f", "#2f9a46"))


@pytest.fixture(scope="module")
def made() -> list[Lesson]:
    """The lessons of 60 pictures."""
    return [lesson for seed in range(60) for lesson in lessons.lessons(np.random.default_rng(seed))]


def test_answers_are_balanced(made: list[Lesson]) -> None:
    counts = Counter(lesson.answer for lesson in made)
    assert counts["true"] == counts["false"] == len(made) / 2


def test_no_statement_is_always_true_or_always_false(made: list[Lesson]) -> None:
    """A model that does not look at the picture cannot answer by the words alone: all kinds are met both ways."""
    kinds: dict[str, set[str]] = {}
    for lesson in made:
        assert lesson.observation.facts is not None
        kinds.setdefault(re.sub(r"\d", "N", lesson.observation.facts["statement"]).split()[-1], set()).add(
            lesson.answer
        )
    often = Counter(kind for kind, answers in kinds.items() if len(answers) == 2)
    assert {"cube", "sphere", "cylinder", "thing", "left", "back", "things"} <= {*often}


def test_a_lesson_is_a_picture_and_a_prompt_that_both_templates_fill(made: list[Lesson]) -> None:
    for lesson in made[:20]:
        assert lesson.observation.image is not None
        assert lesson.observation.image.shape == (128, 128, 3)
        for name in ("short", "full"):
            assert lesson.observation.facts is not None
            assert lesson.observation.facts["statement"] in fill(lesson.card, lesson.observation, name)


@pytest.mark.parametrize(
    ("graph", "words", "said"),
    [
        (SCENE, "a red cube", "Red: 2, large metal cube, small rubber sphere."),
        (SCENE, "a green cube", "Green: none."),
        (
            SCENE,
            "a red thing on the left",
            "Red: 2, large metal cube on the left in front, small rubber sphere in the middle.",
        ),
        (SCENE, "a small rubber sphere", "Sphere: 2, small red rubber, small blue rubber."),
        (SCENE, "no cylinders", "Cylinder: none."),
        (SCENE, "only 1 metal thing", "Metal: 1, large red cube."),
        (SCENE, "4 things", "I count 3 things: red cube, red sphere, blue sphere."),
        (CHART, "a pie chart", "It is a bar chart."),
        (CHART, "egg has the most", "Egg is 50. The most: milk, 90."),
        (CHART, "cat has the least", "Cat is not there. The least: tea, 20."),
        (CHART, "4 labels", "I count 3 labels: tea, milk, egg."),
    ],
)
def test_a_thought_says_what_there_is(graph: Scene | Chart, words: str, said: str) -> None:
    assert thought(graph, words) == said


def test_the_thought_tells_the_answer() -> None:
    """Two pictures with the same thought about a statement agree on whether it is true."""
    for known, some in (
        (of_scenes(), [scene.scene(np.random.default_rng(seed)) for seed in range(150)]),
        (of_charts(), [charts.chart(np.random.default_rng(seed)) for seed in range(150)]),
    ):
        for statement in known.all:
            answers: dict[str, bool] = {}
            for graph in some:
                holds = statement.holds(graph)
                assert answers.setdefault(thought(graph, statement.words), holds) == holds, statement.words


def test_the_same_seed_gives_the_same_lessons() -> None:
    one, other = ([lesson.answer for lesson in lessons.lessons(np.random.default_rng(3))] for _ in range(2))
    assert one == other
    assert {*one} <= {*ANSWERS}


def test_the_card_is_of_a_game_that_can_be_made() -> None:
    """Who trains on lessons makes the game of their card."""
    Spy(lessons.CARD.seats, lessons.CARD.options)


# The teacher of the game


def begun(**options: object) -> Spy:
    """A match of three; nothing is said yet."""
    game = Spy(3, {"rounds": 1, "known": False, **options})
    game.reset(bytes(16))
    return game


def say(game: Spy, *words: str | None) -> None:
    """The clues of all seats, in their order."""
    for text in words:
        game.step({game.due[0]: Move(SAY_NOTHING) if text is None else Move(None, text)})


def false(game: Spy, seat: int) -> str:
    """The first statement that is not true of the picture of a seat."""
    true = game.true(seat)
    assert true is not None
    assert game.statements is not None
    return game.statements.words[int(np.flatnonzero(~true)[0])]


def test_a_vote_is_for_whose_clue_is_not_so() -> None:
    game = begun()
    wrong = false(game, 0)
    say(game, "hello", "hello", wrong)
    assert voted(game, 0, FIRST_SEAT + 2) == f"Not so here: seat 2: {wrong}. I vote for seat 2."
    seen = game.observe(0, teacher.VIEWS)
    assert choose(seen, game.card(), np.random.default_rng(0)) == FIRST_SEAT + 2


def test_who_says_nothing_is_named() -> None:
    game = begun()
    say(game, "hello", None, "hello")
    assert voted(game, 0, FIRST_SEAT + 1) == "Silent: seat 1. I vote for seat 1."


def test_a_match_is_taught_to_its_vote_after_some_pictures() -> None:
    for seed in range(6):
        made = list(teacher.lessons(np.random.default_rng(seed)))
        asked = [lesson for lesson in made if lesson.card == lessons.CARD]
        assert made[: len(asked)] == asked
        assert len(asked) == teacher.PICTURES * lessons.ASKED
        assert made[-1].answer.startswith("seat ")


def test_before_a_clue_stand_all_that_are_offered_and_true() -> None:
    game = begun()
    seat, true = game.due[0], game.true(game.due[0])
    assert true is not None
    seen = game.observe(seat, teacher.VIEWS)
    action = choose(seen, game.card(), np.random.default_rng(0))
    assert game.statements is not None
    offered = {game.statements.words[one - FIRST]: bool(true[one - FIRST]) for one in seen.legal if one != SAY_NOTHING}
    said = teacher.told(game, seat, action).removeprefix("True of it: ").removesuffix(".").split(", ")
    assert [*offered.values()].count(False)
    assert said == [words for words, holds in offered.items() if holds]
    assert game.card().actions[action] in said
