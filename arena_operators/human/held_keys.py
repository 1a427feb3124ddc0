"""Playing by held keys: which keys are held, which action they mean, and when it is sent. As page/held.js; no I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from arena.operator import OpenSeat

TICK = 0.125  # seconds of a decision in a game without a clock
CHORD = 0.04  # seconds after a press in which further keys may follow before the answer is sent
# When a question of a game that waits for nobody is answered, in ticks after it came: as late as possible, since what
# is held then counts, but earlier from now on after an answer that was late.
EARLY, LESS, MORE = 0.4, 0.15, 0.01
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}


def action_of(seat: OpenSeat, legal: Sequence[int], held: Collection[str]) -> int | None:
    """Returns the legal action that holds the most of the held buttons and no others; of equal ones the first."""
    holds = {action: seat.card.buttons.get(seat.card.actions[action]) for action in legal}
    fits = [action for action, buttons in holds.items() if buttons is not None and set(buttons) <= set(held)]
    return max(fits, key=lambda action: len(holds[action] or ()), default=None)


@dataclass(slots=True)
class HeldKeys:
    """The held keys of one person. Times are seconds of one clock."""

    down: dict[str, None] = field(default_factory=dict)  # in the order in which they were pressed
    tapped: dict[str, None] = field(default_factory=dict)  # pressed since the last answer, held or not
    live: bool = True  # answers are sent as time passes; else only while a key is held
    begun: bool = False
    paused: bool = False
    once: bool = False  # send one decision with the held keys now
    pressed: float = -1e9
    sent: float = -1e9
    asked: float = -1e9
    early: float = EARLY

    def press(self, button: str, now: float) -> None:
        """A button goes down."""
        for kept in (self.down, self.tapped):
            kept.pop(button, None)
            kept[button] = None
        self.pressed = now
        self.begun = self.begun or not self.paused

    def let_go(self, button: str) -> None:
        """A button goes up."""
        self.down.pop(button, None)

    def release(self) -> None:
        """Forget all keys: the page has lost the focus."""
        self.down.clear()
        self.tapped.clear()

    @property
    def held(self) -> set[str]:
        """The buttons that count as held: also those tapped between two answers; of two opposite ones the later."""
        order = list({**self.down, **self.tapped})
        out = set(order)
        for button in reversed(order):
            if button in out:
                out.discard(OPPOSITE.get(button, ""))
        return out

    def ask(self, seat: OpenSeat, now: float) -> None:
        """A question has come."""
        ticks = (now - self.asked) / (seat.card.seconds or TICK)
        self.early = max(0.0, self.early - LESS) if 1.5 < ticks < 5 else min(EARLY, self.early + MORE)
        self.asked = now

    def due(self, seat: OpenSeat, now: float) -> bool:
        """Whether the question must be answered now."""
        tick = seat.card.seconds or TICK
        if self.once:
            return True
        if self.live and not self.begun:
            return False
        if seat.pace == "realtime":
            return now >= self.asked + self.early * tick
        if self.paused or now < self.sent + tick:
            return False
        return self.live or (bool(self.held) and now >= self.pressed + CHORD)

    def answered(self, now: float) -> None:
        """An answer was given."""
        self.sent, self.once = now, False
        self.tapped.clear()
