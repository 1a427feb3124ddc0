"""Golden playthroughs: matches with all their hashes, which show every change of a game's rules or views.

`games/GAME/golden/GAME.jsonl` lies beside the game's module. One line a match ({"kind": "match", ...}), then one a
moment ({"kind": "tick", ...}). `python -m arena.testing.golden GAME...` writes them anew (after raising the game's
version, if its rules changed); `check` compares. Options that were named once, as in `spy@blank=true`, keep a match of
their own in the file. A picture that differs is told apart from rules that differ: another
version of the drawing library may draw another picture of the same game.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from arena import commands, names, plugins
from arena.canonical import digest, hash_array
from arena.errors import RecordError
from arena.game import Game, GameFamily, Move, StepResult
from arena.testing.playing import begun, every_view, played, seed, tick

MATCHES = 3  # for each number of seats
TICKS = 80  # at most, of each match
FRAME = (240, 320)  # height and width of the spectator's picture


class MatchLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="match"):
    """A match begins."""

    game: str
    version: int
    seats: int
    options: dict[str, Any]
    seed: str  # hex


class TickLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="tick", omit_defaults=True):
    """A moment: the moves that led to it, their result, and a digest of each view over all seats."""

    actions: dict[str, int | None]
    due: tuple[int, ...]
    rewards: tuple[float, ...]
    events: tuple[str, ...]
    ended: str
    returns: tuple[float, ...] | None
    state_hash: str
    views: dict[str, str]  # "text", "vector"
    pictures: dict[str, str]  # "image", "spectator"
    said: dict[str, str] = {}


Line = MatchLine | TickLine


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference to a golden playthrough."""

    kind: Literal["rules", "views", "pictures"]
    match: int
    tick: int
    what: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return (
            f"{self.kind}: match {self.match}, tick {self.tick}: {self.what} was {self.expected!r}, is {self.found!r}"
        )


def path(cls: type[Game]) -> Path:
    """The path of this game's golden file."""
    source = sys.modules[cls.__module__].__file__
    if source is None:
        raise RecordError(f"{cls.__module__} has no file, so {cls.spec.id} has no place for golden playthroughs")
    return Path(source).parent / "golden" / f"{cls.spec.id}.jsonl"


def _moment(game: Game, result: StepResult, moves: dict[int, Move]) -> TickLine:
    seen = [game.observe(seat, every_view(game.spec)).hashes() for seat in range(game.seats)]
    found = sorted({name for hashes in seen for name in hashes})
    joined = {name: digest([hashes.get(name) for hashes in seen]) for name in found}
    pictures = {"image": joined.pop("image")} if "image" in joined else {}
    return TickLine(
        actions={str(seat): move.action for seat, move in sorted(moves.items())},
        said={str(seat): move.say for seat, move in sorted(moves.items()) if move.say is not None},
        due=result.due,
        rewards=result.rewards,
        events=result.events,
        ended=result.ended,
        returns=result.returns,
        state_hash=result.state_hash,
        views=joined,
        pictures={**pictures, "spectator": hash_array(game.draw(*FRAME))},
    )


def write(cls: type[Game], options: Mapping[str, Any] | None = None) -> Path:
    """Plays and writes the golden file of this game; returns its path.

    Its matches: MATCHES for each number of seats with the default options, and with the fewest seats one for each other
    set of options that the file has, and for `options`.
    """
    every = sorted(set(cls.spec.seats))
    games = [(cls(seats), number) for seats in every for number in range(MATCHES)]
    usual = [game.options for game, _ in games]
    kept = [head.options for head, _ in read(cls)] if path(cls).is_file() else []
    for named in [*kept, options or {}]:
        game = cls(every[0], named)
        if game.options not in usual:
            usual.append(game.options)
            games.append((game, 0))
    lines: list[Line] = []
    for game, number in games:
        head = MatchLine(
            game=cls.spec.id,
            version=cls.spec.version,
            seats=game.seats,
            options=dict(game.options),
            seed=seed(number).hex(),
        )
        lines.append(head)
        lines += [_moment(game, at.result, at.moves) for at in played(game, number, TICKS)]
    target = path(cls)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"\n".join(msgspec.json.encode(line, order="deterministic") for line in lines) + b"\n")
    return target


def read(cls: type[Game]) -> list[tuple[MatchLine, list[TickLine]]]:
    """Reads the golden matches of this game. Raises RecordError if there are none or the file is damaged."""
    target = path(cls)
    if not target.is_file():
        raise RecordError(
            f"{cls.spec.id} has no golden playthroughs: {target} does not exist. "
            f"Write them with: {commands.python('-m', 'arena.testing.golden', cls.spec.id)}"
        )
    out: list[tuple[MatchLine, list[TickLine]]] = []
    for number, raw in enumerate(target.read_bytes().splitlines(), 1):
        try:
            line = msgspec.json.decode(raw, type=Line)
        except msgspec.MsgspecError as error:
            raise RecordError(f"{target}, line {number} is damaged: {error}") from error
        if isinstance(line, MatchLine):
            out.append((line, []))
        elif not out:
            raise RecordError(f"{target}, line {number}: a tick stands before the first match")
        else:
            out[-1][1].append(line)
    return out


def check(cls: type[Game]) -> list[Mismatch]:
    """Plays every golden match again; returns the mismatches, at most the first of each kind in a match."""
    out: list[Mismatch] = []
    for number, (head, ticks) in enumerate(read(cls)):
        if head.version != cls.spec.version:
            out.append(Mismatch("rules", number, 0, "version", head.version, cls.spec.version))
            continue
        found: dict[str, Mismatch] = {}
        for mismatch in _differences(cls(head.seats, head.options), head, ticks, number):
            found.setdefault(mismatch.kind, mismatch)
            if mismatch.kind == "rules":
                break
        out += found.values()
    return out


def _differences(game: Game, head: MatchLine, ticks: list[TickLine], match: int) -> Iterator[Mismatch]:
    played_again = begun(game, bytes.fromhex(head.seed))
    for number, expected in enumerate(ticks):
        moves = {int(seat): Move(action, expected.said.get(seat)) for seat, action in expected.actions.items()}
        try:
            tick(played_again, moves)
        except (ValueError, AssertionError, KeyError) as error:
            yield Mismatch("rules", match, number, "step", moves, str(error))
            return
        now = _moment(game, played_again.result, moves)
        for what in ("due", "rewards", "events", "ended", "returns", "state_hash"):
            before, after = getattr(expected, what), getattr(now, what)
            if before != after:
                yield Mismatch("rules", match, number, what, before, after)
        yield from _compare("views", expected.views, now.views, match, number)
        yield from _compare("pictures", expected.pictures, now.pictures, match, number)


def _compare(
    kind: Literal["views", "pictures"], before: dict[str, str], after: dict[str, str], match: int, tick: int
) -> Iterator[Mismatch]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Mismatch(kind, match, tick, name, before.get(name), after.get(name))


def main(given_names: list[str]) -> None:
    """Write the golden files of the named games, or of all that are installed."""
    for given in given_names or installed_games():
        name = names.parse(given)
        print(write(plugins.game_class(name.base), name.options))


def installed_games() -> list[str]:
    """Names of the installed games, without families, whose games come from other libraries."""
    return [name for name in plugins.names("game") if not isinstance(plugins.game_plugin(name), GameFamily)]


if __name__ == "__main__":
    main(sys.argv[1:])
