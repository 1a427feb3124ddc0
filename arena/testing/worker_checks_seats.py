"""The checks of a worker's seats and answers. See arena/testing/worker_suite.py.

Each looks at one thing only, so that a worker with one mistake fails one check: the others find answers by their id.
"""

from __future__ import annotations

import msgspec

from arena.operator import Outcome, Request
from arena.protocol import messages as m
from arena.testing.worker_bench import Bench, Question, must_be_legal
from arena.testing.worker_checks import Check
from arena.testing.worker_peer import FailedError

MANY = 24  # matches asked about in one ACT


def _opened(bench: Bench) -> None:
    match = next(bench.matches)
    peer = bench.peer()
    seats = {(match, seat) for seat in range(bench.game.seats)}
    peer.send(*(bench.open_message(where) for where in sorted(seats)))
    while seats:
        named = ", ".join(f"seat {seat} of match {number}" for number, seat in sorted(seats))
        got = peer.expect(f"OPENED of {named}", m.Opened)
        if (got.match, got.seat) not in seats:
            raise FailedError(f"OPENED of {named}", f"OPENED of seat {got.seat} of match {got.match}")
        seats.remove((got.match, got.seat))
    peer.send(*(m.End(match=match, seat=seat, outcome=Outcome(status="truncated")) for seat in range(bench.game.seats)))


def _answers(bench: Bench) -> None:
    bench.round(bench.questions(1), "one ACTION for an ACT with one item")
    bench.round(bench.questions(MANY), f"an answer to every item of an ACT about {MANY} matches")


def _once(bench: Bench) -> None:
    questions = bench.questions(4)
    requests = [q.request for q in questions]
    bench.open(questions)
    bench.ask(requests)
    replies = bench.replies(requests, "an answer to every item")
    late = bench.peer().through("PONG after the answers")
    for action in (message for message in late if isinstance(message, m.Action)):
        for answer in action.answers:
            replies.setdefault(answer.id, []).append((action.session, answer))
    bench.end(questions)
    asked = {request.id for request in requests}
    for i, found in replies.items():
        if len(found) > 1 or i not in asked:
            came = f"{len(found)} answers to item {i}" if i in asked else f"an answer to {i}, which nobody asked"
            raise FailedError("exactly one answer to each item", came)


def _echo(bench: Bench) -> None:
    questions = bench.questions(8)
    answers = bench.round(questions, "an answer to every item")
    for request in (q.request for q in questions):
        got = answers[request.id]
        wanted = f"item {request.id} echoed with match {request.match}, seat {request.seat}, tick {request.tick}"
        if (got.match, got.seat, got.tick) != (request.match, request.seat, request.tick):
            raise FailedError(wanted, f"match {got.match}, seat {got.seat}, tick {got.tick}")


def _session(bench: Bench) -> None:
    questions = bench.questions(1)
    bench.open(questions)
    requests = [q.request for q in questions]
    bench.ask(requests)
    replies = bench.replies(requests, "an answer to every item")
    bench.end(questions)
    wanted = bench.peer().session
    for session, _ in (one for found in replies.values() for one in found):
        if session != wanted:
            raise FailedError(f"session {wanted!r}, as in WELCOME", repr(session))


def _legal(bench: Bench) -> None:
    questions = bench.questions(MANY)
    must_be_legal(questions, bench.round(questions, "an answer to every item"))


def _again(bench: Bench) -> None:
    """A re-ask is a new id with attempt 1 and the reason."""
    questions = bench.questions(2)
    bench.open(questions)
    requests = [q.request for q in questions]
    bench.ask(requests)
    bench.answers(requests, "an answer to every item")
    again = [
        msgspec.structs.replace(r, id=next(bench.numbers), attempt=1, reason="that is no action of this game")
        for r in requests
    ]
    bench.ask(again)
    answers = bench.answers(again, "an answer to every item that is asked again (attempt 1)")
    bench.end(questions)
    for request in again:
        if answers[request.id].attempt != 1:
            raise FailedError("attempt 1 echoed", f"attempt {answers[request.id].attempt}")


def _queued(bench: Bench) -> None:
    questions = bench.questions(8)
    bench.open(questions)
    for question in questions:
        bench.ask([question.request])
    bench.answers(
        [q.request for q in questions], f"an answer to each of {len(questions)} ACTs sent one after the other"
    )
    bench.end(questions)


def _cancel(bench: Bench) -> None:
    questions = bench.questions(8)
    requests = [q.request for q in questions]
    bench.open(questions)
    bench.ask(requests)
    peer = bench.peer()
    peer.send(m.Cancel(ids=[request.id for request in requests]))
    grace = m.Limits().grace
    patience, peer.patience = peer.patience, min(peer.patience, grace)
    try:
        bench.answers(requests, f"an answer, or `cancelled`, to every cancelled item within {grace:g} s")
    finally:
        peer.patience = patience
    peer.send(m.Cancel(ids=[request.id for request in requests]))  # answered already: nothing follows
    bench.end(questions)
    what = "nothing about items that were answered before their CANCEL"
    for message in peer.through("PONG after a CANCEL that came too late"):
        if isinstance(message, (m.Action, m.Error)):
            raise FailedError(what, f"{type(message).__name__.upper()}")


