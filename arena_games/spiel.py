"""The base of the games that run on OpenSpiel's engine.

A match is one or more hands (plays of the engine's game). All chance is drawn before play: `reset` shuffles one
deck a hand, and the k-th chance node of a hand takes the first card of its deck that can still come, so the same
cards come whatever the players do. The player's place moves by one seat each hand: in hand h (from 0) the engine's
player p is seat (p + h) % seats.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Mapping, Sequence
from typing import Any, Self

import msgspec
import numpy as np
import pyspiel

from arena.canonical import digest, generator
from arena.game import Game, Image, Move, Observation, StepResult, Vector, Views, actions_of

Deck = tuple[int, ...]  # chance outcomes in the order in which they come


def shuffled(engine: pyspiel.Game, chance: np.random.Generator) -> Deck:
    """A deck of every chance outcome of `engine`, in random order; empty for a game without chance."""
    return tuple(chance.permutation(engine.max_chance_outcomes()).tolist())


class Hand:
    """One play of the engine's game with its deck; chance nodes are walked as soon as they come."""

    __slots__ = ("deck", "drawn", "engine", "legal", "log", "over", "player", "state")

    def __init__(self, engine: pyspiel.Game, deck: Deck) -> None:
        self.engine = engine
        self.deck = deck
        self.state: pyspiel.State = engine.new_initial_state()
        self.log: list[tuple[int, int]] = []  # (player, action) of every decision, (-1, outcome) of every chance
        self.drawn: list[int] = []  # chance outcomes so far, in order; drawn[k] is deck[k] if cards never repeat
        self._walk()

    def _walk(self) -> None:
        while self.state.is_chance_node():
            possible = {outcome for outcome, _ in self.state.chance_outcomes()}
            card = next(card for card in self.deck if card in possible)
            self.state.apply_action(card)
            self.log.append((-1, card))
            self.drawn.append(card)
        self.player: int = self.state.current_player()  # who must act; negative when the hand is over
        self.over: bool = self.state.is_terminal()
        self.legal: tuple[int, ...] = tuple(self.state.legal_actions())  # of that player, ascending

    def apply(self, action: int) -> list[int]:
        """Applies a legal action of the current player and the chance nodes after it; returns the chance outcomes."""
        before = len(self.drawn)
        self.log.append((self.player, action))
        self.state.apply_action(action)
        self._walk()
        return self.drawn[before:]

    def actions(self) -> list[tuple[int, int]]:
        """(player, action) of every decision so far."""
        return [entry for entry in self.log if entry[0] >= 0]

    def engine_state(self) -> tuple[str, str, list[float], list[str]]:
        """The engine's own data: its history, its state, the returns, and what each player may know."""
        state = self.state
        known = [state.information_state_string(player) for player in range(self.engine.num_players())]
        return state.serialize(), str(state), state.returns(), known

    def digest(self, *more: object) -> str:
        """A hash over `more`, every decision and chance outcome of this hand, and the engine's state."""
        return digest(*more, self.log, self.engine_state())

    def clone(self) -> Hand:
        other = copy.copy(self)
        other.state = self.state.clone()
        other.log = list(self.log)
        other.drawn = list(self.drawn)
        return other

    def with_deck(self, deck: Deck) -> Hand:
        """A copy with the same decisions and another deck."""
        other = Hand(self.engine, deck)
        for _, action in self.actions():
            other.apply(action)
        return other


