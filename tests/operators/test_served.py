"""`vlm:MODEL@url=...`: what is sent to a server, and what comes of its answers."""

from __future__ import annotations

import asyncio
import base64
import io
import subprocess
import sys
import threading

import numpy as np
import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("aiohttp")

from msgspec.structs import replace
from PIL import Image

from arena.operator import BackendError
from arena_operators.vlm.backend import ModelRequest, Sampling
from tests.operators.compatible_server import CompatibleServer, Reply
from tests.operators.served_kit import Clock, decide, started, turns
from tests.operators.vlm_kit import frames


def test_the_answer_is_the_models():
    with CompatibleServer([Reply("I hold a king.\nAnswer: raise")]) as server:
        (decision,) = decide(server)
    assert (decision.answer, decision.thought, decision.fault) == ("raise", "I hold a king.", None)
    assert decision.usage.prompt > 0
    assert decision.usage.completion == len(["I", "hold", "a", "king.", "Answer:", "raise"]) + 1


def test_every_sampling_field_is_sent_also_those_that_limit_nothing():
    with CompatibleServer() as server:
        decide(server)
        decide(server, temperature=0.0, top_p=0.5, top_k=40, min_p=0.1, max_tokens=9)
    sent = [
        {name: chat.body[name] for name in ("temperature", "top_p", "top_k", "min_p", "max_tokens")}
        for chat in server.turns
    ]
    assert sent == [
        {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "max_tokens": 256},
        {"temperature": 0.0, "top_p": 0.5, "top_k": 40, "min_p": 0.1, "max_tokens": 9},
    ]


def test_the_seed_is_that_of_the_turns_key():
    with CompatibleServer() as server:
        decide(server, 2)
        decide(server, 2)
    seeds = [[chat.body["seed"] for chat in group] for group in (server.turns[:2], server.turns[2:])]
    assert sorted(seeds[0]) == sorted(seeds[1])
    assert len(set(seeds[0])) == 2


def test_the_picture_arrives_as_it_is():
    with CompatibleServer() as server:
        decide(server)
    ((picture,),) = [chat.pictures for chat in server.turns]
    data = picture["image_url"]["url"].removeprefix("data:image/png;base64,")
    there = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert (there == turns(1)[1][0].observation.image).all()


def test_a_picture_that_the_server_has_is_sent_by_its_name_and_again_when_it_was_dropped():
    async def run(server):
        async with started(server) as one:
            seats, (request,) = turns(1)
            one.open(seats)
            await one.decide(request)
            await one.decide(request)
            server._pictures.clear()
            assert (await one.decide(request)).fault is None

    with CompatibleServer() as server:
        asyncio.run(run(server))
    whole = [chat.pictures[0]["image_url"] is not None for chat in server.turns]
    assert whole == [True, False, False, True]


def test_tokens_and_log_probabilities_come_where_a_seat_wants_them():
    with CompatibleServer() as server:
        (with_tokens,) = decide(server, tokens=True)
        (without,) = decide(server)
    assert len(with_tokens.tokens) == len(with_tokens.logprobs) == with_tokens.usage.completion
    assert len(with_tokens.prompt_tokens) == with_tokens.usage.prompt
    assert without.tokens is None
    assert "return_token_ids" not in server.turns[1].body


def test_a_seat_that_wants_tokens_is_refused_by_a_server_without():
    async def run(server):
        async with started(server) as one:
            with pytest.raises(ValueError, match="log-probabilities are wanted"):
                one.open(turns(1, tokens=True)[0])

    with CompatibleServer(able={"pictures"}) as server:
        asyncio.run(run(server))


def test_an_answer_is_limited_to_choices_where_a_request_says_so():
    async def run(server):
        async with started(server) as one:
            asked = ModelRequest(messages=(), key=b"k" * 16, sampling=Sampling(), choices=("call", "fold"))
            await one.backend.generate(asked)

    with CompatibleServer() as server:
        asyncio.run(run(server))
    assert server.turns[0].body["structured_outputs"] == {"choice": ["call", "fold"]}


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_what_the_server_keeps_apart_as_reasoning_is_thought(field):
    with CompatibleServer([Reply("Answer: call", thought="A king is good.", thought_field=field)]) as server:
        (decision,) = decide(server)
    assert (decision.answer, decision.thought, decision.raw) == ("call", "A king is good.", "Answer: call")


@pytest.mark.parametrize("opened", ["<think>", ""])
def test_a_thinking_models_thought_is_no_answer(opened):
    with CompatibleServer([Reply(f"{opened}\nAnswer: fold? No.\n</think>\n\nAnswer: call")]) as server:
        (decision,) = decide(server)
    assert (decision.answer, decision.thought) == ("call", "Answer: fold? No.")


def test_a_thought_that_does_not_end_is_unparsable():
    with CompatibleServer([Reply("<think>\nAnswer: call")]) as server:
        (decision,) = decide(server)
    assert decision.answer == ""  # which names no action of any game


def test_a_limit_of_thought_is_sent_where_one_is_given():
    with CompatibleServer() as server:
        decide(server, backend="vllm", thinking=100)
        decide(server)
    assert [chat.body.get("thinking_token_budget") for chat in server.turns] == [100, None]


