"""Rows: tokens go through untouched, answers are told from thoughts, and every episode has an end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arena.game import Observation
from arena.operator import Decision, Request, Usage
from arena.plan import MatchPlan
from arena.train.vlm.rows import Seat, TokenTexts, rows_of, sha
from arena.turns import Episode, Turn
from tests.train.vlm.kit import IMAGE, TOKENS, ids

TEXTS = TokenTexts(TOKENS)


def picture(number: int) -> np.ndarray:
    return np.full((2, 2, 3), number, np.uint8)


def turn(tick: int, raw: str = "I think\nAnswer: left", pictures: int = 1, **other: Any) -> Turn:
    tokens = other.pop("tokens", ids(raw))
    prompt = np.array([2, *[IMAGE, IMAGE, 3] * pictures], np.int32)
    decision = Decision(
        answer="left",
        raw=raw,
        prompt_tokens=prompt,
        tokens=tokens,
        logprobs=-np.ones(len(tokens), np.float32),
        usage=Usage(dropped=other.pop("dropped", 0)),
    )
    seen = Observation((0,), image=picture(tick), facts={"tick": str(tick)})
    request = Request(0, 0, 0, tick, seen, attempt=other.pop("attempt", 0))
    return Turn(request=request, operator="it", decision=decision, move=None, **{"reward": 1.0, **other})


def episode(*turns: Turn) -> Episode:
    return Episode(
        plan=MatchPlan(3, 1, (0,), b""),
        game="toy",
        seats=("it",),
        status="terminated",
        ticks=len(turns),
        returns=(0.0,),
        before=(0.0,),
        turns=turns,
    )


def rows(*turns: Turn, **how: Any) -> Any:
    return rows_of(episode(*turns), {0: Seat(**how)}, TEXTS)


def test_a_row_has_the_tokens_that_were_drawn_and_the_place_of_its_picture() -> None:
    made = rows(turn(4), turn(5, ended="terminated"))
    first, last = made.rows
    assert (first.episode, first.group, first.role, first.turn, last.turn) == (3, 1, "seat0", 0, 1)
    assert first.response.tolist() == ids("I think\nAnswer: left").tolist()
    assert (first.spans, first.images) == (((1, 2),), (sha(picture(4)),))
    assert np.array_equal(made.images[first.images[0]], picture(4))
    assert (first.done, last.done, first.state) == (False, True, {"tick": "4"})


def test_the_answer_begins_after_the_last_mark() -> None:
    text = "Answer: no\nbut\nAnswer: left"
    assert TEXTS.thought(ids(text).tolist()) == len("Answer: no\nbut\nAnswer:")


def test_a_text_without_a_mark_is_all_answer() -> None:
    assert TEXTS.thought(ids("left").tolist()) == 0


def test_tokens_that_do_not_say_what_was_acted_upon_are_not_learnt_from() -> None:
    made = rows(turn(0, tokens=ids("I think\nAnswer: right")), turn(1, ended="terminated"))
    assert [row.trainable for row in made.rows] == [False, True]
    assert made.dropped == {"its tokens are not the text that was acted upon": 1}
    assert len(made.rows[0].response) == 0


@pytest.mark.parametrize("banned", ["I", None])
def test_a_token_that_is_never_sampled_is_not_learnt_from(banned: str | None) -> None:
    """A server of a model that we do not have may draw one; None: its vocabulary is larger than ours."""
    never = np.zeros(128 if banned else ord("z"), np.bool_)
    if banned:
        never[ord(banned)] = True
    texts = TokenTexts(TOKENS._replace(never=never))
    said = "I think\nAnswer: left" if banned else "z\nAnswer: left"
    made = rows_of(episode(turn(0, said), turn(1, "Answer: left", ended="terminated")), {0: Seat()}, texts)
    assert [row.trainable for row in made.rows] == [False, True]
    assert made.dropped == {"it holds a token that is never sampled, as one of a picture": 1}


def test_a_turn_that_is_longer_than_the_context_is_not_learnt_from() -> None:
    texts = TokenTexts(TOKENS._replace(context=20))
    made = rows_of(episode(turn(0), turn(1, "Answer: left", ended="terminated")), {0: Seat()}, texts)
    assert [row.trainable for row in made.rows] == [False, True]
    assert made.dropped == {"it is longer than the trainer's context": 1}


def test_placeholders_of_another_number_of_pictures_are_not_learnt_from() -> None:
    made = rows(turn(0, pictures=0), turn(1, ended="terminated"))
    assert [row.trainable for row in made.rows] == [False, True]


def test_the_pictures_of_told_turns_come_before_its_own() -> None:
    made = rows(turn(0), turn(1, pictures=2), turn(2, pictures=2, dropped=1), turn(3, pictures=3), history=2)
    shown = [[made.images[name][0, 0, 0] for name in row.images] for row in made.rows]
    assert shown == [[0], [0, 1], [1, 2], [1, 2, 3]]
    assert made.rows[3].spans == ((1, 2), (4, 2), (7, 2))


@pytest.mark.parametrize("before", [0, 2])
def test_a_cut_episode_keeps_all_its_turns_and_rewards(before: int) -> None:
    made = rows(*(turn(number) for number in range(before)), turn(before, ended="truncated"))
    assert [row.reward for row in made.rows] == [1.0] * (before + 1)
    last = made.rows[-1]
    assert (last.turn, last.truncated, last.done, last.trainable) == (before, True, False, True)


def test_a_turn_that_was_not_parsed_ends_the_episode() -> None:
    made = rows(turn(0), turn(1, fault="illegal"), turn(2, ended="terminated"), fault_reward=-5.0)
    assert [(row.parsed, row.done, row.reward) for row in made.rows] == [(True, False, 1.0), (False, True, -4.0)]


def test_where_faults_only_cost_the_episode_goes_on() -> None:
    made = rows(turn(0, fault="illegal"), turn(1, ended="terminated"), fault="costs", fault_reward=-5.0)
    assert [(row.parsed, row.done, row.reward) for row in made.rows] == [(False, False, -4.0), (True, True, 1.0)]


def test_an_answer_that_was_asked_again_is_a_row_of_its_own_and_ends_nothing() -> None:
    made = rows(turn(0, fault="illegal", asked_again=True), turn(0, attempt=1, ended="terminated"))
    assert [(row.parsed, row.turn, row.done) for row in made.rows] == [(False, 0, False), (True, 1, True)]