class SpielGame(Game):
    """A sequential OpenSpiel game. A subclass gives `engine_name`, the views and the events."""

    engines = ("open_spiel",)
    engine: pyspiel.Game
    hand_count = 1  # hands a match; an instance may set its own before `reset`
    scale = 1.0  # returns are the engine's returns, summed over hands, times `scale`, divided by hands

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        self.engine = pyspiel.load_game(self.engine_name())
        bounds = (self.engine.min_utility() * self.scale, self.engine.max_utility() * self.scale)
        self.spec = msgspec.structs.replace(self.spec, returns=bounds)
        self.hand_count = int(self.options.get("hands", 1))
        self.hands: list[Hand] = []  # hands that have begun, the current one last
        self.decks: list[Deck] = []  # of all hands of the match
        self.totals: list[float] = [0.0] * seats  # the engine's returns of finished hands, by seat
        self.forfeited: int | None = None
        self.last_hand: tuple[str, ...] = ()  # the public events of the end of the last finished hand
        self._past = ""  # digest over the seed's chance and the hands before this one

    # What a subclass gives.

    @abc.abstractmethod
    def engine_name(self) -> str:
        """OpenSpiel's name of the game with its parameters, for `self.seats` and `self.options`."""

    @abc.abstractmethod
    def picture(self, seat: int | None, height: int, width: int) -> Image:
        """The picture for `seat`, or with None for a spectator: uint8 (height, width, 3), a new array."""

    @abc.abstractmethod
    def vector(self, seat: int) -> Vector:
        """What `seat` may know: float32 of spec.vector_shape, a new array."""

    @abc.abstractmethod
    def facts(self, seat: int) -> dict[str, str]:
        """What `seat` may know, as named parts for prompt templates."""

    @abc.abstractmethod
    def text(self, seat: int, facts: Mapping[str, str]) -> str:
        """What `seat` may know, for a reader; `facts` is what `self.facts(seat)` gave."""

    def known(self, hand: Hand, seat: int) -> set[int]:
        """Positions in `hand.deck` of the cards that `seat` knows. Needed by games with hidden cards."""
        raise NotImplementedError(f"{self.spec.id} does not say which cards a seat knows")

    def action_event(self, seat: int, action: int) -> str:
        """The event of `action`, made before it is applied: public, one sentence."""
        return f"seat {seat}: {self.spec.actions.names[action]}"

    def chance_events(self, outcomes: Sequence[int]) -> list[str]:
        """The events of the chance outcomes after an action: public information only."""
        return []

    def end_events(self) -> list[str]:
        """The events of the end of the current hand."""
        return []

    # Seats and the engine's players.

    @property
    def hand(self) -> Hand:
        """The current hand; after the end, the last one."""
        if not self.hands:
            raise ValueError(f"{self.spec.id}: call reset before anything else")
        return self.hands[-1]

    def seat_of(self, player: int, hand: int | None = None) -> int:
        """The seat of the engine's `player` in hand number `hand` (from 0; the current one by default)."""
        return (player + (len(self.hands) - 1 if hand is None else hand)) % self.seats

    def player_of(self, seat: int, hand: int | None = None) -> int:
        """The engine's player who sits in `seat`; the inverse of `seat_of`."""
        return (seat - (len(self.hands) - 1 if hand is None else hand)) % self.seats

    @property
    def due_seat(self) -> int | None:
        """The seat that must act, or None when the match is over (or not begun)."""
        if self.forfeited is not None or not self.hands or (hand := self.hands[-1]).over:
            return None
        return (hand.player + len(self.hands) - 1) % self.seats  # as seat_of, which is asked for many times a turn

    def legal(self, seat: int) -> tuple[int, ...]:
        """Legal actions of `seat`, ascending; empty when it is not due."""
        return self.hand.legal if seat == self.due_seat else ()

    # The contract.

    def reset(self, seed: bytes) -> StepResult:
        chance = generator(seed)
        self.decks = [shuffled(self.engine, chance) for _ in range(self.hand_count)]
        self.totals = [0.0] * self.seats
        self.forfeited = None
        self.last_hand = ()
        self.hands = [Hand(self.engine, self.decks[0])]
        self._past = digest(self.decks)
        return StepResult.going((self.seat_of(self.hand.player),), (0.0,) * self.seats, self.state_hash())

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        actions = actions_of(moves)
        seat = self.due_seat
        if seat is None:
            raise ValueError(f"{self.spec.id}: nobody is due; the match is over or `reset` was not called")
        if set(actions) != {seat}:
            raise ValueError(f"{self.spec.id}: seat {seat} alone is due, but actions came for seats {sorted(actions)}")
        action = actions[seat]
        legal = self.legal(seat)
        if action not in legal:
            raise ValueError(f"{self.spec.id}: action {action!r} of seat {seat} is not legal; legal: {list(legal)}")
        events = [self.action_event(seat, action)]
        drawn = self.hand.apply(action)
        if drawn:
            events += self.chance_events(drawn)
        rewards = [0.0] * self.seats
        while self.hand.over:
            for player, gain in enumerate(self.hand.state.returns()):
                rewards[self.seat_of(player)] += gain
            self.last_hand = tuple(self.end_events())
            events += self.last_hand
            if len(self.hands) == self.hand_count:
                break
            self._past = self.hand.digest(self._past)
            self.hands.append(Hand(self.engine, self.decks[len(self.hands)]))
        self.totals = [total + reward for total, reward in zip(self.totals, rewards, strict=True)]
        unit = self.scale / self.hand_count
        scaled = tuple(reward * unit for reward in rewards)
        if self.hand.over:
            returns = tuple(total * unit for total in self.totals)
            return StepResult.terminated(scaled, returns, self.state_hash(), events)
        return StepResult.going((self.seat_of(self.hand.player),), scaled, self.state_hash(), events)

    def score(self, totals: Sequence[float]) -> tuple[float, ...]:
        """The returns of a match that is cut short: the sums over the finished hands."""
        finished = len(self.hands) - (not self.hands or not self.hand.over)
        return tuple(total * self.hand_count / max(1, finished) for total in totals)

    def state_hash(self) -> str:
        """32 hex digits over all decks, every decision and chance outcome, the engine's state, and who forfeited."""
        return self.hand.digest(self._past, self.forfeited)

    def observe(self, seat: int, views: Views) -> Observation:
        if not 0 <= seat < self.seats:
            raise ValueError(f"{self.spec.id} has seats 0 to {self.seats - 1}, not {seat}")
        if views.image is not None and views.image not in self.spec.image_sizes:
            raise ValueError(
                f"{self.spec.id} draws at {list(self.spec.image_sizes)} (height, width), not {views.image}"
            )
        facts = self.facts(seat) if views.text else None
        return Observation(
            legal=self.legal(seat),
            image=None if views.image is None else self.picture(seat, *views.image),
            vector=self.vector(seat) if views.vector else None,
            text=None if facts is None else self.text(seat, facts),
            facts=facts,
        )

    def draw(self, height: int, width: int) -> Image:
        return self.picture(None, height, width)

    def clone(self) -> Self:
        other = copy.copy(self)
        other.options = dict(self.options)
        other.hands = [*self.hands[:-1], *(hand.clone() for hand in self.hands[-1:])]
        other.decks = list(self.decks)
        other.totals = list(self.totals)
        return other

    def reshuffle_hidden(self, seat: int, chance: np.random.Generator) -> Self:
        """Returns a copy with every card that `seat` does not know (others' cards, the rest of the deck) redealt.

        What `seat` observes must be the same in the copy: the conformance suite checks it. See arena.testing.
        """
        other = self.clone()
        for number, deck in enumerate(self.decks):
            known = self.known(self.hands[number], seat) if number < len(self.hands) else set()
            free = [position for position in range(len(deck)) if position not in known]
            cards = list(deck)
            for position, source in zip(free, chance.permutation(free).tolist(), strict=True):
                cards[position] = deck[source]
            other.decks[number] = tuple(cards)
            if number < len(self.hands):
                other.hands[number] = self.hands[number].with_deck(other.decks[number])
        other._past = digest(other.decks)
        for hand in other.hands[:-1]:
            other._past = hand.digest(other._past)
        return other
