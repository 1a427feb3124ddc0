"""The state of one person's page: their seats, the open questions, the results. No I/O, no server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from arena.game import Observation
from arena.operator import Decision, OpenSeat, Outcome, Request, SpectatorUpdate
from arena.text import printable
from arena_operators.human.choices import GAVE_UP, offered_in
from arena_operators.human.facts import Card, Fact, last_hand, read, spoken
from arena_operators.human.results import Result, company, of_seat, result, seat_name, signed
from arena_operators.human.talk import Talk, decided
from arena_operators.human.updates import ShownUpdate

HISTORY = 200  # finished matches a page lists
AWAY = 30.0  # seconds after a page was closed, after which clocks run all the same


@dataclass(slots=True, eq=False)
class PlayedSeat:
    """One seat of one match."""

    seat: OpenSeat
    number: int  # this person's count of matches, from 1, for their order; people are shown the log's number
    request: Request | None = None  # the open question
    shown: Request | None = None  # the last question, which the page keeps showing
    reply: asyncio.Future[Decision] | None = None
    seen: asyncio.Event = field(default_factory=asyncio.Event)  # the page shows the open question
    deadline: float | None = None  # of the open question, in time.monotonic(); None until it was seen
    picture: bytes | None = None
    pictures: int = 0  # number of pictures so far
    fresh: bool = False  # the picture is that of the question which is shown
    last: Observation | None = None  # the seat's last view, after its last question
    out: tuple[str, ...] | None = None  # the events of that moment, if the match goes on without this seat
    talk: Talk = field(default_factory=Talk)
    note: str = ""  # what was done last
    alert: str = ""  # why the question is asked again, or that time ran out; shown until the next answer
    gave_up: bool = False
    result: Result | None = None
    outcome: Outcome | None = None

    @property
    def observation(self) -> Observation | None:
        """What the page shows of the table."""
        return self.last or (self.shown.observation if self.shown is not None else None)

    @property
    def key(self) -> str:
        """The table's name on the page."""
        return f"{self.seat.match}.{self.seat.seat}"


