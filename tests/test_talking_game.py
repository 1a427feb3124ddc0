"""Conformance of talk: the talking game passes, and games that talk wrongly do not."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from arena.game import Game, GameCard, Move, Observation, Said, StepResult, Views
from arena.testing import GameSuite
from tests.talking_game import TalkingGame


class TestTalkingGame(GameSuite):
    cls = TalkingGame
    options = ({}, {"whisper": True})


class Deaf(TalkingGame):
    """Nobody hears anything."""

    def observe(self, seat: int, views: Views) -> Observation:
        return msgspec.structs.replace(super().observe(seat, views), heard=())


class Echo(TalkingGame):
    """Who speaks hears it too."""

    def observe(self, seat: int, views: Views) -> Observation:
        seen = super().observe(seat, views)
        own = (Said(seat, "me"),) if views.text and self.tick else ()
        return msgspec.structs.replace(seen, heard=(*seen.heard, *own))


class Stale(TalkingGame):
    """What was heard is heard for ever."""

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        before = [self.talk.heard(seat) for seat in range(self.seats)]
        result = super().step(moves)
        for seat, heard in enumerate(before):
            self.talk._unheard[seat][:0] = heard if seat in moves else ()
        return result


class Overheard(TalkingGame):
    """What is whispered stands in everybody's text."""

    whispered = ""

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        self.whispered = (moves[0].say or "") if 0 in moves else self.whispered
        return super().step(moves)

    def observe(self, seat: int, views: Views) -> Observation:
        seen = super().observe(seat, views)
        return msgspec.structs.replace(seen, text=f"{seen.text} {self.whispered}") if views.text else seen


class Generous(TalkingGame):
    """Takes a text of any length, and cuts it."""

    def parse(self, seat: int, answer: int | str | None) -> Move:
        return super().parse(seat, answer[:40] if isinstance(answer, str) else answer)


class Deafened(TalkingGame):
    """Takes what is said where nothing may be said, and drops it."""

    def check(self, seat: int, move: Move) -> None:
        super().check(seat, Move(move.action) if move.action is not None else move)


class Whispering(TalkingGame):
    """Takes for a statement what nobody hears."""

    def card(self) -> GameCard:
        return msgspec.structs.replace(super().card(), statements=("say nothing",))


CASES = [
    (Deaf, "test_what_is_heard_is_what_others_said_since_the_last_turn"),
    (Echo, "test_what_is_heard_is_what_others_said_since_the_last_turn"),
    (Stale, "test_what_is_heard_is_what_others_said_since_the_last_turn"),
    (Whispering, "test_statements_are_heard"),
    (Overheard, "test_words_reach_only_those_who_hear_them"),
    (Generous, "test_free_text_is_taken_up_to_its_limit"),
    (Deafened, "test_illegal_steps_raise_and_change_nothing"),
]


@pytest.mark.parametrize(("broken", "test"), CASES, ids=[cls.__name__ for cls, _ in CASES])
def test_a_game_that_talks_wrongly_fails(broken: type[Game], test: str) -> None:
    class Suite(GameSuite):
        cls = broken
        options = ({"whisper": True},)

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(Suite(), test)()
