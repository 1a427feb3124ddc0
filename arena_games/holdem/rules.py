"""Limit hold'em on OpenSpiel's universal_poker, 2 to 6 seats, in sessions of several hands.

Blinds 5 and 10, bets of 10 before and on the flop and 20 on turn and river, at most three raises before the flop and
four bets in each later round. Chips are unlimited. The button moves one seat a hand; heads-up the button posts the
small blind, acts first before the flop and last after it. All decks are drawn from the seed before play.
`fold` is legal only when there is something to call. With the option `talk` a seat may say something beside each
action, which all others hear: the cards, the rules and the vector view are the same with it and without.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import msgspec

from arena.canonical import digest
from arena.game import (
    Discrete,
    GameCard,
    GameSpec,
    IllegalActionError,
    Image,
    Move,
    Observation,
    StepResult,
    UnparsableAnswerError,
    Vector,
    Views,
)
from arena.options import Option
from arena.prompts import folder
from arena.talk import Talk
from arena_games.cards.codes import code
from arena_games.cards.evaluate import name, value
from arena_games.holdem.ledger import BIG_BLIND, CALL, FOLD, MAX_RAISES, RAISE, RAISE_SIZE, ROUNDS, Ledger
from arena_games.spiel import Hand, SpielGame

ACTIONS = ("fold", "call", "raise")
WORDS = {"fold": FOLD, "call": CALL, "check": CALL, "raise": RAISE, "bet": RAISE}
ANSWER_FORMAT = "one of the legal action names, fold, call or raise; a call that is free is also a check"
HANDS = 20
STACK = 10_000  # more than a hand can cost, so that nobody is ever all in
TALK = (
    "Beside an action a player may say something, at most {most} characters, which all others hear before their next "
    "turn. Words change nothing in the game, need not be true and bind nobody."
)
VECTOR_WIDTH = 249  # arena_games.holdem.vector.WIDTH; importing that module would load tables


def longest_hand(seats: int) -> int:
    """The most decisions one hand can take."""
    return sum(seats + most * (seats - 1) for most in MAX_RAISES)


class Holdem(SpielGame):
    """A session of limit hold'em."""

    spec = GameSpec(
        id="holdem",
        version=1,
        summary="limit hold'em in sessions of several hands",
        seats=(2, 6),
        actions=Discrete(ACTIONS),
        horizon=HANDS * longest_hand(6),
        unit="big blinds a hand",
        image_sizes=((128, 128), (256, 256), (384, 384), (512, 512), (600, 960)),
        vector_shape=(VECTOR_WIDTH,),
        text=True,
        on_fault="default",
        options={
            "hands": Option("int", HANDS, "hands in a session", low=1, high=1000),
            "talk": Option("int", 0, "most characters said beside an action; 0: nobody talks", 0, 1000, chance=False),
        },
        baseline="arena_games.holdem.baseline:choose",
    )
    teacher = "arena_games.holdem.teacher:lessons"
    exact = "arena_games.holdem.exact:exact"
    scale = 1 / BIG_BLIND

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        self.spec = msgspec.structs.replace(
            self.spec, horizon=self.hand_count * longest_hand(seats), talk=self.options["talk"] > 0
        )
        self.talk = Talk(seats)
        self.ledger = Ledger.start(seats)

    def engine_name(self) -> str:
        heads_up = self.seats == 2
        blinds = "10 5" if heads_up else " ".join(["5", "10", *["0"] * (self.seats - 2)])
        # The engine needs stacks to be stated for five seats and more, but hands on none in limit games: it writes its
        # parameters into a game definition line by line, so a line break in one of them brings the stacks in.
        stacks = " ".join([str(STACK)] * self.seats)
        return (
            f"universal_poker(betting=limit,numPlayers={self.seats},numRounds=4,blind={blinds},"
            f"firstPlayer={'2' if heads_up else '3'} 1 1 1,numSuits=4,numRanks=13,numHoleCards=2,"
            f"numBoardCards=0 3 1 1,raiseSize={' '.join(map(str, RAISE_SIZE))},"
            f"maxRaises={' '.join(map(str, MAX_RAISES))}\nstack {stacks})"
        )

    # The cards. The engine deals two cards to each player in order, then the board.

    def hole(self, seat: int) -> tuple[int, int]:
        """The two cards of a seat in the current hand, the higher first."""
        first = 2 * self.player_of(seat)
        low, high = sorted(self.hand.drawn[first : first + 2])
        return high, low

    def board(self) -> tuple[int, ...]:
        """The cards on the board, in the order they came."""
        return tuple(self.hand.drawn[2 * self.seats :])

    def button(self) -> int:
        """The seat that has the button."""
        return self.seat_of(self.seats - 1)

    def showdown(self) -> bool:
        """Whether the current hand is over and hands were compared (only visible after the last hand)."""
        return self.hand.over and len(self.ledger.live) > 1

    def visible(self, viewer: int | None, seat: int) -> bool:
        """Whether `viewer` (None: a spectator who sees everything) sees the cards of `seat`."""
        if viewer is None or viewer == seat:
            return True
        return self.showdown() and not self.ledger.folded[self.player_of(seat)]

    def known(self, hand: Hand, seat: int) -> set[int]:
        number = self.hands.index(hand)
        first = 2 * self.player_of(seat, number)
        out = {first, first + 1, *range(2 * self.seats, len(hand.drawn))}
        if hand.over:
            folded = {player for player, action in hand.actions() if action == FOLD}
            if len(folded) < self.seats - 1:
                out |= {2 * player + card for player in set(range(self.seats)) - folded for card in (0, 1)}
        return out

    # The contract.

    def reset(self, seed: bytes) -> StepResult:
        self.ledger = Ledger.start(self.seats)
        self.talk = Talk(self.seats)
        out = super().reset(seed)
        return replace(out, events=(self._deal_event(),))

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        said = {seat: move.say for seat, move in moves.items() if move.say is not None}
        for seat, text in said.items():
            if len(text) > self.options["talk"]:
                raise ValueError(
                    f"holdem: seat {seat} says {len(text)} characters; at most {self.options['talk']} may be"
                )
        hands = len(self.hands)
        out = super().step({seat: Move(move.action) for seat, move in moves.items()})
        if len(self.hands) > hands:
            self.ledger = Ledger.start(self.seats)
            out = replace(out, events=(*out.events, self._deal_event()))
        if not self.options["talk"]:
            return out
        self.talk.acted(moves)
        for seat, text in said.items():
            self.talk.say(seat, text)
        words = [f"seat {seat} says: {text}" for seat, text in said.items()]
        return replace(out, events=(*words, *out.events), state_hash=self.state_hash())

    def observe(self, seat: int, views: Views) -> Observation:
        seen = super().observe(seat, views)
        if not self.options["talk"]:
            return seen
        return msgspec.structs.replace(
            seen,
            table_talk=self.options["talk"] if seen.legal else 0,
            heard=self.talk.heard(seat) if views.text else (),
        )

    def state_hash(self) -> str:
        """As without talk, with what was said and not yet heard."""
        cards = super().state_hash()
        return digest(cards, self.talk.state()) if self.options["talk"] else cards

    def clone(self) -> Self:
        other = super().clone()
        other.talk = copy.deepcopy(self.talk)
        return other

    def action_event(self, seat: int, action: int) -> str:
        word = self.ledger.word(action)
        self.ledger = self.ledger.after(action)
        return f"seat {seat} {word}"

    def chance_events(self, outcomes: Sequence[int]) -> list[str]:
        return [f"{ROUNDS[self.ledger.round]}: {' '.join(map(code, outcomes))}"]

    def end_events(self) -> list[str]:
        out = []
        if self.showdown():
            board = self.board()
            for player in self.ledger.live:
                seat = self.seat_of(player)
                cards = self.hole(seat)
                out.append(f"seat {seat} shows {code(cards[0])} {code(cards[1])}, {name(value([*cards, *board]))}")
        gains = self.hand.state.returns()
        put = [bet + spent for bet, spent in zip(self.ledger.bets, self.ledger.spent, strict=True)]
        for player, gain in enumerate(gains):
            if gain + put[player] > 0 and player in self.ledger.live:
                out.append(f"seat {self.seat_of(player)} takes {gain + put[player]:g} of {self.ledger.pot}")
        return out

    def _deal_event(self) -> str:
        return f"hand {len(self.hands)} of {self.hand_count}: seat {self.button()} has the button"

    def default_action(self, seat: int) -> int:
        """Check if it is free, else fold."""
        return FOLD if self.ledger.to_call(self.player_of(seat)) else CALL

    def parse(self, seat: int, answer: int | str | None) -> Move:
        """As Game.parse; "check" also names a call that is free, and "bet" a raise."""
        if not isinstance(answer, str):
            return super().parse(seat, answer)
        word = answer.strip().lower()
        if word not in WORDS:
            raise UnparsableAnswerError(f"{answer[:80]!r} is not an action; expected one of {', '.join(WORDS)}")
        due = self.ledger.to_call(self.player_of(seat))
        if word == "check" and due:
            raise IllegalActionError(f"check is not legal now: there are {due} chips to call; legal: fold, call, raise")
        return super().parse(seat, WORDS[word])

    def card(self) -> GameCard:
        prompts = folder("arena_games.holdem")
        rules, most = prompts.pop("rules"), self.options["talk"]
        if most:
            rules = f"{rules}\n{TALK.format(most=most)}"
        return self.make_card(rules, ANSWER_FORMAT, prompts)

    # The views.

    def picture(self, seat: int | None, height: int, width: int) -> Image:
        from arena_games.holdem.picture import draw

        return draw(self, seat, height, width)

    def vector(self, seat: int) -> Vector:
        from arena_games.holdem.vector import encode

        return encode(self, seat)

    def facts(self, seat: int) -> dict[str, str]:
        from arena_games.holdem.words import facts

        return facts(self, seat)

    def text(self, seat: int, facts: Mapping[str, str]) -> str:
        from arena_games.holdem.words import text

        return text(facts)
