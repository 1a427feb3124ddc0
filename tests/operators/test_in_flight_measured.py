"""`@in_flight=auto`: how many requests a server answers best at once is measured before the first match.

Time is that of an event loop which skips it: a server of this file that takes half a second takes none.
"""

from __future__ import annotations

import asyncio
import json
import selectors

import pytest

pytest.importorskip("aiohttp")

from arena.errors import InputError
from arena.lineup import build_plan
from arena.operator import BackendError, OverloadedError
from arena.play import run_plan
from arena_operators.vlm.in_flight import REQUESTS, SECONDS, STEPS, measure
from arena_operators.vlm.kind import KIND
from tests.operators.compatible_server import Chat, CompatibleServer, Reply
from tests.operators.served_kit import Clock, started

URL = "http://localhost:1/v1"
COUNT = "Count from "  # in the questions of a measurement


class Skipping(selectors.DefaultSelector):
    """Waits for nothing: what is waited for is added to `now`."""

    now = 0.0

    def select(self, timeout=None):
        if not (found := super().select(0)):
            self.now += timeout or 0
        return found


class Loop(asyncio.SelectorEventLoop):
    """Whose clock is that of its selector."""

    def __init__(self):
        self.skipping = Skipping()
        super().__init__(self.skipping)

    def time(self):
        return self.skipping.now


class Server:
    """Computes `capacity` answers at once, each in `seconds`; others wait. `fails`: what it raises at a question."""

    def __init__(self, capacity, seconds=0.5, fails=lambda number: None):
        self.capacity, self.seconds, self.fails = capacity, seconds, fails
        self.asked, self.in_flight = [], 0

    def measured(self):
        """(what is measured, the seconds that it took)."""

        async def run():
            room = asyncio.Semaphore(self.capacity)

            async def ask(number):
                self.asked.append(number)
                self.in_flight += 1
                try:
                    async with room:
                        await asyncio.sleep(self.seconds)
                    if (error := self.fails(number)) is not None:
                        raise error
                finally:
                    self.in_flight -= 1

            return await measure(ask, lambda text: None), asyncio.get_running_loop().time()

        with asyncio.Runner(loop_factory=Loop) as runner:
            return runner.run(run())


@pytest.mark.parametrize("capacity", STEPS)
def test_the_best_is_the_number_at_which_the_server_is_full(capacity):
    found, _ = Server(capacity).measured()
    assert found.best == capacity
    assert found.rates[capacity] == pytest.approx(capacity / 0.5)


def test_it_stops_at_the_first_step_that_is_not_better():
    server = Server(8)
    found, _ = server.measured()
    assert list(found.rates) == [4, 8, 16]
    assert "16 were not 10% better than 8" in found.facts(8)["in_flight_rates"]


def test_no_more_questions_than_said_and_each_is_another():
    server = Server(10_000)
    found, _ = server.measured()
    assert (found.best, sorted(server.asked)) == (STEPS[-1], list(range(REQUESTS)))


def test_when_the_time_is_over_the_last_whole_step_counts():
    server = Server(10_000, seconds=4.0)  # 16 s of 4, 8 s of 8
    found, seconds = server.measured()
    assert (found.best, seconds, server.in_flight) == (4, pytest.approx(SECONDS), 0)


def test_of_a_server_that_answers_too_slowly_nothing_is_said():
    found, seconds = Server(10_000, seconds=1e6).measured()
    assert (found.best, dict(found.rates), seconds) == (None, {}, pytest.approx(SECONDS))


@pytest.mark.parametrize(("first", "best"), [(0, 1), (16, 4), (32, 8)])
def test_a_server_without_capacity_takes_the_step_before(first, best):
    server = Server(10_000, fails=lambda number: OverloadedError("full") if number >= first else None)
    found, _ = server.measured()
    assert (found.best, server.in_flight) == (best, 0)
    assert "full" in found.facts(best)["in_flight_rates"]


def test_a_server_that_fails_at_the_first_step_fails():
    with pytest.raises(BackendError, match="broken"):
        Server(4, fails=lambda number: BackendError("broken")).measured()


def full_at(number):
    """Answers probes by 429 from this question of a measurement on."""

    def answer(chat: Chat) -> Reply | None:
        _, found, rest = chat.text.partition(COUNT)
        return Reply("full", status=429) if found and int(rest.partition(",")[0]) >= number else None

    return answer


def test_the_operator_takes_what_was_measured_and_says_it():
    async def run(server, clock):
        async with started(server, clock, in_flight="auto", temperature=0.5, max_tokens=7) as one:
            return one.max_in_flight, dict(one.facts)

    clock = Clock()
    with CompatibleServer(probes=full_at(16)) as server:
        most, facts = asyncio.run(run(server, clock))
    assert (most, facts["in_flight"], facts["pictures"]) == (4, "4", "yes")
    assert facts["in_flight_rates"].startswith("4: ")
    assert clock.waits == []  # a refusal is the answer here, so it is not asked again
    asked = [chat for chat in server.chats if COUNT in chat.text][:16]
    others = (
        [chat.text for chat in asked],
        [str(chat.pictures) for chat in asked],
        [chat.body["seed"] for chat in asked],
    )
    assert [len(set(ones)) for ones in others] == [16, 16, 16]
    assert {(chat.body["temperature"], chat.body["max_tokens"]) for chat in asked} == {(0.5, 7)}


def test_who_asks_for_no_measurement_sends_none():
    async def run(server):
        async with started(server, in_flight=3) as one:
            return one.max_in_flight, dict(one.facts)

    with CompatibleServer() as server:
        most, facts = asyncio.run(run(server))
    assert (most, "in_flight" in facts) == (3, False)
    assert not [chat for chat in server.chats if COUNT in chat.text]


def test_the_log_is_the_same_measured_and_one_at_a_time(tmp_path):
    def by_seed(chat: Chat) -> Reply:
        return Reply(f"Answer: {chat.legal[chat.body['seed'] % len(chat.legal)]}")

    logs = []
    with CompatibleServer(by_seed, probes=full_at(16)) as server:
        for given in ("1", "auto"):
            plan = build_plan("leduc", [f"llm:toy@url={server.url}@in_flight={given}", "random"], matches=6)
            run_plan(plan, tmp_path / given, concurrency=6)
            logs.append((tmp_path / given / "log-000.jsonl").read_text().replace(f"in_flight={given}", "in_flight=N"))
    assert logs[0] == logs[1]
    (facts,) = json.loads((tmp_path / "auto" / "operators.json").read_text()).values()
    assert facts[0]["in_flight"] == "4"


def test_until_it_is_measured_as_many_matches_are_played_as_may_come_of_it():
    (entry, _) = build_plan("leduc", [f"vlm:toy@url={URL}@in_flight=auto", "random"]).pool
    assert (entry.options["in_flight"], KIND.max_in_flight("toy", entry.options)) == ("auto", STEPS[-1])


@pytest.mark.parametrize("bad", ["0", "5000", "many", "-1", "1.5"])
def test_what_is_neither_a_number_nor_auto_is_refused_with_the_value(bad):
    with pytest.raises(InputError, match=rf"@in_flight={bad}: expected 1 to 4096, or auto"):
        build_plan("leduc", [f"vlm:toy@url={URL}@in_flight={bad}", "random"])
