"""Workers with one mistake each: `misbehaving.py NAME`. MISTAKES says how the arena names it. Not a test."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import zmq

sys.path.insert(0, str(Path(__file__).parent))

from peers import MAGIC, Peer, answers_of, changed, pack  # type: ignore[import-not-found]

Answer = dict[str, object]
Deed = Callable[[Peer, str], None]


def ready(hello: dict[str, object] | None = None) -> tuple[Peer, str]:
    peer = Peer()
    peer.hello(**(hello or {}))
    session = str(peer.next("welcome")["session"])
    peer.send(type="status", state="ready")
    return peer, session


def asked(peer: Peer, opened: bool = True) -> dict[str, object]:
    """The next ACT; the seats before it are taken as they should be."""
    while True:
        message = peer.next("open", "act", "end", "shutdown")
        if message["type"] == "act":
            return message
        if message["type"] == "open" and opened:
            peer.send(type="opened", match=message["match"], seat=message["seat"])
        if message["type"] == "end":
            peer.send(type="closed", match=message["match"], seat=message["seat"])


def answering(**change: object) -> Deed:
    """Answers with this change, for ever."""

    def deed(peer: Peer, session: str) -> None:
        while True:
            action = {"type": "action", "session": session, "answers": answers_of(asked(peer))}
            peer.send(**changed(**change)(action))

    return deed


def deciding(**decision: object) -> Deed:
    return answering(decision={"answer": 0, **decision})


def generating(**arrays: tuple[str, list[float]]) -> Deed:
    """Decides with these arrays (by field: wire dtype, values), which travel as buffers."""

    def deed(peer: Peer, session: str) -> None:
        while True:
            answers, buffers = answers_of(asked(peer)), []
            for answer in answers:
                for name, (dtype, values) in arrays.items():
                    answer["decision"][name] = [len(buffers), dtype, [len(values)]]
                    buffers.append(struct.pack(f"<{len(values)}{'i' if dtype == '<i4' else 'f'}", *values))
            header = pack({"type": "action", "session": session, "answers": answers})
            peer.socket.send_multipart([MAGIC, header, *buffers])

    return deed


def ids(*values: int) -> tuple[str, list[float]]:
    return "<i4", list(values)


def floats(*values: float) -> tuple[str, list[float]]:
    return "<f4", list(values)


def saying(*messages: dict[str, object]) -> Deed:
    """Says this when it is asked, and no more."""

    def deed(peer: Peer, session: str) -> None:
        asked(peer)
        for message in messages:
            peer.send(**message)
        peer.wait()

    return deed


def sending(*messages: list[bytes]) -> Deed:
    """Sends these frames when it is asked."""

    def deed(peer: Peer, session: str) -> None:
        asked(peer)
        for frames in messages:
            peer.socket.send_multipart(frames)
        peer.wait()

    return deed


def flooding(**message: object) -> Deed:
    """Never stops saying this."""

    def deed(peer: Peer, session: str) -> None:
        asked(peer)
        filled = {**message, "session": session} if message["type"] == "action" else message
        while True:
            peer.send(**filled)

    return deed


def silent_seat(peer: Peer, session: str) -> None:
    """No OPENED."""
    while True:
        peer.send(type="action", session=session, answers=answers_of(asked(peer, opened=False)))


def leaving(how: Callable[[Peer], object]) -> Deed:
    def deed(peer: Peer, session: str) -> None:
        asked(peer)
        how(peer)
        signal.pause()

    return deed


def crowd(peer: Peer) -> None:
    """Eleven hundred connections, of which the arena needs none."""
    path = os.environ["ARENA_ADDRESS"].removeprefix("ipc://")
    peer.crowd = [socket.socket(socket.AF_UNIX) for _ in range(1100)]
    for one in peer.crowd:
        one.connect(path)


def second(kind: int = zmq.DEALER, *frames: bytes) -> Callable[[Peer], None]:
    """Another connection that says something else."""

    def deed(peer: Peer) -> None:
        peer.other = zmq.Context.instance().socket(kind)
        peer.other.connect(os.environ["ARENA_ADDRESS"])
        if frames:
            peer.other.send_multipart(list(frames))

    return deed


def deep(levels: int) -> bytes:
    """A header whose unknown field nests so deep."""
    return b"\x83\xa4type\xa3bye\xa6reason\xa0\xa1x" + b"\x91" * levels + b"\xc0"


def twice_bye(peer: Peer, session: str) -> None:
    peer.send(type="bye")
    peer.send(type="status", state="ready")
    peer.wait()


OPEN = {"match": 0, "seat": 0}
AN_ANSWER = {"id": 10**9, "match": 0, "seat": 0, "tick": 0, "decision": {"answer": 0}}
HEADER = r"a header that is not a message"
DECODE = r"a header that does not decode"
ONE_OF = r"expected one of decision, cancelled and error"

# name: what it does once it is ready, and how the arena names it.
MISTAKES: dict[str, tuple[Deed, str]] = {
    # answers
    "decision_and_error": (answering(error="backend"), rf"by a decision and an error: {ONE_OF}"),
    "decision_and_cancelled": (answering(cancelled=True), rf"by a decision and cancelled: {ONE_OF}"),
    "all_three": (answering(cancelled=True, error="backend"), rf"a decision and cancelled and an error: {ONE_OF}"),
    "nothing": (answering(decision=None), rf"by nothing: {ONE_OF}"),
    "cancelled_by_nobody": (answering(decision=None, cancelled=True), "by cancelled, and nobody cancelled it"),
    "error_made_up": (answering(decision=None, error="tired"), HEADER),
    "tick_of_text": (answering(tick="1"), HEADER),
    "tick_of_float": (answering(tick=1.5), HEADER),
    "id_nil": (answering(id=None), HEADER),
    "attempt_of_bool": (answering(attempt=True), HEADER),
    "answers_of_nil": (saying({"type": "action", "session": "s", "answers": None}), HEADER),
    "answers_of_map": (saying({"type": "action", "session": "s", "answers": {}}), HEADER),
    "no_answers_field": (saying({"type": "action", "session": "s"}), HEADER),
    "session_of_int": (saying({"type": "action", "session": 5, "answers": []}), HEADER),
    # decisions
    "fault_illegal": (deciding(fault="illegal"), "with the fault 'illegal', which a worker does not give"),
    "fault_backend": (deciding(fault="backend"), "with the fault .backend., which a worker does not give"),
    "fault_deadline": (deciding(fault="deadline"), HEADER),
    "fault_made_up": (deciding(fault="bored"), HEADER),
    "usage_negative": (deciding(usage={"prompt": -1}), "with a usage of -1 and 0 tokens: expected numbers from 0"),
    "usage_negative_completion": (deciding(usage={"completion": -7}), "with a usage of 0 and -7 tokens"),
    "usage_float": (deciding(usage={"prompt": 1.5}), HEADER),
    "usage_list": (deciding(usage=[1, 2]), HEADER),
    "token_negative": (generating(tokens=ids(3, -2)), "with a token id -2"),
    "prompt_token_negative": (generating(prompt_tokens=ids(3, -7)), "with a token id -7"),
    "token_list": (deciding(tokens=[3, 2]), HEADER),
    "token_float": (generating(tokens=floats(3.0)), HEADER),
    "logprob_nan": (
        generating(tokens=ids(1), logprobs=floats(float("nan"))),
        "with a log-probability of nan",
    ),
    "logprob_positive": (generating(tokens=ids(1), logprobs=floats(0.25)), "with a log-probability of 0.25"),
    "logprob_infinite": (generating(tokens=ids(1), logprobs=floats(float("inf"))), "with a log-probability of inf"),
    "logprobs_too_many": (
        generating(tokens=ids(1), logprobs=floats(-1.0, -1.0)),
        "with 2 log-probabilities for 1 tokens",
    ),
    "logprobs_too_few": (
        generating(tokens=ids(1, 2), logprobs=floats(-1.0)),
        "with 1 log-probabilities for 2 tokens",
    ),
    "logprobs_alone": (generating(logprobs=floats(-1.0)), "with 1 log-probabilities for 0 tokens"),
    "logprob_int": (generating(tokens=ids(1), logprobs=ids(-1)), HEADER),
    "answer_list": (deciding(answer=[1]), HEADER),
    "answer_float": (deciding(answer=0.5), HEADER),
    "answer_bool": (deciding(answer=True), HEADER),
    "answer_bytes": (deciding(answer=b"zero"), HEADER),
    "decision_list": (answering(decision=[0]), HEADER),
    # seats
    "no_opened": (silent_seat, "decided for seat 0 of match 0 without an OPENED of it"),
    "opened_twice": (saying({"type": "opened", **OPEN}), "sent OPENED of seat 0 of match 0, which nobody opened"),
    "opened_elsewhere": (
        saying({"type": "opened", "match": 9, "seat": 0}),
        "OPENED of seat 0 of match 9, which nobody",
    ),
    "opened_negative": (saying({"type": "opened", "match": -1, "seat": 0}), "OPENED of seat 0 of match -1"),
    "closed_open_seat": (saying({"type": "closed", **OPEN}), "sent CLOSED of seat 0 of match 0, which is open"),
    "closed_elsewhere": (saying({"type": "closed", "match": 9, "seat": 1}), "seat 1 of match 9, which nobody ended"),
    "bye_with_seats": (saying({"type": "bye"}), "said BYE with seat 0 of match 0 open"),
    "after_bye": (twice_bye, "sent STATUS after BYE, which is the last message|said BYE with seat 0"),
    "hello_twice": (
        saying({"type": "hello", "token": "", "major": 1, "minor": 0, "kind": "", "name": "", "version": ""}),
        "sent HELLO twice",
    ),
    "status_made_up": (saying({"type": "status", "state": "tired"}), HEADER),
    "error_code_made_up": (saying({"type": "error", "code": "oops", "text": ""}), HEADER),
    "error_without_text": (saying({"type": "error", "code": "failed"}), HEADER),
    "error_malformed": (saying({"type": "error", "code": "malformed", "text": "eh?"}), "did not understand the arena"),
    # frames
    "no_header": (sending([MAGIC]), "a message of one frame: the header is missing"),
    "empty_message": (sending([b""]), "the first frame is b''"),
    "magic_of_another": (sending([b"ARENA/9", pack({"type": "bye"})]), "the first frame is b'ARENA/9'"),
    "magic_in_lower_case": (sending([b"arena/1", pack({"type": "bye"})]), "the first frame is b'arena/1'"),
    "delimiter": (sending([b"", MAGIC, pack({"type": "bye"})]), "the first frame is b''"),
    "empty_header": (sending([MAGIC, b""]), DECODE),
    "header_of_json": (sending([MAGIC, b'{"type": "bye"}']), HEADER),
    "header_of_nil": (sending([MAGIC, b"\xc0"]), HEADER),
    "header_of_array": (sending([MAGIC, pack(["bye"])]), HEADER),
    "header_cut": (sending([MAGIC, pack({"type": "status", "state": "ready"})[:-3]]), DECODE),
    "header_with_a_tail": (sending([MAGIC, pack({"type": "bye"}) + b"\x00"]), DECODE),
    "header_without_type": (sending([MAGIC, pack({"state": "ready"})]), HEADER),
    "type_of_int": (sending([MAGIC, pack({"type": 5})]), HEADER),
    "text_that_is_no_utf8": (sending([MAGIC, b"\x82\xa4type\xa3bye\xa6reason\xa2\xff\xfe"]), DECODE),
    "never_used_byte": (sending([MAGIC, b"\xc1"]), DECODE),
    "length_of_gigabytes": (sending([MAGIC, b"\x81\xdb\xff\xff\xff\xffx"]), DECODE),
    "nested_deep": (sending([MAGIC, deep(100_000)]), DECODE),
    "frame_too_large": (sending([MAGIC, bytes(64 * 2**20)]), r"a message of 67,108,871 bytes in 2 frames.*67,108,864"),
    "total_too_large": (sending([MAGIC, *[bytes(2**20)] * 70]), r"a message of 67,\d{3},\d{3} bytes in 65 frames"),
    "frames_too_many": (sending([MAGIC, *[b""] * 2000]), "a message of more than 1,024 frames"),
    # too much
    "flood_of_status": (
        flooding(type="status", state="loading"),
        "messages that nobody asked for, the last one STATUS",
    ),
    "flood_of_pongs": (flooding(type="pong"), "messages that nobody asked for, the last one PONG"),
    "flood_of_pings": (flooding(type="ping"), "the last one PING|its queue is full: it does not read"),
    "flood_of_errors": (flooding(type="error", code="failed", text="!"), "nobody asked for, the last one ERROR failed"),
    "flood_of_answers": (
        flooding(type="action", answers=[AN_ANSWER]),
        "asked for, the last one an answer to request 1000",
    ),
    "flood_in_one_action": (
        flooding(type="action", answers=[AN_ANSWER] * 999),
        "the last one an answer to request 1000",
    ),
    "flood_of_empty_actions": (flooding(type="action", answers=[]), "the last one an ACTION without answers"),
    "flood_of_unknown": (
        flooding(type="rewind"),
        "the last one of an unknown type|its queue is full: it does not read",
    ),
    "flood_of_games": (flooding(type="game_closed", match=0), "the last one GAME_CLOSED"),
    # connections
    "crowd": (leaving(crowd), "opened more than 8 connections at once: one is what it needs"),
    "second_with_rubbish": (
        leaving(second(zmq.DEALER, b"rubbish")),
        "broke the protocol: the first frame is b'rubbish'",
    ),
    "second_with_status": (
        leaving(second(zmq.DEALER, MAGIC, pack({"type": "status", "state": "ready"}))),
        "sent STATUS before HELLO",
    ),
    "second_of_another_kind": (leaving(second(zmq.REQ)), "its socket is a REQ: expected DEALER"),
    "closes": (leaving(lambda peer: peer.socket.close(linger=0)), "closed its connection"),
    # ends
    "exits_well": (leaving(lambda peer: os._exit(0)), "exited with code 0"),
    "exits": (leaving(lambda peer: os._exit(3)), "exited with code 3"),
    "aborts": (leaving(lambda peer: os.abort()), "was killed by SIGABRT"),
    "segfaults": (leaving(lambda peer: os.kill(os.getpid(), signal.SIGSEGV)), "was killed by SIGSEGV"),
    "killed": (leaving(lambda peer: os.kill(os.getpid(), signal.SIGKILL)), "was killed by SIGKILL"),
}
# What is wrong with a HELLO.
GREETINGS: dict[str, tuple[dict[str, object], str]] = {
    "minor_negative": ({"minor": -1}, "says that it speaks protocol 1.-1: a minor is a number from 0"),
    "seats_negative": ({"max_seats": -2}, "says that it holds -2 seats"),
    "token_wrong": ({"token": "guessed"}, "gave a wrong token"),
    "token_nil": ({"token": None}, HEADER),
    "major_later": ({"major": 2}, "speaks protocol 2.0, this arena speaks 1."),
    "major_of_text": ({"major": "1"}, HEADER),
    "determinism_made_up": ({"determinism": "mostly"}, HEADER),
    "capabilities_of_text": ({"capabilities": "watch"}, HEADER),
}


if __name__ == "__main__":
    name = sys.argv[1]
    if name in GREETINGS:
        peer = Peer()
        peer.hello(**GREETINGS[name][0])
        peer.wait()
    MISTAKES[name][0](*ready())
