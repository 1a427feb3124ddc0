"""The public betting of one hand: chips put in, folds, and each decision in words.

Players are the engine's: 0 is first to act after the flop, the last one has the button (heads-up too, where the
button posts the small blind). Chips are whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

FOLD, CALL, RAISE = 0, 1, 2
ROUNDS = ("preflop", "flop", "turn", "river")
SMALL_BLIND, BIG_BLIND = 5, 10
RAISE_SIZE = (10, 10, 20, 20)
MAX_RAISES = (3, 4, 4, 4)  # the big blind is the first bet of the first round


class BettingAction(NamedTuple):
    """One decision of the hand."""

    round: int
    player: int
    word: str  # "folds", "checks", "calls 10", "bets 10", "raises to 20"
    action: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """Immutable; `after` gives the next one."""

    bets: tuple[int, ...]  # chips of each player in this round
    spent: tuple[int, ...]  # chips of each player in earlier rounds
    folded: tuple[bool, ...]
    acted: tuple[bool, ...]  # since the last raise of this round
    turn: int  # who must act; -1 when the betting is over
    round: int = 0
    raises: int = 0  # of this round, the big blind not counted
    aggressor: int = -1  # who raised last in this round
    log: tuple[BettingAction, ...] = ()

    @classmethod
    def start(cls, players: int) -> Ledger:
        """Returns the ledger of a hand after the blinds."""
        none = (False,) * players
        blinds = (BIG_BLIND, SMALL_BLIND) if players == 2 else (SMALL_BLIND, BIG_BLIND) + (0,) * (players - 2)
        return cls(blinds, (0,) * players, none, none, 1 if players == 2 else 2)

    @property
    def pot(self) -> int:
        """All chips put in so far."""
        return sum(self.bets) + sum(self.spent)

    @property
    def live(self) -> list[int]:
        """Players who have not folded."""
        return [player for player, gone in enumerate(self.folded) if not gone]

    @property
    def raises_left(self) -> int:
        return MAX_RAISES[self.round] - self.raises

    def to_call(self, player: int) -> int:
        """Chips that `player` must add to stay in; 0 when it folded."""
        return 0 if self.folded[player] else max(self.bets) - self.bets[player]

    def cost(self, player: int, action: int) -> int:
        """Chips that an action adds."""
        return 0 if action == FOLD else self.to_call(player) + (RAISE_SIZE[self.round] if action == RAISE else 0)

    def word(self, action: int) -> str:
        """The action of the player in turn, in words."""
        due = self.to_call(self.turn)
        if action == FOLD:
            return "folds"
        if action == CALL:
            return f"calls {due}" if due else "checks"
        total = max(self.bets) + RAISE_SIZE[self.round]
        return f"raises to {total}" if max(self.bets) else f"bets {total}"

    def after(self, action: int) -> Ledger:
        """Returns the ledger after the player in turn takes `action`, which the engine has found legal."""
        player = self.turn
        bets, folded, acted = list(self.bets), list(self.folded), list(self.acted)
        bets[player] += self.cost(player, action)
        if action == RAISE:
            acted = [False] * len(acted)
        acted[player] = True
        folded[player] |= action == FOLD
        out = replace(
            self,
            bets=tuple(bets),
            folded=tuple(folded),
            acted=tuple(acted),
            raises=self.raises + (action == RAISE),
            aggressor=player if action == RAISE else self.aggressor,
            log=(*self.log, BettingAction(self.round, player, self.word(action), action)),
        )
        return out._move_on()

    def _next(self, player: int) -> int:
        """The first live player from `player` on."""
        count = len(self.bets)
        return next((player + step) % count for step in range(count) if not self.folded[(player + step) % count])

    def _move_on(self) -> Ledger:
        live = self.live
        if len(live) == 1:
            return replace(self, turn=-1)
        if any(not self.acted[player] for player in live):
            return replace(self, turn=self._next((self.turn + 1) % len(self.bets)))
        if self.round == len(ROUNDS) - 1:
            return replace(self, turn=-1)
        return replace(
            self,
            bets=(0,) * len(self.bets),
            spent=tuple(old + new for old, new in zip(self.spent, self.bets, strict=True)),
            acted=(False,) * len(self.bets),
            turn=self._next(0),
            round=self.round + 1,
            raises=0,
            aggressor=-1,
        )
