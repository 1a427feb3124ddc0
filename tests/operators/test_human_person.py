"""What a person's page is told of one match: what was said, and when their part is over. No server, no browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from arena.game import Observation, Said
from arena.operator import Outcome, SpectatorUpdate
from arena_operators.human.person import Person
from tests.operators.human_kit import request, seat

SEAT = msgspec.structs.replace(seat(), card=msgspec.structs.replace(seat().card, statements=("call",)))
FIRST, SECOND = Said(0, "a red cube"), Said(0, "I see two")


def seated(test: Callable[[Person], None]) -> None:
    async def go() -> None:
        person = Person("anna")
        person.sit(SEAT)
        test(person)

    asyncio.run(go())


def table(person: Person) -> dict[str, Any]:
    return person.snapshot()["tables"][0]  # type: ignore[no-any-return]


def talk(person: Person) -> list[tuple[str, str]]:
    return [(line["who"], line["text"]) for line in table(person)["talk"]]


def look(tick: int, heard: tuple[Said, ...] = (), outcome: Outcome | None = None, **facts: Any) -> SpectatorUpdate:
    seen = Observation((), text="as it was at the end", heard=heard)
    return SpectatorUpdate(
        match=0, tick=tick, game="toy", seats=("vlm", "human"), seat=1, observation=seen, outcome=outcome, **facts
    )


@pytest.mark.parametrize(
    ("most", "action", "words", "said"),
    [
        ({"free_text": 20}, 1, "", ["call"]),  # a statement
        ({"free_text": 20}, 0, "", []),  # any other action says nothing
        ({"free_text": 20}, None, "I call", ["I call"]),
        ({"free_text": 20}, None, " Call ", ["call"]),  # a text that names a legal action is that action
        ({"free_text": 20}, None, "fold", []),
        ({"free_text": 20, "legal": (0, 1)}, None, "raise", ["raise"]),  # which is not legal: it is a text
        ({"table_talk": 20}, 1, "hi", ["call", "hi"]),
        ({"table_talk": 20}, 2, "hi", ["hi"]),
    ],
)
def test_what_the_person_says_stands_once_however_it_is_said(
    most: dict[str, Any], action: int | None, words: str, said: list[str]
) -> None:
    def test(person: Person) -> None:
        person.ask(request(1, **most))
        assert person.answer(1, action, words) == ""
        assert talk(person) == [("You", text) for text in said]

    seated(test)


def test_who_is_out_sees_the_table_as_it_was_then_and_is_told_why() -> None:
    def test(person: Person) -> None:
        person.ask(request(1, "my question"))
        person.answer(1, 0)
        person.last_look(look(2, events=("seat 0 calls", "seat 1 is out")))
        assert (table(person)["text"], table(person)["out"]) == ("as it was at the end", ["seat 1 is out"])
        person.end(0, 1, Outcome(status="terminated", returns=(1.0, -1.0), events=("seat 0 wins",)))
        assert person.snapshot()["last"]["details"] == [["seat 1 is out"], ["seat 0 wins"]]

    seated(test)


def test_who_is_out_and_not_told_why_is_told_so_until_the_match_is_over() -> None:
    def test(person: Person) -> None:
        person.last_look(look(2))
        assert table(person)["out"] == ["The others go on."]
        person.end(0, 1, Outcome(status="terminated", returns=(1.0, -1.0), events=("seat 0 wins",)))
        assert table(person)["out"] == []
        assert person.snapshot()["last"]["details"] == [["seat 0 wins"]]

    seated(test)


def test_a_question_is_shown_as_it_stands_whatever_came_before() -> None:
    def test(person: Person) -> None:
        person.last_look(look(2))
        person.ask(request(3, "my question"))
        assert (table(person)["text"], table(person)["out"]) == ("my question", [])

    seated(test)


FORFEIT = Outcome(status="forfeited", returns=(1.0, -1.0))


@pytest.mark.parametrize(
    ("asked", "ended", "heard", "outcome"),
    [
        (4, 5, (FIRST, SECOND), FORFEIT),  # its turn did not count: what it had heard is new still
        (4, 6, (FIRST,), FORFEIT),  # somebody else's did not: the same words are said again
        (4, 5, (FIRST,), Outcome(status="terminated", returns=(1.0, -1.0))),
    ],
)
def test_at_the_end_nothing_that_was_heard_stands_twice(
    asked: int, ended: int, heard: tuple[Said, ...], outcome: Outcome
) -> None:
    def test(person: Person) -> None:
        person.ask(request(asked, heard=(FIRST,)))
        person.answer(asked, 0)
        person.last_look(look(ended, heard, outcome))
        assert [text for _, text in talk(person)] == [FIRST.text, heard[-1].text]
        person.last_look(look(ended, heard, outcome))
        assert len(talk(person)) == 2

    seated(test)
