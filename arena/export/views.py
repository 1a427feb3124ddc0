"""Shared by the exported environments: the choice of the game and of the agents' view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, SupportsInt

from arena import commands, plugins
from arena.errors import InputError, UnplayableError
from arena.game import Game, GameSpec, Image, Observation, Vector, Views, floats
from arena.operator import Decision
from arena.supervisor.runtime import home


def game_of(
    game: str | type[Game] | Callable[[int], Game], seats: int | None, options: Mapping[str, Any] | None
) -> Game:
    """Returns the game of a name, a class, or a callable of the number of seats. InputError for a bad argument."""
    if isinstance(game, str):
        game = plugins.game_class(game)
    if not isinstance(game, type):
        if seats is None:
            raise InputError("a callable makes the game: say for how many seats")
        return game(seats)
    if not issubclass(game, Game):
        raise InputError(f"{game!r} is not an arena.game.Game")
    _check_runtime(game)
    try:
        return game(game.spec.seats[0] if seats is None else seats, options)
    except ValueError as error:
        raise InputError(str(error)) from error


def _check_runtime(game: type[Game]) -> None:
    """InputError where the game's packages cannot be imported in this Python, which an exported game runs in."""
    if game.runtime is None or home.fits_here(plugins.runtime(game.runtime)):
        return
    raise InputError(
        f"{game.spec.id} needs its runtime {game.runtime!r}, and an exported game runs in this Python, which does not "
        f"fit it. Create it with: {commands.arena('env', 'create', game.runtime)}, then run this in that environment's "
        f"Python (`{commands.arena('env', 'list')}` says where it is)"
    )


def views_of(game: Game, view: str, image_size: tuple[int, int] | None) -> Views:
    """The one view that an agent is given; in a game in which seats talk the text view besides, for `talk`.

    InputError or UnplayableError for what the game does not have.
    """
    spec = game.spec
    if view == "vector":
        if spec.vector_shape is None:
            raise UnplayableError(f"{spec.id} has no vector view; use view='image'")
        return Views(vector=True, text=spec.talk)
    if view != "image":
        raise InputError(f"view={view!r}: expected 'vector' or 'image'")
    if not spec.image_sizes:
        raise UnplayableError(f"{spec.id} has no image view; use view='vector'")
    size = image_size or spec.image_sizes[0]
    if size not in spec.image_sizes:
        raise UnplayableError(f"{spec.id} draws at {list(spec.image_sizes)} (height, width), not {size}")
    return Views(image=size, text=spec.talk)


def talk(seen: Observation) -> dict[str, Any]:
    """What an info says in a game in which seats talk; nothing in any other."""
    if seen.text is None:
        return {}
    heard = tuple((said.seat, said.text) for said in seen.heard)
    return {"text": seen.text, "heard": heard, "free_text": seen.free_text, "table_talk": seen.table_talk}


def given(action: SupportsInt | str | Decision) -> tuple[int | str | None, str | None]:
    """(answer, say) of what a step was given: an action's index; a text; or a Decision, with what is said beside it."""
    if isinstance(action, Decision):
        return action.answer, action.say
    return action if isinstance(action, str) else int(action), None


def shown(seen: Observation, spec: GameSpec) -> Image | Vector:
    """The view that an agent is given, a new array."""
    return floats(seen.vector, spec.vector_scale).copy() if seen.image is None else seen.image.copy()
