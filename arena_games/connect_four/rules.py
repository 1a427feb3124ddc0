"""Connect four on OpenSpiel's engine; `opening` lets chance drop the first discs, so that seeds differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from arena.canonical import generator
from arena.game import Discrete, GameCard, GameSpec, Image, StepResult, Vector
from arena.options import Option
from arena.prompts import folder
from arena_games.spiel import SpielGame

COLUMNS, ROWS = 7, 6
ANSWER_FORMAT = "one of the legal action names: column 1 to column 7"
DISCS = ("red", "yellow")  # by seat
VECTOR = 2 * COLUMNS * ROWS + 1
DIRECTIONS = ((1, 0), (0, 1), (1, 1), (1, -1))
Place = tuple[int, int]  # (column, row), from 0, row 0 lowest


class ConnectFour(SpielGame):
    spec = GameSpec(
        id="connect_four",
        version=1,
        summary="Connect four: drop discs, four in a line win",
        seats=(2, 2),
        actions=Discrete(tuple(f"column {column}" for column in range(1, COLUMNS + 1))),
        horizon=COLUMNS * ROWS,
        unit="points",
        image_sizes=((128, 128), (256, 256), (384, 384), (512, 512), (600, 960)),
        vector_shape=(VECTOR,),
        text=True,
        perfect_information=True,
        on_fault="forfeit",
        seeded=False,
        options={"opening": Option("int", 0, "discs dropped at random by the seed before play", 0, 12)},
        baseline="arena_games.connect_four.baseline:choose",
    )
    teacher = "arena_games.connect_four.teacher:lessons"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        self.opening = int(self.options["opening"])
        self.spec = msgspec.structs.replace(self.spec, seeded=self.opening > 0, horizon=COLUMNS * ROWS - self.opening)

    def engine_name(self) -> str:
        return "connect_four"

    def card(self) -> GameCard:
        prompts = folder("arena_games.connect_four")
        return self.make_card(prompts.pop("rules"), ANSWER_FORMAT, prompts)

    def reset(self, seed: bytes) -> StepResult:
        """As `Game.reset`. With `opening`, that many discs are on the board already; no side has won."""
        super().reset(seed)
        chance = generator(seed)
        while len(self.hand.log) < self.opening:
            column = int(chance.choice(self.hand.state.legal_actions()))
            after = self.hand.clone()
            after.apply(column)
            if not after.over:
                self.hands = [after]
        return StepResult.going((self.hand.player,), (0.0, 0.0), self.state_hash())

    def forfeit(self, seat: int) -> StepResult:
        """`seat` loses, the other wins."""
        if self.due_seat is None:
            raise ValueError("connect_four: the match is over, nobody can forfeit")
        self.forfeited = seat
        returns = tuple(-1.0 if at == seat else 1.0 for at in range(self.seats))
        return StepResult.terminated(returns, returns, self.state_hash(), (f"{DISCS[seat]} forfeits",))

    # The board.

    def grid(self) -> list[list[int]]:
        """By column, the seats of its discs from the bottom up."""
        out: list[list[int]] = [[] for _ in range(COLUMNS)]
        for player, column in self.hand.log:
            out[column].append(player)
        return out

    def line(self) -> list[Place]:
        """Returns the places of a line of four, or an empty tuple if there is none."""
        grid = self.grid()
        at = {(column, row): disc for column, discs in enumerate(grid) for row, disc in enumerate(discs)}
        for (column, row), disc in at.items():
            for right, up in DIRECTIONS:
                places = [(column + right * step, row + up * step) for step in range(4)]
                if all(at.get(place) == disc for place in places):
                    return places
        return []

    # Views.

    def picture(self, seat: int | None, height: int, width: int) -> Image:
        from arena_games.connect_four import draw  # only drawing needs an imaging library

        return draw.picture(self, seat, height, width)

    def vector(self, seat: int) -> Vector:
        """Own discs (column by column, bottom up), the other's discs, and whether it is this seat's turn."""
        out = np.zeros(VECTOR, np.float32)
        for column, discs in enumerate(self.grid()):
            for row, disc in enumerate(discs):
                out[(disc != seat) * COLUMNS * ROWS + column * ROWS + row] = 1
        out[-1] = seat == self.due_seat
        return out

    def facts(self, seat: int) -> dict[str, str]:
        log, due = self.hand.log, self.due_seat
        return {
            "seat": str(seat),
            "seats": str(self.seats),
            "disc": DISCS[seat],
            "move": str(len(log) + 1),
            "board": self.rows(),
            "history": " ".join(str(column + 1) for _, column in log) or "none",
            "last": f"column {log[-1][1] + 1}" if log else "none",
            "turn": "nobody" if due is None else f"seat {due}",
        }

    def rows(self) -> str:
        """The board as seven lines, the top row first: R red, Y yellow, . free, then the columns' numbers."""
        grid = self.grid()
        rows = [
            " ".join("RY"[grid[column][row]] if row < len(grid[column]) else "." for column in range(COLUMNS))
            for row in range(ROWS - 1, -1, -1)
        ]
        return "\n".join([*rows, " ".join(str(column + 1) for column in range(COLUMNS))])

    def text(self, seat: int, facts: Mapping[str, str]) -> str:
        legal = ", ".join(self.spec.actions.names[action] for action in self.legal(seat))
        return "\n".join(
            [
                f"You play {facts['disc']} ({facts['disc'][0].upper()}). The other disc is {DISCS[1 - seat]}.",
                "The board (R red, Y yellow, . free; the last line numbers the columns):",
                facts["board"],
                f"Columns played so far: {facts['history']}.",
                f"It is your turn. Legal actions: {legal}." if legal else f"To move: {facts['turn']}.",
            ]
        )

    # Events.

    def action_event(self, seat: int, action: int) -> str:
        return f"{DISCS[seat]} drops a disc into column {action + 1}"

    def end_events(self) -> list[str]:
        returns = self.hand.state.returns()
        winner = [seat for seat in range(self.seats) if returns[seat] > 0]
        return [f"{DISCS[winner[0]]} has four in a line and wins" if winner else "the board is full: a draw"]
