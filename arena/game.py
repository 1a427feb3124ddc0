"""The Game contract: what a game must be so that any operator can sit at it and anyone can check the result.

A game is deterministic given (seed, actions). It owns its random generator, holds no global state, and gives
copies, never live buffers. It knows seats, not operators.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np
import numpy.typing as npt

from arena import plain
from arena.canonical import digest, hash_array, hash_path
from arena.options import Option
from arena.text import clean

Image = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float32]
VectorView = npt.NDArray[np.float32 | np.uint8]  # as an Observation holds it: `floats` gives the numbers
Ended = Literal["none", "terminated", "truncated"]
Baseline = Callable[["Observation", "GameCard", np.random.Generator], int | str]
# baseline(observation with vector and text views where the game has them, card, generator) -> a legal action,
# or words where the observation takes them as the whole answer (free_text)


class IllegalActionError(Exception):
    """The answer names an action of the game that is not legal now: the fault `illegal`."""


class UnparsableAnswerError(Exception):
    """The answer names no action of the game: the fault `unparsable`."""


class Move(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a seat does in one tick: an action, with what it says beside it; or only what it says.

    `action` is None only where the observation accepts free text and the whole answer is text.
    """

    action: int | None
    say: str | None = None  # as arena.text.clean gives it, never empty


def moves_of(actions: Mapping[int, int]) -> dict[int, Move]:
    """Returns the moves of these actions, without words."""
    return {seat: Move(action) for seat, action in actions.items()}


def actions_of(moves: Mapping[int, Move]) -> dict[int, int]:
    """Returns the actions of a tick without talk. Raises ValueError for a move without an action, or with words."""
    out = {}
    for seat, move in moves.items():
        if move.action is None or move.say is not None:
            raise ValueError(f"{move} of seat {seat}: expected an action that says nothing")
        out[seat] = move.action
    return out


class Said(msgspec.Struct, frozen=True, gc=False):
    """What another seat said."""

    seat: int
    text: str


class Discrete(msgspec.Struct, frozen=True):
    """An action space of named actions; an action is its index."""

    names: tuple[str, ...]

    @property
    def n(self) -> int:
        return len(self.names)


class Views(msgspec.Struct, frozen=True, omit_defaults=True):
    """The views a seat is given, agreed when the seat is opened."""

    image: tuple[int, int] | None = None  # (height, width) in pixels
    vector: bool = False
    text: bool = False

    def __or__(self, other: Views) -> Views:
        """All views of both. The image has the size that is said here, else the other's."""
        image = self.image if self.image is not None else other.image
        return Views(image=image, vector=self.vector or other.vector, text=self.text or other.text)

    def described(self) -> str:
        """The views in words, such as `image 128x128, text`."""
        image = [] if self.image is None else [f"image {self.image[0]}x{self.image[1]}"]
        return ", ".join([*image, *["vector"] * self.vector, *["text"] * self.text]) or "nothing but the legal actions"


class GameSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about a game. They depend on the game's options, never on a seed."""

    id: str
    version: int
    summary: str
    seats: tuple[int, int]  # fewest and most
    actions: Discrete
    horizon: int  # ticks after which the game itself is over or truncated
    unit: str  # what a return is counted in, e.g. "big blinds a hand"
    image_sizes: tuple[tuple[int, int], ...] = ()  # (height, width) each seat picture can be drawn at
    vector_shape: tuple[int, ...] | None = None
    vector_scale: int | None = (
        None  # the vector view is bytes, each to be divided by this, as greys by 255; None: floats
    )
    text: bool = False
    pace: Literal["turn", "realtime"] = "turn"  # "realtime": may also be played against the clock, see `late`
    simultaneous: bool = False
    talk: bool = False  # seats may say something: see Observation.free_text, table_talk and heard
    perfect_information: bool = False
    on_fault: Literal["default", "forfeit"] = "forfeit"
    returns: tuple[float, float] | None = None  # a seat's lowest and highest possible return; None: not known
    seeded: bool = True  # False: the seed changes nothing (declared by the game, checked by conformance)
    licence: str = "Apache-2.0"
    options: dict[str, Option] = {}
    baseline: str | None = (
        None  # "module:function" (or "/path/file.py:function") of what `scripted` plays: see Baseline
    )


class GameCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator is told about a game when its seat is opened."""

    game: str
    version: int
    seats: int
    rules: str
    actions: tuple[str, ...]
    answer_format: str
    unit: str
    vector_shape: tuple[int, ...] | None = None
    vector_scale: int | None = None  # as in GameSpec
    options: dict[str, Any] = {}
    baseline: str | None = None  # what `scripted` plays, as in GameSpec
    # Templates (arena/prompts.py) over the observation's facts; `text`, `legal` (names, comma separated) and `heard`
    # (what others said, quoted; it stands before what changes where the template has it not); and what never changes:
    # `rules`, `answer_format` and `layout`, how to lay out an answer. What never changes stands first: model servers
    # compute it once.
    # "full" works zero-shot with any model; "short" is for small models that see the picture.
    prompts: dict[str, str] = {}
    # Of games that a person plays by holding keys: the buttons that each action holds, by its name, in any words;
    # known ones (left, right, up, down, jump, run) have keys that players know.
    buttons: dict[str, tuple[str, ...]] = {}
    statements: tuple[str, ...] = ()  # names of the actions that are said aloud by choosing them
    seconds: float | None = None  # duration of a tick on the game's own clock; None: it has no clock


class Observation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one seat may see at one moment, in the agreed views."""

    legal: tuple[int, ...] = ()  # ascending; a due seat has at least one, also where it may answer by text
    image: Image | None = None  # uint8 (height, width, 3)
    vector: VectorView | None = None  # spec.vector_shape, whatever the seats: float32, or uint8 (spec.vector_scale)
    text: str | None = None
    facts: Mapping[str, str] | None = None  # comes with `text`: its named parts, for prompt templates
    free_text: int = 0  # most characters of a text that may be the whole answer instead of an action; 0: none
    table_talk: int = 0  # most characters of what may be said beside an action; 0: nothing
    heard: tuple[Said, ...] = ()  # comes with `text`: what others said to this seat since its last turn, oldest first

    def mask(self, n: int) -> npt.NDArray[np.bool_]:
        """Legal actions as bool (n,)."""
        out = np.zeros(n, dtype=np.bool_)
        out[list(self.legal)] = True
        return out

    def only(self, views: Views) -> Observation:
        """The same without what is in none of these views."""
        texts = {} if views.text else {"text": None, "facts": None, "heard": ()}
        image = self.image if views.image is not None else None
        return msgspec.structs.replace(self, image=image, vector=self.vector if views.vector else None, **texts)

    def hashes(self) -> dict[str, str]:
        """The hash of each view that is present, by view name."""
        out = {}
        if self.image is not None:
            out["image"] = hash_array(self.image)
        if self.vector is not None:
            out["vector"] = hash_array(self.vector)
        if self.text is not None:
            heard = [[[one.seat, one.text] for one in self.heard]] if self.heard else []
            out["text"] = digest(self.text, dict(self.facts or {}), *heard)
        return out


