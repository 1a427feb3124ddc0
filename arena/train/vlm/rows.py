"""Rows: the turns of the operator that is trained, as the trainer needs them. Nothing is tokenized again.

A seat's turns in one match, in order, are one episode: rows with equal (episode, seat). The last of them is done or
truncated, so every algorithm finds its episodes in the rows alone.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from arena.game import Image, floats
from arena.prompts import MARK
from arena.record.asked import Messages
from arena.train.vlm import retokenised
from arena.train.vlm.hindsight import Hindsight
from arena.turns import Episode, Turn

BASE = "base"  # the version of weights that were never changed
Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One turn of one seat."""

    episode: int  # the match's number in its update
    game: str
    role: str  # spy or civilian in a game with a spy, else seat0, seat1, ...
    seat: int
    turn: int  # 0, 1, ... of this seat in this match
    group: int  # episodes of equal group began with the same start
    prompt: Ints  # int32 (prompt,), placeholders of pictures included
    images: tuple[str, ...] = ()  # sha256 in hex of each picture in the prompt, in order
    spans: tuple[tuple[int, int], ...] = ()  # (first, length) of the placeholders of each picture in `prompt`
    response: Ints  # int32 (response,), the end token included; empty where the turn cannot be learnt from
    mu: Floats  # float32 (response,): log-probabilities of the sampler
    thought: int  # so many leading tokens of the response come before the answer
    version: str  # of the weights that wrote it; BASE: those that were loaded first
    trainable: bool = True  # False: it belongs to the episode, and its tokens are not learnt from
    reward: float = 0.0  # until the seat's next turn
    done: bool = False  # the seat's last turn: nothing follows
    truncated: bool = False  # the seat's last turn, where more would have followed: its value stands for what was cut
    parsed: bool = True  # False: the answer was a fault
    vector: Floats | None = None  # the game's vector view, where the critic has one
    state: Mapping[str, str] | None = None  # facts of the game, true of what was seen
    hindsight: Hindsight | None = None  # of a clue or a vote, in a game with a spy: what the end of the match told


class Tokens(NamedTuple):
    """What has to be known of the tokens of a model."""

    text: Callable[[Sequence[int]], str]  # of generated ids, as the operator reads it: without end tokens
    image: int | None = None  # the placeholder of pictures
    encode: Callable[[Messages], Ints] | None = None
    # a chat in tokens. Where it is given, every prompt is encoded once more and compared: for servers, which take text
    never: npt.NDArray[np.bool_] | None = None  # (vocabulary,): tokens that the trainer's softmax leaves out
    context: int | None = None  # tokens of a prompt and its response
    special: frozenset[int] = frozenset()  # tokens that stand for no text: turns of a chat, frames of pictures


@dataclass(frozen=True)
class Decoder:
    """`Tokens.text` of a tokenizer of transformers. It pickles, as processes need it."""

    tokenizer: Any
    ends: frozenset[int]  # tokens that end an answer

    def __call__(self, ids: Sequence[int]) -> str:
        words = [token for token in ids if token not in self.ends]
        return str(self.tokenizer.decode(words, clean_up_tokenization_spaces=False))


Fault = Literal["ends", "costs"]
NOTHING: Mapping[tuple[int, int], Hindsight] = {}


class MatchStat(msgspec.Struct, frozen=True, kw_only=True):
    """How a match ended."""

    match: int
    group: int
    level: int  # the game, by its place in the plan
    lineup: tuple[int, ...]  # the operator at each seat, by its place in the pool
    returns: tuple[float, ...]  # by seat, in the game's unit
    status: str  # "terminated", "truncated", "forfeited"
    ticks: int


@dataclass(slots=True)
class Collected:
    """Rows with their pictures, the matches that they come from, and what was left out."""

    rows: list[Row] = field(default_factory=list)
    images: dict[str, Image] = field(default_factory=dict)  # uint8 (height, width, 3) by sha256
    matches: list[MatchStat] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)  # rows that are not learnt from, by reason

    def add(self, other: Collected) -> None:
        """Append what another one has."""
        self.rows += other.rows
        self.images.update(other.images)
        self.matches += other.matches
        self.dropped.update(other.dropped)


