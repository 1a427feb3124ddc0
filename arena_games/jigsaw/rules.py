"""Jigsaws, after Jigsaw-R1 (Wang et al., 2505.23590) and PuzzleCraft (Jeddi et al., 2512.14944)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from arena.canonical import generator, key
from arena.game import Discrete, Image, Move, Observation, Views
from arena.options import Option
from arena.paths import expanded
from arena_games import folders
from arena_games.jigsaw import cutting, levels, pictures
from arena_games.jigsaw.levels import SCORES, WRONG
from arena_games.jigsaw.puzzles import PatchPuzzle, PiecesPuzzle, width
from arena_games.puzzles.game import Puzzle, PuzzleGame, Reward, puzzle_spec

GIVE_UP = "give up"
TEXT = 200  # characters of an answer for all pieces
SCENES = 40  # that are cut before a match to see whether a level can be dealt
ENOUGH = 3  # of them that must be cut: where fewer are, matches take seconds to deal, or minutes
START = levels.LADDER["permutation"][1]
WORTH = {
    "places": "The score is the part of the pieces that are right in the end.",
    "joins": "The score is the part of the joins, two pieces side by side, that are as in the picture.",
    "all": "It counts 1 if all pieces are right in the end, else 0.",
}
NUMBERED = "Places are numbered in reading order, from 1 at the top left."
PLACES = (
    f"The pieces have been put to other places. {NUMBERED} Place after place you say which piece belongs there, by the "
    "number of the place where it lies now; it changes places with the piece that lies there."
)
TURNED = (
    f"Each piece may have been turned where it lies, by 90, 180 or 270 degrees. {NUMBERED} Place after place you say "
    "by how many degrees its piece must be turned clockwise to be upright."
)
PLACES_WHOLE = (
    f"The pieces have been put to other places. {NUMBERED} You answer once: for each place in reading order, the "
    "number of the place where the piece belongs that lies there."
)
TURNED_WHOLE = (
    f"Each piece may have been turned where it lies, by 90, 180 or 270 degrees. {NUMBERED} You answer once: for each "
    "place in reading order, by how many degrees its piece must be turned clockwise to be upright."
)
PATCH = (
    "A square was cut out of the picture. Below it, or beside it, are {choices} patches with letters; one of them was "
    "there. You say which. It counts 1 if it is right, else 0."
)
NO_CUT = (
    "cannot be cut for this puzzle: its parts, or its opposite sides, look alike. Remove it, or take fewer pieces or "
    "choices"
)
BLACK = "The borders of the pieces are black: {border} percent of their height and width."


class JigsawGame(PuzzleGame):
    spec = puzzle_spec(
        id="jigsaw",
        version=1,
        summary="put a picture together: places of pieces, turned pieces, or the patch that fits",
        actions=Discrete(START.answers),
        horizon=START.steps,
        unit="part of the puzzle (1: solved)",
        vector_shape=(width(START),),
        returns=(0.0, 1.0),
        options={
            "kind": Option("str", "permutation", "what is to be found out", choices=levels.KINDS),
            "difficulty": Option("int", 2, "1 (easy) to 5: see docs/jigsaw.md for what it sets", 1, 5),
            "rows": Option("int", None, "rows of pieces", 1, 4),
            "columns": Option("int", None, "columns of pieces", 1, 4),
            "moved": Option("int", None, "pieces that are not as they belong, exactly; without it any number", 0, 16),
            "border": Option("int", None, "percent of each piece that is a black border", 0, 60),
            "choices": Option("int", None, "patches to choose from", 2, 8),
            "wrong": Option("str", None, "where wrong patches are from: near is beside the hole", choices=WRONG),
            "score": Option(
                "str", "places", "pieces that are right, joins that are right, or all or nothing", choices=SCORES
            ),
            "answer": Option("str", "step", "one piece at a time, or all at once", choices=("step", "whole")),
            "pictures": Option("str", None, "folder of pictures; without it scenes are generated"),
        },
        baseline="arena_games.jigsaw.baseline:choose",
    )
    teacher = "arena_games.jigsaw.teacher:lessons"
    truth = "arena_games.jigsaw.teacher:thought"
    package = "arena_games.jigsaw"
    answer_format = "one of the legal actions"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        ladder = levels.ladder(self.options)
        if len({*ladder}) == 1:
            self.rule_out("difficulty", options, f"{', '.join(levels.given(self.options))} say all of it")
        self.level = ladder[(self.options["difficulty"] or 1) - 1]
        self.level.check()
        self.whole = self.options["answer"] == "whole"
        self._draw: cutting.Draw = pictures.scene
        if self.options["pictures"] is not None:
            self._draw = _checked(pictures.folder(self.options["pictures"]), self.level)
        else:
            _known(self.level)
        changes: dict[str, Any] = {
            "horizon": 1 if self.whole else self.level.steps,
            "vector_shape": (width(self.level),),
            "actions": Discrete((GIVE_UP,) if self.whole else self.level.answers),
            "talk": self.whole,
        }
        self.spec = msgspec.structs.replace(self.spec, **changes)
        if self.whole:
            self.answer_format = f"{self.level.pieces} numbers with spaces between them, in reading order"

    def user_files(self) -> Mapping[str, Path]:
        given = self.options["pictures"]
        return {} if given is None else {"pictures": expanded(given)}

    def deal(self, chance: np.random.Generator) -> Puzzle:
        made = _cut(self.level, self._draw, chance.bytes(16))
        if isinstance(made, cutting.Patches):
            return PatchPuzzle(made, self.level.answers)
        return PiecesPuzzle(made, self.options["score"], self.whole)

    def apply(self, puzzle: Puzzle, move: Move) -> tuple[Reward, str]:
        if not self.whole:
            return super().apply(puzzle, move)
        assert isinstance(puzzle, PiecesPuzzle)
        if move.say is None:
            puzzle.over = True
            return 0.0, "gives up"
        return puzzle.told(move.say)

    def observe(self, seat: int, views: Views) -> Observation:
        seen = super().observe(seat, views)
        if not self.whole or not seen.legal:
            return seen
        return msgspec.structs.replace(seen, free_text=TEXT)

    def words(self) -> Mapping[str, str]:
        return {"what": " ".join(self._words())}

    def _words(self) -> list[str]:
        level = self.level
        if level.kind == "patch":
            return [PATCH.format(choices=level.choices)]
        how = {"permutation": (PLACES, PLACES_WHOLE), "rotation": (TURNED, TURNED_WHOLE)}[level.kind][self.whole]
        black = [BLACK.format(border=level.border)] if level.border else []
        return [
            f"A picture was cut into {level.rows} rows and {level.columns} columns of pieces.",
            how,
            *black,
            WORTH[self.options["score"]],
        ]

    def told(self, facts: Mapping[str, str]) -> str:
        if self.level.kind == "patch":
            return (
                "How ill each patch fits to what is around the hole, in ten-thousandths of the greatest difference "
                f"of colours:\n{facts['fits']}"
            )
        ahead = "" if self.whole or facts["next"] == "none" else f"Place {facts['next']} is next. "
        ill = "in ten-thousandths of the greatest difference of colours"
        if self.level.kind == "permutation":
            return (
                f"{ahead}How ill pieces fit side by side, {ill}; the piece at place 1 has the first row and column.\n"
                f"Left piece by rows, right piece by columns:\n{facts['right']}\n"
                f"Upper piece by rows, lower piece by columns:\n{facts['below']}"
            )
        return (
            f"{ahead}How light the picture is along its sides, in thousandths of white: {facts['sides']}.\n"
            f"How ill two pieces fit side by side, {ill}, if the first is turned by 0, 90, 180, 270 degrees, for each "
            f"of them the second by 0, 90, 180, 270:\n{facts['joins']}"
        )

    def picture(self, puzzle: Puzzle, height: int, width: int) -> Image:
        from arena_games.jigsaw import draw  # only drawing needs an imaging library

        if isinstance(puzzle, PatchPuzzle):
            return draw.patches(puzzle, height, width)
        assert isinstance(puzzle, PiecesPuzzle)
        return draw.pieces(puzzle, height, width)


@functools.lru_cache(maxsize=64)
def _cut(level: levels.Level, draw: cutting.Draw, seed: bytes) -> cutting.Cut:
    """The puzzle of a seed: every seat has it, so it is made once."""
    known = None if isinstance(draw, pictures.Folder) else _known(level)
    return cutting.cut(level, draw, generator(seed), known)


def _known(level: levels.Level) -> Image | None:
    """A generated scene that can be cut to this level, always the same; None for levels of the ladder, as many can.

    ValueError where so few can that a match would take long to deal.
    """
    alike = replace(level, moved=None)  # whether a picture can be cut does not depend on it
    return None if alike in levels.LADDER[level.kind] else _searched(alike)


@functools.lru_cache(maxsize=64)
def _searched(level: levels.Level) -> Image:
    found = 0
    for at in range(SCENES):
        picture = _scene(at)
        if cutting.of_picture(level, picture, pictures.scene, generator(bytes(16))) is not None:
            found += 1
            if found == ENOUGH:
                return picture
    raise ValueError(
        f"{level}: of {SCENES} generated scenes {found or 'none'} can be cut so: {cutting.ALIKE}. {cutting.REMEDY}"
    )


@functools.lru_cache(maxsize=SCENES)
def _scene(at: int) -> Image:
    return pictures.scene(generator(key("jigsaw", "scene", at)))


@functools.lru_cache(maxsize=4)
def _checked(found: pictures.Folder, level: levels.Level) -> pictures.Folder:
    """The folder. ValueError for all that is wrong with it, pictures that cannot be cut in this way among it."""
    faults, others, enough = [*found.faults], found, True
    if level.kind == "patch" and level.wrong == "other":
        others = found.readable()
        enough = len(others.names) > 1
    for at, name in enumerate(found.names):
        try:
            picture = found.read(at)
        except ValueError as error:
            faults.append(str(error))
            continue
        if enough and not _can_be_cut(level, picture, others):
            faults.append(f"{name} {NO_CUT}")
    if not enough:
        faults.append(f"@wrong=other needs two pictures at least, there is {len(others.names) or 'none'}")
    folders.refuse("pictures", found.found.path, faults)
    return found


def _can_be_cut(level: levels.Level, picture: Image, draw: cutting.Draw) -> bool:
    chance = generator(bytes(16))
    return any(cutting.of_picture(level, picture, draw, chance) is not None for _ in range(3))
