"""What a server can do is found when the operator starts; what it cannot do is said before the first match."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("aiohttp")

from arena.operator import BackendError
from arena_operators.vlm.backend import Capabilities
from tests.operators.compatible_server import ABLE, CompatibleServer, Reply
from tests.operators.served_kit import decide, operator, started


def probed(server, **more) -> Capabilities:
    async def run():
        async with started(server, **more) as one:
            return one.capabilities, dict(one.facts)

    return asyncio.run(run())


def refused(server, **more) -> str:
    """The words with which it does not start."""

    async def run():
        one = operator(server, **more)
        try:
            with pytest.raises((ValueError, BackendError)) as caught:
                await one.start()
        finally:
            await one.stop()
        return str(caught.value)

    return asyncio.run(run())


def test_what_a_server_can_do_is_found():
    with CompatibleServer(context=2048) as server:
        found, facts = probed(server)
    assert found == Capabilities(
        backend="openai",
        model="toy",
        server="toy toy 1.0",
        tokens_out=True,
        logprobs=True,
        choices=True,
        seeds=True,
        seeds_differ=True,
        pictures=True,
        picture_uuid=True,
        lora=True,
        context=2048,
    )
    assert (facts["seeds"], facts["tokens_in"], facts["context"]) == ("yes", "no", "2048")


@pytest.mark.parametrize(
    ("without", "field"),
    [
        ("tokens", "tokens_out"),
        ("logprobs", "logprobs"),
        ("choices", "choices"),
        ("seeds", "seeds"),
        ("uuid", "picture_uuid"),
        ("lora", "lora"),
    ],
)
def test_what_it_cannot_do_is_found_too(without, field):
    with CompatibleServer(able=ABLE - {without}) as server:
        found, _ = probed(server)
    there = ("tokens_out", "logprobs", "choices", "seeds", "picture_uuid", "lora")
    assert [name for name in there if not getattr(found, name)] == [field]


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (CompatibleServer(), ("yes", "yes")),
        (CompatibleServer(able=ABLE - {"seeds"}), ("no", "yes")),
        (CompatibleServer(probes=lambda chat: Reply("always this")), ("no", "no")),
    ],
    ids=["they arrive", "none repeats", "none changes anything"],
)
def test_a_seed_arrives_where_it_repeats_an_answer_and_another_changes_it(server, expected):
    with server:
        _, facts = probed(server)
    assert (facts["seeds"], facts["seeds_differ"]) == expected


def test_a_server_whose_list_of_models_fails_is_used_all_the_same():
    with CompatibleServer(lists=False) as server:
        (decision,) = decide(server)
    assert decision.answer == "call"


def test_a_model_that_drops_the_picture_is_refused():
    with CompatibleServer(able=ABLE - {"pictures"}) as server:
        assert "it drops pictures, so the model would play blind" in refused(server)


def test_a_server_that_refuses_pictures_is_refused_with_its_words():
    def answer(chat):
        return Reply("this model does not support images", status=400) if chat.pictures else None

    with CompatibleServer(probes=answer) as server:
        assert "this model does not support images" in refused(server)


def test_a_server_that_counts_no_prompt_tokens_proves_no_picture():
    with CompatibleServer(able={"pictures"}, probes=lambda chat: Reply("yes", usage=False)) as server:
        assert "nothing shows that a picture reaches the model" in refused(server)


def test_a_name_that_is_not_served_is_refused_with_those_that_are():
    with CompatibleServer(model="qwen") as server:
        assert f"{server.url} serves no model 'toy'; it serves: qwen" in refused(server)
        assert probed(server, model="qwen")[0].model == "qwen"


def test_a_server_that_answers_as_another_model_is_refused():
    with CompatibleServer(probes=lambda chat: Reply("yes", model="other")) as server:
        words = refused(server)
    assert "was asked for the model 'toy' and answers as 'other'" in words
    assert "It lists: toy" in words


def test_a_dated_version_of_the_model_is_the_model():
    with CompatibleServer(lambda chat: Reply(model="toy-2026-11"), probes=lambda chat: None) as server:
        server.probes = lambda chat: Reply("yes", model="toy-2026-11", usage={"prompt_tokens": 9 + len(chat.pictures)})
        (decision,) = decide(server)
    assert decision.answer == "call"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_who_is_not_let_in_hears_it_at_the_start(status):
    with CompatibleServer(probes=lambda chat: Reply("go away", status=status)) as server:
        assert f"answers {status}: go away" in refused(server)


@pytest.mark.parametrize(
    ("refuses", "left"),
    [(("return_token_ids",), {"top_k": 0, "min_p": 0.0}), (("top_k", "min_p", "return_token_ids", "logprobs"), {})],
)
def test_fields_that_a_server_does_not_know_are_left_out_where_they_limit_nothing(refuses, left):
    with CompatibleServer(refuses=refuses) as server:
        (decision,) = decide(server)
        (limited,) = decide(server, top_k=5) if not left else [None]
    assert decision.answer == "call"
    assert {name: server.turns[0].body[name] for name in ("top_k", "min_p") if name in server.turns[0].body} == left
    if not left:
        assert "Unrecognized request argument supplied: top_k" in str(limited)  # nothing that was asked for is dropped


def test_another_name_for_max_tokens_is_found():
    with CompatibleServer(refuses=("max_tokens", "top_k", "min_p", "return_token_ids", "logprobs")) as server:
        decide(server, max_tokens=7)
    assert server.turns[0].body["max_completion_tokens"] == 7


def test_no_server_at_all():
    with CompatibleServer() as server:
        pass
    assert "no server can be reached at" in refused(server)


def test_an_answer_that_fills_the_context_is_refused_at_the_start():
    with CompatibleServer(context=512) as server, pytest.raises(ValueError, match="context has 512 tokens"):
        decide(server, max_tokens=512)
