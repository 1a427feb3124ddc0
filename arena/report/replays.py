"""The matches of a run as the replay viewer of a page takes them: moments in small compressed pieces, pictures apart.

Every piece is a text that the page decodes only while it is shown. What did not fit under the caps is said in words.
Matches are played again from the log (arena/record/moments.py), so what is shown is what `arena verify` checks.
"""

from __future__ import annotations

import base64
import gzip
import io
import shlex
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
from PIL import Image as Pictures

from arena.canonical import hash_array
from arena.errors import ArenaError, GameError
from arena.game import Image
from arena.log import EndLine, Line, TurnLine
from arena.match import Match
from arena.plan import MatchPlan
from arena.record.asked import models
from arena.record.given import titles
from arena.record.moments import Moment, moments
from arena.record.reader import Run
from arena.record.replay import Replay

PIECE = 64  # moments
PICTURE = (400, 640)  # (height, width) of the spectators' picture
QUALITY = 70  # of WebP: about 10 kB a picture of the games here


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that a page holds; games share both equally."""

    turns: int = 10_000
    picture_bytes: int = 12 * 1024 * 1024  # 0: no pictures


class ShownMatch(msgspec.Struct, kw_only=True):
    """What the viewer knows of a match before it is opened."""

    match: int
    block: int
    game: str
    game_index: int
    seats: tuple[str, ...]
    moments: int = 0  # the start, and one a tick
    pieces: list[int] = []  # names of the pieces with its moments, PIECE in each
    status: str = ""  # "" of a match that was in play when the run stopped
    returns: tuple[float, ...] | None = None
    faults: int = 0
    cut: bool = False  # later moments were left out


class ShownMoment(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A moment, with the names of its pictures."""

    moment: Moment
    picture: int | None = None  # for spectators
    views: dict[int, int] = {}  # what a seat was shown when it was asked, by seat


@dataclass(slots=True)
class Replays:
    """What a page embeds."""

    matches: list[ShownMatch] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)  # base64 of gzip of JSON: a list of ShownMoment
    pictures: list[str] = field(default_factory=list)  # base64 of WebP
    notes: list[str] = field(default_factory=list)  # what was left out, and why
    actions: dict[int, tuple[str, ...]] = field(default_factory=dict)  # their names, by the game's place in the plan

    @property
    def index(self) -> bytes:
        """JSON: what the viewer is opened with."""
        told = {"piece": PIECE, "matches": self.matches, "notes": self.notes}
        return msgspec.json.encode(told, order="deterministic")


