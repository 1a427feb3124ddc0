"""Table: a game one of whose seats is for players outside, and whose other seats are filled by operators.

Any number of matches is in play at once, each for one player. They are played by the Scheduler, with worker processes
for the operators as in `arena play`: so deadlines, retries and faults are what they are there. The player's seat is
served by a channel in this process (`_PlayerChannel`), and matches come when players ask for them (`_Wanted`).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from arena.canonical import generator, key, whole_seed
from arena.channel import Channel, Event, Received
from arena.errors import ArenaError, InputError
from arena.evaluate import schedules
from arena.game import GameSpec, Views
from arena.lineup import build_lineup, check_views, find_game
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, OperatorKind, Outcome, Request
from arena.plan import Entry, Limits, MatchPlan, MatchResult, Plan, PlannedGame, Setting
from arena.protocol import messages as m
from arena.scheduler import Scheduler
from arena.serve.seat import SeatMatch, ServeError
from arena.supervisor.hub import Hub
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.worker_pool import ProcessWorkers

SESSION = "player"
SPARE = 2  # matches in play for each player: those that a player left are played to their end


def _nothing(spec: GameSpec, what: str, options: Any) -> Views:
    return Views()


PLAYER = OperatorKind(
    name="player",
    summary="a player outside of the arena",
    target="arena.serve:no_worker",  # it is served by this process
    views=_nothing,
    determinism="none",
    interactive=True,  # it is waited for
)


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
        self._channel = _PlayerChannel(self._waker)
        self._wanted = _Wanted()
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
                    _Pool(workers, self._channel),
                    concurrency=self.players * SPARE,
                    matches=self._wanted,
                    observer=_Told(self._channel.matches),
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


class Waker(Interrupts):
    """Wakes the hub's poll from another thread."""

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it is full: a wake-up waits there already
            os.write(self._write, b"\0")

    def stop(self) -> None:
        """The next poll ends the run."""
        self.pending = True
        self.wake()

    def check(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass
        super().check()


class _Wanted:
    """The matches that players ask for, as the Scheduler reads them."""

    def __init__(self) -> None:
        self.plans: deque[MatchPlan] = deque()
        self.closed = False
        self.asked_for = threading.Event()  # the scheduler looked for a match: its operators are ready

    def peek(self) -> MatchPlan | None:
        self.asked_for.set()
        return self.plans[0] if self.plans else None

    def take(self) -> None:
        self.plans.popleft()

    def hear(self, result: MatchResult) -> None:
        pass

    @property
    def over(self) -> bool:
        return self.closed


class _PlayerChannel(Channel):
    """The worker of the player's seats, in this process."""

    name, session, ready = PLAYER.name, SESSION, True

    def __init__(self, waker: Waker) -> None:
        self.matches: dict[int, SeatMatch] = {}  # by number
        self.inbox: SimpleQueue[Event] = SimpleQueue()
        self._waker = waker
        self._asked: dict[int, Request] = {}  # by id: without an answer yet

    def send(self, message: m.Message) -> None:
        match message:
            case m.Act():
                for request in message.requests:
                    self._asked[request.id] = request
                    self.matches[request.match].asked(request)
            case m.Cancel():
                for number in message.ids:
                    if number in self._asked:
                        self._say(_answer(self._asked.pop(number), cancelled=True))
            case m.End():
                self.inbox.put(Received(self, m.Closed(match=message.match, seat=message.seat)))
            case _:
                pass

    def answer(self, request: Request, decision: Decision) -> None:
        """What a player answers; from any thread."""
        with contextlib.suppress(KeyError):  # it was cancelled
            self._say(_answer(self._asked.pop(request.id), decision=decision))
            self._waker.wake()

    def _say(self, answer: m.Answer) -> None:
        self.inbox.put(Received(self, m.Action(session=self.session, answers=[answer])))


def _answer(request: Request, decision: Decision | None = None, cancelled: bool = False) -> m.Answer:
    return m.Answer(
        id=request.id,
        match=request.match,
        seat=request.seat,
        tick=request.tick,
        attempt=request.attempt,
        decision=decision,
        cancelled=cancelled,
    )


class _Pool:
    """A WorkerPool: worker processes, and the player's channel beside them."""

    def __init__(self, workers: ProcessWorkers, player: _PlayerChannel) -> None:
        self.ids: Iterator[int] = workers.ids
        self._workers, self._player = workers, player

    def channel(self, entry: Entry) -> Channel:
        return self._player if entry.kind is PLAYER else self._workers.channel(entry)

    def host(self, runtime: str, match: int) -> Channel:
        return self._workers.host(runtime, match)

    def spectators(self) -> Sequence[Channel]:
        return ()

    def poll(self, timeout: float | None) -> list[Event]:
        events = self._said()
        events += self._workers.poll(0 if events else timeout)
        return events + self._said()

    def _said(self) -> list[Event]:
        out: list[Event] = []
        try:
            while True:
                out.append(self._player.inbox.get_nowait())
        except Empty:
            return out

    def replace(self, channel: Channel) -> None:
        self._workers.replace(channel)

    def kill(self, channel: Channel, reason: str) -> None:
        self._workers.kill(channel, reason)

    def update(self, entry: Entry, version: str, path: str) -> None:
        self._workers.update(entry, version, path)


class _Told(Observer):
    """Tells the player of each match what its seat got, and how it ended."""

    def __init__(self, matches: dict[int, SeatMatch]) -> None:
        self._matches = matches

    def started(self, match: Match) -> None:
        if (made := self._matches.get(match.plan.index)) is not None:
            made.begins()

    def asked(self, match: Match, request: Request) -> None:
        if match.tick == 0:
            self._got(match)

    def ticked(self, match: Match) -> None:
        self._got(match)

    def ended(self, match: Match, outcome: Outcome) -> None:
        if (made := self._matches.pop(match.plan.index, None)) is not None:
            made.ends(outcome)

    def unresolved(self, match: Match, reason: str) -> None:
        if (made := self._matches.pop(match.plan.index, None)) is not None:
            made.fails(f"the match could not be played to its end: {reason}")

    def _got(self, match: Match) -> None:
        made = self._matches.get(match.plan.index)
        if made is not None and match.result is not None:
            made.got(match.tick, match.result.rewards[made.seat], match.last_faults.get(made.seat))
