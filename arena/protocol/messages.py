"""Every message on one page. Fields are added with defaults and never reused; unknown fields are ignored.

Maps keyed by field name, so that any MessagePack library can write them. Arrays are never inside: an ArrayRef stands
for each, and points to one of the binary frames that follow the header (see codec.py). OPEN and WATCH are the structs
OpenSeat and SpectatorUpdate that operators are given.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from arena.game import GameSpec, Move, Observation, TimeStep, Views
from arena.operator import Decision, OpenSeat, Outcome, Request, SpectatorUpdate


def tag(name: str) -> str:
    """The `type` of a message by the name of its class: GameClosed, game_closed."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=tag, omit_defaults=True):
    """Base of messages: the header is a map whose `type` is the message's name: hello, open_game, ..."""


class ArrayRef(msgspec.Struct, frozen=True, array_like=True):
    """An array in a binary frame: little-endian, C order."""

    buffer: int  # 0 is the first frame after the header
    dtype: Literal["|u1", "<f4", "<i4"]
    shape: tuple[int, ...]


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    max_message: int = 64 * 1024 * 1024  # bytes of one message of a worker, all of its frames together
    max_frames: int = 1024  # frames of one message of a worker
    grace: float = 5.0  # seconds in which a CANCEL is confirmed or the worker is killed


# --- the handshake -------------------------------------------------------------------------------------------------


class Hello(_Message, frozen=True):  # worker -> arena, the first message, before heavy imports
    token: str
    major: int
    minor: int
    kind: str  # "python", "node", ...
    name: str  # of the software
    version: str
    capabilities: tuple[str, ...] = ()
    max_seats: int = 0  # 0: no limit of its own
    determinism: Literal["deterministic", "measured", "none"] = "none"


class Welcome(_Message, frozen=True):  # arena -> worker; nothing comes before it
    session: str
    minor: int  # the lower of the two minors: the one in use
    limits: Limits = Limits()
    what: str = ""  # of `kind:WHAT`
    options: dict[str, Any] = {}
    operators: tuple[str, ...] = ()  # names in the line-up of those whose seats it may be given


class Status(_Message, frozen=True):  # worker -> arena
    state: Literal["loading", "ready"]
    text: str = ""
    address: str | None = None  # where a person finds the page
    max_in_flight: int = 0  # ready: items that it takes at once; 0: no limit of its own
    facts: dict[str, str] = {}  # ready: what it found out about its operator, for the run folder


# --- seats ---------------------------------------------------------------------------------------------------------


class Opened(_Message, frozen=True):  # worker -> arena: the reply to OPEN
    match: int
    seat: int


class End(_Message, frozen=True):  # arena -> worker: the outcome, and the seat is released
    match: int
    seat: int
    outcome: Outcome


class Closed(_Message, frozen=True):  # worker -> arena
    match: int
    seat: int


# --- weights -------------------------------------------------------------------------------------------------------


class Update(_Message, frozen=True):  # arena -> worker: other weights; answered by UPDATED, or ERROR with this id
    id: int
    version: str  # what decisions that are made with them have as `weights_version`
    path: str  # of a file or folder, on the worker's machine


class Updated(_Message, frozen=True):  # worker -> arena: every question that is sent from now on is decided with them
    id: int
    version: str


# --- decisions -----------------------------------------------------------------------------------------------------


