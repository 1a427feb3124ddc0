"""The description of `human` for the arena's process: where the person plays and which views they need."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

from arena import commands
from arena.errors import InputError, MissingExtraError, UnplayableError, nearest
from arena.game import GameSpec, Views
from arena.operator import OperatorKind
from arena.options import Option
from arena.people import NAMED, PERSON

PICTURE = (600, 960)  # the size drawn for people, where a game offers it
ENOUGH = 200  # rows of pixels of a console's games
MODES = ("terminal", "web", "window")
_PLACE = {"web": "page", "window": "window", "watch": "page"}
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
WATCH = "watch"  # not for a seat: `arena play --watch web` starts it


def _here() -> str:
    """The default mode: this terminal if there is one, else a browser."""
    return "terminal" if os.isatty(0) and os.isatty(1) else "web"


def _mode(what: str, options: Mapping[str, Any]) -> str:
    mode = what or options.get("mode") or _here()
    if mode not in (*MODES, WATCH):
        raise InputError(
            f"human:{mode} is not known: a person sits at a terminal, a page or a window. {nearest(mode, MODES)}"
        )
    return str(mode)


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    """Text if the game has it; for the page also the picture of 600x960, or else the largest.

    In games with a clock the smallest picture of enough rows: it is sent many times a second, and the page enlarges it.
    """
    if _mode(what, options) == WATCH:
        raise UnplayableError("human:watch only watches: write --watch web instead, besides the operators that play")
    if _mode(what, options) == "terminal":
        if not spec.text:
            raise UnplayableError(
                f"human:terminal needs the text view, and {spec.id!r} has none. Use human:web, which shows its picture."
            )
        return Views(text=True)
    if not spec.text and not spec.image_sizes:
        raise UnplayableError(
            f"human:{_mode(what, options)} needs a text or an image view, and {spec.id!r} has neither."
        )
    sizes = spec.image_sizes
    if spec.pace == "realtime" and (enough := [size for size in sizes if size[0] >= ENOUGH]):
        return Views(image=min(enough, key=lambda size: size[0] * size[1]), text=spec.text)
    image = PICTURE if PICTURE in sizes else max(sizes, key=lambda size: size[0] * size[1], default=None)
    return Views(image=image, text=spec.text)


def resolve_options(spec: GameSpec | None, what: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Decide terminal or page, and fill in `mode` and `tty`, which only the arena's own process can know.

    Where nobody said terminal, a game of held keys is played on a page: a terminal does not know what is held. Raises
    InputError for a terminal that is not there, MissingExtraError for a page without aiohttp.
    """
    mode = _mode(what, options)
    if mode == "terminal" and not what and spec is not None and spec.pace == "realtime":
        mode, options = "web", {**options, "tty": None}
    resolved = {**options, "mode": mode}
    if mode in ("terminal", "window") and options.get("port"):
        raise InputError(f"port={options['port']} belongs to human:web; a {mode} has no port. Leave it out.")
    if mode == "terminal":
        resolved["tty"] = _terminal(options.get("tty"))
    elif options.get("tty"):
        raise InputError(
            f"tty={options['tty']} belongs to human:terminal; a {_PLACE[mode]} has no terminal. Leave it out."
        )
    elif mode == "window":
        _check_window()
    elif importlib.util.find_spec("aiohttp") is None:
        raise MissingExtraError(f"human:web needs aiohttp, not installed here. {commands.how_to_install('web')}")
    return resolved


def _check_window() -> None:
    if importlib.util.find_spec("pygame") is None:
        raise MissingExtraError(
            f"human:window needs pygame-ce, not installed here. {commands.how_to_install('pygame')}"
        )
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in DISPLAYS):
        raise InputError(f"human:window: there is no display here ({', '.join(DISPLAYS)} are not set). Use human:web.")


def _terminal(given: str | None) -> str:
    """The path of the person's terminal: the given one, else the one that the arena was started from."""
    if given is None:
        if not hasattr(os, "ttyname") or not os.isatty(0):
            raise InputError(
                "human:terminal: the arena was not started from a terminal (its input is none). Use human:web."
            )
        return os.ttyname(0)
    try:
        descriptor = os.open(given, os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        raise InputError(
            f"human:terminal@tty={given}: {error.strerror}. Type `tty` in the terminal you mean."
        ) from None
    try:
        if not os.isatty(descriptor):
            raise InputError(f"human:terminal@tty={given} is not a terminal. Type `tty` in the terminal you mean.")
    finally:
        os.close(descriptor)
    return given


KIND = OperatorKind(
    name="human",
    summary="a person, in this terminal, on a page in the browser, or at a window",
    target="arena_operators.human.build:build",
    views=views,
    resolve_options=resolve_options,
    # One worker serves all people at one terminal, or on one port.
    worker_identity=("mode", "tty", "port"),
    what="terminal | web | window; left out: the terminal if there is one, else the page",
    options={
        "person": PERSON,
        "named": NAMED,
        "port": Option("int", 0, "web: the page's port; 0 takes a free one", low=0, high=65535),
        "tty": Option("str", None, "terminal: another terminal's path, as `tty` prints it there; default: this one"),
        "mode": Option("str", None, "filled in by the arena: where the person sits", choices=(*MODES, WATCH)),
    },
    extra="web",
    determinism="none",
    interactive=True,
    # A terminal and a window show one question; on the page everybody has their own.
    max_in_flight=lambda what, options: 0 if _mode(what, options) in ("web", WATCH) else 1,
)
