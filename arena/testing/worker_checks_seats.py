"""The checks of a worker's seats and answers. See arena/testing/worker_suite.py.

Each looks at one thing only, so that a worker with one mistake fails one check: the others find answers by their id.
"""

from __future__ import annotations

import msgspec

from arena.operator import Outcome, Request
from arena.protocol import messages as m
from arena.testing.worker_bench import Bench, Question, must_be_legal
from arena.testing.worker_checks import check
from arena.testing.worker_peer import FailedError

MANY = 24  # matches asked about in one ACT


@check("3 (open, opened)")
def opened(bench: Bench) -> None:
    """Answers OPEN by OPENED of the same seat.

    Repair: send OPENED with the `match` and `seat` of each OPEN.
    """
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


@check("3 (act, action), 5 rule 1", "opened")
def answers(bench: Bench) -> None:
    """Answers every item of every ACT.

    Repair: send one answer for every item of `items`, in one ACTION or in several; an exception is the fault
    `crashed`.
    """
    bench.round(bench.questions(1), "one ACTION for an ACT with one item")
    bench.round(bench.questions(MANY), f"an answer to every item of an ACT about {MANY} matches")


@check("5 rule 1", "answers", "ping")
def once(bench: Bench) -> None:
    """Answers no item twice.

    Repair: keep each item until it is answered, once.
    """
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


@check("5 rule 2", "answers")
def echo(bench: Bench) -> None:
    """Echoes match, seat and tick.

    Repair: copy `id`, `match`, `seat` and `tick` from the item into its answer.
    """
    questions = bench.questions(8)
    answers = bench.round(questions, "an answer to every item")
    for request in (q.request for q in questions):
        got = answers[request.id]
        wanted = f"item {request.id} echoed with match {request.match}, seat {request.seat}, tick {request.tick}"
        if (got.match, got.seat, got.tick) != (request.match, request.seat, request.tick):
            raise FailedError(wanted, f"match {got.match}, seat {got.seat}, tick {got.tick}")


@check("3 (action), 5 rule 2", "answers")
def session(bench: Bench) -> None:
    """Echoes the session of WELCOME.

    Repair: copy `session` from WELCOME into every ACTION.
    """
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


@check("3 (act, action)", "answers")
def legal(bench: Bench) -> None:
    """Answers with legal actions.

    Repair: answer with an index out of the observation's `legal`, or with an action's name.
    """
    questions = bench.questions(MANY)
    must_be_legal(questions, bench.round(questions, "an answer to every item"))


@check("3 (act): attempt", "answers")
def again(bench: Bench) -> None:
    """Answers again when it is asked again.

    A re-ask is a new id with attempt 1 and the reason.

    Repair: take an item with `attempt` 1 as a new question, and echo its `attempt`.
    """
    questions = bench.questions(2)
    bench.open(questions)
    requests = [q.request for q in questions]
    bench.ask(requests)
    bench.answers(requests, "an answer to every item")
    again = [
        msgspec.structs.replace(r, id=next(bench.numbers), attempt=1, reason="that is not an action of this game")
        for r in requests
    ]
    bench.ask(again)
    answers = bench.answers(again, "an answer to every item that is asked again (attempt 1)")
    bench.end(questions)
    for request in again:
        if answers[request.id].attempt != 1:
            raise FailedError("attempt 1 echoed", f"attempt {answers[request.id].attempt}")


@check("5 rule 3", "answers")
def queued(bench: Bench) -> None:
    """Answers several ACTs that wait.

    Repair: read on until the socket is empty.
    """
    questions = bench.questions(8)
    bench.open(questions)
    for question in questions:
        bench.ask([question.request])
    bench.answers(
        [q.request for q in questions], f"an answer to each of {len(questions)} ACTs sent one after the other"
    )
    bench.end(questions)


@check("3 (cancel), 5 rules 7 and 8", "answers", "ping")
def cancel(bench: Bench) -> None:
    """Confirms a CANCEL in time.

    Repair: answer each cancelled item that waits with `cancelled` true; say nothing about those answered already.
    """
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


@check("4, 5 rules 1 and 6", "answers", "legal")
def void(bench: Bench) -> None:
    """Goes on after a void match, and takes the same seat again.

    What the arena does when a neighbour dies: CANCEL, END, and the same seat opened anew.

    Repair: answer the item of a match that ended, forget the seat at END, and take a later OPEN of it as new.
    """
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


@check("3 (end, closed)", "answers")
def closed(bench: Bench) -> None:
    """Answers END by CLOSED.

    Repair: send CLOSED with the `match` and `seat`.
    """
    questions = bench.questions(2)
    bench.round(questions, "an answer to every item")
    _await_closed(bench, {q.where for q in questions})


@check("3 (closed)")
def closed_unknown(bench: Bench) -> None:
    """Answers END of a seat that was never opened.

    Repair: send CLOSED for every END, whether the seat is known or not.
    """
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


@check("5 rule 5", "answers")
def budget(bench: Bench) -> None:
    """Keeps its clock: a budget of 0 is a timeout.

    Repair: answer an item whose `budget` is over with a decision whose fault is `timeout`.
    """
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


SEATS = (opened, answers, once, echo, session, legal, again, queued, cancel, closed, closed_unknown, void, budget)
