"""Who is the spy (Vision-Zero, 2509.25541): all but one see the same picture. Clues in seat order, then a vote."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from arena.canonical import digest, generator, key
from arena.game import Discrete, Game, GameCard, GameSpec, Image, Move, Observation, StepResult, Views
from arena.options import Option
from arena.paths import expanded
from arena.prompts import folder
from arena.talk import Talk
from arena_games.spy import views as told
from arena_games.spy.ballot import voted_out
from arena_games.spy.pictures import charts, render, scene
from arena_games.spy.pictures.charts import Chart
from arena_games.spy.pictures.fit import fitted
from arena_games.spy.pictures.scene import Scene
from arena_games.spy.pictures.sources import NAMES, Graph, Pair, source
from arena_games.spy.statements import Statements, by_name, of_scenes, offered
from arena_games.spy.table import (
    ABSTAIN,
    FEWEST_SEATS,
    FIRST,
    FIRST_ACTIONS,
    FIRST_SEAT,
    MOST_SEATS,
    NOBODY,
    OFFERED,
    SAY_NOTHING,
)

SIZES = ((128, 128), (256, 256), (512, 512))


@dataclass(frozen=True, slots=True)
class Clue:
    """What a seat said in its turn; `text` is None where it said nothing."""

    seat: int
    text: str | None
    action: int | None  # None: in words of its own


@dataclass(frozen=True, slots=True)
class Ballot:
    """A vote: by seat the seat that it votes for, None for "n/a"; and who is out."""

    votes: Mapping[int, int | None]
    out: int | None


class Spy(Game):
    spec = GameSpec(
        id="spy",
        version=1,
        summary="who is the spy: all but one see the same picture; clues in words, then a vote",
        seats=(FEWEST_SEATS, MOST_SEATS),
        actions=Discrete((*FIRST_ACTIONS, *of_scenes().words)),
        horizon=2 * MOST_SEATS + 1,
        unit="the spy's stake",
        image_sizes=SIZES,
        vector_shape=(told.width(len(of_scenes().all)),),
        text=True,
        simultaneous=True,
        talk=True,
        on_fault="default",
        returns=(-1.0, 1.0),
        options={
            "pictures": Option("str", "scenes", "what is drawn", choices=NAMES),
            "pairs": Option("str", None, "a folder of picture pairs instead: NAME-a.png and NAME-b.png"),
            "blank": Option("bool", False, "the spy sees a blank picture, not an edited one"),
            "rounds": Option("int", 2, "rounds of clues before a vote", 1, 4),
            "limit": Option("int", 200, "most characters of a clue in words of one's own", 1, 1000),
            "known": Option("bool", True, "whether seats are told if they are the spy"),
            "spy_votes": Option("bool", None, "whether the spy votes; default: only with known=false"),
            "elimination": Option("bool", False, "who is out leaves; play goes on until it is the spy or two are left"),
        },
        baseline="arena_games.spy.baseline:choose",
    )

    teacher = "arena_games.spy.teacher:lessons"
    measures = "arena_games.spy.measures:measures"
    deduction = "arena_games.spy.truth:ballots"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        self._check_options()
        if self.options["pairs"]:
            self.rule_out("pictures", options, "with pairs, pictures are of that folder and none is drawn")
        asked = self.options["spy_votes"]
        self.known: bool = self.options["known"]
        self.spy_votes: bool = not self.known if asked is None else asked
        self.rounds: int = self.options["rounds"]
        self.ballots_at_most = seats - 2 if self.options["elimination"] else 1
        name, pairs, blank = (self.options[which] for which in ("pictures", "pairs", "blank"))
        self.source = source(name or "", pairs or "", blank, either=not self.known)
        self.statements: Statements | None = None
        if not self.options["pairs"]:
            self.statements = by_name(self.options["pictures"])
        self.spec = self._spec()
        self.over = True
        self._legal: dict[int, tuple[int, ...]] = {}  # of the seats that are due

    def _check_options(self) -> None:
        """ValueError for options that undo each other."""
        given = self.options
        if not given["known"] and given["spy_votes"] is False:
            raise ValueError(
                "known=false with spy_votes=false: who is not asked to vote would know that it is the spy. "
                "Leave spy_votes out"
            )
        if not given["known"] and given["blank"]:
            raise ValueError(
                "known=false with blank=true: who sees a blank picture would know that it is the spy. "
                "Leave one of them out"
            )

    def _spec(self) -> GameSpec:
        """The spec of these options. Without statements there is nothing that a policy could say."""
        votes, words = self.ballots_at_most, self.statements.words if self.statements is not None else ()
        return msgspec.structs.replace(
            self.spec,
            actions=Discrete((*FIRST_ACTIONS, *words)),
            horizon=votes * (self.rounds * self.seats + 1),  # a vote may leave nobody out
            vector_shape=(told.width(len(words)),) if words else None,
            baseline=self.spec.baseline if words else None,
        )

    def user_files(self) -> Mapping[str, Path]:
        folder = self.options["pairs"]
        return {"pairs": expanded(folder)} if folder else {}

    def card(self) -> GameCard:
        prompts = folder("arena_games.spy")
        rules = prompts.pop("rules").format(**told.rules(self))
        words = self.statements.words if self.statements is not None else ()
        return self.make_card(rules, told.ANSWERS, prompts, statements=words)

    def reset(self, seed: bytes) -> StepResult:
        chance = generator(seed)
        self.spy = int(chance.integers(self.seats))
        self.pair: Pair = self.source.pair(chance)
        self._drawn: dict[tuple[bool, int], Image] = {}  # by spy or not, and size
        self._true: dict[bool, npt.NDArray[np.bool_]] = {}
        self._seed = seed
        self.clues: list[Clue] = []
        self.ballots: list[Ballot] = []
        self.talk = Talk(self.seats)
        self.turns = [*self.playing] * self.rounds  # whose clues are still to come before the next vote
        self.over = False
        self._ask()
        return StepResult.going(self.due, [0.0] * self.seats, self.state_hash())

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        if self.over or tuple(sorted(moves)) != self.due:
            raise ValueError(f"spy: seats {list(self.due)} are due, but moves came for {sorted(moves)}")
        for seat, move in moves.items():
            self._check(seat, move)
        self.talk.acted(moves)
        return self._vote(moves) if self.voting else self._clue(*moves.items())

    def _check(self, seat: int, move: Move) -> None:
        """ValueError for what may not be done or said now."""
        if move.action is None:
            legal = not self.voting and move.say is not None and 0 < len(move.say) <= self.options["limit"]
        else:
            legal = move.action in self.legal(seat) and move.say is None
        if not legal:
            raise ValueError(f"spy: {move} of seat {seat} is not legal now")

    def _clue(self, turn: tuple[int, Move]) -> StepResult:
        seat, move = turn
        names = self.spec.actions.names
        text = move.say if move.action is None else None if move.action == SAY_NOTHING else names[move.action]
        self.clues.append(Clue(seat, text, move.action))
        if text is not None:
            self.talk.say(seat, text)
        self.turns.pop(0)
        self._ask()
        event = f"seat {seat} says nothing" if text is None else f"seat {seat} says: {text}"
        return StepResult.going(self.due, [0.0] * self.seats, self.state_hash(), [event])

    def _vote(self, moves: Mapping[int, Move]) -> StepResult:
        votes = {seat: chosen(move) for seat, move in sorted(moves.items())}
        out = voted_out(votes)
        self.ballots.append(Ballot(votes, out))
        events = [f"seat {seat} votes for {NOBODY if vote is None else f'seat {vote}'}" for seat, vote in votes.items()]
        events.append("nobody is out" if out is None else f"seat {out} is out")
        if out != self.spy and len(self.ballots) < self.ballots_at_most:
            self.turns = [*self.playing] * self.rounds
            self._ask()
            return StepResult.going(self.due, [0.0] * self.seats, self.state_hash(), events)
        self.over, self._legal = True, {}
        stake = -1.0 if out == self.spy else 1.0
        won = [stake if seat == self.spy else -stake / (self.seats - 1) for seat in range(self.seats)]
        events.append(f"seat {self.spy} is the spy and {'loses' if out == self.spy else 'wins'}")
        return StepResult.terminated(won, won, self.state_hash(), events)

    @property
    def playing(self) -> tuple[int, ...]:
        """The seats that are not out."""
        gone = {ballot.out for ballot in self.ballots}
        return tuple(seat for seat in range(self.seats) if seat not in gone)

    def seats_out(self) -> tuple[int, ...]:
        return tuple(seat for seat in range(self.seats) if seat not in self.playing)

    @property
    def voting(self) -> bool:
        return not self.over and not self.turns

    @property
    def due(self) -> tuple[int, ...]:
        return tuple(self._legal)

    def legal(self, seat: int) -> tuple[int, ...]:
        """Ascending; empty for a seat that is not due."""
        return self._legal.get(seat, ())

    def _ask(self) -> None:
        """It is the turn of the next clue, or of all who vote."""
        if self.turns:
            self._legal = {self.turns[0]: (SAY_NOTHING, *self._offered(self.turns[0]))}
            return
        voters = [seat for seat in self.playing if self.spy_votes or seat != self.spy]
        self._legal = {
            seat: (ABSTAIN, *(FIRST_SEAT + other for other in self.playing if other != seat)) for seat in voters
        }

    def _offered(self, seat: int) -> list[int]:
        if self.statements is None:
            return []
        chance = generator(key("spy offers", self._seed, seat, len(self.clues)))
        return [FIRST + at for at in offered(self.true(seat), len(self.statements.all), OFFERED, chance)]

    def graph(self, seat: int) -> Graph:
        """What the picture of a seat shows; None where it is blank, or where nobody knows."""
        return self.pair.graphs[seat == self.spy]

    def true(self, seat: int) -> npt.NDArray[np.bool_] | None:
        """Which statements are true of the picture of a seat, not to be written to; None where its graph is."""
        spy, graph = seat == self.spy, self.graph(seat)
        if graph is None or self.statements is None:
            return None
        if spy not in self._true:
            self._true[spy] = self.statements.true(graph)
        return self._true[spy]

    def observe(self, seat: int, views: Views) -> Observation:
        if not 0 <= seat < self.seats:
            raise ValueError(f"spy has seats 0 to {self.seats - 1}, not {seat}")
        if views.image is not None and views.image not in self.spec.image_sizes:
            raise ValueError(f"spy draws at {self.spec.image_sizes} (height, width), not {views.image}")
        facts = told.facts(self, seat, described=views.image is None) if views.text else None
        return Observation(
            legal=self.legal(seat),
            image=self.picture(seat == self.spy, views.image[0]) if views.image is not None else None,
            vector=told.vector(self, seat) if views.vector else None,
            text=told.text(facts) if facts is not None else None,
            facts=facts,
            free_text=self.options["limit"] if seat in self.due and not self.voting else 0,
            heard=self.talk.heard(seat) if views.text else (),
        )

    def picture(self, spy: bool, size: int) -> Image:
        """What the spy or the civilians see, uint8 (size, size, 3), a new array."""
        if (spy, size) not in self._drawn:
            graph = self.pair.graphs[spy]
            if isinstance(graph, Scene):
                self._drawn[spy, size] = render.draw(graph, size)
            elif isinstance(graph, Chart):
                self._drawn[spy, size] = charts.draw(graph, size)
            else:
                self._drawn[spy, size] = fitted(self.pair.pictures[spy], size, size)
        return self._drawn[spy, size].copy()

    def draw(self, height: int, width: int) -> Image:
        """Both pictures, and what was said."""
        from arena_games.spy.draw import table

        return table(self, height, width)

    def default_action(self, seat: int) -> int:
        """To say nothing, or to vote for nobody."""
        return ABSTAIN if self.voting else SAY_NOTHING

    def reshuffle_hidden(self, seat: int, chance: np.random.Generator) -> Self:
        """A copy in which the picture that `seat` does not see is another one, and another may be the spy."""
        other = copy.deepcopy(self)
        mine, blank = seat == self.spy, self.options["blank"]
        if not self.over and not (mine and self.known):
            rest = [one for one in self.playing if one != seat or not self.known]
            other.spy = int(chance.choice(rest))
        own, picture = self.pair.graphs[mine], self.pair.pictures[mine]
        if blank:
            other.pair = self.source.pair(chance) if mine else self.pair
        else:
            twin = _twin(own, chance)
            noise = chance.integers(0, 256, picture.shape, np.uint8)
            first = seat != other.spy
            other.pair = Pair(
                (own, twin) if first else (twin, own), (), lambda: (picture, noise) if first else (noise, picture)
            )
        other._drawn, other._true = {}, {}
        if not self.over:
            other._ask()
        return other

    def clone(self) -> Self:
        return copy.deepcopy(self)

    def state_hash(self) -> str:
        return digest(
            self._seed,
            self.spy,
            self.pair.graphs,
            [[one.seat, one.text, one.action] for one in self.clues],
            [[sorted(one.votes.items()), one.out] for one in self.ballots],
            self.talk.state(),
            self.over,
        )


def _twin(graph: Graph, chance: np.random.Generator) -> Graph:
    if isinstance(graph, Scene):
        return scene.edited(graph, chance)[0]
    return charts.edited(graph, chance)[0] if isinstance(graph, Chart) else None


def chosen(move: Move) -> int | None:
    """The seat that a vote is for; None for "n/a"."""
    return None if move.action in (None, ABSTAIN) else move.action - FIRST_SEAT