class ReplaysReader(AbstractContextManager["ReplaysReader"]):
    """Embeds the matches of `run` that it is given, in plan order, until there is no more room; then it counts them.

    trust: as in Replay. A run that this installation cannot play again has none, and a note says why. A context
    manager: the hosts of its games end with it.
    """

    def __init__(self, run: Run, caps: Caps, *, trust: bool = False) -> None:
        games = len(run.head.games)
        self._run = run
        self._trust = trust
        self._caps = caps
        self._out = Replays()
        self._replay: Replay | None = None  # None: nothing is played again here (any more)
        self._played = self._left = 0  # matches: of the run, and those that are not shown
        self._turns = [caps.turns // games] * games  # left, by game
        self._bytes = [caps.picture_bytes // games] * games
        self._full = [False] * games
        self._bare = [False] * games  # a picture of it was left out
        self._names: dict[str, int] = {}  # of pictures, by the hash of their pixels
        self._last: dict[tuple[int, int | None], tuple[Image, int]] = {}  # by game and seat, and its name

    def __enter__(self) -> Self:
        with self._said():
            self._replay = Replay(self._run, trust=self._trust)
            self._out.actions = {at: game.spec.actions.names for at, (_, game, _) in enumerate(self._replay.games)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_hosts()

    def note(self, lines: list[Line]) -> None:
        """The lines of the next match, which is one of the plan."""
        self._played += 1
        if self._replay is None or all(self._full):
            self._left += 1
            return
        with self._said():
            self._note(self._replay, self._run.plan(lines[0]), lines)
        if all(self._full):
            self._last.clear()
            self._close_hosts()

    def replays(self) -> Replays:
        """What the page embeds, once all matches that are over were noted: those in play when the run stopped follow.

        RecordError where the log is damaged.
        """
        if self._replay is None:
            return self._out
        for lines in self._run.in_play():
            self.note(lines)
        name = shlex.quote(self._run.folder.resolve().name)  # where it lies here says nothing to other readers
        if self._left:
            self._out.notes.append(
                f"{self._played - self._left} of {self._played} matches are shown, in plan order as far as the page "
                f"has room (each game an equal share). `arena replay {name}` shows all of them."
            )
        if any(self._bare):
            size = f"{self._caps.picture_bytes / 2**20:g} MiB"
            told = f"The page holds {size} of pictures; later ones are left out."
            self._out.notes.append(f"{told} `arena replay {name} --frames DIR` draws all.")
        return self._out

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What cannot be played again here is said, and ends nothing but the replays."""
        try:
            yield
        except ArenaError as error:
            self._out.notes.append(f"The matches cannot be played again here, so no more of them are shown: {error}")
            self._close_hosts()
            self._replay = None

    def _close_hosts(self) -> None:
        if self._replay is not None:
            self._replay.close()

    def _note(self, replay: Replay, plan: MatchPlan, lines: list[Line]) -> None:
        turns = sum(isinstance(line, TurnLine) for line in lines)
        full = self._full[plan.game]
        # The first match of a game is begun even when it is too long.
        if full or (turns > self._turns[plan.game] and any(one.game_index == plan.game for one in self._out.matches)):
            self._full[plan.game] = True
            self._left += 1
        else:
            self._add(replay, plan, lines)

    def _add(self, replay: Replay, plan: MatchPlan, lines: list[Line]) -> None:
        match = replay.match(plan)
        end = lines[-1] if isinstance(lines[-1], EndLine) else None
        shown = ShownMatch(
            match=plan.index,
            block=plan.block,
            game=titles(self._run.head.games)[plan.game],
            game_index=plan.game,
            seats=tuple(match.names),
            status=end.status if end is not None else "",
            returns=end.returns if end is not None else None,
            faults=sum(isinstance(line, TurnLine) and line.fault is not None for line in lines),
        )
        self._out.matches.append(shown)
        piece: list[ShownMoment] = []
        for moment in self._moments(match, lines, replay, shown):
            piece.append(moment)
            shown.moments += 1
            if len(piece) == PIECE:
                self._close(shown, piece)
        self._close(shown, piece)

    def _close(self, shown: ShownMatch, piece: list[ShownMoment]) -> None:
        if piece:
            shown.pieces.append(len(self._out.pieces))
            packed = gzip.compress(msgspec.json.encode(piece), mtime=0)
            self._out.pieces.append(base64.b64encode(packed).decode())
            piece.clear()

    def _moments(self, match: Match, lines: list[Line], replay: Replay, shown: ShownMatch) -> Iterator[ShownMoment]:
        game = match.plan.game
        views: dict[int, int] = {}
        try:
            for moment in moments(match, lines, replay.views(match.plan), models(replay, match)):
                if self._turns[game] < len(moment.turns):
                    shown.cut = True
                    self._out.notes.append(
                        f"Match {shown.match} is longer than the page has room for: its end is not shown."
                    )
                    return
                self._turns[game] -= len(moment.turns)
                # A seat that answers an earlier question (in realtime) was shown something else.
                seen = {
                    turn.seat: views[turn.seat] for turn in moment.turns if turn.asked is None and turn.seat in views
                }
                yield ShownMoment(moment=moment, picture=self._drawn(match), views=seen)
                asked = [(request.seat, request.observation.image) for request in match.waiting]
                views = {seat: name for seat, image in asked if (name := self._picture(game, seat, image)) is not None}
        except GameError as error:
            self._out.notes.append(f"Match {shown.match} cannot be played again to its end: {error}")

    def _drawn(self, match: Match) -> int | None:
        game = match.plan.game
        if self._bytes[game] > 0:
            return self._picture(game, None, match.session.draw(*PICTURE))
        self._bare[game] = self._caps.picture_bytes > 0
        return None

    def _picture(self, game: int, seat: int | None, image: Image | None) -> int | None:
        """The name of a picture (of `seat`; None: of spectators), if there is one and room for it.

        Equal ones are kept once: most are equal to the one before, which is seen far sooner than by their hashes.
        """
        if image is None or not self._caps.picture_bytes:
            return None
        last = self._last.get((game, seat))
        if last is not None and np.array_equal(last[0], image):
            return last[1]
        name = self._names.get(key := hash_array(image))
        if name is None:
            if self._bytes[game] <= 0:
                self._bare[game] = True
                return None
            name = self._names[key] = self._kept(game, image)
        self._last[game, seat] = image.copy(), name  # what a host sent may stand in a buffer that is used again
        return name

    def _kept(self, game: int, image: Image) -> int:
        file = io.BytesIO()
        Pictures.fromarray(np.ascontiguousarray(image)).save(file, "WEBP", quality=QUALITY, method=2)
        self._bytes[game] -= file.tell()
        self._out.pictures.append(base64.b64encode(file.getvalue()).decode())
        return len(self._out.pictures) - 1


def data_elements(replays: Replays) -> Iterable[str]:
    """The elements of a page that hold `replays`, as arena/report/viewer/source.js reads them."""
    yield f'<script type="application/json" id="replay-index">{_inert(replays.index)}</script>'
    for number, text in enumerate(replays.pieces):
        yield f'<script type="text/plain" id="piece-{number}">{text}</script>'
    for number, text in enumerate(replays.pictures):
        yield f'<script type="text/plain" id="picture-{number}">{text}</script>'


def _inert(json: bytes) -> str:
    """JSON that cannot end the element it stands in."""
    return json.decode().replace("<", "\\u003c")
