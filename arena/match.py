"""Match: the sans-IO lockstep of one match. It takes decisions in and gives questions and log lines out.

match.start()
while match.outcome is None:
    for request in match.requests(): ...    # who is due, with observations
    match.feed(seat, decision)              # once for each request; a fault may lead to another request
    if match.ready: match.advance()         # all due seats are in: apply in seat order

With a session that does not answer at once, `take` and `parsed` bring what it says later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from arena.game import Move, Observation, StepResult, TimeStep, Views
from arena.log import EndLine, Line, TickLine, TurnLine, match_line, turn_line
from arena.operator import Decision, Outcome, Request
from arena.plan import Limits, MatchPlan
from arena.session import GameSession, ParseResult
from arena.talk import delivered
from arena.turns import Episode, TurnLedger


class Match:
    """One match from reset to result. A fault costs what the game's rule says; it never becomes a move otherwise."""

    holds = False  # a seat's last action goes on in ticks in which it has not answered

    def __init__(
        self,
        plan: MatchPlan,
        session: GameSession,
        names: Sequence[str],
        limits: Limits,
        *,
        logged: bool = True,
        turns: bool = False,
        shown: Mapping[int, Views] | None = None,
    ) -> None:
        """`names` are in seat order. `logged`: make log lines; `turns`: make turns.

        `shown`: seats whose operators get fewer views than the session gives; the rest stands beside their turns.
        """
        self.plan = plan
        self.session = session
        self.names = tuple(names)
        self.outcome: Outcome | None = None
        self.tick = 0
        self.head = match_line(plan, session.spec.id, session.options, names)  # until the game was reset
        self.last_events: tuple[str, ...] = ()  # of the last tick, for displays
        self.last_faults: Mapping[int, str] = {}  # the faults of the last tick, by seat
        self.result: StepResult | None = None  # what the reset or the last tick led to
        self.out: tuple[int, ...] = ()  # the seats whose part is over, while the match goes on
        self.ledger = TurnLedger(names, self.holds) if turns else None
        self._limits = limits
        self._logged = logged
        self._lines: list[Line] = []
        self._requests: list[Request] = []  # not yet returned by `requests`
        self._waiting: dict[int, Request] = {}  # by seat: requests whose answer this tick needs
        self._shown = shown or {}
        self._asides: Mapping[int, Observation] = {}  # by seat: what the session gave, where it is more than is shown
        self._seen: Mapping[int, Observation] = {}  # what each due seat sees in this tick
        self._turns: dict[int, list[tuple[TurnLine, Observation | None]]] = {}  # and what it is yet to be hashed of
        self._moves: dict[int, Move] = {}
        self._forfeits: list[int] = []
        self._parsing: dict[int, tuple[Request, Decision]] = {}
        self._awaited: str | None = None  # the time_step that the session owes: "start", "step" or "forfeit"
        self._defaults: Mapping[int, int] = {}

    def start(self) -> None:
        """Reset the game and ask the first seats."""
        self._await("start", self.session.begin(self.plan.seed))

    def requests(self) -> list[Request]:
        """The new requests; the sender gives each an id."""
        out, self._requests = self._requests, []
        return out

    def take_lines(self) -> list[Line]:
        """Log lines since the last call."""
        out, self._lines = self._lines, []
        return out

    def episode(self) -> Episode:
        """The turns of the match, once it is over; only with `turns`."""
        assert self.ledger is not None
        assert self.outcome is not None
        return self.ledger.episode(self.plan, self.session.spec.id, self.tick, self.outcome)

    @property
    def ready(self) -> bool:
        """Whether the answers of all due seats are in."""
        return self.outcome is None and not (self._waiting or self._parsing or self._awaited)

    @property
    def due(self) -> tuple[int, ...]:
        """The seats whose action this tick needs, answered or not."""
        return tuple(self._seen)

    @property
    def waiting(self) -> tuple[Request, ...]:
        """The requests that this tick waits for."""
        return tuple(self._waiting.values())

    def names_for(self, seat: int | None) -> tuple[str, ...]:
        """The names at the table as the players are told them: `seat` its own, or with None all players the same.

        In a blind match the names of others are `player 0`, `player 1`, ..., by seat.
        """
        if not self._limits.blind:
            return self.names
        return tuple(name if at == seat else f"player {at}" for at, name in enumerate(self.names))

    @property
    def waits_for_game(self) -> bool:
        """Whether the session has not yet returned the result of a reset, a step or a forfeit."""
        return self._awaited is not None

    def feed(self, seat: int, decision: Decision) -> None:
        """Take the decision of a seat. A bad answer is asked again if the limits allow it; else it is a fault."""
        request = self._waiting.pop(seat)
        if decision.fault is not None:
            self._judged(request, decision, None, decision.fault, decision.detail)
            return
        parsed = self.session.parse(seat, decision.answer)
        self._parsing[seat] = request, decision
        if parsed is not None:
            self.parsed(seat, parsed)

    def parsed(self, seat: int, parsed: ParseResult) -> None:
        """Take the parsed answer of `seat` from a session that did not return it at once."""
        request, decision = self._parsing.pop(seat)
        self._judged(request, decision, *parsed)

    def _judged(
        self, request: Request, decision: Decision, move: Move | None, fault: str | None, detail: str | None
    ) -> None:
        seat = request.seat
        again = fault in ("illegal", "unparsable") and request.attempt < self._limits.max_reasks
        if fault is not None and not again:
            if self.session.spec.on_fault == "default":
                move = Move(self._defaults[seat])
            else:
                self._forfeits.append(seat)
        say, unsaid = delivered(decision.say, self._seen[seat].table_talk, move, fault)
        if move is not None and say is not None:
            move = Move(move.action, say)
        line = turn_line(
            self.tick, self.names[seat], request, decision, move, fault=fault, detail=detail, unsaid=unsaid
        )
        self._turns.setdefault(seat, []).append((line, request.observation))
        if self.ledger is not None:
            self.ledger.answered(request, decision, move, fault, again, self._asides.get(seat))
        if again:
            self._ask(msgspec.structs.replace(request, attempt=request.attempt + 1, reason=detail))
        elif move is not None:
            self._moves[seat] = move

    def advance(self) -> None:
        """Apply all moves of this tick in seat order."""
        if not self.ready:
            raise RuntimeError(f"seats {sorted({*self._waiting, *self._parsing})} have not answered")
        self.last_faults = {s: t.fault for s, turns in sorted(self._turns.items()) for t, _ in turns if t.fault}
        if self._forfeits:
            what, time_step = "forfeit", self.session.forfeit(min(self._forfeits))
        else:
            what, time_step = "step", self.session.step(dict(sorted(self._moves.items())), self._last_tick)
        # Hashing a picture takes as long as sending it: a hosted game computes the next tick in that time.
        self._write_turns()
        self._await(what, time_step)

    def _write_turns(self) -> None:
        """The lines of this tick's turns, in seat order."""
        for seat in sorted(self._turns) if self._logged else ():
            for line, seen in self._turns[seat]:
                hashes = {} if seen is None else seen.hashes()
                self._write(msgspec.structs.replace(line, observation_hash=hashes))

    def _write(self, line: Line) -> None:
        if self._logged:
            self._lines.append(line)

    @property
    def _last_tick(self) -> bool:
        """Whether this is the last tick."""
        return self._limits.max_ticks is not None and self.tick + 1 >= self._limits.max_ticks

    def take(self, time_step: TimeStep) -> None:
        """Take the time step that the session did not return at once."""
        awaited, self._awaited = self._awaited, None
        result = self.result = time_step.result
        self.out = time_step.out
        if self.ledger is not None:
            self.ledger.ticked(result.rewards)
        self._defaults = dict(zip(result.due, time_step.defaults, strict=False))  # none in games without
        if awaited == "start":
            self._begin(time_step)
            return
        cut = awaited == "step" and self._last_tick
        forfeiter = min(self._forfeits, default=None)
        self.last_events = result.events
        self._turns, self._moves, self._forfeits = {}, {}, []
        self._write(
            TickLine(tick=self.tick, rewards=result.rewards, events=result.events, state_hash=result.state_hash)
        )
        self.tick += 1
        if forfeiter is not None:
            self._end("forfeited", result, f"seat {forfeiter} forfeits")
        elif result.ended == "none" and cut:
            self._end("truncated", result, f"the limit of {self._limits.max_ticks} ticks")
        else:
            self._follow(time_step)

    def _await(self, what: str, time_step: TimeStep | None) -> None:
        self._awaited = what
        if time_step is not None:
            self.take(time_step)

    def _begin(self, time_step: TimeStep) -> None:
        result = time_step.result
        self.head = msgspec.structs.replace(self.head, state_hash=result.state_hash, events=result.events)
        self._write(self.head)
        self._follow(time_step)

    def _follow(self, time_step: TimeStep) -> None:
        result = time_step.result
        if result.ended != "none":
            self._end(result.ended, result, "horizon of the game" if result.ended == "truncated" else "")
            return
        self._seen = dict(zip(result.due, time_step.observations, strict=True))
        if self._shown:
            self._asides = {seat: seen for seat, seen in self._seen.items() if seat in self._shown}
            shown = {seat: seen.only(self._shown[seat]) for seat, seen in self._asides.items()}
            self._seen = {**self._seen, **shown}
        self._ask_due()

    def _ask_due(self) -> None:
        for seat, observation in self._seen.items():
            self._ask(Request(0, self.plan.index, seat, self.tick, observation))

    def _ask(self, request: Request) -> None:
        self._waiting[request.seat] = request
        self._requests.append(request)
        if self.ledger is not None:
            self.ledger.asked(request.seat)

    def _end(self, status: Literal["terminated", "truncated", "forfeited"], result: StepResult, reason: str) -> None:
        assert result.returns is not None
        if self.ledger is not None:
            self.ledger.ended("truncated" if status == "truncated" else "terminated")
        self.outcome = Outcome(status=status, returns=result.returns, reason=reason, events=result.events)
        self._write(
            EndLine(match=self.plan.index, status=status, ticks=self.tick, returns=result.returns, reason=reason)
        )