class Seat(NamedTuple):
    """A seat whose turns become rows."""

    history: int = 0  # earlier turns that its prompts show with their pictures
    pictures: bool = True  # its prompts show pictures
    vector_scale: int | None = None  # of the game's vector view
    fault: Fault = "ends"  # a turn that was not parsed is the last of its episode, or it costs reward and play goes on
    fault_reward: float = 0.0  # added to the reward of such a turn


class TokenTexts:
    """Reads responses and prompts of one model. The text of each token is made once."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.image = tokens.image
        self.context = tokens.context
        self._texts: dict[int, str] = {}

    def thought(self, response: Sequence[int]) -> int:
        """How many leading tokens come before the answer: up to the end of the last mark. 0 without a mark."""
        known, tail = self._texts, ""
        for at in range(len(response) - 1, -1, -1):
            token = response[at]
            if token not in known:
                known[token] = self._tokens.text([token])
            tail = known[token] + tail
            if MARK in tail:
                break
        else:
            return 0
        head = ""
        for end in range(at, len(response)):
            head += known[response[end]]
            if MARK in head:
                return end + 1
        return 0

    def says(self, response: Sequence[int], raw: str) -> bool:
        """Whether these tokens are the text that was acted upon."""
        return self._tokens.text(response) == raw

    def never(self, response: Ints) -> bool:
        """Whether a token is among these that is never sampled: a server may not know it."""
        known = self._tokens.never
        return known is not None and bool(response.max() >= len(known) or known[response].any())

    def spans(self, prompt: Ints, pictures: int) -> tuple[tuple[int, int], ...] | None:
        """(first, length) of each of so many pictures; None where the placeholders do not divide so.

        A picture of several tiles has several runs of placeholders: its span reaches from its first to its last.
        """
        places = np.flatnonzero(prompt == self._tokens.image) if self._tokens.image is not None else np.zeros(0, int)
        if not pictures or not len(places):
            return None if pictures or len(places) else ()
        starts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
        if len(starts) % pictures:
            return None
        each = len(starts) // pictures
        firsts = [*starts[::each].tolist(), len(places)]
        return tuple(
            (int(places[first]), int(places[last - 1] - places[first]) + 1)
            for first, last in itertools.pairwise(firsts)
        )


def sha(image: Image) -> str:
    """The name of a picture: sha256, in hex, of its size and pixels, as model servers are told it."""
    return sha256(b"%d %d " % image.shape[:2] + image.tobytes()).hexdigest()


def rows_of(
    episode: Episode,
    seats: Mapping[int, Seat],
    texts: TokenTexts,
    *,
    learns: Collection[int] | None = None,
    prompts: Mapping[int, Iterable[Ints]] | None = None,
    hindsight: Mapping[tuple[int, int], Hindsight] = NOTHING,
) -> Collected:
    """The rows of these seats of a match. `learns`: of them, those that are learnt from; None: all.

    `prompts`: by seat, the prompt of each turn as the trainer encodes it; None: they need no check. `hindsight`: by
    tick and seat.

    A row whose tokens are missing, or do not say what was acted upon, stays in its episode and is not trainable.
    """
    out = Collected()
    for seat, how in sorted(seats.items()):
        turns = [turn for turn in episode.turns if turn.request.seat == seat]
        rows = _seat_rows(episode, turns, how, texts, out, None if prompts is None else prompts[seat])
        rows = _told(rows, turns, hindsight) if hindsight else rows
        if learns is not None and seat not in learns:
            rows = [replace(row, trainable=False) for row in rows]
        out.rows += rows
    return out


def _told(rows: Sequence[Row], turns: Sequence[Turn], hindsight: Mapping[tuple[int, int], Hindsight]) -> list[Row]:
    """The rows of a seat, with what became known of these turns of its."""
    role = {seat: one.role for (_, seat), one in hindsight.items()}
    places = [(turn.request.tick, turn.request.seat) for turn in turns]
    return [replace(row, role=role.get(row.seat, row.role), hindsight=hindsight.get(places[row.turn])) for row in rows]


def _seat_rows(
    episode: Episode,
    turns: Sequence[Turn],
    how: Seat,
    texts: TokenTexts,
    out: Collected,
    prompts: Iterable[Ints] | None,
) -> list[Row]:
    rows: list[Row] = []
    past: list[tuple[int, str]] = []  # (tick, picture) of earlier turns, as a chat keeps them
    encoded: Iterable[Ints | None] = [None] * len(turns) if prompts is None else prompts
    for number, (turn, prompt) in enumerate(zip(turns, encoded, strict=True)):
        shown = _pictures(turn, how, past, out.images)
        row, flaw = _row(episode, turn, number, how, shown, texts, prompt)
        if flaw is not None:
            out.dropped[flaw] += 1
        if not row.parsed:
            row = replace(row, reward=row.reward + how.fault_reward)
            if how.fault == "ends" and not turn.asked_again:
                return [*rows, replace(row, done=True, truncated=False)]
        rows.append(row)
    return rows


def _pictures(turn: Turn, how: Seat, past: list[tuple[int, str]], images: dict[str, Image]) -> tuple[str, ...]:
    """The pictures of a turn's prompt: those of the history that it was told, and its own."""
    image = turn.request.observation.image
    if not how.pictures or image is None:
        return ()
    name = sha(image)
    images.setdefault(name, image)
    if not how.history:
        return (name,)
    usage, tick = turn.decision.usage, turn.request.tick
    shown = (*(one for _, one in past[usage.dropped if usage else 0 :]), name)
    if past and past[-1][0] == tick:  # it was asked again
        past.pop()
    past.append((tick, name))
    del past[: -how.history]
    return shown


