"""The Operator contract: one decision-maker in a seat, the same interface for a policy, a model or a person.

Two bases: `Operator.act` answers a batch (policies, models); `AsyncOperator.decide` answers one request at a time
and may wait (people, remote services). An operator only ever runs inside a worker, or in process when a trainer
or a test asks for it. An `OperatorKind` is its light description, importable without torch or a model.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from arena import commands, names
from arena.errors import InputError, nearest
from arena.game import GameCard, GameSpec, Image, Observation, Views
from arena.options import Option

MOST_OPTIONS = 8  # that a message lists
Ids = npt.NDArray[np.int32]
OperatorFault = Literal["illegal", "unparsable", "timeout", "crashed", "backend"]
InfrastructureFault = Literal["deadline", "worker_died", "backend", "overloaded", "game"]
Determinism = Literal["deterministic", "measured", "none"]
# deterministic: same seeds, same answers, whatever the batching. measured: that has to be measured. none: people.


class BackendError(Exception):
    """An operator raises this when a service that it needs, such as a model server, failed: the match is played again.

    It costs nothing, unless the same seat fails in every try while its operator answers other requests.
    """


class OverloadedError(BackendError):
    """As BackendError: the service refused for lack of capacity."""


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one decision took of a model: tokens, and time where it is known.

    The log has `prompt`, `completion` and `dropped`: the rest may differ between equal runs, and is in the timing file.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0  # of `prompt`: tokens that the model had computed before and kept
    first_token: float | None = None  # seconds from asking the model to the first token
    seconds: float | None = None  # seconds from asking the model to the whole answer
    dropped: int = 0  # earlier turns that the model was not told, since its context was full

    def __add__(self, other: Usage) -> Usage:
        """Of a decision for which the model was asked this, and then `other`."""
        seconds = [one for one in (self.seconds, other.seconds) if one is not None]
        return Usage(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.cached + other.cached,
            self.first_token,
            sum(seconds) if seconds else None,
            max(self.dropped, other.dropped),
        )

    @property
    def logged(self) -> Usage:
        """What of it is in the log."""
        return Usage(self.prompt, self.completion, dropped=self.dropped)


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One use of a tool in a turn: what was asked of it, and what it gave. See arena/tool.py."""

    tool: str
    arguments: str = ""  # JSON, as they were written
    text: str | None = None  # of the result
    picture: str | None = None  # of the result: its hash, as hash_array
    error: str | None = None  # why there is no result, as the operator was told


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An operator's answer to a request. The operator separates thought from answer; the game parses the answer."""

    answer: int | str | None = None
    say: str | None = None  # said beside the answer, where the observation allows table talk
    thought: str | None = None
    raw: str | None = None  # the whole generated text, before it was split
    prompt_tokens: Ids | None = None  # int32 (prompt,), as the model was given them; left out unless OpenSeat.tokens
    tokens: Ids | None = None  # int32 (answer,): what was generated, the end token included; likewise
    logprobs: npt.NDArray[np.float32] | None = None  # float32 (answer,), of the distribution each was drawn from
    finish_reason: str | None = None  # why generation ended, as model servers say it: "stop", "length"
    weights_version: str | None = None  # of the weights that decided, where they can change: see Operator.update
    usage: Usage | None = None
    calls: tuple[ToolCall, ...] = ()  # of tools, in order
    fault: OperatorFault | None = None  # a worker sets `timeout` or `crashed`; the arena finds the others
    detail: str | None = None  # what the fault was about


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How a match ended; every seat gets it."""

    status: Literal["terminated", "truncated", "forfeited", "voided"]
    returns: tuple[float, ...] = ()
    reason: str = ""
    events: tuple[str, ...] = ()  # of the last tick


class OpenSeat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="open"):
    """A seat given to an operator: the message OPEN. (match, seat) names it in every later call."""

    match: int
    seat: int
    operator: str  # the name in the line-up, e.g. "vlm#1"
    card: GameCard
    views: Views
    seed: bytes  # 16 bytes: this operator's chance in this seat; see `turn_key`
    seats: tuple[str, ...] = ()  # names at the table by seat; in a blind match those of others are `player N`
    pace: Literal["lockstep", "realtime"] = "lockstep"  # realtime: the game's clock does not wait for answers
    tokens: bool = False  # Decisions are wanted with prompt_tokens, tokens and logprobs; else they are left out


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request for a decision. The match makes it, an ACT carries it, an operator answers it."""

    id: int  # unique in its worker's connection, given by the sender; 0: it was not sent yet
    match: int
    seat: int
    tick: int
    observation: Observation
    attempt: int = 0  # 1 when the first answer was a fault and the evaluation re-asks
    reason: str | None = None  # why it is asked again
    budget: float | None = None  # seconds on the operator's own clock; None: no limit