@dataclass(slots=True, eq=False)
class Person:
    """One person with one page. `changed` wakes the page's connections."""

    name: str
    tables: dict[tuple[int, int], PlayedSeat] = field(default_factory=dict)
    finished: list[PlayedSeat] = field(default_factory=list)
    pages: set[Callable[[], None]] = field(default_factory=set)  # what wakes each page that is connected
    matches: int = 0
    total: float = 0.0
    stopped: str = ""  # "finished": every match was played; "stopped": the run ended before
    spectator: bool = False  # only watches
    updates: dict[int, ShownUpdate] = field(default_factory=dict)  # of matches as a whole, by their number
    here: asyncio.Event = field(default_factory=asyncio.Event)  # a page is connected
    away: bool = False  # there was a page, and has been none for long
    _leaving: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Wake every open page."""
        for wake in tuple(self.pages):
            wake()

    def come(self, wake: Callable[[], None]) -> None:
        """A page is connected."""
        self.pages.add(wake)
        self.here.set()
        self.away = False
        if self._leaving is not None:
            self._leaving.cancel()

    def leave(self, wake: Callable[[], None]) -> None:
        """A page was closed. After AWAY seconds clocks run, so that the others do not wait forever."""
        self.pages.discard(wake)
        if not self.pages:
            self.here.clear()
            self._leaving = asyncio.get_running_loop().call_later(AWAY, self._gone)

    def _gone(self) -> None:
        self.away = True
        for table in self.tables.values():
            self._notice(table)

    def noticed(self, request_id: int) -> None:
        """The page shows this question: its clock begins."""
        for table in self.tables.values():
            if table.request is not None and table.request.id == request_id:
                self._notice(table)

    def _notice(self, table: PlayedSeat) -> None:
        if table.request is None or table.seen.is_set():
            return
        table.seen.set()
        if table.request.budget is not None:
            table.deadline = time.monotonic() + table.request.budget
            self.changed()

    def sit(self, seat: OpenSeat) -> PlayedSeat:
        """Take a seat in a new match."""
        self.matches += 1
        table = self.tables[seat.match, seat.seat] = PlayedSeat(seat, self.matches)
        self.changed()
        return table

    def ask(self, request: Request) -> asyncio.Future[Decision]:
        """Put a question on the page. The future is done when it is answered or the match is given up."""
        table = self.tables[request.match, request.seat]
        reply: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        if table.gave_up:
            reply.set_result(GAVE_UP)
            return reply
        if request.attempt == 0:
            table.talk.hear(table.seat, request.observation)
        table.request = table.shown = request
        table.last = table.out = None  # whatever the page showed: who is asked sees the moment that is asked about
        table.reply = reply
        table.deadline = None
        table.seen = asyncio.Event()
        table.fresh = False
        if request.reason:
            table.alert = f"You are asked again, because: {printable(request.reason)}"
        self.changed()
        if self.away:
            self._notice(table)
        return reply

    def withdraw(self, request: Request) -> None:
        """The question was cancelled: its time ran out, or the arena does not want the answer any more."""
        table = self.tables.get((request.match, request.seat))
        if table is None or table.request is not request:
            return
        late = table.deadline is not None and time.monotonic() >= table.deadline - 0.05
        table.note = ""
        table.alert = (
            "Your time ran out: the game's rule for that was applied." if late else "The question was taken back."
        )
        self._close(table)

    def answer(self, request_id: int, action: int | None, words: str = "") -> str:
        """The person's choice and words; "" when they count, else what to tell them."""
        for table in self.tables.values():
            if table.request is not None and table.request.id == request_id and table.reply is not None:
                named = action is not None and 0 <= action < len(table.seat.card.actions)
                name = table.seat.card.actions[action] if named else words  # type: ignore[index]
                decision = decided(table.request, action, words, name)
                if isinstance(decision, str):
                    return decision
                done = next((c.name for c in offered_in(table.seat, table.request) if c.action == action), name)
                table.note, table.alert = f"You: {printable(done)}", ""
                table.talk.say(table.seat, table.request, decision)
                self._answered(table, decision)
                return ""
        return "That came too late: the question was already answered or taken back. Nothing was done."

    def give_up(self, match: int, seat: int) -> str:
        """Give up one match: its open question and all later ones are the fault `unparsable`."""
        table = self.tables.get((match, seat))
        if table is None:
            return "That match is already over."
        table.gave_up = True
        table.note, table.alert = "You gave up this match. It goes on by the game's rule for missing answers.", ""
        if table.reply is not None:
            self._answered(table, GAVE_UP)
        self.changed()
        return ""

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        """The match is over; its result stays on the page until the next one begins."""
        table = self.tables.pop((match, seat))
        self._close(table)
        table.result, table.outcome = result(table.seat, outcome, table.out or ()), outcome
        self.total += table.result.own or 0.0
        for older in self.finished[-1:]:
            older.shown = older.picture = older.last = None  # these are not shown again, and they are large
        self.finished.append(table)
        del self.finished[:-HISTORY]
        self.changed()

    def last_look(self, update: SpectatorUpdate) -> PlayedSeat | None:
        """Take a seat's last view, at its own end or at the end of the match. Returns its table."""
        assert update.seat is not None
        places = [*self.tables.values(), *self.finished[-1:]]
        table = next((one for one in places if (one.seat.match, one.seat.seat) == (update.match, update.seat)), None)
        if table is not None:
            if update.observation is not None and table.last is None:
                table.talk.hear(table.seat, update.observation, _known(table, update))
            table.last = update.observation
            if update.outcome is None:
                table.out = of_seat(update.seat, update.events)
                if table.outcome is not None:  # it came after the end of the match
                    table.result = result(table.seat, table.outcome, table.out)
            self.changed()
        return table

    def look(self, update: SpectatorUpdate, picture: bytes | None) -> None:
        """A match as a whole, as it stands now. Of matches that are over only the last one is kept."""
        before = self.updates.get(update.match)
        if before is not None and before.update.tick > update.tick:
            return  # painted sooner, and newer
        self.updates.pop(update.match, None)
        playing = {match for match, _ in self.tables}
        self.updates = {match: one for match, one in self.updates.items() if match in playing}
        self.updates[update.match] = ShownUpdate(update, picture, before.number + 1 if before is not None else 1)
        self.changed()

    def pictures(self) -> list[tuple[str, int, bytes]]:
        """(key, number, PNG) of every picture that the page may show."""
        tables = (*self.tables.values(), *self.finished[-1:])
        own = [(table.key, table.pictures, table.picture) for table in tables]
        whole = [(one.key, one.number, one.picture) for one in self.updates.values()]
        return [(key, number, picture) for key, number, picture in own + whole if picture is not None]

    def _answered(self, table: PlayedSeat, decision: Decision) -> None:
        reply = table.reply
        self._close(table)
        if reply is not None and not reply.done():
            reply.set_result(decision)

    def _close(self, table: PlayedSeat) -> None:
        table.request = table.reply = table.deadline = None
        table.seen.set()  # wake whoever waits for it
        self.changed()

    def snapshot(self) -> dict[str, Any]:
        """Everything that the page shows except pictures, as plain JSON."""
        tables = [*self.tables.values()]
        if not tables and self.finished:
            tables = self.finished[-1:]
        return {
            "type": "state",
            "name": printable(self.name),
            "stopped": self.stopped,
            "spectator": self.spectator,
            "updates": [one.plain(self._seats_in(match)) for match, one in self.updates.items()],
            "tables": [_table(table) for table in tables],
            "ended": _table(self.finished[-1]) if self.tables and self.finished else None,
            "history": [_line(table) for table in reversed(self.finished)],
            "last": _result(self.finished[-1]) if self.finished else None,
            "matches": self.matches,
            "total": signed(self.total),
        }

    def _seats_in(self, match: int) -> tuple[int, ...]:
        tables = (*self.tables.values(), *self.finished[-1:])
        return tuple(table.seat.seat for table in tables if table.seat.match == match)


