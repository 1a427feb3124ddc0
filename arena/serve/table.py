"""Table: a game one of whose seats is for players outside, and whose other seats are filled by operators.

Any number of matches is in play at once, each for one player. They are played by the Scheduler, with worker processes
for the operators as in `arena play`: so deadlines, retries and faults are what they are there. The player's seat is
served by a channel in this process, and matches come when players ask for them (arena/serve/player.py).
"""

from __future__ import annotations

import itertools
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from arena.canonical import generator, key, whole_seed
from arena.errors import ArenaError, InputError
from arena.evaluate import schedules
from arena.game import GameSpec, Views
from arena.lineup import build_lineup, check_views, find_game
from arena.plan import Entry, Limits, MatchPlan, Plan, PlannedGame, Setting
from arena.scheduler import Scheduler
from arena.serve.player import PLAYER, PlayerChannel, Pool, Told, Waker, Wanted
from arena.serve.seat import SeatMatch, ServeError
from arena.supervisor.hub import Hub
from arena.supervisor.worker_pool import ProcessWorkers

SPARE = 2  # matches in play for each player: those that a player left are played to their end


class ServedPlan(Plan):
    """A plan in which the chance of opponents follows from the match's own seed: a seed can be played again."""

    def operator_seed(self, match: MatchPlan, seat: int) -> bytes:
        return key("served", match.seed, seat, match.lineup[seat])


def served_plan(
    game: str,
    opponents: Sequence[str],
    limits: Limits | None = None,
    *,
    views: Sequence[str] = (),
    size: tuple[int, int] | None = None,
) -> ServedPlan:
    """The plan of a table: the player first in the pool, then the opponents.

    opponents: of the other seats, in seat order after the player's; one for all of them, or one each. views: of the
    player, of text, vector and image; none: its text, or else its vector, or else its picture. size: of the picture,
    the game's first without one. InputError and UnplayableError as for play.
    """
    limits = limits or Limits()
    found = find_game(game, len(opponents) + 1, limits)
    seats = found.game.seats
    others = list(opponents) * (seats - 1) if len(opponents) == 1 else list(opponents)
    if len(others) != seats - 1:
        raise InputError(f"game {game!r} has {seats} seats: give {seats - 1} opponents, or one for all of them")
    given = _views(found.game.spec, views, size)
    check_views(found.game.spec, given, "player")
    player = Entry("player", PLAYER, "", {}, "player", given)
    planned = PlannedGame(found.name, found.game, (player, *build_lineup(found.game, others)), found.runtime, game)
    schedule = schedules.find(None, Setting(seats, (seats,), False))
    return ServedPlan((planned,), schedule, limits=limits)


def _views(spec: GameSpec, views: Sequence[str], size: tuple[int, int] | None) -> Views:
    usual = "text" if spec.text else "vector" if spec.vector_shape is not None else "image"
    chosen = views or [usual]
    if size is not None and "image" not in chosen:
        raise InputError("--size is of pictures: add --view image")
    image = (size or next(iter(spec.image_sizes), (128, 128))) if "image" in chosen else None
    return Views(image=image, vector="vector" in chosen, text="text" in chosen)


class Table:
    """A game that is served. `start` it, and `close` it; `sit` may be called from any thread."""

    def __init__(self, plan: ServedPlan, *, players: int, seed: int = 0, seat: int | None = None) -> None:
        """players: at once. seed: of what players that give none get. seat: of every player; None: the seed says."""
        game = plan.games[0]
        if seat is not None and not 0 <= seat < game.facts.seats:
            raise InputError(f"{game.name} with {game.facts.seats} seats has seats 0 to {game.facts.seats - 1}")
        self.plan = plan
        self.players = players
        self.failure: ArenaError | None = None  # why it plays no more
        self.on_end: Callable[[], None] = lambda: None  # called when it plays no more, in a thread of its own
        self._seed, self._seat = whole_seed(seed), seat
        self._waker = Waker()
        self._channel = PlayerChannel(self._waker)
        self._wanted = Wanted()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="table")
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the workers, and return when every opponent has answered a sample position.

        Raises what `arena play` raises when one cannot be started.
        """
        self._thread.start()
        while not (self._wanted.asked_for.wait(0.1) or self._ended.is_set()):
            pass
        if self.failure is not None:
            self.close()
            raise self.failure

    def sit(self, seed: int | None = None, seat: int | None = None, deal: int = 0) -> tuple[SeatMatch, int]:
        """A new match, and its seed. The same seed, seat and answers give the same match, if opponents repeat.

        A seed has any number of deals.

        InputError for a seed or a seat that cannot be; ServeError when the table plays no more.
        """
        seats = self.plan.games[0].facts.seats
        if seat is not None and not 0 <= seat < seats:
            raise InputError(f"seat {seat}: expected 0 to {seats - 1}")
        with self._lock:
            number = next(self._numbers)
        if seed is None:
            seed = int.from_bytes(key("seed of a served match", self._seed, number)[:6], "big")
        chance = key("served match", whole_seed(seed), deal, self.plan.games[0].digest)
        if seat is None:
            seat = self._seat if self._seat is not None else int(generator(chance).integers(seats))
        others = iter(range(1, seats))  # places in the pool
        lineup = [0] * seats
        for at in range(seat + 1, seat + seats):
            lineup[at % seats] = next(others)
        made = SeatMatch(MatchPlan(number, number, tuple(lineup), chance), seat, self._channel.answer)
        with self._lock:
            if self._ended.is_set():
                raise ServeError(f"nothing is played here any more: {self.failure or 'it was closed'}")
            self._channel.matches[number] = made
            self._wanted.plans.append(made.plan)
        self._waker.wake()
        return made, seed

    def close(self) -> None:
        """End every match and every worker."""
        self._wanted.closed = True
        with self._lock:
            playing = list(self._channel.matches.values())
        for one in playing:
            one.leave()
        self._waker.stop()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        """The scheduler's thread."""
        plan = self.plan
        try:
            with (
                tempfile.TemporaryDirectory(prefix="arena-serve-") as logs,
                closing(Hub(Path(logs), None, self._waker)) as hub,
            ):
                runtimes = sorted({game.runtime for game in plan.games if game.runtime is not None})
                workers = ProcessWorkers(hub, plan.pool[1:], runtimes)
                Scheduler(
                    plan,
                    Pool(workers, self._channel),
                    concurrency=self.players * SPARE,
                    matches=self._wanted,
                    observer=Told(self._channel.matches),
                    dry_turn=True,
                ).run()
        except KeyboardInterrupt:
            pass  # `close`
        except ArenaError as error:
            self.failure = error
        finally:
            with self._lock:
                self._ended.set()
                left = list(self._channel.matches.values())
            for one in left:
                one.fails(str(self.failure or "the table was closed"))
            self.on_end()
