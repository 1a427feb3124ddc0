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
from contextlib import closing
from dataclasses import dataclass, field

import msgspec
import numpy as np
from PIL import Image as Pictures

from arena.canonical import hash_array
from arena.errors import ArenaError, GameError
from arena.game import Image
from arena.log import EndLine, Line, TurnLine
from arena.match import Match
from arena.plan import MatchPlan
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


def embed(run: Run, caps: Caps | None = None, *, trust: bool = False, over: int | None = None) -> Replays:
    """The matches of `run` in plan order until a cap is reached. `trust`: as in Replay.

    over: how many there are, if it is known: then the log is read no further than the page has room.
    A run that this installation cannot play again has none, and a note says why.
    """
    out = Replays()
    try:
        with closing(Replay(run, trust=trust)) as replay:
            out.actions = {at: game.spec.actions.names for at, (_, game, _) in enumerate(replay.games)}
            _Embedding(replay, caps or Caps(), out).fill(over)
    except ArenaError as error:
        out.notes.append(f"The matches cannot be played again here, so no more of them are shown: {error}")
    return out


class _Embedding:
    def __init__(self, replay: Replay, caps: Caps, out: Replays) -> None:
        games = len(replay.games)
        self._replay = replay
        self._out = out
        self._turns = [caps.turns // games] * games  # left, by game
        self._bytes = [caps.picture_bytes // games] * games
        self._most_bytes = caps.picture_bytes
        self._full = [False] * games
        self._bare = [False] * games  # a picture of it was left out
        self._names: dict[str, int] = {}  # of pictures, by the hash of their pixels

    def fill(self, over: int | None) -> None:
        played = left = 0
        for plan, lines in self._replay.recorded():
            played += 1
            turns = sum(isinstance(line, TurnLine) for line in lines)
            full = self._full[plan.game]
            # The first match of a game is begun even when it is too long.
            if full or (
                turns > self._turns[plan.game] and any(one.game_index == plan.game for one in self._out.matches)
            ):
                self._full[plan.game] = True
                left += 1
            else:
                self._add(plan, lines)
            if over is not None and all(self._full):
                left += over - played
                played = over
                break
        run = shlex.quote(self._replay.run.folder.resolve().name)  # where it lies here says nothing to other readers
        if left:
            self._out.notes.append(
                f"{played - left} of {played} matches are shown, in plan order as far as the page has room (each game "
                f"an equal share). `arena replay {run}` shows all of them."
            )
        if any(self._bare):
            size = f"{self._most_bytes / 2**20:g} MiB"
            told = f"The page holds {size} of pictures; later ones are left out."
            self._out.notes.append(f"{told} `arena replay {run} --frames DIR` draws all.")

    def _add(self, plan: MatchPlan, lines: list[Line]) -> None:
        match = self._replay.match(plan)
        end = lines[-1] if isinstance(lines[-1], EndLine) else None
        shown = ShownMatch(
            match=plan.index,
            block=plan.block,
            game=self._replay.run.head.games[plan.game].name,
            game_index=plan.game,
            seats=tuple(match.names),
            status=end.status if end is not None else "",
            returns=end.returns if end is not None else None,
            faults=sum(isinstance(line, TurnLine) and line.fault is not None for line in lines),
        )
        self._out.matches.append(shown)
        piece: list[ShownMoment] = []
        for moment in self._moments(match, lines, shown):
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

    def _moments(self, match: Match, lines: list[Line], shown: ShownMatch) -> Iterator[ShownMoment]:
        game = match.plan.game
        views: dict[int, int] = {}
        try:
            for moment in moments(match, lines, self._replay.views(match.plan)):
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
                views = {seat: name for seat, image in asked if (name := self._picture(game, image)) is not None}
        except GameError as error:
            self._out.notes.append(f"Match {shown.match} cannot be played again to its end: {error}")

    def _drawn(self, match: Match) -> int | None:
        game = match.plan.game
        if self._bytes[game] > 0:
            return self._picture(game, match.session.draw(*PICTURE))
        self._bare[game] = self._most_bytes > 0
        return None

    def _picture(self, game: int, image: Image | None) -> int | None:
        """The name of a picture, if there is one and room for it. Equal ones are kept once."""
        if image is None or not self._most_bytes:
            return None
        known = self._names.get(key := hash_array(image))
        if known is not None:
            return known
        if self._bytes[game] <= 0:
            self._bare[game] = True
            return None
        file = io.BytesIO()
        Pictures.fromarray(np.ascontiguousarray(image)).save(file, "WEBP", quality=QUALITY, method=2)
        self._bytes[game] -= file.tell()
        self._out.pictures.append(base64.b64encode(file.getvalue()).decode())
        self._names[key] = len(self._out.pictures) - 1
        return self._names[key]


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