def _known(table: PlayedSeat, update: SpectatorUpdate) -> int:
    """How much of what the last view tells as heard was heard at the last question.

    A tick in which somebody forfeits is not played: what its seats had heard when they were asked is told again.
    """
    asked, ended = table.shown, update.outcome
    if asked is None or ended is None or ended.status != "forfeited" or asked.tick != update.tick - 1:
        return 0
    return len(asked.observation.heard)


def _table(table: PlayedSeat) -> dict[str, Any]:
    seat, asked, observation = table.seat, table.request, table.observation
    offered = offered_in(seat, asked) if asked is not None else ()
    facts = (observation.facts if observation is not None else None) or {}
    return {
        "key": table.key,
        "match": seat.match,
        "seat": seat.seat,
        "number": table.number,
        "game": printable(seat.card.game),
        "rules": printable(seat.card.rules, lines=True),
        "you": seat_name(seat, seat.seat),
        "request": asked.id if asked is not None else None,
        "left": None if table.deadline is None else max(0.0, table.deadline - time.monotonic()),
        "budget": asked.budget if asked is not None else None,
        "seen": table.seen.is_set(),
        "choices": [
            {"action": c.action, "name": printable(c.name), "keys": _keys(c.number, c.letter)} for c in offered
        ],
        "played": _played(table),
        "text": printable(observation.text or "", lines=True) if observation is not None else "",
        "facts": [_fact(fact) for fact in (*_company(seat), *read(facts))],
        "hand": str(facts.get("hand_number", "")),
        "lastHand": [_sentence(part) for part in last_hand(facts)],
        "picture": table.pictures if table.picture is not None else None,
        "pictured": observation is not None and observation.image is not None,
        "fresh": table.fresh,
        "freeText": asked.observation.free_text if asked is not None else 0,
        "tableTalk": asked.observation.table_talk if asked is not None else 0,
        "talk": [{"who": line.who, "text": line.text, "you": line.you} for line in table.talk.lines],
        "note": table.note,
        "alert": table.alert,
        "gaveUp": table.gave_up,
        "out": _out(table),
        "over": table.result is not None,
    }


def _out(table: PlayedSeat) -> list[str]:
    """How this seat's part ended before the others'; empty while it plays."""
    if table.out is None:
        return []
    return [printable(event) for event in table.out] or ([] if table.result is not None else ["The others go on."])


def _played(table: PlayedSeat) -> dict[str, Any] | None:
    """The buttons that each action holds, for a game that is played by held keys; None for others."""
    card, asked = table.seat.card, table.request
    if not card.buttons:
        return None
    legal = asked.observation.legal if asked is not None else range(len(card.actions))
    actions = [
        {"action": action, "name": printable(card.actions[action]), "buttons": list(card.buttons[card.actions[action]])}
        for action in legal
        if card.actions[action] in card.buttons
    ]
    return {"actions": actions, "seconds": card.seconds, "pace": table.seat.pace}


def _keys(number: int, letter: str | None) -> list[str]:
    digit = [str(number)] if 0 <= number <= 9 else []
    return digit + ([letter] if letter else [])


def _company(seat: OpenSeat) -> list[Fact]:
    """Who sits where, as one more thing that the person knows."""
    lines = company(seat)
    return [Fact("company", "At the table", "\n".join(lines), ())] if lines else []


def _fact(fact: Fact) -> dict[str, Any]:
    return {"label": fact.label, "value": fact.value, "cards": [_card(c) for c in fact.cards], "long": fact.long}


def _sentence(text: str) -> list[Any]:
    """A sentence for the page, as a list of words and cards."""
    return [part if isinstance(part, str) else _card(part) for part in spoken(text)]


def _card(card: Card) -> dict[str, str]:
    return {"rank": card.rank, "suit": card.suit, "colour": card.colour}


def _result(table: PlayedSeat) -> dict[str, Any]:
    ended = table.result
    assert ended is not None
    rows = [{"name": row.name, "value": signed(row.value), "you": row.you} for row in ended.rows]
    return {**_line(table), "details": [_sentence(one) for one in ended.details], "rows": rows, "unit": ended.unit}


def _line(table: PlayedSeat) -> dict[str, Any]:
    ended = table.result
    assert ended is not None
    own = "void" if ended.verdict == "voided" else "" if ended.own is None else signed(ended.own)
    return {
        "number": table.number,
        "match": table.seat.match,
        "verdict": ended.verdict,
        "headline": ended.headline,
        "own": own,
    }