def floats(vector: VectorView | None, scale: int | None) -> Vector:
    """The numbers of a vector view, float32; `scale` is the vector_scale of spec and card. ValueError without one."""
    if vector is None:
        raise ValueError("there is no vector view: it was not agreed")
    return vector.astype(np.float32) / np.float32(scale) if scale is not None else vector.astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a reset or step. Build it with `going`, `terminated` or `truncated`."""

    due: tuple[int, ...]  # seats that must act now, ascending; empty when ended
    rewards: tuple[float, ...]  # of every seat, since the previous tick; over a match they add up to the returns
    state_hash: str  # 32 hex digits over the game's whole state
    events: tuple[str, ...] = ()  # what happened, for spectators and records: one short sentence each
    ended: Ended = "none"
    returns: tuple[float, ...] | None = field(default=None)  # in spec.unit, only when ended

    @classmethod
    def going(cls, due: Sequence[int], rewards: Sequence[float], state_hash: str, events: Sequence[str] = ()) -> Self:
        """The game goes on; `due` is not empty."""
        if not due:
            raise ValueError("a game that goes on has at least one seat due")
        return cls(tuple(sorted(due)), tuple(rewards), state_hash, tuple(events))

    @classmethod
    def terminated(
        cls, rewards: Sequence[float], returns: Sequence[float], state_hash: str, events: Sequence[str] = ()
    ) -> Self:
        """The rules say that the game is over."""
        return cls((), tuple(rewards), state_hash, tuple(events), "terminated", tuple(returns))

    @classmethod
    def truncated(
        cls, rewards: Sequence[float], returns: Sequence[float], state_hash: str, events: Sequence[str] = ()
    ) -> Self:
        """The game's horizon was reached before its rules ended it."""
        return cls((), tuple(rewards), state_hash, tuple(events), "truncated", tuple(returns))


class TimeStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of a reset or step, and the observations of the due seats, in the order of `result.due`.

    When a match is cut, `result.returns` is its score although `ended` is "none", and there are no observations.
    """

    result: StepResult
    observations: tuple[Observation, ...] = ()
    defaults: tuple[int, ...] = ()  # the action that a fault costs, where spec.on_fault is "default"
    out: tuple[int, ...] = ()  # seats whose part is over although the match goes on: see Game.seats_out


def parse_answer(names: Sequence[str], legal: Sequence[int], answer: int | str | None, free_text: int = 0) -> Move:
    """The default of Game.parse.

    Where free text is accepted, a text that names no legal action is what the seat says: cleaned by arena.text.clean,
    and then 1 to `free_text` characters long.
    """
    if isinstance(answer, bool) or answer is None:
        raise UnparsableAnswerError(f"no answer; expected one of {_some(names)}")
    if isinstance(answer, str):
        wanted = answer.strip().lower()
        found = [i for i, name in enumerate(names) if name.lower() == wanted]
        if free_text and not any(action in legal for action in found):
            return Move(None, _free(answer, free_text))
        if not found:
            raise UnparsableAnswerError(f"{answer[:80]!r} is not an action; expected one of {_some(names)}")
        action = found[0]
    else:
        action = answer
        if not 0 <= action < len(names):
            raise UnparsableAnswerError(f"action {action} is outside 0..{len(names) - 1}")
    if action not in legal:
        raise IllegalActionError(f"{names[action]} is not legal now; legal: {_some([names[i] for i in legal])}")
    return Move(action)


def _free(answer: str, most: int) -> str:
    text = clean(answer)
    if not text:
        raise UnparsableAnswerError(f"an empty text; expected 1 to {most} characters, or the name of a legal action")
    if len(text) > most:
        raise UnparsableAnswerError(f"a text of {len(text)} characters; at most {most} are taken here")
    return text


def _some(names: Sequence[str], most: int = 40) -> str:
    """The names, comma separated; of very many only the first."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


