"""The result table is computed from the log's lines alone; nothing is left out silently."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.evaluate.intervals import t975
from arena.evaluate.table import GameFacts, ScoreTable
from arena.evaluate.table import tabulate as tables_of
from arena.log import EndLine, Line, MatchLine, TickLine, TurnLine
from arena.operator import ToolCall, Usage
from arena.talk import Unsaid


def tabulate(
    lines: Iterable[Line],
    operators: Sequence[str],
    unit: str,
    returns: tuple[float, float] | None = None,
    *,
    mirror: bool = True,
) -> ScoreTable:
    """The table of one game."""
    [table] = tables_of(lines, [GameFacts("game", unit, operators, returns)], mirror=mirror)
    return table


def match(
    index: int, block: int, seats: tuple[str, str], returns: tuple[float, float] | None, *turns: TurnLine
) -> list[Line]:
    head = MatchLine(match=index, block=block, game="g", options={}, seed="", seats=seats, state_hash="")
    status = "terminated" if returns else "unresolved"
    return [head, *turns, EndLine(match=index, status=status, ticks=1, returns=returns)]


def turn(operator: str, fault: str | None = None, usage: Usage | None = None) -> TurnLine:
    return TurnLine(tick=0, seat=0, operator=operator, legal=(), observation_hash={}, fault=fault, usage=usage)


def test_scores_follow_the_operator_through_the_seats() -> None:
    lines = [*match(0, 0, ("a", "b"), (1.0, -1.0)), *match(1, 0, ("b", "a"), (3.0, -3.0))]
    a, b = tabulate(lines, ["a", "b"], "chips").rows
    assert (a.operator, a.score, a.matches) == ("a", -1.0, 2)
    assert (b.operator, b.score, b.matches) == ("b", 1.0, 2)


def test_the_interval_is_over_blocks_not_matches() -> None:
    lines = [
        *match(0, 0, ("a", "b"), (5.0, -5.0)),
        *match(1, 0, ("b", "a"), (5.0, -5.0)),
        *match(2, 1, ("a", "b"), (7.0, -7.0)),
        *match(3, 1, ("b", "a"), (3.0, -3.0)),
    ]
    table = tabulate(lines, ["a", "b"], "chips")
    assert (table.matches, table.blocks, table.cut) == (4, 2, 0)
    # The blocks' means for a are 0 and 2: their mean 1, standard error 1, one degree of freedom.
    assert (table.rows[0].low, table.rows[0].high) == pytest.approx((1 - 12.706, 1 + 12.706))


def test_blocks_of_one_score_have_no_interval_although_they_went_different_ways() -> None:
    lines = [line for block in range(3) for line in whole(block, str(block), 0.0)]
    table = tabulate(lines, ["a", "b"], "chips")
    assert (table.whole, table.distinct, table.rows[0].score) == (3, 3, 0.0)
    assert (table.rows[0].low, table.rows[0].high) == (None, None)


def test_one_block_has_no_interval() -> None:
    (a, _) = tabulate(match(0, 0, ("a", "b"), (1.0, -1.0)), ["a", "b"], "chips").rows
    assert (a.low, a.high) == (None, None)


def test_faults_count_in_the_score_and_are_told_apart() -> None:
    lines = [
        *match(0, 0, ("a", "b"), (1.0, -1.0)),
        *match(1, 1, ("a", "b"), (-3.0, 3.0), turn("a", "illegal"), turn("a", "timeout"), turn("b")),
    ]
    a, b = tabulate(lines, ["a", "b"], "chips").rows
    assert (a.score, a.score_fault_free, a.faults, a.turns) == (-1.0, 1.0, {"illegal": 1, "timeout": 1}, 2)
    assert (b.score, b.score_fault_free, b.faults, b.turns) == (1.0, 1.0, {}, 1)


def test_the_score_without_faults_has_its_matches_and_an_interval_of_its_own() -> None:
    faulty = turn("a", "illegal")
    lines = [line for block in range(4) for line in match(block, block, ("a", "b"), (block * 1.0, 0.0))]
    lines += match(4, 4, ("a", "b"), (-90.0, 0.0), faulty, faulty)
    row = tabulate(lines, ["a", "b"], "chips", mirror=False).rows[0]
    clean = tabulate(lines[:-4], ["a", "b"], "chips", mirror=False).rows[0]
    assert (row.matches, row.faulty, row.score_fault_free) == (5, 1, 1.5)
    assert (row.low_fault_free, row.high_fault_free) == (clean.low, clean.high)


def test_unresolved_matches_are_counted_and_do_not_score() -> None:
    lines = [*match(0, 0, ("a", "b"), (1.0, -1.0)), *match(1, 1, ("a", "b"), None)]
    table = tabulate(lines, ["a", "b"], "chips")
    assert (table.matches, table.rows[0].matches, table.rows[0].unresolved, table.rows[0].score) == (2, 2, 1, 1.0)


def test_no_matches_have_no_score() -> None:
    (a,) = tabulate([], ["a"], "chips").rows
    assert (a.score, a.score_fault_free, a.low) == (None, None, None)


def test_tokens_are_summed() -> None:
    turns = [turn("a", usage=Usage(prompt=10, completion=2)), turn("a", usage=Usage(prompt=5, completion=1)), turn("a")]
    (a, _) = tabulate(match(0, 0, ("a", "b"), (0.0, 0.0), *turns), ["a", "b"], "chips").rows
    assert (a.prompt_tokens, a.completion_tokens) == (15, 3)


def whole(block: int, state: str, score: float) -> list[Line]:
    """A block of both seat orders that goes through `state`; `score` is what a gets in either seat."""
    return [
        *going(2 * block, block, ("a", "b"), state, (score, -score)),
        *going(2 * block + 1, block, ("b", "a"), state, (-score, score)),
    ]


def going(
    index: int, block: int, seats: tuple[str, str], state: str, returns: tuple[float, float] | None
) -> list[Line]:
    head, *rest = match(index, block, seats, returns)
    return [head, TickLine(tick=0, rewards=returns or (), events=(), state_hash=state), *rest]


def test_blocks_that_went_the_same_way_are_counted_once() -> None:
    lines = [*whole(0, "x", 1.0), *whole(1, "y", 3.0), *whole(2, "x", 1.0)]
    table = tabulate(lines, ["a", "b"], "pixels")
    assert (table.blocks, table.distinct) == (3, 2)
    assert table.rows[0].low is not None


def test_a_block_that_is_only_repeated_has_no_interval() -> None:
    table = tabulate([line for block in range(5) for line in whole(block, "x", 1.0)], ["a", "b"], "pixels")
    assert (table.blocks, table.distinct, table.rows[0].score) == (5, 1, 1.0)
    assert (table.rows[0].low, table.rows[0].high) == (None, None)


def test_a_cut_block_is_no_way_of_its_own() -> None:
    """Its half differs from the whole ones only in that it is half."""
    lines = [*whole(0, "x", 1.0), *whole(1, "x", 1.0), *going(4, 2, ("a", "b"), "x", (5.0, -5.0))]
    table = tabulate(lines, ["a", "b"], "pixels")
    assert (table.blocks, table.cut, table.whole, table.distinct) == (3, 1, 2, 1)
    assert table.rows[0].low is None


def test_a_block_that_lost_a_match_weighs_as_much_as_its_matches() -> None:
    """As it was: a score of +0.38 in an interval from +0.52 to +0.73, because a lone good half counted as a block."""
    lines: list[Line] = []
    for block in range(20):
        lines += going(2 * block, block, ("a", "b"), str(block), (1.0 + block / 100, 0.0))
        lines += going(2 * block + 1, block, ("b", "a"), str(block), None if block % 2 else (0.0, -1.0))
    (a, _) = tabulate(lines, ["a", "b"], "chips").rows
    assert a.score is not None
    assert a.low is not None
    assert a.high is not None
    assert a.low < a.score < a.high
    assert a.score == pytest.approx((sum(1.0 + block / 100 for block in range(20)) - 10) / 30)
    means = [(2, block / 100) if block % 2 == 0 else (1, 1.0 + block / 100) for block in range(20)]
    squares = sum((total - size * a.score) ** 2 for size, total in means)
    half = t975(19) * math.sqrt(20 / 19 * squares) / 30
    assert (a.low, a.high) == pytest.approx((a.score - half, a.score + half))


def test_unresolved_matches_at_their_worst_and_best() -> None:
    lines = [
        *match(0, 0, ("a", "b"), (1.0, -1.0)),
        *match(1, 0, ("b", "a"), None),
        *match(2, 1, ("a", "b"), (2.0, -2.0)),
    ]
    table = tabulate(lines, ["a", "b"], "chips", (-5.0, 4.0))
    a, b = table.rows
    assert (table.returns, table.returns_of, table.unresolved) == ((-5.0, 4.0), "game", 1)
    assert (a.worst, a.score, a.best) == pytest.approx((-2 / 3, 1.5, 7 / 3))
    assert (b.worst, b.score, b.best) == pytest.approx((-8 / 3, -1.5, 1 / 3))
    table = tabulate(lines, ["a", "b"], "chips")
    assert (table.returns, table.returns_of) == ((-2.0, 2.0), "run")
    assert table.rows[0].worst == pytest.approx(1 / 3)


def test_why_matches_stayed_unresolved_is_counted() -> None:
    lines: list[Line] = []
    for index, reason in enumerate(["backend: voided 3 times", "deadline: voided 3 times", "backend: voided 3 times"]):
        head, end = match(index, index, ("a", "b"), None)
        assert isinstance(end, EndLine)
        lines += [head, msgspec.structs.replace(end, reason=reason)]
    table = tabulate(lines, ["a", "b"], "chips")
    assert (table.matches, table.unresolved) == (3, 3)
    assert table.reasons == {"backend: voided 3 times": 2, "deadline: voided 3 times": 1}
    assert (table.rows[0].worst, table.returns) == (None, None)


ANY = st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 0.1]))


@given(st.lists(st.lists(ANY, min_size=1, max_size=2), min_size=1, max_size=12), st.sampled_from([None, (-1e7, 1e7)]))
def test_for_any_log_the_interval_and_the_bounds_contain_the_score(
    blocks: list[list[float | None]], returns: tuple[float, float] | None
) -> None:
    lines: list[Line] = []
    for block, values in enumerate(blocks):
        for half, value in enumerate(values):
            seats = ("a", "b") if half == 0 else ("b", "a")
            mine = None if value is None else (value, -value)
            lines += going(2 * block + half, block, seats, str(block), mine)
    for row in tabulate(lines, ["a", "b"], "chips", returns).rows:
        assert (row.low is None) == (row.high is None)
        if row.low is not None and row.high is not None:
            assert row.score is not None
            assert row.low < row.score < row.high
        if row.worst is not None and row.best is not None:
            assert row.worst <= (row.best if row.score is None else row.score + 1e-9)
            assert row.best >= (row.worst if row.score is None else row.score - 1e-9)


def test_every_fault_and_every_late_tick_is_counted() -> None:
    late = msgspec.structs.replace(turn("a"), late=True)
    turns = [turn("a", "illegal"), turn("a", "illegal"), turn("a", "illegal"), late, late, turn("b", "timeout")]
    lines = [
        *match(0, 0, ("a", "b"), (1.0, -1.0), *turns),
        *match(1, 0, ("b", "a"), None),
        *match(2, 1, ("a", "b"), None),
    ]
    table = tabulate(lines, ["a", "b"], "chips")
    a, b = table.rows
    assert (a.faults, a.turns, a.late, a.unresolved) == ({"illegal": 3}, 3, 2, 2)
    assert (b.faults, b.turns, b.late, b.unresolved) == ({"timeout": 1}, 1, 0, 2)
    assert (table.unit, table.cut, table.whole, table.distinct) == ("chips", 2, 0, 0)


def test_the_lowest_and_the_highest_return_may_be_of_any_seat_in_any_match() -> None:
    lines = [
        *match(0, 0, ("a", "b"), (2.0, 3.0)),
        *match(1, 0, ("b", "a"), (4.0, 2.5)),
        *match(2, 1, ("a", "b"), None),
    ]
    assert tabulate(lines, ["a", "b"], "chips").returns == (2.0, 4.0)
    assert tabulate(lines[-2:], ["a", "b"], "chips").returns is None
    assert tabulate(lines[:-2], ["a", "b"], "chips").returns is None  # nothing is to be bounded


@pytest.mark.parametrize("what", ["seats", "start", "rewards", "state", "status", "returns"])
def test_two_ways_are_told_apart_by_whatever_differs(what: str) -> None:
    """Where only one thing differs between two blocks, they are two ways."""

    def block(number: int, other: bool) -> list[Line]:
        def changed(name: str, usual: object, unusual: object) -> object:
            return unusual if other and what == name else usual

        lines: list[Line] = []
        orders = [("a", "b"), ("b", "a")]
        for half, seats in enumerate(orders[::-1] if other and what == "seats" else orders):
            head, tick, end = going(2 * number + half, number, seats, "x", (1.0, -1.0))
            assert isinstance(end, EndLine)
            lines += [
                msgspec.structs.replace(head, state_hash=changed("start", "s", "t")),
                msgspec.structs.replace(
                    tick, rewards=changed("rewards", (1.0, 0.0), (0.0, 1.0)), state_hash=changed("state", "x", "y")
                ),
                msgspec.structs.replace(
                    end,
                    status=changed("status", "terminated", "forfeited"),
                    returns=changed("returns", (1.0, -1.0), (2.0, -2.0)),
                ),
            ]
        return lines

    assert tabulate([*block(0, False), *block(1, True)], ["a", "b"], "chips").distinct == 2
    assert tabulate([*block(0, False), *block(1, False)], ["a", "b"], "chips").distinct == 1


def test_without_mirrored_deals_each_match_is_a_whole_block() -> None:
    lines = [line for n in range(3) for line in going(n, n, ("a", "b"), str(n), (float(n), -float(n)))]
    table = tabulate(lines, ["a", "b"], "chips", mirror=False)
    assert (table.blocks, table.cut, table.distinct) == (3, 0, 3)
    assert table.rows[0].low is not None
    assert (tabulate(lines, ["a", "b"], "chips").cut, tabulate(lines, ["a", "b"], "chips").distinct) == (3, 0)


def test_beyond_a_hundred_reasons_the_rest_is_counted_together() -> None:
    lines: list[Line] = []
    for index in range(150):
        head, end = match(index, index, ("a", "b"), None)
        assert isinstance(end, EndLine)
        lines += [head, msgspec.structs.replace(end, reason=f"reason {min(index, 120) % 110}")]
    reasons = tabulate(lines, ["a", "b"], "chips").reasons
    assert len(reasons) == 101
    assert sum(reasons.values()) == 150
    assert reasons["for other reasons"] == 10
    assert reasons["reason 10"] == 31
    assert reasons["reason 99"] == 1


def test_it_counts_who_said_something_and_who_was_not_heard() -> None:
    lines = [
        msgspec.structs.replace(turn("a"), say="hi"),
        msgspec.structs.replace(turn("a"), unsaid=Unsaid("hm", "too long")),
        turn("b"),
    ]
    a, b = tabulate(match(0, 0, ("a", "b"), (1.0, -1.0), *lines), ["a", "b"], "chips").rows
    assert (a.said, a.unsaid, b.said, b.unsaid) == (1, 1, 0, 0)


def test_it_counts_calls_of_tools_and_those_that_failed() -> None:
    calls = (ToolCall(tool="notes", text="noted"), ToolCall(tool="zoom", error="no such region"))
    lines = [msgspec.structs.replace(turn("a"), calls=calls), turn("b")]
    a, b = tabulate(match(0, 0, ("a", "b"), (1.0, -1.0), *lines), ["a", "b"], "chips").rows
    assert (a.calls, a.failed_calls, b.calls, b.failed_calls) == (2, 1, 0, 0)


def test_turns_that_a_model_was_not_told_are_counted() -> None:
    turns = [turn("a", usage=Usage(9, 1, dropped=dropped)) for dropped in (2, 0, 3)]
    row, _ = tabulate(match(0, 0, ("a", "b"), (1.0, -1.0), *turns), ["a", "b"], "chips").rows
    assert (row.shortened, row.dropped) == (2, 5)
