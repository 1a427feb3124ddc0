"""A synchronous driver of Match: the caller plays one match in this process.

Environments, trainers and conformance tests play with it, so that all of them play as the arena does: what is asked of
whom, what an answer means and what a fault costs stand in Match alone.

    match = SyncMatch(LocalSession(game, views), seed)
    while not match.over:
        for seat, observation in match.waiting.items():
            match.answer(seat, action)
"""

from __future__ import annotations

from collections.abc import Mapping

from arena.game import Observation, StepResult, Views
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, MatchPlan
from arena.session import GameSession

PLAIN = Limits()


class SyncMatch:
    """One match from reset to result. GameError when the game fails."""

    def __init__(self, session: GameSession, seats: int, seed: bytes, limits: Limits = PLAIN) -> None:
        """Reset the game; `seed` has 16 bytes. With a session in a host, `pump` once the session is idle."""
        self.session = session
        names = [f"seat {seat}" for seat in range(seats)]
        self.match = Match(MatchPlan(0, 0, tuple(range(seats)), seed), session, names, limits, logged=False)
        self._known: StepResult | None = None
        self._rewards = [0.0] * seats
        self._faults: dict[int, str] = {}
        self.match.start()
        self.pump()

    @property
    def result(self) -> StepResult:
        """What the reset or the last tick led to."""
        assert self.match.result is not None
        return self.match.result

    @property
    def over(self) -> bool:
        """Whether the match has ended."""
        return self.match.outcome is not None

    @property
    def waiting(self) -> Mapping[int, Observation]:
        """The seats that owe an answer in this tick, ascending, and what each is shown."""
        return {one.seat: one.observation for one in sorted(self.match.waiting, key=lambda one: one.seat)}

    def answer(self, seat: int, answer: int | str | None, say: str | None = None) -> None:
        """Answer for a waiting seat; the game steps once all answers are in. Raises KeyError for another seat."""
        self.match.feed(seat, Decision(answer=answer, say=say))
        self.pump()

    def pump(self) -> None:
        """Advance as far as possible with the answers so far."""
        self._note()
        if self.match.ready:
            self.match.advance()
            self._note()

    def look(self, seat: int, views: Views) -> Observation:
        """What `seat` may see now, also when it is not asked, or after the end."""
        return self.session.look(seat, views)

    def take_reward(self, seat: int) -> float:
        """The rewards of `seat` since the last call, the first time since the reset: over a match they add up to its
        return."""
        reward, self._rewards[seat] = self._rewards[seat], 0.0
        return reward

    def take_fault(self, seat: int) -> str | None:
        """The fault of `seat` since the last call, or None."""
        return self._faults.pop(seat, None)

    def _note(self) -> None:
        """Add up the rewards of the last tick, once."""
        result = self.match.result
        if result is None or result is self._known:
            return
        self._known = result
        self._rewards = [so_far + reward for so_far, reward in zip(self._rewards, result.rewards, strict=True)]
        self._faults.update(self.match.last_faults)
