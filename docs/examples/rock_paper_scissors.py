"""Rock, paper, scissors: both seats choose at once. A whole game in one file; nothing needs to be installed.

arena check game ./rock_paper_scissors.py
arena play --game ./rock_paper_scissors.py@rounds=9 --operators scripted,random --matches 20
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from arena.canonical import digest
from arena.game import Discrete, Game, GameCard, GameSpec, Move, Observation, StepResult, Views, actions_of
from arena.options import Option

NAMES = ("rock", "paper", "scissors")  # each is beaten by the next one
RULES = (
    "Rock, paper, scissors for two. In every round both players choose at the same time: paper beats rock, scissors "
    "beat paper, rock beats scissors. A round won is worth 1 point, a round lost -1, a draw 0."
)


class RockPaperScissors(Game):
    spec = GameSpec(
        id="rock_paper_scissors",
        version=1,  # raise it whenever the rules, the views or the hashes change
        summary="rock, paper, scissors, both at once",
        seats=(2, 2),
        actions=Discrete(NAMES),
        horizon=100,  # the game itself ends within so many ticks
        unit="points",
        text=True,
        simultaneous=True,
        perfect_information=True,  # at the start of a round, both know all that was played
        seeded=False,  # the game has no chance of its own
        options={"rounds": Option("int", 5, "rounds a match", low=1, high=100)},
        baseline=f"{__file__}:choose",  # what `scripted` plays
    )

    def card(self) -> GameCard:
        return self.make_card(RULES, "one word: rock, paper or scissors")

    def reset(self, seed: bytes) -> StepResult:
        self.played: list[tuple[int, int]] = []  # what seat 0 and seat 1 chose, by round
        self.over = False
        return StepResult.going([0, 1], [0.0, 0.0], self.state_hash())

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        actions = actions_of(moves)
        if self.over or set(actions) != {0, 1} or not set(actions.values()) <= {0, 1, 2}:
            raise ValueError(f"rock_paper_scissors: {actions} at round {len(self.played)}, over: {self.over}")
        self.played.append((actions[0], actions[1]))
        won = points(actions[0], actions[1])
        said = [f"{NAMES[actions[0]]} against {NAMES[actions[1]]}"]
        if len(self.played) < self.options["rounds"]:
            return StepResult.going([0, 1], [won, -won], self.state_hash(), said)
        return self.end([won, -won], self.sums(), said)

    def forfeit(self, seat: int) -> StepResult:
        """Whoever forfeits loses every round of the match."""
        lost = float(self.options["rounds"])
        returns = [-lost if other == seat else lost for other in (0, 1)]
        return self.end([after - before for after, before in zip(returns, self.sums(), strict=True)], returns, [])

    def end(self, rewards: list[float], returns: list[float], said: list[str]) -> StepResult:
        self.over = True
        return StepResult.terminated(rewards, returns, self.state_hash(), said)

    def observe(self, seat: int, views: Views) -> Observation:
        legal = () if self.over else (0, 1, 2)
        if not views.text:
            return Observation(legal)
        mine = [NAMES[choices[seat]] for choices in self.played]
        theirs = [NAMES[choices[1 - seat]] for choices in self.played]
        facts = {
            "round": f"{len(self.played) + 1} of {self.options['rounds']}",
            "mine": ", ".join(mine) or "nothing yet",
            "theirs": ", ".join(theirs) or "nothing yet",
            "score": f"{self.sums()[seat]:+g}",
        }
        text = f"Round {facts['round']}. You chose {facts['mine']}; the other chose {facts['theirs']}. "
        return Observation(legal, text=text + f"Your score is {facts['score']}.", facts=facts)

    def sums(self) -> list[float]:
        won = float(sum(points(*choices) for choices in self.played))
        return [won, -won]

    def state_hash(self) -> str:
        return digest(self.played, self.over)


def points(mine: int, theirs: int) -> float:
    """1 for a win, 0 for a draw, -1 for a loss."""
    return (0.0, 1.0, -1.0)[(mine - theirs) % 3]


def choose(observation: Observation, card: GameCard, chance: np.random.Generator) -> int:
    """Beat what the other chose most often; at first, and now and then, anything."""
    assert observation.facts is not None
    seen = [word for word in observation.facts["theirs"].split(", ") if word in NAMES]
    if not seen or chance.random() < 0.3:
        return int(chance.choice(observation.legal))
    favourite, _ = Counter(seen).most_common(1)[0]
    return (NAMES.index(favourite) + 1) % 3
