"""A command that takes long gives a sign of life, and one that does not gives none."""

from __future__ import annotations

import io
import itertools
import re
import threading

import pytest
from rich.console import Console

from arena.bars import Bar, pauses

PATIENCE = 30.0  # seconds after which a line that does not come is missed


class Heard(io.StringIO):
    """A stream that says when it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.line = threading.Event()

    def write(self, text: str) -> int:
        count = super().write(text)
        self.line.set()
        return count


def bar(stream: io.StringIO, total: int | None, waits: tuple[float, ...], *, terminal: bool = False, **how) -> Bar:
    console = Console(file=stream, force_terminal=terminal, width=80)
    return Bar("matches", total, console=console, waits=waits, **how)


def test_where_nothing_is_drawn_a_line_says_how_far_it_is():
    stream = Heard()
    with bar(stream, 2000, (0.0, 60.0)) as shown:
        assert stream.line.wait(PATIENCE)
        shown.update(1500)
        assert re.fullmatch(r"matches: 1,500 of 2,000, about \d:\d\d left", shown.line())
        shown.update(2000)
    first, last = stream.getvalue().splitlines()
    assert re.fullmatch(r"matches: 0 of 2,000, \d:\d\d so far", first)
    assert re.fullmatch(r"matches: 2,000 of 2,000, \d:\d\d so far", last)


def test_how_a_step_ended_is_said_before_the_next_one_begins():
    stream = Heard()
    with bar(stream, 200, (0.0, 60.0)) as shown:
        assert stream.line.wait(PATIENCE)
        shown.update(200)
        shown.begin("deals", 40)
        assert stream.getvalue().splitlines()[-1].startswith("matches: 200 of 200, ")
        shown.update(40)
    assert [line.partition(",")[0] for line in stream.getvalue().splitlines()[1:]] == [
        "matches: 200 of 200",
        "deals: 40 of 40",
    ]


def test_what_was_there_before_does_not_make_it_look_fast():
    shown = bar(io.StringIO(), 1000, (), done=900)
    shown.update(900)
    assert "left" not in shown.line()
    shown.update(901)
    assert "left" in shown.line()


def test_of_what_takes_unequally_long_no_time_is_foretold():
    shown = bar(io.StringIO(), None, ())
    shown.begin("matches read", 400, even=False)
    shown.update(3)
    assert re.fullmatch(r"matches read: 3 of 400, \d:\d\d so far", shown.line())


@pytest.mark.parametrize(("show", "waits"), [(True, (60.0,)), (False, (0.0,))])
def test_a_short_one_and_a_quiet_one_say_nothing(show, waits):
    stream = io.StringIO()
    with bar(stream, 2, waits, show=show) as shown:
        shown.update(1)
    assert stream.getvalue() == ""


def test_on_a_terminal_a_bar_stands_in_place_of_lines():
    stream = io.StringIO()
    with bar(stream, 2, (0.0, 0.0), terminal=True) as shown:
        shown.update(1)
    assert "1/2" in stream.getvalue()
    assert "of 2" not in stream.getvalue()


def test_one_that_fails_has_no_last_line():
    stream = Heard()
    shown = bar(stream, None, (0.0, 60.0))
    shown.__enter__()
    assert stream.line.wait(PATIENCE)
    shown.__exit__(KeyError, KeyError(), None)
    assert len(stream.getvalue().splitlines()) == 1


def test_a_reader_that_is_gone_ends_nothing():
    stream = io.StringIO()
    with bar(stream, None, (0.0, 60.0)) as shown:
        stream.close()
        shown.update(1)


def test_lines_become_rarer_and_do_not_cease():
    first = list(itertools.islice(pauses(), 2000))
    assert first[:3] == [5, 10, 20]
    assert first[-1] == 300
