"""A small game in which players talk, in one file: one gives a clue in a text of its own, the others guess.

arena check game ./tests/talking_game.py
arena play --game ./tests/talking_game.py --operators human,scripted,random

Seat 0 is dealt a colour and says something of it: free text. Then each of the others agrees or doubts, in an offered
statement, and may say something beside it: table talk. Then each of them names a colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np

from arena.canonical import digest, generator
from arena.game import Discrete, Game, GameCard, GameSpec, Image, Move, Observation, StepResult, Views
from arena.options import Option
from arena.talk import Talk

COLOURS = {"red": (200, 40, 40), "green": (40, 160, 60), "blue": (40, 80, 200)}
NAMES = (*COLOURS, "say nothing", "I agree", "I doubt it")
LEGAL = ((3,), (4, 5), (0, 1, 2))  # in the turn of the clue, of the talk and of the guess
CLUE, ASIDE = 40, 60  # most characters
RULES = (
    "Seat 0 knows a colour: red, green or blue. It says something of it, or nothing. Then the others agree or doubt, "
    "and may talk. Then each of them names a colour. Each who names the right one gets 1 point, and seat 0 their mean."
)


class TalkingGame(Game):
    spec = GameSpec(
        id="talking_game",
        version=1,
        summary="give a clue in words, talk, and guess",
        seats=(2, 4),
        actions=Discrete(NAMES),
        horizon=3,
        unit="points",
        image_sizes=((128, 128),),
        vector_shape=(len(COLOURS) + 3 + len(NAMES),),
        text=True,
        simultaneous=True,
        talk=True,
        on_fault="default",
        returns=(0.0, 1.0),
        options={"whisper": Option("bool", False, "only seat 1 hears the clue")},
        baseline=f"{__file__}:choose",
    )

    def card(self) -> GameCard:
        prompt = "{text}\nLegal actions: {legal}.\nEnd with one line: Answer: and what you choose."
        short = prompt.replace("\nLegal", "\n{heard}\nLegal")
        prompts = {"short": short, "full": f"{RULES}\n\n{prompt}"}
        return self.make_card(RULES, "the name of an action", prompts, statements=("I agree", "I doubt it"))

    def reset(self, seed: bytes) -> StepResult:
        self.colour = int(generator(seed).integers(len(COLOURS)))
        self.tick = 0
        self.opinions: dict[int, int] = {}  # what the others chose in the turn of talk
        self.talk = Talk(self.seats)
        return StepResult.going(self.due(), self.nothing(), self.state_hash())

    def due(self) -> tuple[int, ...]:
        """Seat 0, then twice the others."""
        return () if self.tick == 3 else (0,) if self.tick == 0 else tuple(range(1, self.seats))

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        if not self.due() or set(moves) != set(self.due()):
            raise ValueError(f"talking_game: moves of seats {sorted(moves)}, due are {self.due()}")
        for seat, move in moves.items():
            self.check(seat, move)
        self.talk.acted(moves)
        if self.tick == 2:
            return self.guessed({seat: move.action == self.colour for seat, move in moves.items()})
        events = []
        for seat, move in moves.items():
            if self.tick == 1 and move.action is not None:
                self.opinions[seat] = move.action
                self.talk.say(seat, NAMES[move.action])
            if move.say is not None:
                whispered = self.tick == 0 and self.options["whisper"]
                self.talk.say(seat, move.say, to=(1,) if whispered else None)
                events.append(f"seat {seat} whispers" if whispered else f"seat {seat} says: {move.say}")
        self.tick += 1
        return StepResult.going(self.due(), self.nothing(), self.state_hash(), events)

    def check(self, seat: int, move: Move) -> None:
        """ValueError for what may not be done or said in this turn."""
        said = len(move.say or "")
        if move.action is None:
            legal = self.tick == 0 and 0 < said <= CLUE
        else:
            legal = move.action in LEGAL[self.tick] and said <= (ASIDE if self.tick == 1 else 0)
        if not legal:
            raise ValueError(f"talking_game: {move} of seat {seat} in tick {self.tick}")

    def guessed(self, right: Mapping[int, bool]) -> StepResult:
        self.tick += 1
        points = [float(right.get(seat, False)) for seat in range(self.seats)]
        points[0] = sum(points) / (self.seats - 1)
        return StepResult.terminated(points, points, self.state_hash(), [f"it was {NAMES[self.colour]}"])

    def default_action(self, seat: int) -> int:
        return LEGAL[self.tick][0]

    def observe(self, seat: int, views: Views) -> Observation:
        asked = seat in self.due()
        vector = np.zeros(self.spec.vector_shape or (), np.float32)
        vector[len(COLOURS) + min(self.tick, 2)] = 1
        if seat == 0:
            vector[self.colour] = 1
        for action in self.opinions.values():
            vector[len(COLOURS) + 3 + action] += 1 / self.seats
        knows = f"The colour is {NAMES[self.colour]}." if seat == 0 else "You do not know the colour."
        return Observation(
            legal=LEGAL[self.tick] if asked else (),
            image=self.picture(*views.image, seat == 0) if views.image else None,
            vector=vector if views.vector else None,
            text=f"You are seat {seat}. {knows}" if views.text else None,
            facts={"seat": str(seat), "colour": NAMES[self.colour] if seat == 0 else "?"} if views.text else None,
            free_text=CLUE if asked and self.tick == 0 else 0,
            table_talk=ASIDE if asked and self.tick == 1 else 0,
            heard=self.talk.heard(seat) if views.text else (),
        )

    def picture(self, height: int, width: int, seen: bool) -> Image:
        return np.full((height, width, 3), list(COLOURS.values())[self.colour] if seen else 90, np.uint8)

    def draw(self, height: int, width: int) -> Image:
        return self.picture(height, width, True)

    def reshuffle_hidden(self, seat: int, chance: np.random.Generator) -> Self:
        other = type(self)(self.seats, self.options)
        other.colour = self.colour if seat == 0 else int(chance.integers(len(COLOURS)))
        other.tick, other.opinions, other.talk = self.tick, self.opinions, self.talk
        return other

    def nothing(self) -> list[float]:
        return [0.0] * self.seats

    def state_hash(self) -> str:
        return digest(self.colour, self.tick, sorted(self.opinions.items()), self.talk.state())


def choose(observation: Observation, card: GameCard, chance: np.random.Generator) -> int:
    """Agrees, and names the first colour that was heard of; else any."""
    if observation.legal != LEGAL[2]:
        return observation.legal[0]
    words = " ".join(said.text.lower() for said in observation.heard)
    heard = [action for action in observation.legal if NAMES[action] in words]
    return heard[0] if heard else int(chance.choice(observation.legal))
