"""`arena prompt`: the exact messages that a model is asked with, without a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from PIL import Image as Pictures

from arena import names, plugins
from arena.canonical import generator, key
from arena.cli.one_operator import OneOperator
from arena.cli.options import option
from arena.cli.whole import Whole
from arena.errors import InputError
from arena.game import Game, Views
from arena.lineup import SEATS, build_lineup
from arena.operator import OpenSeat, Request
from arena.plan import Entry
from arena.prompts import MARK
from arena.session import LocalSession
from arena.sync import SyncMatch
from arena.text import printable


@click.command()
@click.option("--game", default="holdem", show_default=True, help="As for `arena play`.")
@click.option(
    "--operator",
    default="vlm",
    show_default=True,
    type=OneOperator(),
    help="The model, with its options: llm@history=2, vlm:DIR@prompt=mine.txt.",
)
@option("--seat", type=Whole(0), show_default="of who acts first", help="Whose prompt.")
@click.option("--turn", type=Whole(1), default=1, show_default=True, help="Which turn of that seat.")
@click.option("--seed", type=Whole(0), default=0, show_default=True, help="Of the match.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the pictures into this folder.")
def prompt(game: str, operator: str, seat: int | None, turn: int, seed: int, out: Path | None) -> None:
    """Show what a model would be asked in a match: each message with its role, texts and pictures.

    No model is loaded. All seats play the game's baseline, or at random where it has none; the model's earlier answers
    are those moves.
    """
    made = _made(game)
    (entry,) = build_lineup(made, [operator])
    if entry.kind.prompts is None:
        raise InputError(f"operator {entry.name!r} is asked without prompts; vlm and llm are asked with them")
    asked, requests, answers = _played(made, entry, seat, turn, seed)
    pictures = 0
    *_, last = plugins.resolve(entry.kind.prompts)(entry.what, entry.options, asked, requests, answers)
    for role, parts in last:
        click.echo(f"--- {role}")
        for part in parts:
            if isinstance(part, str):
                click.echo(printable(part, lines=True))
                continue
            pictures += 1
            height, width = part.shape[:2]
            where = ""
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                Pictures.fromarray(part).save(out / f"picture-{pictures}.png")
                where = f": {out / f'picture-{pictures}.png'}"
            click.echo(f"[picture {height}x{width}{where}]")


def _made(text: str) -> Game:
    name = names.parse(text)
    options: dict[str, Any] = dict(name.options)
    try:
        seats = SEATS.check("seats", options.pop("seats", None))
        cls = plugins.game_class(str(replace(name, options={})))
        low, high = cls.spec.seats
        return cls(seats or min(max(2, low), high), options)
    except ValueError as error:
        raise InputError(f"game {text!r}: {error}") from error


def _played(
    game: Game, entry: Entry, seat: int | None, turn: int, seed: int
) -> tuple[OpenSeat, list[Request], list[str]]:
    """(the seat, its requests up to that turn, the texts that answered those before it).

    InputError when it has no such turn.
    """
    spec, card = game.spec, game.card()
    choose = plugins.resolve(spec.baseline) if spec.baseline is not None else None
    chance = generator(key("arena prompt", seed))
    every = Views(image=entry.views.image, vector=spec.vector_shape is not None, text=spec.text)
    match = SyncMatch(LocalSession(game, [every] * game.seats), game.seats, key("arena prompt", seed, "deal"))
    seat = next(iter(match.waiting)) if seat is None else seat
    requests: list[Request] = []
    answers: list[str] = []
    while not match.over:
        for due, seen in list(match.waiting.items()):
            if due == seat:
                number = len(requests)
                requests.append(Request(number, 0, seat, number, match.look(seat, entry.views)))
                if len(requests) == turn:
                    names = tuple(f"player {number}" for number in range(game.seats))
                    asked = OpenSeat(
                        match=0,
                        seat=seat,
                        operator=entry.name,
                        card=card,
                        views=entry.views,
                        seed=bytes(16),
                        seats=names,
                    )
                    return asked, requests, answers
            answer = int(chance.choice(seen.legal)) if choose is None else choose(seen, card, chance)
            if due == seat:
                answers.append(f"{MARK} {answer if isinstance(answer, str) else card.actions[answer]}")
            match.answer(due, answer)
    raise InputError(
        f"seat {seat} has {len(requests)} turns in this match, so no turn {turn}: name another --turn, --seat (0 to "
        f"{game.seats - 1}) or --seed"
    )