class Act(_Message, frozen=True):  # arena -> worker
    requests: list[Request]


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one reply to a request; it echoes where it belongs. Exactly one of decision, cancelled, error."""

    id: int
    match: int
    seat: int
    tick: int
    attempt: int = 0
    decision: Decision | None = None
    cancelled: bool = False
    error: Literal["backend", "overloaded"] | None = None  # the infrastructure's fault: voids the match
    detail: str | None = None


class Action(_Message, frozen=True):  # worker -> arena: answers for any subset of what was asked
    session: str
    answers: list[Answer]


class Cancel(_Message, frozen=True):  # arena -> worker: not wanted any more; each request still gets its one reply
    ids: list[int]


class Watched(_Message, frozen=True):  # worker -> arena: that WATCH was shown, and the next one may come
    match: int
    tick: int


# --- games in a host -----------------------------------------------------------------------------------------------
# Every request has an id that is never used twice, and exactly one reply that echoes it: or an ERROR with its match.


class OpenGame(_Message, frozen=True):  # arena -> host: a new game, reset; answered by STEPPED or ERROR
    id: int
    match: int
    game: str  # its name as plugins know it, without options
    seats: int
    options: dict[str, Any]
    views: list[Views]  # of each seat
    seed: bytes


class Step(_Message, frozen=True):  # arena -> host: the moves of one tick, or a forfeit; answered by STEPPED
    id: int
    match: int
    moves: list[tuple[int, Move]] = []  # (seat, move) of every due seat, in seat order
    forfeit: int | None = None  # the seat that forfeits, instead of moves
    cut: bool = False  # nobody is asked after this tick: a score is wanted, and no views


class Stepped(_Message, frozen=True):  # host -> arena
    session: str
    id: int
    match: int
    time_step: TimeStep


class Parse(
    _Message, frozen=True
):  # arena -> host: what does the game make of this answer? Only of games with a parser
    id: int
    match: int
    seat: int
    answer: int | str | None = None


class Parsed(_Message, frozen=True):  # host -> arena
    session: str
    id: int
    match: int
    seat: int
    move: Move | None = None
    fault: Literal["illegal", "unparsable"] | None = None
    detail: str | None = None


class Observe(_Message, frozen=True):  # arena -> host: for whoever shows the game
    id: int
    match: int
    views: Views
    seat: int | None = None  # None: the spectator's picture, of the size that `views.image` says


class Observed(_Message, frozen=True):  # host -> arena
    session: str
    id: int
    match: int
    observation: Observation


class CloseGame(_Message, frozen=True):  # arena -> host
    match: int


class GameClosed(_Message, frozen=True):  # host -> arena
    match: int


# --- over TCP, between an arena and a worker server ------------------------------------------------------------------


class Inquire(_Message, frozen=True):  # arena -> worker server: asks how it would host this operator in this game
    major: int
    minor: int
    kind: str  # of the operator, e.g. "ppo"
    what: str
    options: dict[str, Any]
    spec: GameSpec


class Terms(_Message, frozen=True):  # worker server -> arena: what a WELCOME must say, what it wants to see
    what: str
    options: dict[str, Any]
    views: Views
    fingerprint: dict[str, str] = {}


class Hire(_Message, frozen=True):  # arena -> worker server: start a worker; from its HELLO on, all frames are its
    token: str  # what the worker's HELLO will carry
    major: int
    minor: int
    kind: str
    what: str
    options: dict[str, Any]


class Gone(_Message, frozen=True):  # worker server -> arena: the worker has ended
    reason: str
    self_inflicted: bool  # it exited or crashed by itself; False: somebody else ended it


# --- the rest ------------------------------------------------------------------------------------------------------


class Ping(_Message, frozen=True):  # either way
    n: int = 0


class Pong(_Message, frozen=True):
    n: int = 0


class Error(_Message, frozen=True):  # either way
    code: Literal["malformed", "unknown_message", "version", "token", "unexpected", "refused", "failed", "backend"]
    text: str
    match: int | None = None
    seat: int | None = None
    id: int | None = None  # of the UPDATE that failed


class Shutdown(_Message, frozen=True):  # arena -> worker
    reason: str = ""
    complete: bool = False  # every match was played; False: the run was stopped, or it failed


class Bye(_Message, frozen=True):  # worker -> arena: the last message
    reason: str = ""


ToWorker = (
    Welcome
    | OpenSeat
    | End
    | Update
    | Act
    | Cancel
    | SpectatorUpdate
    | Ping
    | Pong
    | Error
    | Shutdown
    | OpenGame
    | Step
    | Parse
    | Observe
    | CloseGame
    | Inquire
    | Hire
)
ToArena = (
    Hello
    | Status
    | Opened
    | Closed
    | Updated
    | Action
    | Watched
    | Ping
    | Pong
    | Error
    | Bye
    | Stepped
    | Parsed
    | Observed
    | GameClosed
    | Terms
    | Gone
)
Message = ToWorker | ToArena


def name_of(message: Message) -> str:
    """As docs/protocol.md writes it: STATUS, GAME_CLOSED."""
    return str(message.__struct_config__.tag).upper()


def echoes(request: Request, answer: Answer) -> bool:
    """Whether an answer says of itself that it belongs to this request; its id and session apart."""
    asked = (request.match, request.seat, request.tick, request.attempt)
    return asked == (answer.match, answer.seat, answer.tick, answer.attempt)
