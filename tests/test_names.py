"""The grammar of names: what is printed is read back, and an error points at the character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.errors import InputError
from arena.names import Name, numbered, parse, split

words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
names = st.builds(Name, words, values, st.dictionaries(words, values, max_size=3))


@given(names)
def test_a_name_is_read_back_as_it_was_printed(name: Name) -> None:
    assert parse(str(name)) == name


@given(st.lists(names, min_size=1, max_size=4))
def test_a_list_of_names_is_split_where_they_were_joined(given: list[Name]) -> None:
    assert [parse(text) for text in split(",".join(map(str, given)))] == given


@given(st.text(max_size=20))
def test_any_text_is_a_name_or_an_input_error(text: str) -> None:
    try:
        name = parse(text)
    except InputError:
        return
    assert parse(str(name)) == name


@given(st.lists(names, min_size=1, max_size=6))
def test_numbered_names_are_all_different(given: list[Name]) -> None:
    out = numbered([str(name) for name in given])
    assert len(set(out)) == len(given)


def test_names_of_equal_operators_are_numbered_in_order_and_others_left_alone() -> None:
    assert numbered(["vlm", "ppo", "vlm"]) == ["vlm#1", "ppo", "vlm#2"]


def test_a_number_that_a_user_wrote_is_no_second_operator() -> None:
    listed = [str(parse(text)) for text in ("vlm:x", "vlm:x", "vlm:x#1")]
    assert len(set(numbered(listed))) == 3


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ppo", Name("ppo")),
        ("ppo:runs/a.zip", Name("ppo", "runs/a.zip")),
        ("mario:1-1@skip=8", Name("mario", "1-1", {"skip": "8"})),
        ("cmd:'./my worker --fast'", Name("cmd", "./my worker --fast")),
        ('cmd:"it\'s"', Name("cmd", "it's")),
        (r"cmd:'a\'b\\c'", Name("cmd", "a'b\\c")),
        ("cmd:'a@b=c,d'@x='@'", Name("cmd", "a@b=c,d", {"x": "@"})),
        ("human:web@port=8080@tty=''", Name("human", "web", {"port": "8080", "tty": ""})),
        ("remote@at=tcp://host:80", Name("remote", "", {"at": "tcp://host:80"})),
        ("./rps.py", Name("./rps.py")),
        ("rps.py:Rps", Name("rps.py", "Rps")),
        ("/a b/rps.py:Rps@rounds=9", Name("/a b/rps.py", "Rps", {"rounds": "9"})),
        ("../x.y/rps.py@rounds=9", Name("../x.y/rps.py", "", {"rounds": "9"})),
        ("~/rps.py:Rps", Name("~/rps.py", "Rps")),
        ("ppo:./rps.py", Name("ppo", "./rps.py")),
    ],
)
def test_how_names_are_written(text: str, name: Name) -> None:
    assert parse(text) == name


@pytest.mark.parametrize(
    ("text", "at", "why"),
    [
        ("", 1, "starts with a letter"),
        (" ppo", 1, "starts with a letter"),
        ("9ppo", 1, "starts with a letter"),
        ("ppo:", 5, "expected a value"),
        ("ppo!", 4, "expected '@key=value'"),
        ("ppo@", 5, "expected key=value"),
        ("ppo@x", 5, "expected key=value"),
        ("ppo@=3", 5, "expected key=value"),
        ("ppo@x=", 7, "expected a value"),
        ("ppo@x=1@x=2", 9, "x is given twice"),
        ("cmd:'./a", 5, "quote is not closed"),
        ("cmd:'./a\\'", 5, "quote is not closed"),
        ("cmd:'./a'b", 10, "expected '@key=value'"),
        ("./rps.py:", 10, "expected a value"),
        ("./rps.txt:Rps", 1, "path of a .py file"),
        ("./rps.pyc", 1, "path of a .py file"),
    ],
)
def test_an_error_points_at_the_character(text: str, at: int, why: str) -> None:
    with pytest.raises(InputError, match=f"{why}.*at character {at}\\."):
        parse(text)


@pytest.mark.parametrize(("text", "file"), [("./rps.py:Rps", True), ("rps.py", True), ("ppo:rps.py", False)])
def test_a_name_is_a_file_if_it_begins_with_one(text: str, file: bool) -> None:
    assert parse(text).is_file == file


@pytest.mark.parametrize("text", ["", ",", "a,,b", "a,", " , a"])
def test_a_list_with_a_gap_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="empty name"):
        split(text)
