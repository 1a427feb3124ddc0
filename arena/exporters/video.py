"""A film of matches, as MP4 or GIF: what a spectator is shown, or with `--seats` what each seat saw, side by side.

A picture a tick, the start first. Several matches follow one another. Pictures are written as they are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from PIL import GifImagePlugin
from PIL import Image as Pictures

from arena import plain
from arena.errors import InputError, RecordError
from arena.exporters.episodes import Reader, count
from arena.exporters.movie import Mp4
from arena.exporters.options import Options
from arena.figures import brief
from arena.game import GameSpec, Image, Views
from arena.log import EndLine, Line, TickLine
from arena.match import Match
from arena.record.replay import execute

SPECTATOR = (600, 960)  # (height, width)
USUAL_FPS = 2.0  # of a game without a clock of its own
CAPTION = 30  # pixels above a picture, with the names and the sums of the rewards
TALL = 512  # pixels: a seat's picture is at most as tall, if nothing else is asked for, and enlarged to half of it
GAP = 4  # pixels between seats
HELD = 1.5  # seconds that the end of a match is shown
BETWEEN_KEYS = 30


class Film(Protocol):
    """What pictures are written into."""

    def add(self, picture: Image) -> None: ...

    def close(self) -> None: ...


def export(reader: Reader, out: Path, options: Options) -> list[str]:
    """Writes the film OUT, whose name says the format: .mp4 or .gif."""
    kind = out.suffix.lower()
    if kind not in (".mp4", ".gif"):
        raise InputError(f"--out {out.name}: the name of a film ends in .mp4 or .gif")
    if len(reader.games) > 1:
        names = ", ".join(head.name for head in reader.games.values())
        raise InputError(f"a film is of one game, and the run has {names}: choose one with --game")
    (place,) = reader.games
    clock = reader.game(place).card().seconds
    fps = Fraction(options.fps or (1 / clock if clock else USUAL_FPS)).limit_denominator(1000)
    film: Film | None = None
    matches = pictures = 0
    for lines, seats in reader.matches(place):
        picture: Image | None = None
        for picture in _pictures(reader, lines, seats, options):
            if film is None:
                size = picture.shape[:2]
                film = Gif(out, fps) if kind == ".gif" else Mp4(out, size, fps, between_keys=BETWEEN_KEYS)
            film.add(picture)
            pictures += 1
        assert film is not None
        assert picture is not None
        for _ in range(round(HELD * fps)):
            film.add(picture)
        matches += 1
    assert film is not None
    film.close()
    return [f"{count(matches, 'match', 'matches')}, {count(pictures, 'picture')}, {float(fps):g} a second"]


class Gif:
    """An animated GIF of pictures of one size that plays again and again; each has a palette of its own."""

    def __init__(self, path: Path, fps: Fraction) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._milliseconds = max(20, round(1000 / fps))  # shorter times are not heeded by browsers

    def add(self, picture: Image) -> None:
        """The next picture: uint8 (height, width, 3)."""
        frame = Pictures.fromarray(picture).quantize(256)
        if self._file is None:
            self._file = self._path.open("wb")
            for part in GifImagePlugin.getheader(frame, info={"loop": 0, "duration": self._milliseconds})[0]:
                self._file.write(part)
        parts = GifImagePlugin.getdata(frame, duration=self._milliseconds, include_color_table=True)
        for part in parts:
            self._file.write(part)

    def close(self) -> None:
        if self._file is not None:
            self._file.write(b";")
            self._file.close()


def _pictures(reader: Reader, lines: list[Line], seats: Sequence[int], options: Options) -> Iterator[Image]:
    """The pictures of one match. RecordError when it cannot be played again as it was recorded."""
    plan = reader.run.plan(lines[0])
    match = reader.replay.match(plan)
    size = _size(match.session.spec, options)
    totals = np.zeros(len(match.names))
    for step in execute(match, lines):
        if not step.agrees:
            raise RecordError(f"match {plan.index} cannot be played again: `arena verify` says where it differs")
        for line in step.made:
            totals = totals + line.rewards if isinstance(line, TickLine) else totals
        end = lines[-1] if match.outcome is not None else None
        yield _picture(match, seats, size, totals, end, options.seats)


def _size(spec: GameSpec, options: Options) -> tuple[int, int]:
    if not options.seats:
        return options.size or SPECTATOR
    if not spec.image_sizes:
        raise InputError(f"--seats: {spec.id} draws no pictures for its seats; leave it out")
    if options.size is not None and options.size not in spec.image_sizes:
        words = ", ".join(f"{height}x{width}" for height, width in spec.image_sizes)
        raise InputError(f"--size {options.size[0]}x{options.size[1]}: {spec.id} draws seats' pictures at {words}")
    return options.size or max((one for one in spec.image_sizes if one[0] <= TALL), default=min(spec.image_sizes))


def _picture(
    match: Match,
    seats: Sequence[int],
    size: tuple[int, int],
    totals: np.ndarray,
    end: Line | None,
    by_seat: bool,
) -> Image:
    """What there is to see now, with a caption."""
    if isinstance(end, EndLine) and end.returns is not None:
        totals = np.array(end.returns)
    told = [f"{name} {brief(total)}" for name, total in zip(match.names, totals, strict=True)]
    if not by_seat:
        picture = match.session.draw(*size)
        head = f"match {match.plan.index}, tick {match.tick}: {' · '.join(told)}"
        return np.concatenate([plain.sheet([head], CAPTION, picture.shape[1]), picture])
    parts: list[Image] = []
    for seat in seats:
        seen = match.session.look(seat, Views(image=size)).image
        assert seen is not None
        seen = seen.repeat(scale := max(1, TALL // 2 // seen.shape[0]), axis=0).repeat(scale, axis=1)
        parts.append(np.concatenate([plain.sheet([told[seat]], CAPTION, seen.shape[1]), seen]))
        parts.append(np.full((len(parts[-1]), GAP, 3), plain.PAPER, np.uint8))
    return np.concatenate(parts[:-1], axis=1)
