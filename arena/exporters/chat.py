"""Chats for supervised fine-tuning: one row a turn, with the prompt, the answer and the pictures, as TRL takes them.

Of a model the prompt is the one that it was asked with and the answer the text that it wrote, thoughts included. Of any
other operator the prompt is the game's own, and the answer is its action laid out as that prompt asks for it. What was
a fault teaches nothing and is left out; so are, of a model with tools, the turns from its first call in a match on,
since what it was asked there is not in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from arena import prompts
from arena.errors import InputError, UnplayableError
from arena.exporters import parquet
from arena.exporters.episodes import Episode, Reader, Step, Wanted, count
from arena.exporters.options import Options, views_of
from arena.game import GameCard, Observation, Views
from arena.prompts import MARK, SAY
from arena.record.asked import Messages, asked_with
from arena.record.head import OperatorHead
from arena.turns import Turn

COLUMNS = {
    **{"prompt": "messages", "completion": "messages"},
    **{"game": "text", "match": "whole", "block": "whole", "seat": "whole", "tick": "whole", "operator": "text"},
    **{"reward": "real", "return": "real"},
}


def export(reader: Reader, out: Path, options: Options) -> list[str]:
    """Writes OUT/train.parquet: `datasets.load_dataset("OUT")`."""
    left = {"faults": 0, "with tools": 0}
    views = {place: _views(reader, place, options) for place in reader.games}
    pictures = any(one(head).image for place, one in views.items() for head in reader.operators(place))
    table = parquet.Table(COLUMNS, pictures)
    written = table.write(out / "train.parquet", _rows(reader, views, options, left))
    told = [f"{count(written, 'turn')} as prompt and completion"]
    if not written:
        raise InputError("no turn is left to be learned from: all of them were faults, or used tools")
    told += [f"left out: {count(number, 'turn')} ({why})" for why, number in left.items() if number]
    return told


def _views(reader: Reader, place: int, options: Options) -> Wanted:
    """What a model was given, and for others what the game's own prompt needs."""
    others = [one for one in reader.operators(place) if asked_with(one) is None]
    views = prompt_views(reader, place, others, options) if others else Views()
    return lambda head: head.views if asked_with(head) is not None else views


def _rows(reader: Reader, views: dict[int, Wanted], options: Options, left: dict[str, int]) -> Iterator[parquet.Row]:
    for place, head in reader.games.items():
        for episode in reader.episodes(place, views[place]):
            for step, messages, text in _turns(episode, options, left):
                yield {
                    "prompt": messages,
                    "completion": [("assistant", [text])],
                    "game": head.name,
                    "match": episode.plan.index,
                    "block": episode.plan.block,
                    "seat": episode.seat,
                    "tick": step.turn.request.tick,
                    "operator": episode.operator.name,
                    "reward": step.turn.reward,
                    "return": episode.returns[episode.seat],
                }


def _turns(episode: Episode, options: Options, left: dict[str, int]) -> Iterator[tuple[Step, Messages, str]]:
    """The turns to learn from, each with its prompt and its answer."""
    made = asked_with(episode.operator)
    names = episode.opening.seats
    asked: Iterator[Messages] | None = None
    if made is not None:
        requests = [step.turn.request for step in episode.steps]
        texts = [step.turn.decision.raw or "" for step in episode.steps]
        asked = iter(made(episode.operator.what, episode.operator.options, episode.opening, requests, texts))
    tools = False
    for step in episode.steps:
        turn = step.turn
        messages = next(asked) if asked is not None else None
        tools = tools or bool(turn.decision.calls)
        if turn.fault is not None or turn.move is None:
            left["faults"] += 1
        elif tools:
            left["with tools"] += 1
        elif messages is not None and turn.decision.raw:
            yield step, messages, turn.decision.raw
        else:
            card = episode.opening.card
            yield step, messages or question(card, step.seen, options.prompt, names), answer(card, turn)


def prompt_views(reader: Reader, place: int, operators: list[OperatorHead], options: Options) -> Views:
    """The views that the game's own prompt needs: the text, and the picture where that was given or is asked for.

    UnplayableError where the game has no such prompt.
    """
    game = reader.game(place)
    spec, card = game.spec, game.card()
    if options.prompt not in card.prompts:
        known = ", ".join(card.prompts) or "none"
        raise UnplayableError(f"--prompt {options.prompt}: {card.game} has no such prompt; it has: {known}")
    return Views(image=views_of(spec, operators, options).image, text=True)


def question(card: GameCard, seen: Observation, which: str, names: tuple[str, ...]) -> Messages:
    """What the game's own prompt asks, with the picture if there is one."""
    prompt = prompts.Prompt.of(card.prompts[which], card, thoughts=False)
    text = prompt.fixed + prompt.fill(card, seen, names)
    if prompt.lacks_layout:
        text += "\n" + prompts.constants(card, thoughts=False)["layout"]
    return [("user", [*([seen.image] if seen.image is not None else []), text])]


def answer(card: GameCard, turn: Turn) -> str:
    """A move as the prompt asks for it."""
    move = turn.move
    assert move is not None
    if move.action is None:
        return f"{MARK} {move.say}"
    said = [f"{SAY} {move.say}"] if move.say else []
    return "\n".join([*said, f"{MARK} {card.actions[move.action]}"])