class Game(abc.ABC):
    """One game in play. `Game(seats, options)` validates its options; `reset` may be called any number of times."""

    spec: GameSpec  # a class attribute; an instance may set its own where options change it
    teacher: ClassVar[str | None] = None  # "module:function" that makes lessons for a model: see arena.train.lesson
    truth: ClassVar[str | None] = None  # "module:function" that says what is true of an observation: see there
    solver: ClassVar[str | None] = None  # "module:function" that knows the best answer to an observation: see there
    deduction: ClassVar[str | None] = None  # "module:function" that says who was the spy: see arena.train.deduction
    exact: ClassVar[str | None] = None  # "module:function" that makes its exact numbers: see arena.analysis.exact
    measures: ClassVar[str | None] = None  # "module:function" that makes its Measures: see arena.measures
    engines: ClassVar[tuple[str, ...]] = ()  # distributions whose version affects the game, e.g. open_spiel
    runtime: ClassVar[str | None] = (
        None  # the managed environment it must be hosted in; None: whatever the arena runs in
    )

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        low, high = self.spec.seats
        if not low <= seats <= high:
            taken = f"{self.spec.id} takes {low if low == high else f'{low} to {high}'} seats"
            more = f": give {low} operators{' or more' if low < high else ''}" if seats < low else ""
            raise ValueError(f"{taken}, not {seats}{more}")
        self.seats = seats
        self.options: dict[str, Any] = {
            name: option.check(name, (options or {}).get(name, option.default))
            for name, option in self.spec.options.items()
        }
        unknown = sorted(set(options or {}) - set(self.spec.options))
        if unknown:
            raise ValueError(
                f"{self.spec.id} has no option {unknown[0]!r}; it has: {', '.join(self.spec.options) or 'none'}"
            )

    def rule_out(self, name: str, given: Mapping[str, Any] | None, why: str) -> None:
        """Option `name` has no effect beside the others, so it has no value, in records neither.

        `given` are the options as `__init__` got them: they tell what was chosen from what is a default. ValueError,
        with `why`, if a value was chosen.
        """
        if (given or {}).get(name) is not None:
            raise ValueError(f"option {name}={self.options[name]!r} has no effect: {why}. Leave it out")
        self.options[name] = None

    def user_files(self) -> Mapping[str, Path]:
        """The user's files and folders that affect the game besides its options, by a word for each: a cartridge, a

        recorded start, pictures. Their hashes are recorded, and a run is not played again with files that differ.
        Default: none.
        """
        return {}

    @functools.cached_property
    def recorded_options(self) -> Mapping[str, Any]:
        """The options for logs and seeds: a user's file is replaced by its hash."""
        files = self.user_files()
        return {
            name: f"blake2b:{hash_path(files[name])}" if name in files else value
            for name, value in self.options.items()
        }

    def engine_versions(self) -> Mapping[str, str]:
        """The installed versions of its `engines`, by distribution, without those that are not installed."""
        return {name: found for name in self.engines if (found := _installed(name)) is not None}

    @abc.abstractmethod
    def card(self) -> GameCard:
        """The GameCard, the same for every seat."""

    def make_card(
        self,
        rules: str,
        answer_format: str = "the name of a legal action",
        prompts: Mapping[str, str] | None = None,
        *,
        buttons: Mapping[str, tuple[str, ...]] | None = None,
        statements: Sequence[str] = (),
        seconds: float | None = None,
    ) -> GameCard:
        """Returns a GameCard of these words and the spec.

        Without `prompts`, a game with a text view gets a generic one ("full") of the same words.
        """
        if not prompts and self.spec.text:
            prompts = {"full": plain.PROMPT}
        return GameCard(
            game=self.spec.id,
            version=self.spec.version,
            seats=self.seats,
            rules=rules,
            actions=self.spec.actions.names,
            answer_format=answer_format,
            unit=self.spec.unit,
            vector_shape=self.spec.vector_shape,
            vector_scale=self.spec.vector_scale,
            options=self.options,
            baseline=self.spec.baseline,
            prompts=dict(prompts or {}),
            buttons=dict(buttons or {}),
            statements=tuple(statements),
            seconds=seconds,
        )

    @abc.abstractmethod
    def reset(self, seed: bytes) -> StepResult:
        """Start a new match. All chance of the game follows from `seed` (16 bytes) and is drawn before play."""

    @abc.abstractmethod
    def step(self, moves: Mapping[int, Move]) -> StepResult:
        """Apply one legal move of every due seat, in seat order. Raises ValueError for anything else.

        What a move says is clean and within the limit that the seat's observation gave. A game in which nobody talks
        begins with `actions = actions_of(moves)`.
        """

    @abc.abstractmethod
    def observe(self, seat: int, views: Views) -> Observation:
        """Returns what `seat` may know now, only in the agreed views. `legal` is empty if the seat is not due."""

    def draw(self, height: int, width: int) -> Image:
        """Returns the spectator's picture, with everything in it: uint8 (height, width, 3). Default: all texts."""
        seen = [self.observe(seat, Views(text=self.spec.text)) for seat in range(self.seats)]
        lines = plain.words(self.spec.summary, self.spec.actions.names, [(one.legal, one.text) for one in seen])
        return plain.sheet(lines, height, width)

    def parse(self, seat: int, answer: int | str | None) -> Move:
        """The move that `answer` is: an action by its index, or by its name in any letter case; or, where the

        observation accepts free text, any other text. Strict.

        Raises UnparsableAnswerError or IllegalActionError. The one place where an answer becomes a move.
        """
        seen = self.observe(seat, Views())
        return self.read(seen.legal, answer, seen.free_text)

    def read(self, legal: Sequence[int], answer: int | str | None, free_text: int = 0) -> Move:
        """As `parse`, given the legal actions and the most characters of free text.

        It depends only on the options: the arena calls it on a hosted game's class, without asking the host.
        A game in which the meaning of an answer depends on the state overrides `parse` instead.
        """
        return parse_answer(self.spec.actions.names, legal, answer, free_text)

    def late(self, last: int) -> int:
        """The action of a seat whose answer has not come when the time of a tick is over, where the match waits for

        nobody (`--pace realtime`, for games whose spec.pace is "realtime"). `last` is the seat's action before.
        Default: it goes on being held. As `read` it depends on nothing but the options. An action that is not legal
        then becomes the default action.
        """
        return last

    def default_action(self, seat: int) -> int:
        """The action a fault costs when spec.on_fault is "default"."""
        raise NotImplementedError(f"{self.spec.id} declares on_fault='default' but has no default_action")

    def seats_out(self) -> tuple[int, ...]:
        """The seats whose part is over although the match goes on, ascending: they will not be due again.

        People are told so, and shown what their seat sees then. A seat that is merely not due now is not out.
        Default: none.
        """
        return ()

    def forfeit(self, seat: int) -> StepResult:
        """End the game because `seat` forfeits (spec.on_fault is "forfeit")."""
        raise NotImplementedError(f"{self.spec.id} declares on_fault='forfeit' but has no forfeit")

    def score(self, totals: Sequence[float]) -> tuple[float, ...]:
        """The returns, in spec.unit, of a match that is cut now, from each seat's sum of rewards. Default: the sums."""
        return tuple(totals)

    def levels(self) -> Sequence[str]:
        """Games by name that each have a part of its starts, and together all of them, for a curriculum: the name and

        the options that differ, as `mario:1-2` or `sidescroller@difficulty=2`. Default: none, it has no such parts.
        """
        return ()

    def clone(self) -> Self:
        """An independent copy for search teachers. Optional."""
        raise NotImplementedError(f"{self.spec.id} cannot be cloned")


@dataclass(frozen=True, slots=True, kw_only=True)
class GameFamily:
    """Many games with one name, made from the word after the colon: `openspiel:hanabi`, `pettingzoo:chess_v6`.

    Found by entry point like a Game. Importing it imports no heavy library.
    """

    name: str
    summary: str
    what: str  # describes what follows the colon, for `arena games`
    make: str  # "package.module:function"; function(what) -> type[Game] whose spec.id is "name:what".
    # It raises ValueError for an invalid `what`; the user sees the message.
    examples: tuple[str, ...] = ()  # full names that work, for `arena games NAME`
    default: str = ""  # what the name alone stands for; empty: something must follow the colon
    requires: tuple[str, ...] = ()  # modules that must be importable
    extra: str = ""  # the extra that brings them
    licence: str = "Apache-2.0"
    foreign: bool = False  # its games run third-party code: see plugins.is_foreign
