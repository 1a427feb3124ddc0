"""A served seat: matches of players outside against operators in worker processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from arena.errors import ArenaError, InputError
from arena.operator import Decision
from arena.plan import Limits
from arena.serve.seat import SeatMatch, ServeError, Turn
from arena.serve.table import Table, served_plan

HERE = Path(__file__).parent


@contextmanager
def served(game: str, *opponents: str, limits: Limits | None = None, **how: Any) -> Iterator[Table]:
    views = how.pop("views", ())
    table = Table(served_plan(game, opponents, limits, views=views), players=how.pop("players", 4), **how)
    table.start()
    try:
        yield table
    finally:
        table.close()


def play(match: SeatMatch, answer: str | int | None = None) -> list[Turn]:
    """Every turn of the player, who plays `answer` or the first legal action."""
    turns = [match.wait()]
    while (request := turns[-1].request) is not None:
        match.answer(request, Decision(answer=request.observation.legal[0] if answer is None else answer))
        turns.append(match.wait())
    return turns


def told(turns: list[Turn]) -> list[object]:
    return [(turn.request and turn.request.observation.text, turn.reward, turn.fault) for turn in turns]


@pytest.fixture(scope="module")
def leduc() -> Iterator[Table]:
    with served("leduc", "random") as table:
        yield table


def test_rewards_add_up_to_the_return(leduc: Table) -> None:
    for seed in range(10):
        match, _ = leduc.sit(seed)
        turns = play(match, "call")
        outcome = turns[-1].outcome
        assert outcome is not None
        assert sum(turn.reward for turn in turns) == outcome.returns[match.seat]


def test_a_seed_repeats_a_match_with_its_opponents(leduc: Table) -> None:
    first, again, other = (
        [told(play(leduc.sit(seed, 1)[0], "call")) for seed in range(low, low + 5)] for low in (0, 0, 5)
    )
    assert first == again
    assert first != other


def test_a_match_without_a_seed_says_which_it_got(leduc: Table) -> None:
    match, seed = leduc.sit()
    again, _ = leduc.sit(seed)
    assert match.seat == again.seat
    assert told(play(match)) == told(play(again))


def test_a_bad_answer_costs_what_it_costs_in_a_match(leduc: Table) -> None:
    match, _ = leduc.sit(1)
    assert "unparsable" in [turn.fault for turn in play(match, "rubbish")]


def test_many_players_play_at_once(leduc: Table) -> None:
    alone = [told(play(leduc.sit(seed, 0)[0], "call")) for seed in range(40)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda seed: told(play(leduc.sit(seed, 0)[0], "call")), range(40)))
    assert together == alone


def test_whoever_leaves_does_not_stop_others(leduc: Table) -> None:
    for seed in range(20):  # more than may be in play at once
        match, _ = leduc.sit(seed)
        match.wait()
        match.leave()
    assert play(leduc.sit(1)[0])[-1].outcome is not None


def test_an_answer_that_was_refused_is_asked_again() -> None:
    with served("leduc", "scripted", limits=Limits(max_reasks=1)) as table:
        match, _ = table.sit(1)
        first = match.wait().request
        assert first is not None
        match.answer(first, Decision(answer="rubbish"))
        again = match.wait().request
        assert again is not None
        assert (again.tick, again.attempt) == (first.tick, 1)
        assert again.reason is not None


def test_a_match_that_is_cut_is_truncated() -> None:
    with served("leduc", "scripted", limits=Limits(max_ticks=2), seat=0) as table:
        outcome = play(table.sit(1)[0], "call")[-1].outcome
        assert outcome is not None
        assert outcome.status == "truncated"


def test_a_player_does_not_notice_that_an_opponents_worker_died(tmp_path: Path) -> None:
    with served("leduc@hands=3", f"{HERE / 'opponent.py'}:DIES@file={tmp_path / 'died'}", seat=0) as table:
        turns = play(table.sit(1)[0], "call")
        assert (tmp_path / "died").exists()
        outcome = turns[-1].outcome
        assert outcome is not None
        assert sum(turn.reward for turn in turns) == outcome.returns[0]
        assert told(turns) == told(play(table.sit(1)[0], "call"))


def test_players_are_told_that_an_opponent_cannot_be_replaced(tmp_path: Path) -> None:
    opponent = f"{HERE / 'opponent.py'}:TORN@file={tmp_path / 'died'}"
    ended = threading.Event()
    with served("leduc@hands=3", opponent, seat=0) as table:
        table.on_end = ended.set
        match, _ = table.sit(1)
        with pytest.raises(ServeError, match="the weights are torn"):
            play(match, "call")
        ended.wait()
        assert table.failure is not None


def test_a_game_of_the_users_is_hosted() -> None:
    with served(str(HERE.parent / "talking_game.py"), "random", seat=0) as table:
        assert table.plan.games[0].runtime is not None
        turns = play(table.sit(1)[0], "it is warm")
        assert turns[0].request is not None
        assert turns[0].request.observation.free_text == 40
        assert turns[-1].outcome is not None


def test_a_game_of_one_seat_needs_nobody_else() -> None:
    with served("sidescroller", limits=Limits(max_ticks=3)) as table:
        turns = play(table.sit(1)[0])
        assert len(turns) == 4


def test_an_operator_that_cannot_start_is_said(tmp_path: Path) -> None:
    (tmp_path / "torn.py").write_text(
        "from arena.game import Views\nfrom arena.operator import OperatorKind\n"
        "def make(context):\n    raise RuntimeError('the weights are torn')\n"
        "TORN = OperatorKind(name='torn', summary='', target=__file__ + ':make', views=lambda *_: Views())\n"
    )
    table = Table(served_plan("leduc", [str(tmp_path / "torn.py")]), players=1)
    with pytest.raises(ArenaError, match="the weights are torn"):
        table.start()


def test_a_closed_table_tells_its_players() -> None:
    with served("leduc", "scripted") as table:
        match, _ = table.sit(1)
        match.wait()
    with pytest.raises(ServeError, match="closed"):
        match.wait()
    with pytest.raises(ServeError, match="nothing is played here any more"):
        table.sit(1)


@pytest.mark.parametrize(
    ("game", "opponents", "words"),
    [
        ("leduc@seats=3", ["random", "random", "random"], "'leduc@seats=3' has 3 seats: give 2 opponents"),
        ("leduc", ["nobody"], "no operator is called 'nobody'"),
        ("nogame", ["random"], "no game is called 'nogame'"),
    ],
)
def test_what_cannot_be_is_said(game: str, opponents: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        served_plan(game, opponents)


def test_there_are_as_many_seats_as_opponents_and_the_player() -> None:
    assert served_plan("leduc", ["random", "scripted"]).games[0].facts.seats == 3


def test_one_opponent_fills_all_seats() -> None:
    plan = served_plan("leduc@seats=3", ["random"])
    assert [entry.name for entry in plan.pool] == ["player", "random#1", "random#2"]