class SpectatorUpdate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="watch"):
    """How a match stands, for people who watch it: those who only watch, and those who play where nothing is hidden.

    It is the message WATCH.
    """

    match: int
    tick: int  # ticks that were played
    game: str
    seats: tuple[str, ...]  # names at the table
    picture: Image | None = None  # the spectator's, uint8 (height, width, 3), read-only
    events: tuple[str, ...] = ()  # of the last tick; where the game hides something, none for a seat until the end
    outcome: Outcome | None = None  # when it is over
    seat: int | None = None  # the seat whose last update this is, after its last request; None: the whole match
    observation: Observation | None = None  # what that seat sees


Decided = Sequence[Decision] | Iterator[tuple[Request, Decision]]


class Operator(abc.ABC):
    """Answers batches: `act` gets requests of any mix of its open seats.

    After an exception from `act` each request that has no answer yet is asked alone: what raises then is the fault
    `crashed`, or for a BackendError what that says.
    """

    max_in_flight = 0  # most requests that it takes at once, if it overrides its kind; 0: it does not

    @property
    def facts(self) -> Mapping[str, str]:
        """What was found out about it when it was made, for the run folder: the device, versions. No secrets."""
        return {}

    def open(self, seats: Sequence[OpenSeat]) -> None:  # noqa: B027 - a policy without memory needs none
        """Seats are given to this operator. ValueError refuses, and its message reaches the user."""

    @abc.abstractmethod
    def act(self, requests: Sequence[Request]) -> Decided:
        """One decision a request, in the same order; or an iterator of (request, decision) in any order.

        What an iterator gives is sent at once: where decisions take long (a model that generates in small batches, say)
        matches go on, and the next questions come, before the last one is decided. A request's budget ends when its
        decision is given. Where they do not, a list costs one message instead of many.
        """

    def end(self, match: int, seat: int, outcome: Outcome) -> None:  # noqa: B027
        """The match of this seat is over; the seat is released."""

    def update(self, version: str, path: str) -> None:
        """Decide with the weights in `path` (a file or folder of this machine) from now on, in every seat.

        Never called during `act`. Whatever it raises means that the old weights stay, which it has to see to; a
        ValueError's message reaches the user as it is. The worker puts `version` into each Decision that follows.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot change its weights: it has no `update`")

    def close(self) -> None:  # noqa: B027
        """Called when no seat is open and the worker exits."""


def paired(requests: Sequence[Request], given: Decided) -> Iterator[list[tuple[Request, Decision]]]:
    """What `act(requests)` gave, in groups as it comes. ValueError unless each request has exactly one decision."""
    if not isinstance(given, Iterator):
        if len(given) != len(requests):
            raise ValueError(f"act gives {len(given)} decisions for {len(requests)} requests")
        yield list(zip(requests, given, strict=True))
        return
    left = {request.id: request for request in requests}
    for pair in given:
        if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], Request):
            raise TypeError(f"act yields a {type(pair).__name__}; it must yield pairs (request, decision)")
        request = left.pop(pair[0].id, None)
        if request is None:
            raise ValueError(f"act decides request {pair[0].id}, which was not asked or is decided already")
        yield [(request, pair[1])]
    if left:
        raise ValueError(f"act gives {len(requests) - len(left)} decisions for {len(requests)} requests")


def decisions(requests: Sequence[Request], given: Decided) -> list[Decision]:
    """What `act(requests)` gave, in the order of `requests`. ValueError as `paired`."""
    out = {request.id: decision for group in paired(requests, given) for request, decision in group}
    return [out[request.id] for request in requests]


class AsyncOperator(abc.ABC):
    """Answers one request at a time and may wait; several `decide` calls run at once."""

    max_in_flight = 0  # of those calls, known once it has started; as Operator.max_in_flight

    @property
    def facts(self) -> Mapping[str, str]:
        """As Operator.facts, known once it has started: what the server says that it is and can do."""
        return {}

    async def start(self) -> None:  # noqa: B027
        """Called on the event loop before the first seat is opened."""

    def open(self, seats: Sequence[OpenSeat]) -> None:  # noqa: B027
        """As Operator.open."""

    @abc.abstractmethod
    async def decide(self, request: Request) -> Decision:
        """Returns the decision. It is cancelled when the budget runs out (fault `timeout`) or the arena cancels."""

    async def seen(self, request: Request) -> None:  # noqa: B027
        """Return when the person sees the question: its budget counts from then on. Runs beside `decide`."""

    def end(self, match: int, seat: int, outcome: Outcome) -> None:  # noqa: B027
        """As Operator.end."""

    async def update(self, version: str, path: str) -> None:
        """As Operator.update. `decide` calls that are under way go on: those that began before it are of the old
        weights, and say so in their Decision where the operator knows better than the worker.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot change its weights: it has no `update`")

    async def watch(self, update: SpectatorUpdate) -> None:  # noqa: B027
        """Show how a match stands now; only where people watch. The next update comes once this has returned, and

        moments in between are left out. Nothing waits for it.
        """

    async def stop(self, complete: bool = False) -> None:  # noqa: B027
        """As Operator.close. `complete`: every match of the run was played; else it was stopped, or it failed."""


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What a worker passes to the operator's factory."""

    what: str  # the part after the colon: `ppo:WHAT`
    options: Mapping[str, Any]  # checked against OperatorKind.options
    status: Callable[..., None] = field(default=lambda text, address=None: None)  # status(text, address=None): progress
    operators: tuple[str, ...] = ()  # names in the line-up of those whose seats it may be given


