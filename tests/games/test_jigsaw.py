"""Jigsaws conform, are exactly as hard as was asked for, and guessing is worth exactly what is said."""

from __future__ import annotations

import copy
import time
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from arena.canonical import generator
from arena.game import Move, Views
from arena.operator import OpenSeat, Request
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from arena_games.jigsaw import cutting, pictures
from arena_games.jigsaw.baseline import choose
from arena_games.jigsaw.cutting import NEAR, PATCH, SIDE, Pieces
from arena_games.jigsaw.levels import LADDER, Level, chance_level
from arena_games.jigsaw.puzzles import PatchPuzzle, PiecesPuzzle, numbers
from arena_games.jigsaw.rules import JigsawGame
from arena_games.jigsaw.teacher import lessons, thought
from arena_operators.scripted.kind import ScriptedOperator


class TestJigsaw(GameSuite):
    cls = JigsawGame
    options = ({}, {"kind": "rotation"}, {"kind": "patch", "difficulty": 3}, {"answer": "whole"})
    most_seats = 2


def places(chance):
    """A picture whose pixels say where they are: red the row, green the column, blue which picture."""
    out = np.zeros((SIDE, SIDE, 3), np.uint8)
    out[..., 0], out[..., 1] = np.arange(SIDE)[:, None], np.arange(SIDE)
    out[..., 2] = chance.integers(1, 256)
    return out


ALL = [
    *(level for levels in LADDER.values() for level in levels),
    Level("permutation", 3, 3, moved=2),
    Level("permutation", 3, 4, moved=12),
    Level("permutation", 2, 2, moved=0, border=40),
    Level("rotation", 4, 4, moved=5),
    Level("patch", choices=8, wrong="same"),
]


SEEDS = 200  # of each level, and no level has another one's: 4,000 in all


