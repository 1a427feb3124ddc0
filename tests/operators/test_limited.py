"""Servers limit an answer to a list in ways of their own: the one that a server knows is found, and used."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("aiohttp")

from arena_operators.vlm.backend import ModelRequest, Sampling
from arena_operators.vlm.limited import WAYS, chosen
from tests.operators.compatible_server import ABLE, CompatibleServer, Reply
from tests.operators.served_kit import decide, started

NAMES = ("fold", 'say "no"', "a|b (c)")


def asked(server, names=NAMES):
    """(whether the probe found a way, the answer to a request with these choices)."""

    async def run():
        async with started(server) as one:
            request = ModelRequest(messages=(), key=b"k" * 16, sampling=Sampling(), choices=names)
            return one.capabilities.choices, (await one.backend.generate(request)).text

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("able", "field"),
    [
        ("choices", "structured_outputs"),
        ("grammar", "grammar"),
        ("regex", "regex"),
        ("schema", "response_format"),
    ],
)
def test_the_field_that_a_server_knows_is_the_one_that_is_sent(able, field):
    with CompatibleServer(able=ABLE - {"choices"} | {able}) as server:
        found, _ = asked(server)
    assert found
    assert [name for name in WAYS if name in server.turns[0].body] == [field]
    assert server.turns[0].body[field] == WAYS[field](NAMES)


def test_the_choice_in_a_json_object_is_the_answer():
    with CompatibleServer([Reply(json.dumps({"answer": NAMES[1]}))], able=ABLE - {"choices"} | {"schema"}) as server:
        assert asked(server)[1] == NAMES[1]


def test_a_text_that_is_none_of_them_stays_as_it_is():
    with CompatibleServer([Reply('{"answer": "all in"}')]) as server:
        assert asked(server)[1] == '{"answer": "all in"}'


def test_a_regex_matches_its_choices_and_nothing_else():
    pattern = WAYS["regex"](NAMES)
    assert [bool(re.fullmatch(pattern, text)) for text in (*NAMES, "a", "b (c)", "c")] == [True] * 3 + [False] * 3


@pytest.mark.parametrize("text", ["call", "", "[1]", '{"answer": 3}', "{" * 2000])
def test_only_what_was_listed_is_chosen(text):
    assert chosen(text, NAMES) is None


def test_a_seat_is_limited_to_its_legal_actions_where_the_operator_says_so():
    with CompatibleServer(lambda chat: Reply(chat.body["structured_outputs"]["choice"][0])) as server:
        (decision,) = decide(server, choices=True)
    (chat,) = server.turns
    assert chat.body["structured_outputs"] == {"choice": [f"Answer: {name}" for name in chat.legal]}
    assert (decision.answer, decision.fault) == (chat.legal[0], None)


def test_a_server_that_limits_nothing_is_refused_before_the_first_match():
    with CompatibleServer(able=ABLE - {"choices"}) as server, pytest.raises(ValueError, match="@choices=true: toy"):
        decide(server, choices=True)
