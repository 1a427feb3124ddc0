"""The conformance suite of operators finds what is broken: each broken operator fails the one test it should fail."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from arena.canonical import generator
from arena.operator import AsyncOperator, BackendError, Decision, Operator, OperatorKind, turn_key
from arena.options import Option
from arena.testing import OperatorSuite
from arena.testing.operator_suite import OperatorSuite as Same
from tests.toys import Good, kind_of

FAILURES = (AssertionError, KeyError, ValueError, TypeError, BackendError, pytest.fail.Exception)


class Short(Good):
    """Answers all but one."""

    def act(self, requests):
        return super().act(requests)[1:]


class Numpy(Good):
    """Gives NumPy's integers."""

    def one(self, r):
        return Decision(answer=np.int64(super().one(r).answer))


class Wordy(Good):
    """Its thought is not text."""

    def one(self, r):
        return Decision(answer=super().one(r).answer, thought={1, 2})


class Listed(Good):
    """Gives token ids as a list, where they are asked for."""

    def open(self, seats):
        super().open(seats)
        self.tokens = seats[0].tokens

    def one(self, r):
        return Decision(answer=super().one(r).answer, tokens=[1, 2] if self.tokens else None)


class Rude(Good):
    """Names no action."""

    def one(self, r):
        return Decision(answer="no thanks")


class Once(Good):
    """Cannot be asked again."""

    def one(self, r):
        return Decision(answer=[super().one(r).answer][r.attempt])


class Needy(Good):
    """Takes the first request for granted."""

    def act(self, requests):
        return [self.one(requests[0]), *(self.one(r) for r in requests[1:])]


class Moody(Good):
    """One generator for all questions."""

    def __init__(self):
        super().__init__()
        self.chance = np.random.default_rng(3)

    def one(self, r):
        return Decision(answer=int(self.chance.choice(r.observation.legal)))


class Clocked(Good):
    """Draws anew in every process and instance."""

    def one(self, r):
        return Decision(answer=int(np.random.default_rng().choice(r.observation.legal)))


class Counting(Good):
    """Takes the question's number for chance."""

    def one(self, r):
        return Decision(answer=int(generator(r.id.to_bytes(16, "little")).choice(r.observation.legal)))


class Global(Good):
    """Draws from the turn's key, and stirs the global generator too."""

    def one(self, r):
        random.random()
        return super().one(r)


class Learning(Good):
    """Remembers over matches how often it was asked in a seat."""

    def __init__(self):
        super().__init__()
        self.times: dict[tuple[int, int, int], int] = {}

    def one(self, r):
        where = r.match, r.seat, r.tick
        self.times[where] = self.times.get(where, 0) + 1
        return Decision(answer=r.observation.legal[(super().one(r).answer + self.times[where]) % 2])


class Telepath(Good):
    """Keeps by match what it should keep by seat."""

    def __init__(self):
        super().__init__()
        self.last: dict[int, int] = {}

    def one(self, r):
        self.last[r.match] = self.last.get(r.match, 0) + 1
        return Decision(answer=r.observation.legal[self.last[r.match] % 2])

    def end(self, match, seat, outcome):
        super().end(match, seat, outcome)
        self.last.pop(match, None)


class Waiting(AsyncOperator):
    """A good one of the other base."""

    def __init__(self):
        self.seats = {}

    def open(self, seats):
        self.seats.update({(seat.match, seat.seat): seat for seat in seats})

    async def decide(self, request):
        chance = generator(turn_key(self.seats[request.match, request.seat], request))
        return Decision(answer=int(chance.choice(request.observation.legal)))

    def end(self, match, seat, outcome):
        del self.seats[match, seat]


class Forgetful(Waiting):
    """Uses one seat's seed for all."""

    async def decide(self, request):
        chance = generator(turn_key(next(iter(self.seats.values())), request))
        return Decision(answer=int(chance.choice(request.observation.legal)))


OPERATORS: Mapping[str, type[Operator | AsyncOperator]] = {
    cls.__name__: cls
    for cls in (Good, Short, Numpy, Wordy, Rude, Once, Needy, Moody, Clocked, Counting, Global, Learning, Telepath)
} | {"Waiting": Waiting, "Forgetful": Forgetful}


def __getattr__(name: str) -> Any:
    """The factory of each: tests.testing.test_operator_suite:build_NAME."""
    if name.startswith("build_"):
        return lambda context: OPERATORS[name.removeprefix("build_")]()
    raise AttributeError(name)


def kind(name: str, **facts: Any) -> OperatorKind:
    return OperatorKind(
        **{
            "name": name.lower(),
            "summary": "of the tests",
            "target": f"{__name__}:build_{name}",
            "views": kind_of("x", "y:z").views,
            **facts,
        }
    )