def _void(bench: Bench) -> None:
    """What the arena does when a neighbour dies: CANCEL, END, and the same seat opened anew."""
    first = bench.questions(1)
    peer = bench.peer()
    bench.open(first)
    bench.ask([q.request for q in first])
    peer.send(m.Cancel(ids=[q.request.id for q in first]))
    bench.end(first, Outcome(status="voided", reason="worker_died: a check"))
    second = [Question(msgspec.structs.replace(q.request, id=next(bench.numbers)), q.game) for q in first]
    bench.open(second)
    bench.ask([q.request for q in second])
    both = [q.request for q in (*first, *second)]
    answers = bench.answers(both, "one answer to the voided match's item, and one to the same seat opened anew")
    bench.end(second)
    must_be_legal(second, answers)


def _closed(bench: Bench) -> None:
    questions = bench.questions(2)
    bench.round(questions, "an answer to every item")
    _await_closed(bench, {q.where for q in questions})


def _closed_unknown(bench: Bench) -> None:
    where = (next(bench.matches), 0)
    bench.peer().send(m.End(match=where[0], seat=0, outcome=Outcome(status="voided", reason="a check")))
    _await_closed(bench, {where})


def _await_closed(bench: Bench, seats: set[tuple[int, int]]) -> None:
    wanted = set(seats)
    while wanted:
        match, seat = min(wanted)
        got = bench.peer().expect(
            f"CLOSED of seat {seat} of match {match}", m.Closed, lambda closed: (closed.match, closed.seat) in seats
        )
        if (got.match, got.seat) not in wanted:
            raise FailedError("one CLOSED for an END", f"two of seat {got.seat} of match {got.match}")
        wanted.remove((got.match, got.seat))


def _budget(bench: Bench) -> None:
    questions = bench.questions(1)[:1]
    asked: list[Request] = [msgspec.structs.replace(q.request, budget=0.0) for q in questions]
    bench.open(questions)
    bench.ask(asked)
    answers = bench.answers(asked, "an answer to an item with a budget of 0")
    bench.end(questions)
    decision = answers[asked[0].id].decision
    if decision is None or decision.fault != "timeout":
        said = "no decision" if decision is None else f"answer {decision.answer!r}, fault {decision.fault!r}"
        raise FailedError("a decision with the fault `timeout`: a budget of 0 is over at once", said)


_ASKED = ("answers",)
SEATS = (
    Check(
        "opened",
        "answers OPEN by OPENED of the same seat",
        "3 (open, opened)",
        "send OPENED with the `match` and `seat` of each OPEN",
        _opened,
    ),
    Check(
        "answers",
        "answers every item of every ACT",
        "3 (act, action), 5 rule 1",
        "send one answer for every item of `items`, in one ACTION or in several; an exception is the fault `crashed`",
        _answers,
        ("opened",),
    ),
    Check(
        "once",
        "answers no item twice",
        "5 rule 1",
        "keep each item until it is answered, once",
        _once,
        ("answers", "ping"),
    ),
    Check(
        "echo",
        "echoes match, seat and tick",
        "5 rule 2",
        "copy `id`, `match`, `seat` and `tick` from the item into its answer",
        _echo,
        _ASKED,
    ),
    Check(
        "session",
        "echoes the session of WELCOME",
        "3 (action), 5 rule 2",
        "copy `session` from WELCOME into every ACTION",
        _session,
        _ASKED,
    ),
    Check(
        "legal",
        "answers with legal actions",
        "3 (act, action)",
        "answer with an index out of the observation's `legal`, or with an action's name",
        _legal,
        _ASKED,
    ),
    Check(
        "again",
        "answers again when it is asked again",
        "3 (act): attempt",
        "take an item with `attempt` 1 as a new question, and echo its `attempt`",
        _again,
        _ASKED,
    ),
    Check("queued", "answers several ACTs that wait", "5 rule 3", "read on until the socket is empty", _queued, _ASKED),
    Check(
        "cancel",
        "confirms a CANCEL in time",
        "3 (cancel), 5 rules 7 and 8",
        "answer each cancelled item that waits with `cancelled` true; say nothing about those answered already",
        _cancel,
        ("answers", "ping"),
    ),
    Check(
        "closed", "answers END by CLOSED", "3 (end, closed)", "send CLOSED with the `match` and `seat`", _closed, _ASKED
    ),
    Check(
        "closed_unknown",
        "answers END of a seat that was never opened",
        "3 (closed)",
        "send CLOSED for every END, whether the seat is known or not",
        _closed_unknown,
    ),
    Check(
        "void",
        "goes on after a void match, and takes the same seat again",
        "4, 5 rules 1 and 6",
        "answer the item of a match that ended, forget the seat at END, and take a later OPEN of it as new",
        _void,
        ("answers", "legal"),
    ),
    Check(
        "budget",
        "keeps its clock: a budget of 0 is a timeout",
        "5 rule 5",
        "answer an item whose `budget` is over with a decision whose fault is `timeout`",
        _budget,
        _ASKED,
    ),
)
