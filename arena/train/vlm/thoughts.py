"""Whether thoughts stay true while a model is trained: rewards of actions alone let them collapse into templates.

Such a thought is sentences on the state, then a plan, as games' teachers write it: "Pit ahead, 2 tiles. Jump.". What is
true of a turn is told by the game's facts (Row.state), which the model is not shown in these words. A statement is true
word for word, or in its kind alone, which is its first words: "Pit ahead", "The formula is".
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arena import plugins
from arena.names import parse
from arena.plan import PlannedGame
from arena.prompts import MARK
from arena.record.reader import Run
from arena.record.replay import Replay, questions
from arena.train.lesson import Solver, Truth
from arena.train.vlm.rows import Row, Tokens


@dataclass(slots=True)
class Count:
    """Statements of turns whose facts are known."""

    turns: int = 0
    made: int = 0  # statements on the state that were written
    true: int = 0  # of them
    kind: int = 0  # of them those whose kind is true
    due: Counter[str] = field(default_factory=Counter)  # statements that the true thoughts hold, by kind
    told: Counter[str] = field(default_factory=Counter)  # of them those that were written
    named: Counter[str] = field(default_factory=Counter)  # of them those whose kind was written

    def add(self, written: str, true: str) -> None:
        """A thought that was written, and the true one of its turn."""
        here, there = statements(written), statements(true)
        kinds = [*map(kind_of, here)]
        self.turns += 1
        self.made += len(here)
        self.true += sum(one in there for one in here)
        self.kind += sum(one in map(kind_of, there) for one in kinds)
        for one in there:
            kind = kind_of(one)
            self.due[kind] += 1
            self.told[kind] += one in here
            self.named[kind] += kind in kinds

    def metrics(self) -> dict[str, float]:
        """Shares: of statements that are true, of true ones that were told; of these by kind too. {} without turns.

        `thought/true`, `thought/told`: word for word; `thought/true_kind`, `thought/told_kind`: in their kind.
        """
        if not self.turns:
            return {}
        due = max(1, self.due.total())
        return {
            "thought/true": self.true / max(1, self.made),
            "thought/true_kind": self.kind / max(1, self.made),
            "thought/told": self.told.total() / due,
            "thought/told_kind": self.named.total() / due,
            **{f"thought/told/{_slug(kind)}": self.told[kind] / self.due[kind] for kind in sorted(self.due)},
            **{f"thought/told_kind/{_slug(kind)}": self.named[kind] / self.due[kind] for kind in sorted(self.due)},
        }


def truths(games: Iterable[PlannedGame]) -> dict[str, Truth]:
    """By game id, what says the true thoughts of the games that have it (Game.truth). Foreign code is not imported."""
    return _declared(games, "truth")


def solvers(games: Iterable[PlannedGame]) -> dict[str, Solver]:
    """By game id, what knows the best answers of the games that have it (Game.solver). Foreign code is not imported."""
    return _declared(games, "solver")


def _declared(games: Iterable[PlannedGame], what: str) -> dict[str, Any]:
    found = {}
    for game in games:
        if not plugins.is_foreign(game.given):
            target = getattr(plugins.game_class(parse(game.given).base), what)
            if target is not None:
                found[game.facts.spec.id] = plugins.resolve(target)
    return found


def score(rows: Sequence[Row], tokens: Tokens, true: Mapping[str, Truth]) -> Count:
    """Compares what rows say of their states with what is true of them.

    Left out are rows without facts or response, and those of games that are not in `true`.
    """
    out = Count()
    for row in rows:
        say = true.get(row.game)
        if say is not None and row.state is not None and len(row.response):
            written, answer = parted(tokens.text(row.response.tolist()))
            out.add(written, say(row.state, answer))
    return out


def of_run(folder: Path) -> dict[str, Count]:
    """The same by operator, of the matches of a run, which are played again for their facts.

    Operators without facts or thoughts are left out. RecordError where it cannot be played again.
    """
    run = Run(Path(folder))
    out: dict[str, Count] = {}
    with contextlib.closing(Replay(run)) as replay:
        names = [name for name, _, _ in replay.games]
        classes = [None if plugins.is_foreign(name) else plugins.game_class(parse(name).base) for name in names]
        says = [plugins.resolve(one.truth) if one is not None and one.truth is not None else None for one in classes]
        for lines in run.played():
            plan = run.plan(lines[0])
            say = says[plan.game]
            if say is None:
                continue
            for asked in questions(replay.match(plan), lines):
                for request, line in asked:
                    if request.observation.facts and line.raw:
                        written, answer = parted(line.raw)
                        true = say(request.observation.facts, answer)
                        out.setdefault(line.operator, Count()).add(written, true)
    return out


def parted(text: str) -> tuple[str, str]:
    """(thought, answer) of what a model wrote; both are empty where nothing marks an answer.

    The answer is given as one sentence, whatever it is: a plan that quotes it must not become several statements.
    """
    written, _, answer = text.rpartition(MARK)
    return written, re.sub(r"[.!?]+(?=\s)", "", answer.strip()) if MARK in text else ""


def statements(thought: str) -> list[str]:
    """The sentences of a thought but for the last, its plan."""
    return [one for one in re.split(r"(?<=[.!?])\s+", thought.strip()) if one][:-1]


def kind_of(statement: str) -> str:
    """Its first words: "Pit ahead" of "Pit ahead, 2 tiles.", "The formula is" of "The formula is ( 10 - 4.".

    They end with a mark, a number, or a word that begins with a capital, as cards do: such are what it says.
    """
    words = re.match(r"[^\W\d_]*(?: [^\W\d_A-Z]+\b)*", statement)
    assert words is not None
    return words.group()


def _slug(text: str) -> str:
    return re.sub(r"\W+", "_", text.lower()).strip("_")
