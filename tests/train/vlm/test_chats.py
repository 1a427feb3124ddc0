"""Chats to learn from: asked as the trained operator will be, written as the source acted."""

from __future__ import annotations

import sys
from contextlib import closing

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from arena import plugins
from arena.errors import ArenaError, InputError, UnplayableError
from arena.exporters.chat import export
from arena.exporters.episodes import Reader
from arena.exporters.filters import Filter
from arena.exporters.options import Options
from arena.lineup import build_plan
from arena.log import TickLine
from arena.names import parse
from arena.play import run_plan
from arena.record.reader import Run
from arena.train import shards
from arena.train.vlm import sft_ready
from arena.train.vlm.chats import Asked, of_file, of_lessons, of_run
from arena.train.vlm.sft_config import source

NANO = Asked(parse("vlm"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of `scripted` and `random` at Leduc."""
    out = tmp_path_factory.mktemp("run") / "leduc"
    run_plan(build_plan("leduc", ["scripted", "random"], seed=3, matches=4), out)
    return out


def test_a_turn_of_anybody_is_asked_as_the_trained_operator_will_be(run):
    chats = list(of_run(run, Filter(operators=("scripted",)), NANO))
    assert chats
    for chat in chats:
        ((role, (picture, text)),) = chat.messages
        assert (role, picture.shape) == ("user", (128, 128, 3))
        assert text.startswith("Leduc poker. Seat")
        assert chat.text.removeprefix("Answer: ") in ("fold", "call", "raise")


def test_another_prompt_asks_otherwise(run):
    full = next(of_run(run, Filter(), Asked(parse("vlm@prompt=full"))))
    assert any(isinstance(part, str) and "Answer:" in part for part in full.messages[0][1])


def test_the_filter_holds(run):
    every = list(of_run(run, Filter(), NANO))
    assert len(list(of_run(run, Filter(operators=("random",)), NANO))) < len(every)


def test_who_is_not_asked_in_words_learns_from_no_chat():
    with pytest.raises(InputError, match="ppo is not asked in words"):
        Asked(parse("ppo")).of(plugins.game_class("leduc").spec)


def test_a_lesson_is_a_chat_of_one_turn(tmp_path):
    files = shards.make(tmp_path, "leduc", 1, "train", 8, 8, workers=1)
    for lesson, chat in zip(shards.read(files), of_lessons(shards.read(files), NANO), strict=True):
        assert np.array_equal(chat.messages[0][1][0], lesson.observation.image)
        assert chat.text == f"{lesson.thought}\nAnswer: {lesson.answer}"


def test_exported_chats_come_back(run, tmp_path):
    with closing(Reader.open(Run(run), Filter())) as reader:
        export(reader, tmp_path, Options(prompt="short"))
    chats = list(of_file(tmp_path))
    assert len(chats) == len(list(of_run(run, Filter(), NANO)))
    assert {chat.game for chat in chats} == {"leduc"}
    with pytest.raises(InputError, match="no chats can be read"):
        next(of_file(tmp_path / "none"))


def test_a_shard_is_made_again_equal(tmp_path):
    first = shards.make(tmp_path / "a", "kuhn", 1, "train", 40, 20, workers=1)
    second = shards.make(tmp_path / "b", "kuhn", 1, "train", 40, 20, workers=2)
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    assert first[0].read_bytes() != first[1].read_bytes()


def test_lessons_can_be_made_of_those_alone_where_no_other_answer_would_do(tmp_path):
    files = shards.make(tmp_path, "sidescroller", 1, "train", 6, 3, workers=1, decides=True)
    made = list(shards.read(files))
    assert len(made) == 6
    assert all(lesson.decides for lesson in made)
    others = shards.make(tmp_path, "sidescroller", 1, "train", 6, 3, workers=1)
    assert not set(files) & set(others)
    assert not all(lesson.decides for lesson in shards.read(others))


def test_a_teacher_that_never_says_so_is_told_instead_of_asked_for_ever(tmp_path):
    with pytest.raises(InputError, match="no lesson of kuhn says that no other answer would do"):
        shards.make(tmp_path, "kuhn", 1, "train", 6, 3, workers=1, decides=True)


def test_the_lessons_of_a_game_from_a_file_are_in_the_folder_that_was_named(tmp_path):
    """And those of two games of one name are apart."""
    found = []
    for where, more in (("one", ""), ("other", "from arena_games.kuhn.teacher import lessons as visited\n")):
        file = tmp_path / where / "mine.py"
        file.parent.mkdir()
        file.write_text(
            f"from arena_games.kuhn.rules import Kuhn\nfrom arena_games.kuhn.teacher import lessons\n{more}"
            f'class Mine(Kuhn):\n    teacher = "{file}:lessons"\n'
        )
        found += shards.make(tmp_path / "lessons", f"{file}:Mine", 1, "train", 4, 4, workers=1)
    assert shards.corrector(f"{file}:Mine")
    with pytest.raises(UnplayableError, match="has no corrector"):
        shards.corrector(f"{tmp_path / 'one' / 'mine.py'}:Mine")
    assert len(set(found)) == 2
    assert {file.parent for file in found} == {tmp_path / "lessons"}
    assert [file.name for file in (tmp_path / "one").iterdir() if file.is_file()] == ["mine.py"]


def test_a_game_of_a_runtime_is_taught_by_that_runtime(tmp_path, monkeypatch):
    """This interpreter stands in for the runtime's."""
    monkeypatch.setattr(plugins.game_class("kuhn"), "runtime", "toy")
    asked = []
    monkeypatch.setattr(shards, "interpreter", lambda runtime: asked.append(runtime) or sys.executable)
    shards.make(tmp_path, "kuhn", 1, "train", 20, 20, workers=1)
    assert asked == ["toy"]


def test_what_was_refused_there_is_told_alone(tmp_path):
    with pytest.raises(InputError, match=r"^@decides=true: no lesson of kuhn says"):
        shards._there(sys.executable, tmp_path / "x", "kuhn", "deciding", "1", "train", "0", "5")


def test_what_failed_there_is_told(tmp_path):
    with pytest.raises(InputError, match="ValueError: invalid literal"):
        shards._there(sys.executable, tmp_path / "x", "kuhn", "taught", "one", "train", "0", "5")


def test_a_corrector_says_what_would_have_been_better_where_others_went(tmp_path):
    run_plan(build_plan("sidescroller@horizon=12", ["random"], seed=1, matches=2), tmp_path / "lanes")
    run_plan(build_plan("leduc", ["random", "random"], seed=1, matches=1), tmp_path / "cards")
    lessons = list(shards.visited("sidescroller", tmp_path / "lanes", 0, 2))
    went = [line for line in Run(tmp_path / "lanes").lines() if line.__class__.__name__ == "TurnLine"]
    assert 0 < len(lessons) <= len(went)
    assert {lesson.answer for lesson in lessons} <= set(lessons[0].card.actions)
    with pytest.raises(UnplayableError, match="leduc has no corrector"):
        next(shards.visited("leduc", tmp_path / "cards", 0, 1))


def test_each_seat_is_corrected_where_it_went_and_one_operator_alone_if_that_is_wanted(tmp_path):
    run_plan(build_plan("sidescroller@horizon=12", ["scripted", "random"], seed=1, matches=2), tmp_path / "both")

    def corrected(**of):
        return [lesson.observation.facts for lesson in shards.visited("sidescroller", tmp_path / "both", 0, 2, **of)]

    ours, theirs = corrected(operator="scripted"), corrected(operator="random")
    assert ours
    assert theirs
    assert ours != theirs
    assert {str(one) for one in ours} <= {str(one) for one in corrected()}
    files = [
        shards.make_visited(tmp_path, "sidescroller", tmp_path / "both", 2, 1, operator=of) for of in ("", "random")
    ]
    assert [len(list(shards.read(some))) for some in files] == [len(corrected()), len(theirs)]


def test_a_run_is_corrected_whose_game_was_named_otherwise_than_it_calls_itself(tmp_path):
    """A file's class, or `mario` alone."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from arena_games.sidescroller.rules import Sidescroller\n"
        "from arena_games.sidescroller.teacher import lessons, visited\n"
        f'class Mine(Sidescroller):\n    teacher = "{file}:lessons"\n'
    )
    run_plan(build_plan(f"{file}:Mine@horizon=12", ["random"], seed=1, matches=1), tmp_path / "went")
    run = Run(tmp_path / "went")
    assert run.head.games[0].name != next(iter(run.lines())).game
    assert list(shards.visited(sft_ready.corrected(run), run.folder, 0, 1))


def test_a_run_that_began_later_in_its_level_is_corrected_from_there(tmp_path):
    """Its log has the hash of the file that says where, in place of the file."""
    (tmp_path / "later.json").write_text('{"names": ["right run", "right run"]}')
    plan = build_plan(f"sidescroller@level=7@horizon=6@from={tmp_path / 'later.json'}", ["random"], seed=1, matches=1)
    run_plan(plan, tmp_path / "went")
    starts = [int(lesson.observation.facts["x"]) for lesson in shards.visited("sidescroller", tmp_path / "went", 0, 1)]
    assert min(starts) > 40


def test_what_followed_no_tick_is_not_played_again(tmp_path):
    """An answer of the tick in which a match was forfeited was applied to nothing."""
    run_plan(build_plan("sidescroller@horizon=12", ["random"], seed=1, matches=1), tmp_path / "lanes")
    (head, *lines) = next(iter(Run(tmp_path / "lanes").matches()))
    last = max(line.tick for line in lines if isinstance(line, TickLine))
    torn = [line for line in lines if not (isinstance(line, TickLine) and line.tick == last)]
    whole, short = (shards._went(head, some, {}, "").ticks for some in (lines, torn))
    assert len(whole) == 12
    assert short == whole[:-1]


def test_an_operator_of_a_run_is_named_with_its_options():
    for name in ("vlm:nano@temperature=0.5@prompt=short", "scripted"):
        assert source("run", f"went@operator={name}@weight=0.5").operator == name
        assert source("correct", f"went@weight=0.5@operator={name}").operator == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [("leduc@lesons=3", "lessons"), ("leduc@lessons=0", "expected"), ("@weight=1", "expected a name")],
)
def test_a_source_that_is_none_is_told(text, expected):
    with pytest.raises(ArenaError, match=expected):
        source("teacher", text)


def test_a_source_has_a_share():
    assert source("teacher", "leduc@lessons=20@weight=0.5").weight == 0.5
    assert source("run", "runs/a@operator=human").operator == "human"