@pytest.mark.parametrize(("at", "level"), list(enumerate(ALL)), ids=str)
def test_difficulty_is_exactly_what_was_asked_for(at, level):
    """The levels share 4,000 seeds out: up to 5 s a level."""
    for number in range(at, SEEDS * len(ALL), len(ALL)):
        chance = generator(seed(number))
        made = cutting.cut(level, places, chance)
        if isinstance(made, Pieces):
            assert sorted(made.order) == list(range(level.rows * level.columns))
            away = sum(
                at != home or turn != 0 for at, (home, turn) in enumerate(zip(made.order, made.turns, strict=True))
            )
            assert level.moved in (None, away)
            assert level.kind == "rotation" or not any(made.turns)
            assert level.kind == "permutation" or made.order == tuple(range(level.pieces))
            pieces = cutting.split(made.picture, level)
            black = {SIDE // level.rows * level.border // 200, SIDE // level.columns * level.border // 200}
            assert {piece.shape[0] for piece in pieces} == {SIDE // level.rows - 2 * min(black)}
            continue
        assert len(made.patches) == level.choices
        assert not made.picture[made.hole[0] : made.hole[0] + PATCH, made.hole[1] : made.hole[1] + PATCH].any()
        for at, patch in enumerate(made.patches):
            row, column, blue = map(int, patch[0, 0])
            far = max(abs(row - made.hole[0]), abs(column - made.hole[1]))
            ours = blue == made.picture[0, 0, 2]
            if at == made.right:
                assert far == 0
                assert ours
            elif level.wrong == "other":
                assert not ours
            else:
                assert ours
                assert far >= PATCH if level.wrong == "same" else NEAR[0] <= far <= NEAR[1]


def test_without_moved_every_arrangement_comes():
    made = [cutting.cut(LADDER["permutation"][1], places, generator(seed(number))) for number in range(300)]
    assert len({one.order for one in made}) == 24


def expected(puzzle, weight=Fraction(1)):
    """The exact mean of the score if every legal action is equally likely."""
    total, legal = Fraction(0), puzzle.legal()
    for action in legal:
        after = copy.copy(puzzle)
        if isinstance(puzzle, PiecesPuzzle):
            after.order, after.turns = list(puzzle.order), list(puzzle.turns)
        reward, _ = after.act(action)
        part = weight / len(legal)
        total += part * Fraction(reward).limit_denominator(1000) if after.over else expected(after, part)
    return total


@pytest.mark.parametrize("score", ["places", "joins", "all"])
@pytest.mark.parametrize("shape", [(1, 2), (2, 2), (2, 3), (1, 5)])
def test_guessing_a_permutation_is_worth_exactly_what_is_said(shape, score):
    level = Level("permutation", *shape)
    for number in range(2):
        made = cutting.cut(level, places, generator(seed(number)))
        assert expected(PiecesPuzzle(made, score, whole=False)) == chance_level(level, score)


@pytest.mark.parametrize("score", ["places", "all"])
@pytest.mark.parametrize("side", [1, 2])
def test_guessing_turns_is_worth_exactly_what_is_said(side, score):
    level = Level("rotation", side, side)
    made = cutting.cut(level, places, generator(seed(0)))
    assert expected(PiecesPuzzle(made, score, whole=False)) == chance_level(level, score)


@pytest.mark.parametrize("level", LADDER["patch"], ids=str)
def test_guessing_a_patch_is_worth_exactly_what_is_said(level):
    made = cutting.cut(level, places, generator(seed(0)))
    assert expected(PatchPuzzle(made, level.answers)) == chance_level(level)


@pytest.mark.parametrize("kind", list(LADDER))
@pytest.mark.parametrize("difficulty", [1, 2, 3])
def test_what_fits_best_at_the_edges_solves_generated_scenes(kind, difficulty):
    game = JigsawGame(1, {"kind": kind, "difficulty": difficulty})
    for number in range(2):
        result = game.reset(seed(number))
        while result.due:
            action = choose(game.observe(0, Views(text=True)), game.card(), generator(seed(0)))
            result = game.step({0: Move(action)})
        assert result.returns == (1.0,)


def scripted(game):
    """What the operator `scripted` answers in seat 0."""
    views = Views(text=True)
    operator = ScriptedOperator()
    operator.open([OpenSeat(match=0, seat=0, operator="scripted", card=game.card(), views=views, seed=bytes(16))])
    return operator.act([Request(1, 0, 0, 0, game.observe(0, views))])[0].answer


@pytest.mark.parametrize(
    ("kind", "difficulty"), [*(("permutation", at) for at in range(1, 6)), *(("rotation", at) for at in (1, 2, 3))]
)
def test_scripted_answers_the_whole_of_generated_scenes(kind, difficulty):
    game = JigsawGame(1, {"kind": kind, "difficulty": difficulty, "answer": "whole", "score": "all"})
    for number in range(2):
        game.reset(seed(number))
        result = game.step({0: game.parse(0, scripted(game))})
        assert (result.ended, result.returns) == ("terminated", (1.0,))


@pytest.mark.parametrize("kind", ["permutation", "rotation"])
def test_no_place_is_next_where_all_are_answered_at_once(kind):
    game = JigsawGame(1, {"kind": kind, "answer": "whole"})
    game.reset(seed(0))
    seen = game.observe(0, Views(text=True))
    assert seen.facts["next"] == "all"
    assert seen.text.endswith("Legal actions: 4 numbers with spaces between them, in reading order, or give up.")
    assert thought(seen.facts, "1 2 3 4") == "All places are next. I answer 1 2 3 4."


def a_puzzle(level, score="places", *, whole=False, number=1):
    return PiecesPuzzle(cutting.cut(level, places, generator(seed(number))), score, whole)


@pytest.mark.parametrize("level", [LADDER["permutation"][2], LADDER["rotation"][1]], ids=str)
def test_the_right_answers_solve_it_and_faults_do_not(level):
    ends = {}
    for answer in ("best", "worst"):
        puzzle = a_puzzle(level)
        while not puzzle.over:
            reward, _ = puzzle.act(getattr(puzzle, answer)())
        ends[answer] = reward
    assert ends == {"best": 1.0, "worst": 0.0}


def test_a_lesson_compares_each_side_of_each_patch_with_the_hole():
    chance, patches, others = np.random.default_rng(4), 0, 0
    for _ in range(60):
        for lesson in lessons(chance):
            if "colours" not in lesson.observation.facts:
                others += 1
                continue
            patches += 1
            hole, *each = (one.partition(": ")[2].split(" ") for one in lesson.observation.facts["colours"].split("\n"))
            said = lesson.thought.split(". ")[1:-1]
            for name, colours, line in zip("ABCD"[: len(each)], each, said, strict=True):
                fits = [one == other for one, other in zip(colours, hole, strict=True)]
                words = [word for one, fit in zip(colours, fits, strict=True) for word in (one, ("no", "fits")[fit])]
                assert line == f"Patch {name}: {' '.join(words)} = {sum(fits)}"
    assert 0.3 < patches / (patches + others) < 0.7  # so that neither kind of lesson is rare


@pytest.mark.parametrize("level", [Level("permutation", 3, 3, border=20), Level("rotation", 2, 2)], ids=str)
def test_views_follow_from_what_is_shown_alone(level):
    puzzle = a_puzzle(level)
    other = copy.deepcopy(puzzle)
    other.picture, other.order, other.turns = puzzle.shown(), list(range(level.pieces)), [0] * level.pieces
    assert other.facts() == puzzle.facts()
    assert (other.vector() == puzzle.vector()).all()


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ("2 1 4 3", 1.0),
        ("2, 1\n4; 3", 1.0),
        ("2 1 3 4", 0.5),
        ("2 2 2 2", 0.25),  # as published: a place said twice counts where it is right
        ("2 1 4", 0.0),
        ("two 1 4 3", 0.0),
        ("2 1 4 33", 0.75),
    ],
)
def test_a_whole_answer_counts_the_pieces_whose_place_is_right(said, score):
    made = cutting.cut(LADDER["permutation"][1], places, generator(seed(0)))
    puzzle = PiecesPuzzle(Pieces(made.level, made.picture, (1, 0, 3, 2), made.turns), "places", whole=True)
    assert puzzle.told(said)[0] == score
    assert puzzle.over


