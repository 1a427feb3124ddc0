"""Leduc poker on OpenSpiel's engine, two or three seats, one hand a match unless `hands` says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from arena.game import Discrete, GameCard, GameSpec, Image, Vector
from arena.options import Option
from arena.prompts import folder
from arena_games.cards.ranks import RANKS, WORDS, said
from arena_games.spiel import Hand, SpielGame

FOLD, CALL, RAISE = 0, 1, 2
ANSWER_FORMAT = "one of the legal action names: fold, call or raise"
MOST_SEATS = 3
RAISES = (2, 4)  # chips a raise adds, by round
MOST_ACTIONS = 7  # in one round of three: call call raise call raise call call
NUMBERS = MOST_SEATS + MOST_SEATS + 2
# own card; board card or none; number of seats; own place in the order of play; every action of both rounds: all
# one-hot. Then by place: chips put in (in units of 13) and folded (0 or 1); pot (of 39) and chips to call (of 8).
VECTOR = (MOST_SEATS + 1) + (MOST_SEATS + 2) + (MOST_SEATS - 1) + MOST_SEATS + 2 * MOST_ACTIONS * 3 + NUMBERS


@dataclass(slots=True)
class Table:
    """The state that follows from a hand's log, by the engine's player."""

    bets: list[int]  # chips put in, the ante included
    folded: set[int] = field(default_factory=set)
    rounds: list[list[int]] = field(default_factory=lambda: [[], []])  # actions
    told: list[str] = field(default_factory=list)  # "P1 calls": player and verb, in order
    round: int = 0

    def verb(self, player: int, action: int) -> str:
        if action == FOLD:
            return "folds"
        return "raises" if action == RAISE else "calls" if max(self.bets) > self.bets[player] else "checks"


class Leduc(SpielGame):
    spec = GameSpec(
        id="leduc",
        version=1,
        summary="Leduc poker: one card each, one on the board, two rounds, pairs win",
        seats=(2, MOST_SEATS),
        actions=Discrete(("fold", "call", "raise")),
        horizon=2 * MOST_ACTIONS,
        unit="chips a hand",
        image_sizes=((128, 128), (256, 256), (384, 384), (512, 512), (600, 960)),
        vector_shape=(VECTOR,),
        text=True,
        on_fault="default",
        options={"hands": Option("int", 1, "hands a match; the first to act moves by one seat each", 1, 1000)},
        baseline="arena_games.leduc.baseline:choose",
    )
    teacher = "arena_games.leduc.teacher:lessons"
    exact = "arena_games.leduc.exact:exact"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        longest = 2 * (4 if seats == 2 else MOST_ACTIONS)
        self.spec = msgspec.structs.replace(self.spec, horizon=longest * self.hand_count)

    def engine_name(self) -> str:
        return f"leduc_poker(players={self.seats})"

    def card(self) -> GameCard:
        deck = ", ".join(WORDS[rank] for rank in RANKS[: self.seats + 1])
        small, large = RAISES
        hands = f"{self.hand_count} hand{'s' * (self.hand_count != 1)}"
        prompts = folder("arena_games.leduc")
        rules = prompts.pop("rules").format(seats=self.seats, deck=deck, hands=hands, small=small, large=large)
        return self.make_card(rules, ANSWER_FORMAT, prompts)

    def default_action(self, seat: int) -> int:
        """Check if nothing is to call, else fold."""
        return FOLD if FOLD in self.legal(seat) else CALL

    # State by the engine's player.

    def table(self, hand: Hand | None = None) -> Table:
        """Bets, folds and actions of `hand` (the current one by default), replayed from its log. Not to be changed."""
        return _table(self.seats, tuple((hand or self.hand).log[self.seats :]))

    def shown(self, hand: Hand) -> set[int]:
        """Players whose cards are public: at a showdown, those who did not fold."""
        if not hand.over:
            return set()
        left = set(range(self.seats)) - self.table(hand).folded
        return left if len(left) > 1 else set()

    def known(self, hand: Hand, seat: int) -> set[int]:
        board = set(range(self.seats, len(hand.drawn)))
        return {self.player_of(seat, self.hands.index(hand))} | board | self.shown(hand)

    def rank(self, player: int) -> str:
        return RANKS[self.hand.drawn[player] // 2]

    def board(self) -> str:
        """The board card's rank, or "" before it is dealt."""
        drawn = self.hand.drawn
        return RANKS[drawn[self.seats] // 2] if len(drawn) > self.seats else ""

    # Views.

    def picture(self, seat: int | None, height: int, width: int) -> Image:
        from arena_games.leduc import draw  # only drawing needs an imaging library

        return draw.picture(self, seat, height, width)

    def vector(self, seat: int) -> Vector:
        player, table, board = self.player_of(seat), self.table(), self.board()
        out = np.zeros(VECTOR, np.float32)
        out[RANKS.index(self.rank(player))] = 1
        at = MOST_SEATS + 1
        out[at + (RANKS.index(board) if board else MOST_SEATS + 1)] = 1
        at += MOST_SEATS + 2
        out[at + self.seats - 2] = 1
        at += MOST_SEATS - 1
        out[at + player] = 1
        at += MOST_SEATS
        for actions in table.rounds:
            for number, action in enumerate(actions):
                out[at + 3 * number + action] = 1
            at += 3 * MOST_ACTIONS
        for place, bet in enumerate(table.bets):
            out[at + place] = bet / 13
            out[at + MOST_SEATS + place] = place in table.folded
        out[-2] = sum(table.bets) / 39
        out[-1] = (max(table.bets) - table.bets[player]) / 8
        return out

    def facts(self, seat: int) -> dict[str, str]:
        table, player, due = self.table(), self.player_of(seat), self.due_seat
        names = self.spec.actions.names
        history = [" ".join(names[action] for action in actions) for actions in table.rounds[: table.round + 1]]
        return {
            "seat": str(seat),
            "seats": str(self.seats),
            "hand": self.rank(player),
            "board": self.board() or "none",
            "pot": str(sum(table.bets)),
            "bets": ", ".join(f"seat {s}: {table.bets[self.player_of(s)]}" for s in range(self.seats)),
            "to_call": str(max(table.bets) - table.bets[player]),
            "history": " / ".join(history).strip() or "none",
            "shown": ", ".join(f"seat {self.seat_of(p)}: {self.rank(p)}" for p in sorted(self.shown(self.hand))),
            "turn": "nobody" if due is None else f"seat {due}",
            "hand_number": f"{len(self.hands)} of {self.hand_count}",
            "last_hand": "; ".join(self.last_hand) or "none",
            **self.labels(seat),
        }

    def labels(self, seat: int) -> dict[str, str]:
        """Each legal action with its current amount, for people's buttons: `label.call` is "call 2"."""
        table, names = self.table(), self.spec.actions.names
        due = max(table.bets) - table.bets[self.player_of(seat)]
        raised = f"raise to {max(table.bets) + RAISES[table.round]}"
        said = {FOLD: "fold", CALL: f"call {due}" if due else "check", RAISE: raised}
        return {f"label.{names[action]}": said[action] for action in self.legal(seat)}

    def text(self, seat: int, facts: Mapping[str, str]) -> str:
        board = (
            "The board card is not dealt yet" if facts["board"] == "none" else f"The board is {said(facts['board'])}"
        )
        lines = [
            f"You are seat {seat} of {self.seats} (seats 0 to {self.seats - 1}). Hand {facts['hand_number']}.",
            f"You hold {said(facts['hand'])}. {board}.",
            f"Chips in the pot: {facts['pot']} ({facts['bets']}). You need {facts['to_call']} to call.",
            f"This hand so far: {self.told() or 'nobody has acted'}.",
        ]
        if facts["shown"]:
            lines.append(f"Shown: {facts['shown']}.")
        legal = ", ".join(self.spec.actions.names[action] for action in self.legal(seat))
        lines.append(f"It is your turn. Legal actions: {legal}." if legal else f"To act: {facts['turn']}.")
        return "\n".join(lines)

    # Events.

    def told(self) -> str:
        """Every action of this hand as a sentence."""
        table = self.table()
        first = len(table.rounds[0])
        words = []
        for entry in table.told:
            player, verb = entry.split()
            words.append(f"seat {self.seat_of(int(player))} {verb}")
        rounds = [", ".join(part) for part in (words[:first], words[first:]) if part]
        return "; then ".join(rounds)

    def action_event(self, seat: int, action: int) -> str:
        return f"seat {seat} {self.table().verb(self.player_of(seat), action)}"

    def chance_events(self, outcomes: Sequence[int]) -> list[str]:
        return [f"the board is {said(self.board())}"]

    def end_events(self) -> list[str]:
        cards = [f"seat {self.seat_of(p)} shows {said(self.rank(p))}" for p in sorted(self.shown(self.hand))]
        returns = self.hand.state.returns()
        best = [player for player in range(self.seats) if returns[player] == max(returns)]
        won = " and ".join(f"seat {self.seat_of(player)}" for player in best)
        return [*cards, f"{won} {'win' if len(best) == 1 else 'share'}{'s' * (len(best) == 1)} the pot"]


@lru_cache(maxsize=1024)
def _table(seats: int, log: tuple[tuple[int, int], ...]) -> Table:
    """What follows from the actions and the cards that came between them: the same few in match after match."""
    out = Table([1] * seats)
    for player, action in log:
        if player < 0:
            out.round = 1
            continue
        out.rounds[out.round].append(action)
        out.told.append(f"{player} {out.verb(player, action)}")
        if action == FOLD:
            out.folded.add(player)
        else:
            out.bets[player] = max(out.bets) + (RAISES[out.round] if action == RAISE else 0)
    return out
