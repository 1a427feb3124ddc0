"""New weights between batches: no answer mixes them, and a failed update changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from arena.host_async import AsyncHost
from arena.operator import AsyncOperator, Decision, Request
from arena.protocol import codec
from arena.protocol import messages as m
from tests.host_kit import Peer, Puppet, open_message


class Learner(Puppet):
    """Answers with the path of its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = "first"

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        super().act(requests)
        return [Decision(answer=self.weights) for _ in requests]

    def update(self, version: str, path: str) -> None:
        if path == "broken":
            raise ValueError("these weights are broken")
        if path == "bug":
            raise KeyError("layer")
        self.weights = path


def decided(peer: Peer) -> dict[int, tuple[object, str | None]]:
    return {i: (a.decision.answer, a.decision.weights_version) for i, a in peer.answers().items() if a.decision}


def test_what_was_asked_before_is_answered_with_the_old_weights_and_the_rest_with_the_new() -> None:
    peer = Peer(Learner())
    peer.open()
    peer.ask(1, 2)
    peer.tell(m.Update(id=5, version="v2", path="second"))
    peer.ask(3)
    peer.host.work()
    assert decided(peer) == {1: ("first", None), 2: ("first", None), 3: ("second", "v2")}
    assert m.Updated(id=5, version="v2") in peer.out


def test_a_seat_that_is_opened_after_the_update_is_opened_after_it() -> None:
    peer = Peer(Learner())
    peer.open()
    peer.ask(1)
    peer.tell(m.Update(id=5, version="v2", path="second"))
    peer.open(match=1)
    peer.ask(2, match=1)
    peer.host.work()
    assert decided(peer) == {1: ("first", None), 2: ("second", "v2")}


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [("broken", "refused", "these weights are broken"), ("bug", "failed", "KeyError: 'layer'")],
)
def test_a_failed_update_names_itself_and_leaves_version_and_weights(
    path: str, code: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    peer = Peer(Learner())
    peer.open()
    peer.tell(m.Update(id=5, version="v2", path="second"))
    peer.tell(m.Update(id=6, version="v3", path=path))
    peer.ask(1)
    peer.host.work()
    assert m.Error(code=code, text=text, id=6) in peer.out  # type: ignore[arg-type]
    assert decided(peer) == {1: ("second", "v2")}
    assert ("Traceback" in capsys.readouterr().err) == (path == "bug")  # a reason is told, and a bug is looked for


def test_an_operator_without_update_says_so() -> None:
    peer = Peer()
    peer.tell(m.Update(id=5, version="v2", path="x"))
    peer.host.work()
    (error,) = [message for message in peer.out if isinstance(message, m.Error)]
    assert error.id == 5
    assert "Puppet cannot change its weights: it has no `update`" in error.text


def test_an_operator_that_knows_better_is_believed() -> None:
    class Knows(Learner):
        def act(self, requests: Sequence[Request]) -> list[Decision]:
            return [Decision(answer="x", weights_version="mine") for _ in requests]

    peer = Peer(Knows())
    peer.open()
    peer.tell(m.Update(id=5, version="v2", path="second"))
    peer.ask(1)
    peer.host.work()
    assert decided(peer) == {1: ("x", "mine")}


def test_of_an_asynchronous_operator_what_began_before_is_of_the_old_version() -> None:
    class Slow(AsyncOperator):
        def __init__(self) -> None:
            self.go = asyncio.Event()

        async def decide(self, request: Request) -> Decision:
            if request.id == 1:
                await self.go.wait()
            return Decision(answer="x")

        async def update(self, version: str, path: str) -> None:
            if path == "broken":
                raise ValueError("these weights are broken")

    async def play() -> list[m.Message]:
        out: list[m.Message] = []
        operator = Slow()
        host = AsyncHost(operator, "s", out.append)
        await host.start()
        told = [open_message(0, 0), asked(1), m.Update(id=5, version="v2", path="second")]
        for message in told:
            host.receive(message)
        while m.Updated(id=5, version="v2") not in out:
            await asyncio.sleep(0)
        host.receive(m.Update(id=6, version="v3", path="broken"))
        host.receive(asked(2))
        operator.go.set()
        while sum(len(message.answers) for message in out if isinstance(message, m.Action)) < 2:
            await asyncio.sleep(0)
        await host.stop()
        return out

    out = asyncio.run(play())
    answers = [a for message in out if isinstance(message, m.Action) for a in message.answers]
    assert {a.id: a.decision.weights_version for a in answers if a.decision} == {1: None, 2: "v2"}
    assert m.Error(code="refused", text="these weights are broken", id=6) in out


def test_answers_with_arrays_are_sent_in_messages_of_no_more_frames_than_the_arena_takes() -> None:
    class Model(Puppet):
        def act(self, requests: Sequence[Request]) -> list[Decision]:
            one = np.zeros(1, np.float32), np.zeros(1, np.int32)
            return [Decision(answer=0, prompt_tokens=one[1], tokens=one[1], logprobs=one[0]) for _ in requests]

    peer = Peer(Model(), welcome=False)
    peer.tell(m.Welcome(session="s", minor=0, limits=m.Limits(max_frames=9)))
    peer.host.work()
    peer.open()
    peer.ask(1, 2, 3, 4, 5)
    peer.host.work()
    sizes = [len(codec.encode(message)) for message in peer.out if isinstance(message, m.Action)]
    assert sizes == [8, 8, 5]
    assert set(peer.answers()) == {1, 2, 3, 4, 5}


def asked(i: int) -> m.Act:
    from tests.host_kit import request

    return m.Act(requests=[request(i)])