def suite(tested: OperatorKind) -> OperatorSuite:
    class Suite(OperatorSuite):
        kind = tested
        games = ("leduc",)

    return Suite()


CASES = [
    ("Short", "every_question_is_answered_once_and_in_order"),
    ("Numpy", "every_question_is_answered_once_and_in_order"),
    ("Rude", "answers_are_moves_of_the_game"),
    ("Wordy", "decisions_can_be_sent"),
    ("Listed", "decisions_can_be_sent"),
    ("Once", "it_answers_when_it_is_asked_again"),
    ("Needy", "an_empty_batch_is_answered_by_nothing"),
    ("Clocked", "the_same_seeds_give_the_same_answers"),
    ("Moody", "batching_and_order_change_no_answer"),
    ("Forgetful", "batching_and_order_change_no_answer"),
    ("Counting", "numbers_of_matches_and_questions_change_no_answer"),
    ("Global", "no_global_random_generator_is_used"),
    ("Learning", "a_released_seat_leaves_nothing_behind"),
    ("Learning", "a_match_that_is_played_again_gets_the_same_answers"),
    ("Telepath", "seats_of_one_match_are_kept_apart"),
]


@pytest.mark.parametrize(("broken", "test"), CASES)
def test_a_broken_operator_fails(broken, test):
    with pytest.raises((*FAILURES, IndexError)):
        getattr(suite(kind(broken)), f"test_{test}")()


@pytest.mark.parametrize("test", sorted({test for _, test in CASES}))
@pytest.mark.parametrize("good", ["Good", "Waiting"])
def test_a_good_operator_passes(good, test):
    if (good, test) == ("Waiting", "an_empty_batch_is_answered_by_nothing"):
        with pytest.raises(pytest.skip.Exception, match="one question at a time"):
            getattr(suite(kind(good)), f"test_{test}")()
    else:
        getattr(suite(kind(good)), f"test_{test}")()


def whole(**facts: Any) -> OperatorKind:
    return kind("Good", **facts)


KINDS = [
    (whole(summary=" "), "the_description_is_whole"),
    (whole(target="nowhere"), "the_description_is_whole"),
    (whole(target="no_such_module:build"), "its_factory_can_be_loaded"),
    (whole(target=f"{__name__}:no_such_function"), "its_factory_can_be_loaded"),
    (whole(options={"at": Option("int", 1, "taken")}), "options_are_as_they_should_be"),
    (whole(options={"x": Option("int", 1, " ")}), "options_are_as_they_should_be"),
    (whole(resolve_options=lambda spec, what, options: {"x": {1, 2}}), "resolved_options_can_be_sent"),
    (whole(views=lambda spec, what, options: {}["x"]), "a_game_it_cannot_play_is_refused_in_words"),
    (whole(views=lambda spec, what, options: None), "a_game_it_cannot_play_is_refused_in_words"),
    (whole(fingerprint=lambda spec, what, options: {"weights": 3}), "its_fingerprint_names_files_and_hashes"),
]


@pytest.mark.parametrize(("broken", "test"), KINDS)
def test_a_broken_description_fails(broken, test):
    class Suite(OperatorSuite):
        kind = broken

    with pytest.raises((*FAILURES, AttributeError)):
        getattr(Suite(), f"test_{test}")()


def test_a_description_that_imports_what_is_heavy_fails(tmp_path):
    path = tmp_path / "heavy.py"
    path.write_text(
        "import aiohttp\nfrom arena.game import Views\nfrom arena.operator import OperatorKind\n"
        "KIND = OperatorKind(name='h', summary='h', target='a:b', views=lambda *a: Views())\n"
    )

    class Suite(OperatorSuite):
        name = str(path)

    with pytest.raises(AssertionError, match="imports aiohttp"):
        Suite().test_the_description_is_light()


def test_an_operator_whose_worker_cannot_load_it_fails_with_what_the_worker_printed(tmp_path, monkeypatch):
    """Its module is found from here, but not from a worker, which sees what is installed only."""
    (tmp_path / "neighbour.py").write_text("from tests.toys import build\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(pytest.fail.Exception, match="No module named 'neighbour'"):
        suite(whole(target="neighbour:build")).test_it_plays_in_a_worker_of_its_own()


def test_what_is_promised_by_deterministic_operators_is_not_asked_of_others():
    with pytest.raises(pytest.skip.Exception, match="does not say that it decides the same"):
        suite(kind("Clocked", determinism="none")).test_the_same_seeds_give_the_same_answers()


def test_an_operator_that_waits_for_a_person_is_not_asked():
    with pytest.raises(pytest.skip.Exception, match="waits for a person"):
        suite(whole(interactive=True)).test_every_question_is_answered_once_and_in_order()


def test_the_suite_is_had_by_its_short_name():
    assert OperatorSuite is Same