def test_cancelling_a_turn_stops_the_server():
    async def run(server):
        async with started(server) as one:
            seats, (request,) = turns(1)
            one.open(seats)
            deciding = asyncio.ensure_future(one.decide(request))
            await asyncio.to_thread(server.arrived.acquire)
            deciding.cancel()
            assert await asyncio.to_thread(server.given_up.wait, 30)

    with CompatibleServer([Reply(hang=threading.Event())]) as server:
        asyncio.run(run(server))
    assert (server.in_flight, server.disconnected) == (0, 1)


def test_many_turns_are_in_flight_at_once():
    go = threading.Event()

    async def run(server):
        async with started(server) as one:
            seats, requests = turns(32)
            one.open(seats)
            deciding = [asyncio.ensure_future(one.decide(request)) for request in requests]
            for _ in requests:
                await asyncio.to_thread(server.arrived.acquire)
            go.set()
            return await asyncio.gather(*deciding)

    with CompatibleServer(lambda chat: Reply(hang=go)) as server:
        decisions = asyncio.run(run(server))
    assert server.most_in_flight == 32
    assert {one.answer for one in decisions} == {"call"}


def test_it_needs_no_torch():
    code = """
import sys
for name in ("torch", "transformers", "tokenizers", "safetensors"):
    sys.modules[name] = None
from arena.operator import WorkerContext
from arena_operators.vlm.operator import make
make(WorkerContext("toy", {"url": "http://localhost:1/v1"}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_wait_is_real_in_these_tests():
    clock = Clock()
    with CompatibleServer([Reply(status=503), Reply("Answer: call")]) as server:
        (decision,) = decide(server, clock=clock)
    assert (decision.answer, clock.waits) == ("call", [0.5])


def test_a_stream_comes_to_the_same_and_tells_when_it_began():
    def answer(chat):
        return Reply("I hold a king.\nAnswer: raise", thought="Hm.", cached=5)

    with CompatibleServer(answer) as server:
        (at_once,) = decide(server, tokens=True)
        (streamed,) = decide(server, tokens=True, stream=True)
    assert [chat.body.get("stream") for chat in server.turns] == [None, True]
    timed = at_once.usage, streamed.usage
    assert (timed[0].first_token, timed[0].cached) == (None, 5)
    assert 0 < timed[1].first_token <= timed[1].seconds
    assert frames([replace(at_once, usage=None)]) == frames([replace(streamed, usage=None)])
    assert (timed[0].prompt, timed[0].completion, timed[0].cached) == (timed[1].prompt, timed[1].completion, 5)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply("one two three four", cut=True), "broke before the whole answer came"),
        (Reply(choices=False), "no choices"),
        (Reply(body="<html>"), "no choices"),
        (Reply(body='data: {"choices": 3}\n\n'), "a part of the server's answer is none"),
        (Reply(body='data: {"error": {"message": "oh"}}\n\n'), "failed in the middle of its answer: oh"),
        (Reply(body='data: {"choices": [{"delta": {"content": "Answer"}}]}\n\n'), "broke off"),
        (Reply("oh", status=500), "answers 500: oh"),
    ],
)
def test_a_stream_that_fails_is_the_servers_failure(reply, words):
    with CompatibleServer([reply]) as server:
        (error,) = decide(server, stream=True)
    assert isinstance(error, BackendError)
    assert words in str(error)


def test_a_stream_is_asked_for_again_where_that_is_safe():
    clock = Clock()
    with CompatibleServer([Reply(status=503), Reply("Answer: raise")]) as server:
        (decision,) = decide(server, clock=clock, stream=True)
    assert (decision.answer, clock.waits) == ("raise", [0.5])


def test_earlier_turns_that_a_server_has_no_room_for_are_counted():
    async def run():
        async with started(server, history=8) as one:
            seats, (request,) = turns(1)
            one.open(seats)
            for tick in range(3):
                decision = await one.decide(replace(request, tick=tick))
                server.context = decision.usage.prompt + 256  # there is no room for any earlier turn
                yield decision.usage.dropped

    async def all_of():
        return [dropped async for dropped in run()]

    with CompatibleServer(context=100_000) as server:
        assert asyncio.run(all_of()) == [0, 1, 2]


def test_a_prompt_that_a_server_has_no_room_for_is_an_error_with_the_numbers():
    body = '{"error": {"message": "it exceeds the available context size", "n_prompt_tokens": 9, "n_ctx": 8}}'
    with CompatibleServer([Reply(status=400, body=body)]) as server:
        (error,) = decide(server, max_tokens=77)
    for words in ("n_prompt_tokens 9, n_ctx 8", "77 tokens", "context 4,096", "with a larger context", "@image="):
        assert words in str(error)


NO_THOUGHT = {"enable_thinking": False, "thinking": False}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, None),
        ({"thoughts": False}, NO_THOUGHT),
        ({"choices": True}, NO_THOUGHT),
        ({"thinking": 0}, NO_THOUGHT),
    ],
)
def test_a_model_is_told_not_to_think_where_no_thought_is_wanted(asked, sent):
    with CompatibleServer() as server:
        decide(server, **asked)
    assert server.turns[0].body.get("chat_template_kwargs") == sent


def test_a_server_that_knows_no_such_switch_is_not_sent_it():
    with CompatibleServer(refuses=["chat_template_kwargs"]) as server:
        (decision,) = decide(server, thoughts=False)
    assert decision.answer == "call"
    assert "chat_template_kwargs" not in server.turns[0].body
