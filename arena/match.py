"""Match: the sans-IO lockstep of one match. It takes decisions in and gives questions and log lines out.

match.start()
while match.outcome is None:
    for ask in match.asks(): ...            # who is due, with observations
    match.feed(seat, decision)              # once for each ask; a fault may lead to another ask
    if match.ready: match.advance()         # all due seats are in: apply in seat order
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena.game import Game, IllegalActionError, Observation, StepResult, UnparsableAnswerError, Views
from arena.operator import Decision, Outcome
from arena.plan import Limits, MatchPlan
from arena.record.lines import EndLine, Line, MatchLine, TickLine, TurnLine


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to one seat."""

    seat: int
    tick: int
    attempt: int
    observation: Observation
    reason: str | None = None


class Match:
    """One match from reset to result. Faults cost by the game's rule; nothing ever becomes a move by itself."""

    def __init__(
        self, plan: MatchPlan, game: Game, names: Sequence[str], views: Sequence[Views], limits: Limits
    ) -> None:
        """`names` and `views` are in seat order."""
        self.plan = plan
        self.game = game
        self.names = tuple(names)
        self.outcome: Outcome | None = None
        self.tick = 0
        self.head: MatchLine  # set by start
        self.last_events: tuple[str, ...] = ()  # of the last tick, for whoever watches
        self.last_faults: tuple[int, ...] = ()  # seats that made a fault in the last tick
        self._views = views
        self._limits = limits
        self._totals = [0.0] * len(names)
        self._lines: list[Line] = []
        self._asks: list[Ask] = []
        self._waiting: dict[int, Ask] = {}
        self._turns: dict[int, list[TurnLine]] = {}
        self._actions: dict[int, int] = {}
        self._forfeits: list[int] = []

    def start(self) -> None:
        """Reset the game and ask the first seats."""
        result = self.game.reset(self.plan.seed)
        self.head = MatchLine(
            match=self.plan.index,
            block=self.plan.block,
            game=self.game.spec.id,
            options=self.game.options,
            seed=self.plan.seed.hex(),
            seats=self.names,
            state_hash=result.state_hash,
            events=result.events,
        )
        self._lines.append(self.head)
        self._follow(result)

    def asks(self) -> list[Ask]:
        """Questions that were not handed out yet."""
        out, self._asks = self._asks, []
        return out

    def take_lines(self) -> list[Line]:
        """Log lines since the last call."""
        out, self._lines = self._lines, []
        return out

    @property
    def ready(self) -> bool:
        """All due seats are in."""
        return self.outcome is None and not self._waiting

    def feed(self, seat: int, decision: Decision) -> None:
        """The decision of a seat that was asked. A bad answer is asked again if the limits say so, else it costs."""
        ask = self._waiting.pop(seat)
        action, fault, detail = self._judge(seat, decision)
        again = fault in ("illegal", "unparsable") and ask.attempt < self._limits.reasks
        if fault is not None and not again:
            if self.game.spec.on_fault == "default":
                action = self.game.default_action(seat)
            else:
                self._forfeits.append(seat)
        # An operator that says itself that it has no answer (a person who gave up) has none: so re-execution, which
        # judges the recorded answers anew, comes to the same end.
        said = None if decision.fault in ("illegal", "unparsable") else decision.answer
        self._turns.setdefault(seat, []).append(
            TurnLine(
                tick=self.tick,
                seat=seat,
                operator=self.names[seat],
                attempt=ask.attempt,
                legal=ask.observation.legal,
                observation_hash=ask.observation.hashes(),
                answer=said,
                thought=decision.thought,
                raw=decision.raw,
                usage=decision.usage,
                action=action,
                fault=fault,
                detail=detail,
            )
        )
        if again:
            self._ask(Ask(seat, self.tick, ask.attempt + 1, ask.observation, detail))
        elif action is not None:
            self._actions[seat] = action

    def advance(self) -> None:
        """Apply all actions of this tick in seat order."""
        if not self.ready:
            raise RuntimeError(f"seats {sorted(self._waiting)} have not answered")
        for seat in sorted(self._turns):
            self._lines.extend(self._turns[seat])
        forfeiter = min(self._forfeits, default=None)
        actions = dict(sorted(self._actions.items()))
        result = self.game.step(actions) if forfeiter is None else self.game.forfeit(forfeiter)
        self.last_events = result.events
        self.last_faults = tuple(sorted(s for s, turns in self._turns.items() if any(t.fault for t in turns)))
        self._turns, self._actions, self._forfeits = {}, {}, []
        for seat, reward in enumerate(result.rewards):
            self._totals[seat] += reward
        self._lines.append(
            TickLine(tick=self.tick, rewards=result.rewards, events=result.events, state_hash=result.state_hash)
        )
        self.tick += 1
        if forfeiter is not None:
            self._end("forfeited", result, f"{self.names[forfeiter]} forfeits")
        elif result.ended == "none" and self._limits.max_ticks is not None and self.tick >= self._limits.max_ticks:
            self._end("truncated", result, f"max_ticks {self._limits.max_ticks}")
        else:
            self._follow(result)

    def _judge(self, seat: int, decision: Decision) -> tuple[int | None, str | None, str | None]:
        if decision.fault is not None:
            return None, decision.fault, decision.detail
        try:
            return self.game.parse(seat, decision.answer), None, None
        except IllegalActionError as error:
            return None, "illegal", str(error)
        except UnparsableAnswerError as error:
            return None, "unparsable", str(error)

    def _follow(self, result: StepResult) -> None:
        if result.ended != "none":
            self._end(result.ended, result, "horizon of the game" if result.ended == "truncated" else "")
            return
        for seat in result.due:
            self._ask(Ask(seat, self.tick, 0, self.game.observe(seat, self._views[seat])))

    def _ask(self, ask: Ask) -> None:
        self._waiting[ask.seat] = ask
        self._asks.append(ask)

    def _end(self, status: str, result: StepResult, reason: str) -> None:
        returns = result.returns if result.returns is not None else self.game.score(self._totals)
        self.outcome = Outcome(
            status=status,  # type: ignore[arg-type]
            returns=returns,
            reason=reason,
            events=result.events,
        )
        self._lines.append(
            EndLine(
                match=self.plan.index,
                status=status,  # type: ignore[arg-type]
                ticks=self.tick,
                returns=returns,
                reason=reason,
            )
        )
