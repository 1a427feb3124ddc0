"""One game in play with a learner in one seat: who is asked next, what an answer leads to, what the learner earns.

The bookkeeping that the Gymnasium export and the PPO trainer share. It knows no opponent and no library.
"""

from __future__ import annotations

from arena.game import Ended, Game, Observation, StepResult, Views, moves_of


class Table:
    """A game, its learner's seat, and the answers given in the current tick."""

    __slots__ = ("_answers", "_due", "ended", "fault", "game", "learner", "observation", "returns", "reward", "views")

    def __init__(self, game: Game, views: Views) -> None:
        """`views` is what the learner is given."""
        self.game = game
        self.views = views
        self.learner = 0
        self.ended: Ended = "none"
        self.reward = 0.0  # of the learner, since `reward` was last taken
        self.returns: tuple[float, ...] | None = None
        self.fault = False  # the learner's last answer was not legal
        self.observation: Observation | None = None  # the learner's, while it is asked
        self._due: tuple[int, ...] = ()
        self._answers: dict[int, int] = {}

    def begin(self, seed: bytes, learner: int) -> None:
        """Start a new match of the same game; `seed` has 16 bytes."""
        self.learner = learner
        self.reward = 0.0
        self.fault = False
        self.returns = None
        self._take(self.game.reset(seed))

    @property
    def asked(self) -> list[int]:
        """The other seats that still owe an answer in this tick, ascending."""
        return [seat for seat in self._due if seat != self.learner and seat not in self._answers]

    @property
    def over(self) -> bool:
        """The match has ended."""
        return self.ended != "none"

    def answer(self, seat: int, action: int) -> None:
        """Give the answer of a due seat; the game steps once all are in.

        An illegal answer of the learner is the fault it would be in a match: its default action, or a forfeit.
        """
        if seat == self.learner:
            legal = self.look().legal
            self.fault = action not in legal
            if self.fault:
                if self.game.spec.on_fault == "forfeit":
                    self._take(self.game.forfeit(seat))
                    return
                action = self.game.default_action(seat)
        self._answers[seat] = action
        if len(self._answers) == len(self._due):
            self._take(self.game.step(moves_of(self._answers)))

    def look(self) -> Observation:
        """What the learner sees now; observed once a tick."""
        if self.observation is None:
            self.observation = self.game.observe(self.learner, self.views)
        return self.observation

    def take_reward(self) -> float:
        """The learner's reward since the last call."""
        reward, self.reward = self.reward, 0.0
        return reward

    def _take(self, result: StepResult) -> None:
        self._due = result.due
        self._answers = {}
        self.observation = None
        self.ended = result.ended
        self.returns = result.returns
        self.reward += result.rewards[self.learner]