Factory = Callable[[WorkerContext], Operator | AsyncOperator]


def _as_given(spec: GameSpec | None, what: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return options


def _no_fingerprint(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Mapping[str, str]:
    return {}


def _no_runtimes(what: str, options: Mapping[str, Any]) -> Sequence[str]:
    return ()


def _itself(spec: GameSpec, what: str, options: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    return what, options


def _no_template(what: str, options: Mapping[str, Any]) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorKind:
    """The description of an operator, found by entry point. Importing it imports no heavy library."""

    name: str
    summary: str
    target: str  # "package.module:factory", imported only inside the worker; called with a WorkerContext
    views: Callable[[GameSpec, str, Mapping[str, Any]], Views]
    # views(spec, what, options): the views it wants of this game; raises UnplayableError saying which is missing
    stands_for: Callable[[GameSpec, str, Mapping[str, Any]], tuple[str, Mapping[str, Any]]] = _itself
    # stands_for(spec, what, options): (what, options) that the name means at this game, where the user left that open;
    # both as given where they name one. What follows is of that
    resolve_options: Callable[[GameSpec | None, str, Mapping[str, Any]], Mapping[str, Any]] = _as_given
    # resolve_options(spec, what, options): the options that its worker gets. Checks what can be checked cheaply in the
    # arena's process (files exist, a terminal is there), and fills in what the user left open: what only that process
    # knows, and what suits this game. `spec` is None where no game is known yet. Raises InputError. Resolved options
    # resolve to themselves
    fingerprint: Callable[[GameSpec, str, Mapping[str, Any]], Mapping[str, str]] = _no_fingerprint
    # fingerprint(spec, what, options): the files that decide its answers and their hashes, for run.json
    worker: str = "python"  # the worker kind that hosts it
    command: Callable[[str, Mapping[str, Any]], Sequence[str]] | None = None
    # command(what, options): the program and arguments of a worker that is not a Python worker of ours; `worker` and
    # `target` are then not used
    runtime: str | None = None  # the managed environment its worker runs in; None: that of the arena
    runtimes: Callable[[str, Mapping[str, Any]], Sequence[str]] = _no_runtimes
    # runtimes(what, options): other managed environments, which its worker starts programs in
    worker_identity: tuple[str, ...] | None = None  # options that need a worker of their own; None: `what` and all
    what: str = ""  # what may follow the colon, for `arena operators`; empty: nothing
    options: Mapping[str, Option] = field(default_factory=dict)
    requires: tuple[str, ...] = ()  # modules that must be importable
    extra: str = ""  # the extra that brings them
    threads: int | None = 1
    # threads that BLAS, OpenMP and torch use in its worker (the order of a sum, so its last bits, depends on them). An
    # option `threads` of the kind says another number; None, or a `command`: they are left alone
    determinism: Determinism = "deterministic"
    declared: Callable[[str, Mapping[str, Any]], Determinism] | None = None
    # declared(what, options): its determinism where only the user knows it; `determinism` is then the least it may be
    licence: str = "Apache-2.0"
    max_in_flight: int | Callable[[str, Mapping[str, Any]], int] = 0
    # requests that it takes at once, or max_in_flight(what, options): the number; 0: any number. The others wait in
    # the arena, and their deadlines do not run there. Its worker may say less when it is ready: Operator.max_in_flight
    memory: int | Callable[[str, Mapping[str, Any]], int] = 50 * 2**20
    # bytes that its worker takes at its peak, or memory(what, options); scripts/bench/memory.py measures it
    prompts: str | None = None
    # "package.module:function" of who is asked in messages; function(what, options, seat, requests, texts): those of
    # each of a seat's requests in turn, each (role, texts and pictures), given the texts that answered those before.
    # Both are read one at a time, as they are asked and answered. No model runs
    template: Callable[[str, Mapping[str, Any]], str | None] = _no_template
    # template(what, options): a prompt of the user's own, whose facts the game must have (arena/prompts.py); None: none
    learner: str | None = None
    # "package.module:function" that loads its model for a trainer: see arena/train/vlm/learnable.py
    interactive: bool = False  # a person answers: no deadline unless one is given


def check_options(kind: OperatorKind, options: Mapping[str, str], given: str) -> dict[str, Any]:
    """Returns the options in their declared types, with defaults."""
    unknown = [name for name in options if name not in kind.options]
    if unknown:
        # Its value is not repeated: it may be that of an option for a secret, mistyped.
        raise InputError(
            f"operator {kind.name} has no option {unknown[0]!r}. "
            f"{_options_like(unknown[0], kind, given) if kind.options else 'It takes none.'}"
        )
    try:
        return {name: option.check(name, options.get(name, option.default)) for name, option in kind.options.items()}
    except ValueError as error:
        raise InputError(f"operator {given!r}: {error}") from error


def _options_like(option: str, kind: OperatorKind, given: str) -> str:
    """Those that may have been meant, and where all stand: a model has dozens."""
    named = names.parse(given)
    listed = named.base if named.is_file else kind.name
    return f"{nearest(option, kind.options, MOST_OPTIONS)} `{commands.arena('operators', listed)}` lists them all."


def determinism_of(kind: OperatorKind, what: str, options: Mapping[str, Any]) -> Determinism:
    """The declared determinism of an operator with these resolved options."""
    return kind.declared(what, options) if kind.declared else kind.determinism


def max_in_flight(kind: OperatorKind, what: str, options: Mapping[str, Any]) -> int:
    """How many requests an operator of these resolved options takes at once; 0: any number."""
    most = kind.max_in_flight
    return most(what, options) if callable(most) else most


def worker_memory(kind: OperatorKind, what: str, options: Mapping[str, Any]) -> int:
    """Bytes that the worker of an operator of these resolved options takes at its peak, as far as it is known."""
    return kind.memory(what, options) if callable(kind.memory) else kind.memory


def worker_threads(kind: OperatorKind, options: Mapping[str, Any]) -> int | None:
    """How many threads an operator's worker on this machine computes with; None where that is left to it."""
    if kind.command is not None:
        return None
    given: int | None = options.get("threads")
    return kind.threads if given is None else given


def turn_key(seat: OpenSeat, request: Request) -> bytes:
    """16 bytes: the chance of one turn. It depends on the seat's seed, the tick and the re-ask only, so neither

    batching nor the order of arrival can change a draw.
    """
    from arena.canonical import key

    return key("turn", seat.seed, request.tick, request.attempt)
