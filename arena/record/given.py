"""What a game is called: by its name, and the options that somebody chose, or that tell it from others beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arena import names, plugins
from arena.errors import InputError
from arena.options import Option
from arena.record.head import GameHead


def chosen(options: Mapping[str, Any], declared: Mapping[str, Option]) -> dict[str, Any]:
    """Of `options`, those that differ from the defaults in `declared`."""
    return {
        name: value
        for name, value in options.items()
        if value is not None and not (name in declared and declared[name].default == value)
    }


def titled(game: GameHead) -> str:
    """A game's name with the options that were chosen, as it is written: kuhn@hands=3.

    Where the game is not installed, or in a file, which is not imported for a title, all options that have a value.
    """
    declared: Mapping[str, Option] = {}
    if game.file is None:
        try:
            declared = plugins.game_class(game.name).spec.options
        except (InputError, *plugins.BROKEN):
            pass
    return game.name + "".join(f"@{name}={value}" for name, value in worded(chosen(game.options, declared)).items())


def titles(games: Sequence[GameHead]) -> list[str]:
    """What the games of a run are called, each differently: by name; those of one name with the options and seats by

    which they differ.
    """
    facts = [{**game.options, "seats": game.seats} for game in games]
    made = []
    for game, mine in zip(games, facts, strict=True):
        others = [one for other, one in zip(games, facts, strict=True) if other.name == game.name]
        apart = {
            name: value
            for name, value in mine.items()
            if value is not None and any(one.get(name) != value for one in others)
        }
        made.append(game.name + "".join(f"@{name}={value}" for name, value in worded(apart).items()))
    return names.numbered(made)


def worded(options: Mapping[str, Any]) -> dict[str, str]:
    """Their values as a user writes them."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.items()}
