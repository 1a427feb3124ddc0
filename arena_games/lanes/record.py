"""Writes a file for `@from=` from a run.

`python -m arena_games.lanes.record RUN --decisions 60 --out later.json`
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from arena import commands
from arena.errors import ArenaError, InputError
from arena.log import Line, MatchLine, TurnLine
from arena.names import Name, parse
from arena.plugins import game_class
from arena.record.given import chosen, worded
from arena.record.reader import Run
from arena_games.lanes.actions import SETS, SKIP
from arena_games.lanes.prefix import Prefix, load


def recorded(lines: Sequence[Line], seat: int, decisions: int | None) -> Prefix:
    """The actions of `seat` in a match of lanes, from the level's start. Raises InputError if they are unknown."""
    head = lines[0]
    assert isinstance(head, MatchLine)
    options: dict[str, Any] = dict(head.options)
    if "from" not in options or "skip" not in options:
        raise InputError(f"{head.game} is not a game of lanes, and has no @from=")
    if options["noops"]:
        raise InputError(f"the match began with @noops={options['noops']}, which a file cannot say: play without it")
    if not 0 <= seat < len(head.seats):
        raise InputError(f"--seat {seat}: the match has seats 0 to {len(head.seats) - 1}")
    known = list(SETS[options["actions"]])
    played = [
        known[line.action]
        for line in lines
        if isinstance(line, TurnLine) and line.seat == seat and line.action is not None
    ]
    if decisions is not None and not 1 <= decisions <= len(played):
        raise InputError(f"--decisions {decisions}: expected 1 to {len(played)}, which seat {seat} made")
    before: list[str] = []
    if options["from"]:
        try:
            earlier = load(options["from"])
        except ValueError as error:
            raise InputError(str(error)) from error
        same = earlier.actions == options["actions"] and (earlier.skip == options["skip"] or earlier.actions != "macro")
        if not same:
            raise InputError(
                f"the match began with @from={options['from']}, whose actions are {earlier.actions} held for "
                f"{earlier.skip} frames; it was played with {options['actions']} and @skip={options['skip'] or SKIP}"
            )
        before = earlier.names
    names = [*before, *itertools.islice(played, decisions)]
    return Prefix(names, options["actions"], options["skip"] or SKIP)  # buttons have none


def main(arguments: list[str] | None = None) -> None:
    """Write what one seat of a run played as a file for @from=."""
    parser = argparse.ArgumentParser(prog="python -m arena_games.lanes.record", description=main.__doc__)
    parser.add_argument("run", type=Path, help="a run folder, as `arena play` leaves it")
    parser.add_argument("--match", type=int, default=0)
    parser.add_argument("--seat", type=int, default=0)
    parser.add_argument("--decisions", type=int, help="so many of the first; default: all of the match")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    given = parser.parse_args(arguments)
    run = Run(given.run)
    lines = run.match(given.match)
    made = recorded(lines, given.seat, given.decisions)
    try:
        given.out.write_bytes(msgspec.json.encode(made) + b"\n")
    except OSError as error:
        raise InputError(f"--out {given.out}: {error.strerror}") from error
    head = lines[0]
    assert isinstance(head, MatchLine)
    print(f"{given.out}: {len(made.names)} decisions of seat {given.seat}; it began with: {', '.join(head.events)}")
    print(commands.arena("play", "--game", _name(run, head, given.out), "--operators", "..."))


def _name(run: Run, head: MatchLine, out: Path) -> Name:
    """The game as it was played, with the file."""
    name = parse(run.head.games[head.game_index].name)
    changed = worded(chosen(head.options, game_class(name.base).spec.options))
    return Name(name.kind, name.what, {**changed, "from": str(out)})


if __name__ == "__main__":
    try:
        main()
    except ArenaError as error:
        print(f"record: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
