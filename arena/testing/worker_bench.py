"""The tools of a worker's checks: a ready worker, requests of a real game, and its answers."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from arena.canonical import generator, key
from arena.game import Game, IllegalActionError, UnparsableAnswerError, Views
from arena.operator import OpenSeat, Outcome, Request
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.trace import Direction, Trace
from arena.session import LocalSession
from arena.sync import SyncMatch
from arena.testing.worker_peer import FailedError, Peer

OVER = Outcome(status="truncated", returns=(), reason="a check is over")


@dataclass(frozen=True, slots=True)
class Question:
    """A request about a moment of a game. `game` is at that moment."""

    request: Request
    game: Game

    @property
    def where(self) -> tuple[int, int]:
        return self.request.match, self.request.seat


@dataclass
class Bench:
    """One command under test. Harmless checks share one ready worker; after a failure a new one is started."""

    command: Sequence[str]
    game: Game  # of the seats and options that are asked about
    views: Views
    what: str
    options: dict[str, Any]
    logs: Path
    patience: float  # seconds without a message
    startup: float  # seconds for HELLO, and for STATUS ready
    trace: Trace | None = None
    started: int = 0
    hello: m.Hello | None = None  # the first that came
    current: Peer | None = None
    numbers: count[int] = field(default_factory=lambda: count(1))
    matches: count[int] = field(default_factory=count)

    # --- workers ---------------------------------------------------------------------------------------------------

    def start(self) -> Peer:
        """Start a new worker that has sent nothing yet; it becomes the current one."""
        self.drop()
        self.started += 1
        note = functools.partial(self._note, f"worker-{self.started}")
        self.current = Peer(self.command, self.logs / f"worker-{self.started}.log", self.patience, note)
        return self.current

    def _note(self, worker: str, direction: Direction, frames: Sequence[codec.Frame]) -> None:
        if self.trace is not None:
            self.trace.note(direction, worker, frames)

    def greeted(self) -> Peer:
        """Start a new worker and wait for its HELLO; it then waits for WELCOME."""
        peer = self.start()
        what = "HELLO as the first message"
        message = peer.next(what, self.startup)
        if not isinstance(message, m.Hello):
            raise FailedError(what, type(message).__name__.upper())
        peer.hello = message
        self.hello = self.hello or message
        return peer

    def peer(self) -> Peer:
        """The current worker, ready; a new one if there is none."""
        if self.current is None:
            self.make_ready(self.greeted())
        assert self.current is not None
        return self.current

    def make_ready(self, peer: Peer) -> None:
        """WELCOME, and wait for STATUS ready."""
        peer.welcome(self.what, self.options)
        self.await_ready(peer)

    def await_ready(self, peer: Peer) -> None:
        what = "STATUS with state ready"
        patience, peer.patience = peer.patience, self.startup
        try:
            peer.expect(what, m.Status, lambda status: status.state == "ready")
        finally:
            peer.patience = patience

    def drop(self) -> None:
        """End the current worker."""
        if self.current is not None:
            self.current.close()
            self.current = None

    # --- questions -------------------------------------------------------------------------------------------------

    def questions(self, matches: int, depth: int = 3) -> list[Question]:
        """A question for every due seat of so many new matches, each up to `depth` random ticks after its start."""
        return [q for _ in range(matches) for q in self.moment(next(self.matches), depth)]

    def moment(self, match: int, depth: int) -> list[Question]:
        chance = generator(key("check", match))
        ticks = int(chance.integers(depth + 1))
        while True:
            game = type(self.game)(self.game.seats, self.game.options)
            begun = SyncMatch(LocalSession(game, [Views()] * game.seats), game.seats, key("check game", match))
            steps = generator(key("check steps", match))
            for _ in range(ticks):
                for seat, seen in begun.waiting.items():
                    begun.answer(seat, int(steps.choice(seen.legal)))
            if not begun.over:
                return [self.question(game, match, seat, ticks) for seat in begun.waiting]
            ticks -= 1

    def question(self, game: Game, match: int, seat: int, tick: int) -> Question:
        observation = game.observe(seat, self.views)
        return Question(Request(next(self.numbers), match, seat, tick, observation), game)

    def open_message(self, where: tuple[int, int]) -> OpenSeat:
        match, seat = where
        return OpenSeat(
            match=match,
            seat=seat,
            operator="checked",
            card=self.game.card(),
            views=self.views,
            seed=key("check operator", match, seat),
            seats=("checked",) * self.game.seats,
        )

    def open(self, questions: Iterable[Question]) -> None:
        """OPEN for the seats of these questions, without waiting."""
        peer = self.peer()
        for where in sorted({q.where for q in questions}):
            peer.send(self.open_message(where))

    def end(self, questions: Iterable[Question], outcome: Outcome = OVER) -> None:
        """END for their seats, without waiting."""
        peer = self.peer()
        for match, seat in sorted({q.where for q in questions}):
            peer.send(m.End(match=match, seat=seat, outcome=outcome))

    def ask(self, requests: Sequence[Request]) -> None:
        """One ACT."""
        self.peer().send(m.Act(requests=list(requests)))

    def answers(self, requests: Sequence[Request], what: str) -> dict[int, m.Answer]:
        """The first answer to each request by its id, in any number of ACTIONs."""
        return {i: found[0][1] for i, found in self.replies(requests, what).items()}

    def replies(self, requests: Sequence[Request], what: str) -> dict[int, list[tuple[str, m.Answer]]]:
        """(session, answer) of all that came until each of these was answered at least once."""
        waited = {request.id for request in requests}
        out: dict[int, list[tuple[str, m.Answer]]] = {}
        peer = self.peer()
        while waited:
            lacking = f"{what} ({len(waited)} of {len(requests)} are not answered)"
            action = peer.expect(lacking, m.Action)
            for answer in action.answers:
                out.setdefault(answer.id, []).append((action.session, answer))
                waited.discard(answer.id)
        return out

    def round(self, questions: Sequence[Question], what: str) -> dict[int, m.Answer]:
        """Open, ask in one ACT, take the answers, end."""
        self.open(questions)
        requests = [q.request for q in questions]
        self.ask(requests)
        answers = self.answers(requests, what)
        self.end(questions)
        return answers


def must_be_legal(questions: Sequence[Question], answers: Mapping[int, m.Answer]) -> None:
    """FailedError for an answer that is no legal action at its moment."""
    for question in questions:
        request, answer = question.request, answers[question.request.id]
        names = ", ".join(f"{i} ({question.game.spec.actions.names[i]})" for i in request.observation.legal)
        expected = f"one of the legal actions of {question.game.spec.id}: {names}"
        decision = answer.decision
        if decision is None:
            raise FailedError(expected, f"error {answer.error}: {answer.detail}" if answer.error else "no decision")
        if decision.fault is not None:
            raise FailedError(expected, f"the fault {decision.fault}: {decision.detail}")
        try:
            question.game.parse(request.seat, decision.answer)
        except (IllegalActionError, UnparsableAnswerError) as error:
            raise FailedError(expected, f"{decision.answer!r}: {error}") from None
