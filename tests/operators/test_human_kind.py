"""Where a person sits, what they see, and what is refused before a worker starts."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from arena.errors import InputError, MissingExtraError, UnplayableError
from arena.game import Discrete, GameSpec, Views
from arena.operator import max_in_flight
from arena.plan import Entry
from arena.plugins import game_class
from arena_operators.human.choices import Choice, choices, pick
from arena_operators.human.kind import KIND, resolve_options, views
from tests.games.lane_toy import ToyLanes

SPEC = GameSpec(
    id="toy", version=1, summary="", seats=(2, 2), actions=Discrete(("a", "b")), horizon=9, unit="points", text=True
)
POKER = ("fold", "call", "raise")


def spec(**changes: object) -> GameSpec:
    import msgspec

    return msgspec.structs.replace(SPEC, **changes)


@pytest.fixture
def tty() -> Iterator[str]:
    master, slave = os.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda descriptor: False)


@pytest.mark.usefixtures("no_terminal")
def test_without_a_terminal_the_person_gets_the_page() -> None:
    assert resolve_options(None, "", {})["mode"] == "web"


def test_with_a_terminal_the_person_gets_it(monkeypatch: pytest.MonkeyPatch, tty: str) -> None:
    monkeypatch.setattr(os, "isatty", lambda descriptor: True)
    monkeypatch.setattr(os, "ttyname", lambda descriptor: tty)
    assert resolve_options(None, "", {}) == {"mode": "terminal", "tty": tty}


@pytest.mark.usefixtures("no_terminal")
def test_a_terminal_that_is_not_there_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match="human:web"):
        resolve_options(None, "terminal", {})


def test_another_terminal_can_be_named(tty: str) -> None:
    assert resolve_options(None, "terminal", {"tty": tty})["tty"] == tty


@pytest.mark.parametrize("path", ["/dev/null", "/no/such/tty"])
def test_a_named_terminal_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(InputError, match=f"tty={path}"):
        resolve_options(None, "terminal", {"tty": path})


def test_the_page_without_its_server_names_the_exact_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"Install it with: .*\[web\]'"):
        resolve_options(None, "web", {})


@pytest.mark.usefixtures("no_terminal")
def test_a_terminal_has_no_port(tty: str) -> None:
    with pytest.raises(InputError, match="port=8080 belongs to human:web"):
        resolve_options(None, "terminal", {"port": 8080, "tty": tty})


def test_an_unknown_place_names_the_near_one() -> None:
    with pytest.raises(InputError, match="Did you mean terminal"):
        resolve_options(None, "terminl", {})


@pytest.mark.usefixtures("no_terminal")
def test_settling_twice_changes_nothing() -> None:
    once = resolve_options(None, "", {"port": 0})
    assert resolve_options(None, "", once) == once


@pytest.mark.parametrize(
    ("sizes", "image"),
    [
        (((128, 128), (600, 960)), (600, 960)),
        (((128, 128), (512, 512), (256, 256)), (512, 512)),
        ((), None),
    ],
)
def test_the_page_asks_for_the_picture_drawn_for_people_else_the_largest(
    sizes: tuple[tuple[int, int], ...], image: tuple[int, int] | None
) -> None:
    assert views(spec(image_sizes=sizes), "web", {}) == Views(image=image, text=True)


def test_the_terminal_needs_text_and_says_where_to_go() -> None:
    with pytest.raises(UnplayableError, match=r"text view.*human:web"):
        views(spec(text=False, image_sizes=((128, 128),)), "terminal", {})


def test_the_page_can_do_with_a_picture_alone() -> None:
    assert views(spec(text=False, image_sizes=((128, 128),)), "web", {}) == Views(image=(128, 128))


def test_the_page_needs_text_or_a_picture() -> None:
    with pytest.raises(UnplayableError, match="neither"):
        views(spec(text=False), "web", {})


def test_the_kind_waits_for_people() -> None:
    assert KIND.interactive


def test_numbers_stay_with_their_actions_when_others_become_illegal() -> None:
    assert choices(POKER, (1, 2)) == (Choice(1, "call", 2, "c", "call"), Choice(2, "raise", 3, "r", "raise"))


@pytest.mark.parametrize("typed", ["3", "r", "Raise", "rai", "bet 10", "b"])
def test_an_action_with_an_amount_goes_by_both_its_names(typed: str) -> None:
    found = pick(typed, choices(POKER, (1, 2), {1: "check", 2: "bet 10"}))
    assert found is not None
    assert (found.action, found.name, found.letter) == (2, "bet 10", "r")


def test_a_number_in_the_names_is_the_key() -> None:
    names = tuple(f"column {column}" for column in range(1, 8))
    assert [choice.keys for choice in choices(names, (2, 6))] == [("3",), ("7",)]


def test_names_that_are_numbers_are_the_keys_and_others_come_after_them() -> None:
    names = ("1", "2", "10", "+", "(")
    found = choices(names, (1, 2, 3, 4))
    assert [choice.keys for choice in found] == [("2",), ("10",), ("11", "+"), ("12", "(")]
    assert [pick(typed, found) for typed in ("10", "+")] == [found[1], found[2]]
    assert pick("1", found) is None


def test_numbers_that_no_key_has_are_replaced_by_places() -> None:
    found = choices(("0", "90", "180"), (0, 1, 2))
    assert [choice.keys for choice in found] == [("1",), ("2",), ("3",)]
    assert pick("90", found) == found[1]


def test_a_letter_that_two_legal_actions_begin_with_is_no_key() -> None:
    assert [choice.letter for choice in choices(("call", "check", "fold"), (0, 1, 2))] == [None, None, "f"]


def test_many_actions_are_numbered_by_place_among_the_legal_ones() -> None:
    assert [choice.number for choice in choices(tuple("abcdefghijkl"), (3, 11))] == [1, 2]


def test_giving_up_keeps_its_key() -> None:
    assert choices(("quarter", "half"), (0, 1))[0].letter is None


@pytest.mark.parametrize(("given", "action"), [("2", 1), ("C", 1), ("call", 1), ("RAI", 2), ("", None), ("x", None)])
def test_what_is_typed_picks_by_key_name_or_beginning(given: str, action: int | None) -> None:
    found = pick(given, choices(POKER, (1, 2)))
    assert (found.action if found else None) == action


def test_an_ambiguous_beginning_picks_nothing() -> None:
    assert pick("c", choices(("call", "check"), (0, 1))) is None


def test_people_at_one_terminal_share_a_worker_however_they_were_asked_for() -> None:
    def entry(what: str) -> Entry:
        options = {"mode": "terminal", "tty": "/dev/pts/1", "port": 0}
        return Entry("x", KIND, what, options, "x", Views())

    assert entry("").worker_key == entry("terminal").worker_key


def test_a_game_of_held_keys_is_played_on_a_page_unless_a_terminal_was_asked_for(tty: str) -> None:
    lanes, table = ToyLanes(1).spec, game_class("kuhn").spec
    here = {"mode": "terminal", "tty": tty, "port": 0}
    assert KIND.resolve_options(lanes, "", here)["mode"] == "web"
    assert KIND.resolve_options(lanes, "", here)["tty"] is None
    assert KIND.resolve_options(lanes, "terminal", here) == here
    assert KIND.resolve_options(table, "", here) == here


@pytest.mark.parametrize(("mode", "most"), [("terminal", 1), ("window", 1), ("web", 0), ("watch", 0)])
def test_one_screen_shows_one_question(mode: str, most: int) -> None:
    assert max_in_flight(KIND, "", {"mode": mode}) == most