def test_joins_count_where_pieces_are_side_by_side_as_in_the_picture():
    made = cutting.cut(LADDER["permutation"][1], places, generator(seed(0)))
    puzzle = PiecesPuzzle(Pieces(made.level, made.picture, (2, 3, 0, 1), made.turns), "joins", whole=True)
    assert puzzle.told("1 2 3 4")[0] == 0.5  # both rows are whole, and stand in the wrong order


def test_whole_turns_are_degrees():
    puzzle = a_puzzle(LADDER["rotation"][1], whole=True)
    assert puzzle.told(" ".join(str(90 * (-turn % 4)) for turn in puzzle.turns))[0] == 1.0
    assert a_puzzle(LADDER["rotation"][1], whole=True).told("45 0 0 0")[0] == 0.0


def test_an_answer_is_numbers_and_nothing_else():
    assert numbers(" 1 2,3;\n4 ") == [1, 2, 3, 4]
    assert numbers("1 - 2") is None
    assert numbers("") is None


def test_seats_have_the_same_puzzle():
    game = JigsawGame(2)
    game.reset(seed(0))
    assert game.observe(0, Views(text=True, image=(128, 128))).hashes() == (
        game.observe(1, Views(text=True, image=(128, 128))).hashes()
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "rotation", "rows": 2, "columns": 3}, "as many rows as columns"),
        ({"moved": 1}, "one piece alone"),
        ({"moved": 5}, r"there are 4 pieces\. Take as many at most"),
        ({"rows": 1, "columns": 1}, r"two pieces at least\. Take more rows or columns"),
        ({"choices": 4}, "has no choices, only patch has. Leave it out"),
        ({"kind": "patch", "rows": 2}, "has no rows, all but patch has. Leave it out"),
        ({"kind": "rotation", "score": "joins"}, "only a permutation has joins"),
        ({"kind": "patch", "answer": "whole"}, "one answer in any case"),
        ({"difficulty": 2, "rows": 3, "columns": 3}, "difficulty=2 has no effect: rows, columns say all of it"),
        ({"kind": "patch", "difficulty": 2, "choices": 4, "wrong": "same"}, "choices, wrong say all of it"),
    ],
)
def test_what_cannot_be_is_said(options, said):
    with pytest.raises(ValueError, match=said):
        JigsawGame(1, options)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "rotation", "rows": 4, "columns": 4, "border": 60},
        {"kind": "rotation", "rows": 4, "columns": 4, "border": 60, "moved": 3},
        {"kind": "rotation", "rows": 3, "columns": 3, "border": 60},  # of 150 scenes one: 13 s a match
    ],
)
def test_what_hardly_any_scene_can_be_cut_to_is_refused_before_a_match(options):
    began = time.process_time()
    shape = f"rows={options['rows']}, columns={options['columns']}, border=60: of 40 generated scenes "
    with pytest.raises(ValueError, match=f"{shape}.*Take fewer rows and columns, or a smaller border"):
        JigsawGame(1, options)
    assert time.process_time() - began < 20  # 2 s; the bound is for slow machines


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "rotation", "rows": 4, "columns": 4},
        {"kind": "rotation", "rows": 3, "columns": 3, "border": 50},
        {"kind": "permutation", "rows": 4, "columns": 4, "border": 40},
        {"kind": "patch", "choices": 8, "wrong": "same"},
    ],
)
def test_what_is_not_refused_is_dealt(options):
    game = JigsawGame(1, options)
    for number in range(2):
        game.reset(seed(number))
        assert game.puzzle(0).facts()


