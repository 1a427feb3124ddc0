"""The server of the tests itself: what others build on."""

from __future__ import annotations

import http.client
import json
import threading

import pytest

pytest.importorskip("aiohttp")

from tests.operators.compatible_server import CompatibleServer, Reply, first_legal

BODY = {"model": "toy", "messages": [{"role": "user", "content": "Legal actions: fold, call."}]}


def post(server, **more):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request(
        "POST", "/v1/chat/completions", json.dumps({**BODY, **more}), {"Content-Type": "application/json"}
    )
    response = connection.getresponse()
    return response.status, response.read().decode()


def text(given):
    return json.loads(given[1])["choices"][0]["message"]["content"]


def test_the_script_is_followed_and_then_the_first_legal_action_taken():
    with CompatibleServer([Reply("one"), Reply(status=503)]) as server:
        assert text(post(server)) == "one"
        assert post(server)[0] == 503
        assert text(post(server)) == "Answer: fold"
    assert [chat.legal for chat in server.turns] == [["fold", "call"]] * 3


def test_tokens_come_when_they_are_asked_for_and_it_is_able():
    for able, there in ((("tokens", "logprobs"), True), ((), False)):
        with CompatibleServer(first_legal, able=able) as server:
            whole = json.loads(post(server, return_token_ids=True, logprobs=True)[1])
        choice = whole["choices"][0]
        assert ("token_ids" in choice, "prompt_token_ids" in whole, "logprobs" in choice) == (there,) * 3
        assert not there or len(choice["token_ids"]) == len(choice["logprobs"]["content"]) == 3


def test_a_stream_has_the_same_text_and_tokens():
    with CompatibleServer() as server:
        whole = json.loads(post(server, return_token_ids=True)[1])
        lines = post(server, return_token_ids=True, stream=True, stream_options={"include_usage": True})[1].split(
            "\n\n"
        )
    assert lines[-2] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert "".join(one["delta"].get("content", "") for one in choices) == text((200, json.dumps(whole)))
    assert [i for one in choices for i in one.get("token_ids", [])] == whole["choices"][0]["token_ids"]
    assert chunks[-1]["usage"] == whole["usage"]


def test_half_an_answer_breaks_off():
    with CompatibleServer([Reply(cut=True)]) as server, pytest.raises(http.client.IncompleteRead):
        post(server)


def test_it_counts_what_is_in_flight_and_answers_at_the_event():
    go = threading.Event()
    with CompatibleServer(lambda chat: Reply(hang=go)) as server:
        asking = [threading.Thread(target=post, args=(server,)) for _ in range(3)]
        for one in asking:
            one.start()
        for _ in asking:
            server.arrived.acquire()
        assert server.in_flight == 3
        go.set()
        for one in asking:
            one.join()
    assert (server.in_flight, server.most_in_flight, server.disconnected) == (0, 3, 0)


def test_it_comes_back_at_its_port():
    with CompatibleServer() as server:
        before = server.port
        server.stop()
        with pytest.raises(ConnectionRefusedError):
            post(server)
        server.start()
        assert (server.port, post(server)[0]) == (before, 200)
