"""What the three adapters share: parsing answers, text views, prompts, the check of a step."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from arena.game import (
    Game,
    GameCard,
    IllegalActionError,
    Image,
    Move,
    Observation,
    UnparsableAnswerError,
    Vector,
    Views,
)

FULL = """\
You play a game and want to win it.

{rules}

You are told below what you may know now, in the words of the library that the game comes from. The picture, if there \
is one, shows the same moment.
An action is written so: {answer_format}.

{layout}

{text}

Which of the legal actions do you choose: {legal}? End with the line that begins with Answer:"""

LISTED = 40  # most legal actions that the message about a wrong answer lists


class Adapter(Game):
    """A game of another library. A subclass gives `legal`, `vector`, `seen`, `picture`, and the steps."""

    rules: ClassVar[str] = ""  # what is known about the game
    answers: ClassVar[str] = ""  # answers accepted besides an action's name; "" when there are none
    index: ClassVar[dict[str, int]] = {}  # action by its name in lower case

    # What a subclass gives.

    @abc.abstractmethod
    def legal(self, seat: int) -> tuple[int, ...]:
        """Legal actions of `seat`, ascending; empty when it is not due."""

    @abc.abstractmethod
    def seen(self, seat: int) -> dict[str, str]:
        """What `seat` may know, in words: the fact `observation`, and any others that the game has."""

    @abc.abstractmethod
    def vector(self, seat: int) -> Vector:
        """What `seat` may know: float32 of spec.vector_shape, a new array."""

    @abc.abstractmethod
    def waiting_for(self) -> tuple[int, ...]:
        """The seats that are due; empty after the end."""

    def image(self, seat: int, height: int, width: int) -> Image:
        """What `seat` may see, a new array. Needed where spec.image_sizes is not empty."""
        raise NotImplementedError(f"{self.spec.id} has no pictures for a seat")

    def word(self, seat: int, action: int) -> str:
        """The library's own word for a legal action, or the action's name where the library has none."""
        return self.spec.actions.names[action]

    def elsewise(self, seat: int, answer: str) -> int | None:
        """Returns the legal action that `answer` means although it is not an action's name, or None."""
        wanted = answer.strip()
        words = {self.word(seat, action).strip(): action for action in self.legal(seat)}
        if wanted in words:
            return words[wanted]
        found = [action for word, action in words.items() if word.lower() == wanted.lower()]
        return found[0] if len(found) == 1 else None  # two words may differ only in case, as in chess

    # The contract.

    def card(self) -> GameCard:
        form = f"the name of a legal action, for example {self.spec.actions.names[0]}"
        return self.make_card(self.rules, f"{form}{self.answers}", {"full": FULL})

    def observe(self, seat: int, views: Views) -> Observation:
        if not 0 <= seat < self.seats:
            raise ValueError(f"{self.spec.id} has seats 0 to {self.seats - 1}, not {seat}")
        if views.image is not None and views.image not in self.spec.image_sizes:
            sizes = list(self.spec.image_sizes) or "nothing"
            raise ValueError(f"{self.spec.id} draws {sizes} (height, width) for a seat, not {views.image}")
        if views.vector and self.spec.vector_shape is None:
            raise ValueError(f"{self.spec.id} has no vector view")
        facts = self.facts(seat) if views.text else None
        return Observation(
            legal=self.legal(seat),
            image=None if views.image is None else self.image(seat, *views.image),
            vector=self.vector(seat) if views.vector else None,
            text=None if facts is None else self.text(facts),
            facts=facts,
        )

    def facts(self, seat: int) -> dict[str, str]:
        """What `seat` may know, as named parts for prompt templates."""
        names, due = self.spec.actions.names, self.waiting_for()
        words = {action: self.word(seat, action) for action in self.legal(seat)}
        return {
            **self.seen(seat),
            "seat": str(seat),
            "seats": str(self.seats),
            "turn": " and ".join(f"seat {one}" for one in due) or "nobody",
            "actions": "; ".join(
                names[action] if word == names[action] else f"{names[action]} = {word}"
                for action, word in words.items()
            ),
        }

    def text(self, facts: Mapping[str, str]) -> str:
        """What a seat may know, for a reader; `facts` is what `self.facts(seat)` gave."""
        turn = f"It is your turn. Legal actions: {facts['actions']}." if facts["actions"] else ""
        return "\n".join(
            [
                f"You are seat {facts['seat']} of {facts['seats']} (0 to {int(facts['seats']) - 1}).",
                facts["observation"].rstrip("\n"),
                turn or f"To move: {facts['turn']}.",
            ]
        )

    def parse(self, seat: int, answer: int | str | None) -> Move:
        """As `Game.parse`; also accepts what `elsewise` does, e.g. the library's own word for a legal action."""
        legal = self.legal(seat)
        names = self.spec.actions.names
        if isinstance(answer, str):
            action = self.index.get(answer.strip().lower())
            if action is None:
                action = self.elsewise(seat, answer)
            if action is None:
                raise UnparsableAnswerError(f"{answer[:80]!r} is not an action; legal: {_listed(names, legal)}")
        elif isinstance(answer, bool) or answer is None:
            raise UnparsableAnswerError(f"no answer; legal: {_listed(names, legal)}")
        elif not 0 <= answer < len(names):
            raise UnparsableAnswerError(f"action {answer} is outside 0..{len(names) - 1}")
        else:
            action = answer
        if action not in legal:
            raise IllegalActionError(f"{names[action]} is not legal now; legal: {_listed(names, legal)}")
        return Move(action)

    def check(self, actions: Mapping[int, int]) -> None:
        """Raises ValueError unless `actions` holds one legal action for each seat that is due."""
        due = self.waiting_for()
        if not due:
            raise ValueError(f"{self.spec.id}: nobody is due; the match is over or `reset` was not called")
        if set(actions) != set(due):
            raise ValueError(f"{self.spec.id}: due are seats {list(due)}, but actions came for {sorted(actions)}")
        for seat, action in actions.items():
            if action not in self.legal(seat):
                raise ValueError(f"{self.spec.id}: action {action!r} of seat {seat} is not legal now")

    def said(self, actions: Mapping[int, int]) -> tuple[str, ...]:
        """One sentence an action. Where seats know different things, an action may be one of them: it is not told."""
        if not self.spec.perfect_information:
            return tuple(f"seat {seat} acts" for seat in sorted(actions))
        return tuple(f"seat {seat}: {self.word(seat, action)}" for seat, action in sorted(actions.items()))


def named(names: Sequence[str | None]) -> tuple[str, ...]:
    """Names that differ in more than letter case; an action without a usable name is called `action 17`."""
    known = [_tidy(name) for name in names]
    lower = [name.lower() for name in known if name]
    return tuple(
        name if name and lower.count(name.lower()) == 1 and name.upper().lower() == name.lower() else f"action {at}"
        for at, name in enumerate(known)
    )


def index_of(names: Sequence[str]) -> dict[str, int]:
    """Action by its name in lower case."""
    return {name.lower(): action for action, name in enumerate(names)}


def family(base: type[Adapter], name: str, **facts: Any) -> type[Adapter]:
    """A class of its own for one game of a family: `base` with these class attributes."""
    return type(name, (base,), {"__module__": base.__module__, "__doc__": base.__doc__, **facts})


def _tidy(name: str | None) -> str:
    return " ".join((name or "").split())


def _listed(names: Sequence[str], legal: Sequence[int]) -> str:
    more = f" and {len(legal) - LISTED} more" if len(legal) > LISTED else ""
    return ", ".join(names[action] for action in legal[:LISTED]) + more if legal else "nothing, this seat is not due"