def test_where_chance_finds_no_picture_a_known_one_is_cut(monkeypatch):
    game = JigsawGame(1, {"kind": "rotation", "rows": 4, "columns": 4, "moved": 5})
    monkeypatch.setattr(pictures, "scene", lambda chance: np.zeros((SIDE, SIDE, 3), np.uint8))
    game._draw = pictures.scene
    made = {tuple(game.deal(generator(seed(number))).turns) for number in range(3)}
    assert len(made) == 3
    assert all(sum(map(bool, turns)) == 5 for turns in made)


# --- folders of pictures ---------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    out = tmp_path / "pictures"
    out.mkdir()
    for number, name in enumerate(("a.png", "b.jpg")):
        rough = generator(seed(number)).integers(0, 256, (8, 10, 3), dtype=np.uint8)
        Image.fromarray(rough).resize((300, 240), Image.Resampling.BILINEAR).save(out / name)
    return out


@pytest.mark.parametrize("kind", list(LADDER))
def test_a_folder_of_pictures_is_played(folder, kind):
    game = JigsawGame(1, {"kind": kind, "pictures": str(folder)})
    result = game.reset(seed(0))
    while result.due:
        result = game.step({0: Move(game.puzzle(0).best())})
    assert result.returns == (1.0,)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.txt", b"words", r"notes\.txt is no picture"),
        ("c.png", b"rubbish", r"c\.png cannot be read as a picture"),
        ("c.png", 100, r"c\.png is 100 x 100 pixels; expected 120 or more"),
        ("c.png", 240, r"c\.png cannot be cut for this puzzle: its parts, or its opposite sides, look alike"),
        ("c.png", "a.png", r"a\.png and c\.png are the same file"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(folder, name, content, said):
    match content:
        case int(side):
            Image.new("RGB", (side, side), "#808080").save(folder / name)
        case str(other):
            (folder / name).write_bytes((folder / other).read_bytes())
        case _:
            (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        JigsawGame(1, {"pictures": str(folder)})


@pytest.mark.parametrize("options", [{}, {"kind": "patch", "wrong": "other"}], ids=["pieces", "others"])
def test_all_that_is_wrong_with_a_folder_is_told_at_once(folder, options):
    (folder / "notes.txt").touch()
    (folder / "c.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "d.png").write_bytes(b"rubbish")
    Image.new("RGB", (100, 100)).save(folder / "e.png")
    for name, grey in (("f.png", "#808080"), ("g.png", "#818181")):
        Image.new("RGB", (240, 240), grey).save(folder / name)
    with pytest.raises(ValueError, match=r"notes\.txt is no picture") as error:
        JigsawGame(1, {**options, "pictures": str(folder)})
    said = ["a.png and c.png are the same", "d.png cannot be read", "e.png is 100 x 100 pixels"]
    if not options:  # a patch of another picture fits any
        said += [f"{name}.png cannot be cut for this puzzle" for name in "fg"]
    for fault in said:
        assert fault in str(error.value)


def test_of_many_faults_of_a_folder_ten_are_told_and_how_many_more(folder):
    for number in range(12):
        Image.new("RGB", (240, 240), (number,) * 3).save(folder / f"plain-{number:02}.png")
    with pytest.raises(ValueError, match=r"and 2 more") as error:
        JigsawGame(1, {"pictures": str(folder)})
    assert str(error.value).count("cannot be cut") == 10


def test_a_picture_of_16_bits_is_played(folder):
    rough = np.asarray(Image.open(folder / "a.png").convert("L"))
    Image.fromarray(300 + 250 * rough.astype(np.uint16)).save(folder / "a.png")  # all of it above 255
    (folder / "b.jpg").unlink()
    game = JigsawGame(1, {"pictures": str(folder)})
    game.reset(seed(0))
    assert game.observe(0, Views(image=(256, 256))).image.std() > 20


def test_a_folder_that_is_none_or_has_too_few_pictures_is_said(folder, tmp_path):
    for path, said in ((tmp_path / "none", "no such folder"), (folder / "a.png", "it is a file")):
        with pytest.raises(ValueError, match=said):
            JigsawGame(1, {"pictures": str(path)})
    (folder / "b.jpg").unlink()
    with pytest.raises(ValueError, match="needs two pictures"):
        JigsawGame(1, {"kind": "patch", "wrong": "other", "pictures": str(folder)})
    (folder / "a.png").unlink()
    with pytest.raises(ValueError, match="the folder has no picture"):
        JigsawGame(1, {"pictures": str(folder)})


def test_a_picture_that_changes_during_play_is_said(folder):
    from arena_games.jigsaw.pictures import folder as found

    pictures = found(str(folder))
    (folder / "a.png").write_bytes((folder / "b.jpg").read_bytes())
    with pytest.raises(ValueError, match="changed since its folder was read"):
        pictures.read(0)
