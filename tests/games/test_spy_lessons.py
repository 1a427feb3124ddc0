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
from arena_games.spy.pictures import geometry, lessons, render, scene
from arena_games.spy.pictures.charts import Chart
from arena_games.spy.pictures.lessons import ANSWERS, judged, looked
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
    ("graph", "said"),
    [
        (
            SCENE,
            "I see c6 small blue rubber sphere right back; d5 small red rubber sphere; "
            "e2 large red metal cube left front.",
        ),
        (Scene(()), "I see nothing."),
        (CHART, "I see a bar chart: tea 20, milk 90, egg 50."),
    ],
)
def test_a_thought_says_all_that_there_is(graph: Scene | Chart, said: str) -> None:
    assert looked(graph) == said


@pytest.mark.parametrize(
    ("graph", "words", "said"),
    [
        (SCENE, "a red cube", "red cube, yes"),  # not of the sphere, which comes first
        (SCENE, "a blue cube", "blue sphere, no"),
        (SCENE, "a green cube", "no"),
        (SCENE, "a large blue thing", "blue small, no"),
        (SCENE, "a red metal thing", "red metal, yes"),
        (SCENE, "a small rubber sphere", "c6"),
        (SCENE, "a blue thing on the left", "blue right back, no"),
        (SCENE, "a red thing at the back", "red middle, no"),
        (SCENE, "a red thing in front", "red left front, yes"),
        (SCENE, "a large rubber cube", "no"),
        (SCENE, "4 things", "3"),
        (SCENE, "no cylinders", "0"),
        (SCENE, "only 1 metal thing", "1"),
        (CHART, "egg has the most", "false"),
        (CHART, "milk has the most", "true"),
    ],
)
def test_a_statement_is_judged_by_what_makes_it_true(graph: Scene | Chart, words: str, said: str) -> None:
    known = of_charts() if isinstance(graph, Chart) else of_scenes()
    assert judged(graph, known.all[known.words.index(words)]) == said


def test_a_judgement_tells_whether_a_statement_is_true() -> None:
    for seed in range(30):
        graph = scene.scene(np.random.default_rng(seed))
        for statement in of_scenes().all:
            said, first = judged(graph, statement), statement.words.split()[0]
            number = {"a": "", "no": "0", "only": "1"}.get(first, first)
            assert statement.holds(graph) == (said == number if number else not said.endswith("no"))


def test_a_thing_is_named_in_the_cell_where_it_is_drawn() -> None:
    """What changes in the picture when a thing goes is in its cell or beside it."""
    for seed in range(40):
        graph = scene.scene(np.random.default_rng(seed))
        last = geometry.from_far([thing.solid for thing in graph.things])[-1]  # none hides it
        without = Scene(tuple(thing for at, thing in enumerate(graph.things) if at != last))
        gone = {*looked(graph).removesuffix(".").split("; ")} - {*looked(without).removesuffix(".").split("; ")}
        [name] = {words.removeprefix("I see ").split()[0] for words in gone} or {""}
        changed = (render.draw(graph, lessons.EDGE) != render.draw(without, lessons.EDGE)).any(axis=2)
        side = lessons.EDGE // lessons.CELLS
        row, column = "abcdefgh".index(name[0]) * side, (int(name[1]) - 1) * side
        assert changed[row : row + side, column : column + side].any()


def test_the_words_of_a_thought_alone_tell_every_answer() -> None:
    for seed in range(60):
        graph = scene.scene(np.random.default_rng(seed))
        things = [{*words.split()} for words in looked(graph).removeprefix("I see ").removesuffix(".").split("; ")]
        for statement in of_scenes().all:
            first, *rest = statement.words.split()
            asked = {word.removesuffix("s") for word in rest} - {"thing", "on", "the", "in", "at"}
            if first == "a":
                assert any(asked <= thing for thing in things) == statement.holds(graph), statement.words
            else:
                number = 0 if first == "no" else 1 if first == "only" else int(first)
                counted = sum(asked - {"1"} <= thing for thing in things)
                assert (counted == number) == statement.holds(graph), statement.words


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


def judgement(game: Spy, seat: int, words: str) -> str:
    """What is said of a statement by who sees a seat's picture."""
    graph = game.graph(seat)
    assert graph is not None
    assert game.statements is not None
    return judged(graph, game.statements.all[game.statements.words.index(words)])


def test_a_vote_is_for_whose_clue_is_not_so() -> None:
    game = begun()
    wrong = false(game, 0)
    say(game, "hello", "hello", wrong)
    said = f" So: seat 1: hello, who knows; seat 2: {wrong}, {judgement(game, 0, wrong)}. I vote for seat 2."
    assert voted(game, 0, FIRST_SEAT + 2).endswith(said)
    seen = game.observe(0, teacher.VIEWS)
    assert choose(seen, game.card(), np.random.default_rng(0)) == FIRST_SEAT + 2


def test_who_says_nothing_is_named() -> None:
    game = begun()
    say(game, "hello", None, "hello")
    assert voted(game, 0, FIRST_SEAT + 1).endswith(
        " So: seat 1 is silent; seat 2: hello, who knows. I vote for seat 1."
    )


def test_a_match_is_taught_to_its_vote_after_some_pictures() -> None:
    for seed in range(6):
        made = list(teacher.lessons(np.random.default_rng(seed)))
        asked = [lesson for lesson in made if lesson.card == lessons.CARD]
        assert made[: len(asked)] == asked
        assert len(asked) == teacher.PICTURES * lessons.ASKED
        assert made[-1].answer.startswith("seat ")


def test_before_a_clue_all_that_are_offered_are_judged_and_the_plainest_true_one_is_said() -> None:
    game = begun()
    seat, true = game.due[0], game.true(game.due[0])
    assert true is not None
    seen = game.observe(seat, teacher.VIEWS)
    assert game.statements is not None
    offered = {game.statements.words[one - FIRST]: bool(true[one - FIRST]) for one in seen.legal if one != SAY_NOTHING}
    thought, action = teacher.told(game, seat, choose(seen, game.card(), np.random.default_rng(0)))
    every = "; ".join(f"{words}, {judgement(game, seat, words)}" for words in offered)
    assert thought.endswith(f" So: {every}.")
    said = game.card().actions[action]
    assert offered[said]
    assert not [words for words, holds in offered.items() if holds and teacher.hard(words) < teacher.hard(said)]


@pytest.mark.parametrize(
    ("plainer", "harder"),
    [
        ("a small red thing", "a red metal thing"),
        ("a red thing on the left", "a red metal thing"),
        ("a red metal thing", "a red cube"),
        ("a red cube", "a large metal cube"),
        ("a small red thing", "4 things"),
        ("a red metal thing", "only 1 metal thing"),
        ("a red cube", "no cubes"),
    ],
)
def test_what_a_small_picture_shows_of_colours_and_places_is_plain(plainer: str, harder: str) -> None:
    assert teacher.hard(plainer) < teacher.hard(harder)
