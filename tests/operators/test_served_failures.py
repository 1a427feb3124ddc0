"""What a server does wrong becomes the right fault or error, and never a move."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("aiohttp")

from arena.operator import BackendError, OverloadedError
from arena_operators.vlm import bodies
from arena_operators.vlm.chat_api import CUT
from tests.operators.compatible_server import CompatibleServer, Reply
from tests.operators.served_kit import Clock, decide, started, turns


def failed(*replies: Reply, clock: Clock | None = None, **more):
    """What one turn raises, when the server answers so."""
    with CompatibleServer(replies) as server:
        (error,) = decide(server, clock=clock, **more)
    assert isinstance(error, Exception), error
    return error


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_without_capacity_is_asked_again_and_told_of_at_last(status):
    clock = Clock()
    error = failed(*[Reply("full", status=status)] * 6, clock=clock)
    assert type(error) is OverloadedError
    assert f"answers {status}: full" in str(error)
    assert clock.waits == [0.5, 1, 2, 4, 8]


def test_retry_after_is_honoured():
    clock = Clock()
    with CompatibleServer([Reply(status=429, headers={"Retry-After": "7"}), Reply("Answer: raise")]) as server:
        (decision,) = decide(server, clock=clock)
    assert (decision.answer, clock.waits) == ("raise", [7.0])


def test_a_server_that_says_to_wait_long_is_overloaded():
    clock = Clock()
    assert type(failed(Reply(status=429, headers={"Retry-After": "3600"}), clock=clock)) is OverloadedError
    assert clock.waits == []


def test_a_server_that_died_and_comes_back_answers():
    async def run(server):
        class Restarts(Clock):
            async def __call__(self, seconds):
                await super().__call__(seconds)
                await asyncio.to_thread(server.start)

        clock = Restarts()
        async with started(server, clock) as one:
            seats, (request,) = turns(1)
            one.open(seats)
            await asyncio.to_thread(server.stop)
            return (await one.decide(request)).answer, clock.waits

    with CompatibleServer() as server:
        assert asyncio.run(run(server)) == ("call", [0.5])


def test_a_server_that_stays_away_failed():
    async def run(server):
        clock = Clock()
        async with started(server, clock) as one:
            seats, (request,) = turns(1)
            one.open(seats)
            server.stop()
            with pytest.raises(BackendError, match="no server can be reached at") as caught:
                await one.decide(request)
            assert len(clock.waits) == 5
            return caught.type

    server = CompatibleServer()
    server.start()
    assert asyncio.run(run(server)) is BackendError


@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_that_is_closed_without_a_word_is_opened_once_more(stream):
    """As servers do with connections that were idle: the request came at the wrong moment."""
    clock = Clock()
    with CompatibleServer([Reply(drop=True), Reply("Answer: raise")]) as server:
        (decision,) = decide(server, clock=clock, stream=stream)
    assert (decision.answer, clock.waits) == ("raise", [0])
    error = failed(Reply(drop=True), Reply(drop=True), stream=stream)
    assert type(error) is BackendError
    assert "broke before the whole answer came" in str(error)


NESTED = '{"choices":' + "[" * 5000 + "]" * 5000 + "}"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply("oh", status=500), "answers 500: oh"),
        (Reply("oh", status=502), "answers 502: oh"),
        (Reply(body="<html>Welcome</html>"), "no chat completion .*<html>Welcome</html>"),
        (Reply(body=""), "no chat completion"),
        (Reply(body='{"choices": "none"}'), "no chat completion"),
        (Reply(body='{"choices": [{"message": {"content": 7}}]}'), "no chat completion"),
        (Reply(body=NESTED), "no chat completion"),
        (Reply(choices=False), "empty list of choices"),
        (Reply(usage={"prompt_tokens": -5}), "no chat completion"),
        (Reply(usage={"prompt_tokens": 10**30}), "no chat completion"),
        (Reply(cut=True), "broke before the whole answer came"),
        (Reply(model="other"), "another model is served there now"),
        (Reply("no such key", status=401), "answers 401: no such key"),
        (Reply("not yours", status=403), "answers 403: not yours"),
        (Reply("gone", status=404), "answers 404: gone"),
        (Reply("moved", status=307, headers={"Location": "http://elsewhere/v1"}), "answers 307: moved"),
    ],
)
def test_it_is_the_servers_failure_and_not_tried_again(reply, words):
    clock = Clock()
    error = failed(reply, clock=clock)
    assert isinstance(error, BackendError)
    assert not isinstance(error, OverloadedError)
    assert re.search(words, str(error))
    assert clock.waits == []


EVENT = f"data: {json.dumps({'choices': [{'delta': {'content': 'word '}}]})}\n\n"


@pytest.mark.parametrize(
    ("stream", "endless"), [(False, "word "), (True, EVENT), (True, "word ")], ids=["at once", "stream", "one line"]
)
def test_an_answer_without_end_is_not_read_any_further(monkeypatch, stream, endless):
    monkeypatch.setattr(bodies, "MOST", 1 << 20)
    clock = Clock()
    error = failed(Reply(endless=endless), clock=clock, stream=stream, max_tokens=256)
    assert isinstance(error, BackendError)
    assert "larger than 2.0 MiB" in str(error)
    assert clock.waits == []


def test_of_an_error_without_end_the_beginning_is_told():
    error = failed(Reply(status=500, endless="it failed "))
    assert "answers 500: it failed it failed" in str(error)
    assert len(str(error)) < 500


def test_a_long_answer_is_within_the_limit(monkeypatch):
    """Whatever a token brings with it: ids and log-probabilities, in an event each."""
    monkeypatch.setattr(bodies, "MOST", 1 << 14)
    text = "Answer: call " * 1000
    with CompatibleServer([Reply(text)]) as server:
        (decision,) = decide(server, stream=True, tokens=True, max_tokens=2000)
    assert decision.usage.completion == 2001


def test_an_answer_that_is_compressed_unasked_is_an_error():
    packed = {"Content-Encoding": "zstd"}
    assert "compressed (zstd)" in str(failed(Reply(body="{}", headers=packed)))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_is_refused_is_the_seats(status):
    error = failed(Reply("the picture is too large", status=status))
    assert isinstance(error, ValueError)
    assert f"answers {status}: the picture is too large" in str(error)


@pytest.mark.parametrize(
    ("reply", "finish", "words"),
    [
        (Reply("Answer: call", finish="length"), "length", "cut off after 3 tokens"),
        (Reply(None, refusal="I do not gamble."), "stop", "refused to answer: I do not gamble."),
        (Reply("Answer: call", finish="content_filter"), "content_filter", "its content filter"),
    ],
)
def test_no_answer_at_all_is_unparsable(reply, finish, words):
    with CompatibleServer([reply]) as server:
        (decision,) = decide(server)
    assert (decision.fault, decision.finish_reason) == ("unparsable", finish)
    assert words in decision.detail
    assert decision.raw == (reply.text or reply.refusal)


def test_an_answer_without_usage_counts_no_tokens():
    with CompatibleServer([Reply(usage=False)]) as server:
        (decision,) = decide(server)
    assert (decision.answer, decision.usage.prompt, decision.usage.completion) == ("call", 0, 0)


def test_token_ids_that_are_left_out_are_missed():
    assert "left out token ids" in str(failed(Reply(tokens=False), tokens=True))


def test_impossible_numbers_are_the_servers_failure():
    error = failed(Reply(logprob=0.5), tokens=True)
    assert type(error) is BackendError
    assert "a log-probability of 0.5" in str(error)
    with CompatibleServer([Reply(logprob=1e-7)]) as server:
        (decision,) = decide(server, tokens=True)
    assert set(decision.logprobs) == {0}  # rounding


def test_a_picture_that_is_dropped_in_mid_run_is_noticed():
    error = failed(Reply(pictures=False), tokens=True)
    assert "the prompt had 0 tokens of pictures; those that were sent have 16" in str(error)
    assert type(error) is BackendError


def test_a_size_of_picture_that_the_server_does_not_take_is_told():
    large = []

    def answer(chat):  # it takes that of the probe, and not the next one
        large.extend(chat.pictures)
        return Reply("too large", status=400) if len(large) > 3 and chat.pictures else None

    with CompatibleServer(probes=answer) as server:
        (error,) = decide(server)
    assert str(error) == f"toy takes no picture of 128x128: {server.url} answers 400: too large"


def test_a_failure_touches_nobody_else():
    bad = turns(8)[1][3].observation.text

    def answer(chat):
        return Reply(status=500) if bad in chat.text else Reply("Answer: raise")

    seen = {request.observation.text for request in turns(8)[1]}
    with CompatibleServer(answer) as server:
        decided = decide(server, 8)
    hit = sum(bad == request.observation.text for request in turns(8)[1])
    assert len(seen) > 1
    assert [isinstance(one, BackendError) for one in decided].count(True) == hit
    assert [one.answer for one in decided if not isinstance(one, Exception)] == ["raise"] * (8 - hit)


@pytest.mark.parametrize("reply", [{"status": 500}, {"status": 400}, {"body": True}])
def test_no_part_of_a_key_is_left_where_a_message_is_cut(reply, monkeypatch):
    """A server echoes the key right where its words are cut to a length."""
    key = "sk-secret-0123456789"
    monkeypatch.setenv("TOY_API_KEY", key)
    text = "x" * (CUT - len(key) // 2) + key
    answer = Reply(body=text) if "body" in reply else Reply(text, **reply)
    with CompatibleServer([answer], key=key) as server:
        (error,) = decide(server, key="TOY_API_KEY")
    assert "xxx" in str(error)
    assert "sk-" not in str(error)