def _row(
    episode: Episode,
    turn: Turn,
    number: int,
    how: Seat,
    shown: tuple[str, ...],
    texts: TokenTexts,
    encoded: Ints | None,
) -> tuple[Row, str | None]:
    """The row of a turn, and why it is not learnt from."""
    request, decision = turn.request, turn.decision
    prompt, response, mu = decision.prompt_tokens, decision.tokens, decision.logprobs
    flaw, spans = None, None
    if prompt is None or response is None or mu is None or not len(response):
        flaw = "the operator gave no tokens"
        if decision.detail:  # why: it raised, or its server failed
            flaw += f" ({decision.fault}: {decision.detail})"
    elif len(mu) != len(response) or not np.isfinite(mu).all():
        flaw = "not every token has a log-probability"
    elif decision.raw is not None and not texts.says(response.tolist(), decision.raw):
        flaw = "its tokens are not the text that was acted upon"
    elif texts.never(response):
        flaw = "it holds a token that is never sampled, as one of a picture"
    elif texts.context is not None and len(prompt) + len(response) > texts.context:
        flaw = "it is longer than the trainer's context"
    else:
        spans = texts.spans(prompt, len(shown))
        if encoded is not None:
            flaw = retokenised.flaw(prompt, encoded, texts.image)
        if flaw is None and spans is None:
            flaw = "the prompt has other placeholders than pictures"
    vector = (turn.aside or request.observation).vector
    empty = np.zeros(0, np.int32)
    row = Row(
        episode=episode.plan.index,
        game=episode.game,
        role=f"seat{request.seat}",
        seat=request.seat,
        turn=number,
        group=episode.plan.block,
        prompt=empty if prompt is None else prompt,
        images=shown if flaw is None else (),
        spans=spans or () if flaw is None else (),
        response=empty if flaw is not None or response is None else response,
        mu=np.zeros(0, np.float32) if flaw is not None or mu is None else mu,
        thought=texts.thought(response.tolist()) if flaw is None and response is not None else 0,
        version=decision.weights_version or BASE,
        trainable=flaw is None,
        reward=turn.reward,
        done=turn.ended == "terminated",
        truncated=turn.ended == "truncated",
        parsed=turn.fault is None,
        vector=None if vector is None else floats(vector, how.vector_scale).ravel(),
        state=dict(request.observation.facts) if request.observation.facts else None,
    )
    return row, flaw
