"""Answered questions to begin a chat with (few-shot): what the game's teacher, or else its baseline, does.

The brief prompt has others: a small model that is told a form does not keep to it; one that is shown it does.

They are drawn by a key of their own, from no seed of any run; the same for every seat and match of a game. They hold no
pictures: a teacher's are small, and what a picture shows stands in the text as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from arena import plugins
from arena.canonical import generator, key
from arena.errors import ArenaError
from arena.game import Game, GameCard, Observation, Views
from arena.operator import OpenSeat
from arena.prompts import MARK, Prompt
from arena.text import unmarked
from arena_operators.vlm.chat import ASK, Exchange
from arena_operators.vlm.prompt import lay_out

SHOWN = 4  # actions in a worked example
MATCHES = 40  # most that are played to find examples
Shown = tuple[GameCard, Observation, str | None, str]  # card, observation, thought, answer


def worked(card: GameCard, count: int) -> Sequence[Exchange]:
    """`count` questions of the brief prompt's form. Each answer names another action, while there is one.

    None says what is a good move: their positions are not told, so they are made of the card alone.
    """
    shown = [unmarked(name) for name in card.actions[:SHOWN]]
    ask = ASK.format(legal=", ".join(shown))
    answers = [shown[round(number * (len(shown) - 1) / max(count - 1, 1))] for number in range(count)]
    return [Exchange((ask,), f"{MARK} {action}") for action in answers]


def examples(seat: OpenSeat, prompt: Prompt, count: int, *, thoughts: bool) -> Sequence[Exchange]:
    """`count` questions and answers, of as many different actions as there are. ValueError where there are too few."""
    card = seat.card
    found: list[Shown] = []
    used: Counter[str] = Counter()
    for match in _matches(card):
        fitting = [one for one in match if one[1].legal and one[1].facts is not None]
        if not fitting:
            continue
        best = min(fitting, key=lambda one: used[one[3]])
        used[best[3]] += 1
        found.append(best)
        if len(found) == count:
            return [_exchange(one, prompt, thoughts) for one in found]
    raise ValueError(
        f"@examples={count}: {card.game} gives {len(found)} here. They come from a game's teacher or baseline, for "
        "games that are installed where the model's worker runs and need no environment of their own: leave it out, or "
        "say @prompt=brief"
    )


def _exchange(shown: Shown, prompt: Prompt, thoughts: bool) -> Exchange:
    card, seen, thought, answer = shown
    told = lay_out(thought, answer) if thoughts and thought else f"{MARK} {answer}"
    return Exchange((prompt.fill(card, seen),), unmarked(told))


def _matches(card: GameCard) -> Iterator[list[Shown]]:
    """Matches of the teacher at such a table, else of the baseline."""
    try:
        made = plugins.game_class(card.game)
        yield from _taught(made, card)
        yield from _played(made, card)
    except (ArenaError, ImportError, OSError):  # it cannot be played in this process
        return


def _taught(made: type[Game], card: GameCard) -> Iterator[list[Shown]]:
    if made.teacher is None:
        return
    teach = plugins.resolve(made.teacher)
    for number in range(MATCHES):
        lessons = teach(generator(key("examples of prompts", card.game, number)))
        yield [
            (one.card, one.observation, one.thought, one.answer)
            for one in lessons
            if (one.card.seats, one.card.actions) == (card.seats, card.actions)
        ]


def _played(made: type[Game], card: GameCard) -> Iterator[list[Shown]]:
    if card.baseline is None:
        return
    choose = plugins.resolve(card.baseline)
    for number in range(MATCHES):
        game = made(card.seats, card.options)
        views = Views(vector=game.spec.vector_shape is not None, text=True)
        chance = generator(key("examples of prompts", card.game, card.seats, number))
        result = game.reset(chance.bytes(16))
        match: list[Shown] = []
        while result.ended == "none":
            seen = {seat: game.observe(seat, views) for seat in result.due}
            moves = {seat: game.parse(seat, choose(one, card, chance)) for seat, one in seen.items()}
            for seat, move in moves.items():
                answer = str(move.say) if move.action is None else card.actions[move.action]
                match.append((card, seen[seat], None, answer))
            result = game.step(moves)
        yield match
