"""What each role of a game returns on average: the baseline of self-play, and part of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

State = dict[str, dict[str, float]]  # game -> role -> mean return


class RoleBaselines:
    """A moving average of returns for each (game, role): b <- decay b + (1 - decay) R, from 0.

    Read before you update: a baseline that has already heard a return takes a part of it away, which is a bias.
    """

    def __init__(self, decay: float = 0.95, state: Mapping[str, Mapping[str, float]] | None = None) -> None:
        """`state`: of another one, as JSON keeps it. ValueError for a decay outside [0, 1)."""
        if not 0 <= decay < 1:
            raise ValueError(f"decay={decay}: expected at least 0 and less than 1")
        self.decay = decay
        self._means: State = {game: dict(roles) for game, roles in (state or {}).items()}

    def read(self, game: str, role: str) -> float:
        """The mean return of this role; 0 before the first."""
        return self._means.get(game, {}).get(role, 0.0)

    def update(self, game: str, role: str, value: float) -> None:
        """Hears one return."""
        self._means.setdefault(game, {})[role] = self.decay * self.read(game, role) + (1 - self.decay) * value

    def state(self) -> State:
        """A copy, as JSON keeps it."""
        return {game: dict(roles) for game, roles in self._means.items()}
