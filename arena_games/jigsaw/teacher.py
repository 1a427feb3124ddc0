"""Lessons in jigsaws: what is right at every step, also after a step that was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.train.lesson import Lesson
from arena_games.jigsaw.baseline import table
from arena_games.jigsaw.puzzles import PatchPuzzle, PiecesPuzzle
from arena_games.jigsaw.rules import JigsawGame
from arena_games.puzzles.lessons import taught

ASTRAY = 0.1  # probability of an answer by chance
OFTEN = {"permutation": 0.1, "rotation": 0.1, "patch": 0.8}  # so half of the lessons are patches, each of one decision


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one puzzle of any kind, of the easier three difficulties, and yields its lessons."""
    kind = str(chance.choice([*OFTEN], p=[*OFTEN.values()]))
    game = JigsawGame(1, {"kind": kind, "difficulty": int(chance.integers(1, 4))})
    return taught(game, chance, lambda facts: _right(game), thought, ASTRAY)


def _right(game: JigsawGame) -> str:
    puzzle = game.puzzle(0)
    assert isinstance(puzzle, (PiecesPuzzle, PatchPuzzle))
    return game.spec.actions.names[puzzle.best()]


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What fits best at the edges, or what colours the sides of hole and patches have and which are alike; the plan."""
    if "colours" in facts:
        hole, *patches = facts["colours"].split("\n")
        around = hole.partition(": ")[2].split(" ")
        return ". ".join([hole.capitalize(), *(_compared(one, around) for one in patches), f"I choose {answer}."])
    if facts["next"] == "all":
        return f"All places are next. I answer {answer}."
    here, columns = int(facts["next"]), int(facts["columns"])
    if "right" not in facts:
        return f"Piece {here} is next. I turn it by {answer} degrees."
    seen = [f"Place {here} is next."]
    if (here - 1) % columns:
        seen.append(f"To the right of {here - 1} fits {_best(table(facts['right'])[here - 2], here)} best.")
    elif here > columns:
        seen.append(f"Below {here - columns} fits {_best(table(facts['below'])[here - columns - 1], here)} best.")
    return " ".join([*seen, f"I take {answer}."])


def _compared(patch: str, around: list[str]) -> str:
    """The colours of a patch's sides, each with whether the hole has it there too; and at how many sides it has.

    Side by side, since a small model that only lists colours learns to list them, and then chooses by chance.
    """
    name, _, colours = patch.partition(": ")
    alike = [(one, one == other) for one, other in zip(colours.split(" "), around, strict=True)]
    sides = " ".join(f"{one} {'fits' if same else 'no'}" for one, same in alike)
    return f"Patch {name}: {sides} = {sum(same for _, same in alike)}"


def _best(row: np.ndarray, here: int) -> int:
    """Of the pieces that are left, the place of the one that fits best."""
    return here + int(np.argmin(row[here - 1 :]))
