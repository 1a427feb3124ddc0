"""Kuhn poker on OpenSpiel's engine, two or three seats, one hand a match unless `hands` says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from arena.game import Discrete, GameCard, GameSpec, Image, Vector
from arena.options import Option
from arena.prompts import folder
from arena_games.cards.ranks import RANKS, WORDS, said
from arena_games.spiel import Hand, SpielGame

PASS, BET = 0, 1
ANSWER_FORMAT = "one of the legal action names: pass or bet"
MOST_SEATS = 3
MOST_ACTIONS = 5  # in one hand of three
# Own card, number of seats, own place in the order of play, every action of the hand: all one-hot.
VECTOR = (MOST_SEATS + 1) + (MOST_SEATS - 1) + MOST_SEATS + 2 * MOST_ACTIONS


class Kuhn(SpielGame):
    spec = GameSpec(
        id="kuhn",
        version=1,
        summary="Kuhn poker: one card each, one bet, the higher card wins",
        seats=(2, MOST_SEATS),
        actions=Discrete(("pass", "bet")),
        horizon=MOST_ACTIONS,
        unit="chips a hand",
        image_sizes=((128, 128), (256, 256), (384, 384), (512, 512), (600, 960)),
        vector_shape=(VECTOR,),
        text=True,
        on_fault="default",
        options={"hands": Option("int", 1, "hands a match; the first to act moves by one seat each", 1, 1000)},
        baseline="arena_games.kuhn.baseline:choose",
    )
    teacher = "arena_games.kuhn.teacher:lessons"
    exact = "arena_games.kuhn.exact:exact"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        self.spec = msgspec.structs.replace(self.spec, horizon=(2 * seats - 1) * self.hand_count)

    def engine_name(self) -> str:
        return f"kuhn_poker(players={self.seats})"

    def card(self) -> GameCard:
        deck = ", ".join(WORDS[rank] for rank in RANKS[: self.seats + 1])
        hands = f"{self.hand_count} hand{'s' * (self.hand_count != 1)}"
        prompts = folder("arena_games.kuhn")
        rules = prompts.pop("rules").format(seats=self.seats, deck=deck, hands=hands)
        return self.make_card(rules, ANSWER_FORMAT, prompts)

    def default_action(self, seat: int) -> int:
        """Pass: check, or fold facing a bet."""
        return PASS

    # State by the engine's player.

    def bets(self) -> list[int]:
        """Chips each player put in this hand, the ante of one included."""
        out = [1] * self.seats
        for player, action in self.hand.actions():
            out[player] += action
        return out

    def to_call(self, player: int) -> int:
        bets = self.bets()
        return max(bets) - bets[player]

    def shown(self, hand: Hand) -> set[int]:
        """Players whose cards are public: at a showdown, those who did not fold."""
        if not hand.over:
            return set()
        bets = [player for player, action in hand.actions() if action == BET]
        return set(bets) if len(bets) > 1 else (set() if bets else set(range(self.seats)))

    def known(self, hand: Hand, seat: int) -> set[int]:
        return {self.player_of(seat, self.hands.index(hand))} | self.shown(hand)

    def rank(self, player: int) -> str:
        return RANKS[self.hand.drawn[player]]

    # Views.

    def picture(self, seat: int | None, height: int, width: int) -> Image:
        from arena_games.kuhn import draw  # only drawing needs an imaging library

        return draw.picture(self, seat, height, width)

    def vector(self, seat: int) -> Vector:
        player = self.player_of(seat)
        out = np.zeros(VECTOR, np.float32)
        out[self.hand.drawn[player]] = 1
        at = MOST_SEATS + 1
        out[at + self.seats - 2] = 1
        at += MOST_SEATS - 1
        out[at + player] = 1
        at += MOST_SEATS
        for number, (_, action) in enumerate(self.hand.actions()):
            out[at + 2 * number + action] = 1
        return out

    def facts(self, seat: int) -> dict[str, str]:
        bets = self.bets()
        player = self.player_of(seat)
        due = self.due_seat
        return {
            "seat": str(seat),
            "seats": str(self.seats),
            "hand": self.rank(player),
            "board": "none",
            "pot": str(sum(bets)),
            "bets": ", ".join(f"seat {s}: {bets[self.player_of(s)]}" for s in range(self.seats)),
            "to_call": str(max(bets) - bets[player]),
            "history": " ".join(self.spec.actions.names[action] for _, action in self.hand.actions()) or "none",
            "shown": ", ".join(f"seat {self.seat_of(p)}: {self.rank(p)}" for p in sorted(self.shown(self.hand))),
            "turn": "nobody" if due is None else f"seat {due}",
            "hand_number": f"{len(self.hands)} of {self.hand_count}",
            "last_hand": "; ".join(self.last_hand) or "none",
            **self.labels(seat),
        }

    def labels(self, seat: int) -> dict[str, str]:
        """Each legal action with its current amount, for people's buttons: `label.bet` is "call 1"."""
        facing, names = self.to_call(self.player_of(seat)) > 0, self.spec.actions.names
        said = {PASS: "fold" if facing else "check", BET: "call 1" if facing else "bet 1"}
        return {f"label.{names[action]}": said[action] for action in self.legal(seat)}

    def text(self, seat: int, facts: Mapping[str, str]) -> str:
        lines = [
            f"You are seat {seat} of {self.seats} (seats 0 to {self.seats - 1}). Hand {facts['hand_number']}.",
            f"You hold {said(facts['hand'])}.",
            f"Chips in the pot: {facts['pot']} ({facts['bets']}). You need {facts['to_call']} to call.",
            f"This hand so far: {self.told() or 'nobody has acted'}.",
        ]
        if facts["shown"]:
            lines.append(f"Shown: {facts['shown']}.")
        legal = ", ".join(self.spec.actions.names[action] for action in self.legal(seat))
        lines.append(f"It is your turn. Legal actions: {legal}." if legal else f"To act: {facts['turn']}.")
        return "\n".join(lines)

    # Events.

    def verb(self, action: int, facing: bool) -> str:
        return ("calls" if facing else "bets") if action == BET else ("folds" if facing else "checks")

    def told(self) -> str:
        """Every action of this hand as a sentence."""
        out, facing = [], False
        for player, action in self.hand.actions():
            out.append(f"seat {self.seat_of(player)} {self.verb(action, facing)}")
            facing |= action == BET
        return ", ".join(out)

    def action_event(self, seat: int, action: int) -> str:
        return f"seat {seat} {self.verb(action, self.to_call(self.player_of(seat)) > 0)}"

    def end_events(self) -> list[str]:
        cards = [f"seat {self.seat_of(p)} shows {said(self.rank(p))}" for p in sorted(self.shown(self.hand))]
        returns = self.hand.state.returns()
        best = max(range(self.seats), key=returns.__getitem__)
        return [*cards, f"seat {self.seat_of(best)} wins {sum(self.bets())} chips"]
