"""What the games of a run are called."""

from __future__ import annotations

from pathlib import Path

from arena.evaluation import Evaluation
from arena.record.given import titles
from arena.record.reader import Run

GAMES = ("leduc@hands=1@seats=2", "leduc@hands=2@seats=2", "leduc@hands=2@seats=3", "kuhn@seats=2")
CALLED = ["leduc@hands=1@seats=2", "leduc@hands=2@seats=2", "leduc@hands=2@seats=3", "kuhn"]


def test_games_of_one_name_are_called_by_what_tells_them_apart(tmp_path: Path) -> None:
    for games, called in (
        (GAMES, CALLED),
        (GAMES[:2], ["leduc@hands=1", "leduc@hands=2"]),
        (GAMES[1:3], ["leduc@seats=2", "leduc@seats=3"]),
        (GAMES[2:], ["leduc", "kuhn"]),
    ):
        out = tmp_path / str(len(called)) / called[0]
        Evaluation(games=games, operators=("random", "scripted", "scripted"), blocks=1).run(out)
        run = Run(out)
        assert titles(run.head.games) == called
        assert [table.game for table in run.tables()] == called
