"""The messages that models were asked with, as their kinds say them: no model runs."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from arena import plugins
from arena.errors import InputError, RecordError
from arena.game import Image
from arena.log import TurnLine
from arena.operator import OpenSeat, Request
from arena.plan import operator_seed
from arena.record import kept
from arena.record.head import OperatorHead

if TYPE_CHECKING:
    from arena.match import Match
    from arena.record.replay import Replay

Messages = list[tuple[str, list[str | Image]]]  # role, texts and pictures
T = TypeVar("T")


def asked_with(operator: OperatorHead) -> Callable[..., Iterator[Messages]] | None:
    """What gives the messages that an operator was asked with: `prompts` of its kind; None where it has none.

    Of an operator that a file defines, nothing is imported.
    """
    return None if operator.file is not None else _asked_with(operator.kind)


@functools.cache
def _asked_with(kind: str) -> Callable[..., Iterator[Messages]] | None:
    if kind not in plugins.names("operator"):
        return None
    target = plugins.operator_kind(kind).prompts
    return None if target is None else plugins.resolve(target)


def opening(replay: Replay, match: Match, seat: int) -> OpenSeat:
    """What the operator of a seat was told when it got it."""
    head = replay.run.head.plan
    operator = replay.seated(match.plan)[seat]
    return OpenSeat(
        match=match.plan.index,
        seat=seat,
        operator=operator.name,
        card=replay.games[match.plan.game][1].card(),
        views=operator.views,
        seed=operator_seed(head.seed, match.plan, seat),
        seats=match.names_for(seat),
        pace=head.limits.pace,
    )


class Asked:
    """What the model of one seat was asked in a recorded match, turn by turn, as far as the record tells it."""

    def __init__(self, messages: Callable[[Iterator[Request], Iterator[str]], Iterator[Messages]] | None) -> None:
        """messages(requests, texts): see `prompts` of OperatorKind; None: nothing of it can be known."""
        self._requests: deque[Request] = deque()
        self._texts: deque[str] = deque()
        self._messages = messages and messages(_taken(self._requests), _taken(self._texts))

    def words(self, request: Request, line: TurnLine) -> str:
        """The messages of the seat's next request, which `line` answered; empty where they cannot be known."""
        if self._messages is None:
            return ""
        self._requests.append(request)
        self._texts.append(line.raw or "")
        try:
            messages = next(self._messages)
        except InputError:  # its options need what is not here
            self._messages = None
            return ""
        if line.calls or line.raw is None:
            # What a tool gave, or whether a turn that failed is remembered, is not in the log.
            self._messages = None
        shortened = line.usage is not None and line.usage.dropped
        return "" if shortened else shown(messages)


def models(replay: Replay, match: Match) -> dict[int, Asked]:
    """By seat of `match`: those whose operators are asked in messages."""
    out = {}
    for seat, operator in enumerate(replay.seated(match.plan)):
        made = asked_with(operator)
        if made is None:
            continue
        options = _options(operator, replay.run.folder)
        if options is None or replay.run.head.plan.limits.pace == "realtime":  # an answer may be to an earlier question
            out[seat] = Asked(None)
        else:
            out[seat] = Asked(functools.partial(made, operator.what, options, opening(replay, match, seat)))
    return out


def _options(operator: OperatorHead, folder: Path) -> dict[str, Any] | None:
    """The options, with the files that they name as these were; None where those are gone, or would be run as code."""
    options = dict(operator.options)
    for file in operator.files:
        if file.where not in options or file.files:
            continue
        if Path(file.name).suffix == ".py":
            return None
        try:
            options[file.where] = str(kept.find(file, folder, operator.name))
        except RecordError:
            return None
    return options


def shown(messages: Messages) -> str:
    """Messages as text: each with its role, where there are several; a picture as its size."""
    parts = []
    for role, contents in messages:
        parts += [f"--- {role}"] if len(messages) > 1 else []
        parts += [one if isinstance(one, str) else f"[picture {one.shape[0]}x{one.shape[1]}]" for one in contents]
    return "\n".join(part.strip("\n") for part in parts)


def _taken(queue: deque[T]) -> Iterator[T]:
    while True:
        yield queue.popleft()
