"""The result table is computed from the log's lines alone; nothing is left out silently."""

from __future__ import annotations

from arena.evaluate.table import tabulate
from arena.operator import Usage
from arena.record.lines import EndLine, Line, MatchLine, TickLine, TurnLine


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
        *match(3, 1, ("b", "a"), (7.0, -7.0)),
    ]
    table = tabulate(lines, ["a", "b"], "chips")
    assert (table.matches, table.blocks) == (4, 2)
    assert (table.rows[0].low, table.rows[0].high) == (0.0, 0.0)  # both blocks have mean 0


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


def going(index: int, state: str, score: float) -> list[Line]:
    """A match of its own block that goes through `state`."""
    head, *rest = match(index, index, ("a", "b"), (score, -score))
    return [head, TickLine(tick=0, rewards=(score, -score), events=(), state_hash=state), *rest]


def test_blocks_that_went_the_same_way_are_counted_once() -> None:
    lines = [*going(0, "x", 1.0), *going(1, "y", 3.0), *going(2, "x", 1.0)]
    table = tabulate(lines, ["a", "b"], "pixels")
    assert (table.blocks, table.distinct) == (3, 2)
    assert table.rows[0].low is not None


def test_a_block_that_is_only_repeated_has_no_interval() -> None:
    table = tabulate([line for index in range(5) for line in going(index, "x", 1.0)], ["a", "b"], "pixels")
    assert (table.blocks, table.distinct, table.rows[0].score) == (5, 1, 1.0)
    assert (table.rows[0].low, table.rows[0].high) == (None, None)
