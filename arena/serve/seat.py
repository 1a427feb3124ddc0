"""One seat of one match for a player outside: what it is asked, and what it answers. Two threads meet here.

The scheduler's thread tells what happens in the match; the player's thread waits for its next question and answers it.
Where the match has to be played again (a worker of an opponent died), what the player has answered already is answered
for it, as long as it is asked the same; it only sees that the answer took longer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from arena.errors import ArenaError
from arena.operator import Decision, Outcome, Request
from arena.plan import MatchPlan

Place = tuple[int, int]  # tick and attempt
LEFT = Decision(fault="timeout", detail="the player left")


class ServeError(ArenaError):
    """The match cannot go on, and not because of the player."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the player is told: a question, or the end."""

    request: Request | None  # None: the match is over
    reward: float  # what its seat got since it was told last
    fault: str | None = None  # of its last answer
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Told:
    hashes: dict[str, str]  # of what it saw
    decision: Decision | None = None  # what it answered


@dataclass(slots=True, eq=False)
class SeatMatch:
    """See the module. `reply(request, decision)` brings an answer to the scheduler."""

    plan: MatchPlan
    seat: int
    reply: Callable[[Request, Decision], None]
    _turns: SimpleQueue[Turn | ServeError] = field(default_factory=SimpleQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _told: dict[Place, _Told] = field(default_factory=dict)
    _open: Request | None = None  # that the scheduler waits for
    _left: bool = False
    _failed: bool = False
    _reward: float = 0.0
    _fault: str | None = None
    _known: int = 0  # ticks of which it knows the reward

    # --- the player's thread ---------------------------------------------------------------------------------------

    def wait(self) -> Turn:
        """The next question, or the end. ServeError when the match cannot go on."""
        turn = self._turns.get()
        if isinstance(turn, ServeError):
            raise turn
        return turn

    def answer(self, request: Request, decision: Decision) -> None:
        """Answer the question that `wait` gave last."""
        with self._lock:
            self._told[request.tick, request.attempt].decision = decision
            asked, self._open = self._open, None
        if asked is not None:  # else it is asked again first
            self.reply(asked, decision)

    def leave(self) -> None:
        """The player goes; its seat costs what the game's rule says from now on."""
        with self._lock:
            self._left = True
            asked, self._open = self._open, None
        if asked is not None:
            self.reply(asked, LEFT)

    # --- the scheduler's thread ------------------------------------------------------------------------------------

    def begins(self) -> None:
        """The match begins, for the first time or again."""
        with self._lock:
            self._open = None

    def got(self, tick: int, reward: float, fault: str | None) -> None:
        """The seat got a reward; `tick` counts ticks, and 0 is the start."""
        if tick >= self._known:
            self._known = tick + 1
            self._reward += reward
            self._fault = fault or self._fault

    def asked(self, request: Request) -> None:
        """The seat is asked."""
        place, hashes = (request.tick, request.attempt), request.observation.hashes()
        with self._lock:
            told = self._told.get(place)
            decision = LEFT if self._left or self._failed else told.decision if told is not None else None
            if decision is None:
                self._open = request
                if told is None:
                    self._told[place] = _Told(hashes)
        if told is not None and told.hashes != hashes and not self._failed:
            self.fails("an opponent's worker died, and played again the match went another way")
        elif told is None and not self._left:
            self._turns.put(Turn(request, *self._take()))
        if decision is not None:
            self.reply(request, decision)

    def ends(self, outcome: Outcome) -> None:
        """The match is over."""
        self._turns.put(Turn(None, *self._take(), outcome))

    def fails(self, reason: str) -> None:
        """The match cannot go on."""
        self._turns.put(ServeError(reason))
        with self._lock:
            self._failed = True
            asked, self._open = self._open, None
        if asked is not None:
            self.reply(asked, LEFT)

    def _take(self) -> tuple[float, str | None]:
        reward, self._reward = self._reward, 0.0
        fault, self._fault = self._fault, None
        return reward, fault
