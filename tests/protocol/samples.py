"""One message of every type, with every field away from its default, and the frames that carry it."""

from __future__ import annotations

import msgspec
import numpy as np

from arena.game import Discrete, GameCard, GameSpec, Move, Observation, Said, StepResult, TimeStep, Views
from arena.operator import Decision, OpenSeat, Outcome, Request, SpectatorUpdate, ToolCall, Usage
from arena.options import Option
from arena.protocol import codec
from arena.protocol import messages as m

CARD = GameCard(
    game="kuhn",
    version=2,
    seats=2,
    rules="One card each.",
    actions=("pass", "bet"),
    answer_format="one word",
    unit="chips",
    vector_shape=(3,),
    vector_scale=255,
    options={"hands": 5, "fast": True, "scale": 1.5, "name": "x"},
    prompts={"short": "{text}"},
)
SPEC = GameSpec(
    id="kuhn",
    version=2,
    summary="three cards",
    seats=(2, 2),
    actions=Discrete(("pass", "bet")),
    horizon=6,
    unit="chips",
    vector_shape=(3,),
    options={"hands": Option("int", 1, "hands in a match", low=1)},
)
DECISION = Decision(
    answer="bet",
    say="hello",
    thought="high card",
    raw="high card. bet",
    prompt_tokens=np.array([2, 65537], np.int32),
    tokens=np.array([1, 300, 70000], np.int32),
    logprobs=np.array([-0.5, -0.25, 0.0], np.float32),
    finish_reason="stop",
    weights_version="step-12",
    usage=Usage(prompt=10, completion=3, cached=4, first_token=0.25, seconds=0.5, dropped=2),
    calls=(ToolCall(tool="zoom", arguments="{}", text="seen", picture="00ff"), ToolCall(tool="notes", error="full")),
    fault="timeout",
    detail="late",
)
SEEN = Observation(
    legal=(0, 2),
    image=np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    vector=np.array([0.0, -1.5, 3.25], np.float32),
    text="You hold the king ♔.",
    facts={"hand": "K"},
    free_text=40,
    table_talk=80,
    heard=(Said(0, "hello"),),
)
REQUEST = Request(id=7, match=3, seat=1, tick=9, observation=SEEN, attempt=1, reason="illegal", budget=2.5)

# Fields that came with a minor version, by that version: what bytes from before mean.
ADDED: dict[str, dict[str, dict[str, object]]] = {}

TO_ARENA: dict[str, m.ToArena] = {
    "hello": m.Hello(
        token="t0",
        major=1,
        minor=0,
        kind="python",
        name="host",
        version="0.1",
        capabilities=("batch",),
        max_seats=8,
        determinism="measured",
    ),
    "status": m.Status(
        state="loading", text="weights", address="http://127.0.0.1:1/", max_in_flight=8, facts={"server": "toy 1"}
    ),
    "opened": m.Opened(match=3, seat=1),
    "closed": m.Closed(match=3, seat=1),
    "action": m.Action(
        session="s0",
        answers=[
            m.Answer(id=7, match=3, seat=1, tick=9, attempt=1, decision=DECISION),
            m.Answer(id=8, match=4, seat=0, tick=0, decision=Decision(answer=2)),
            m.Answer(id=9, match=4, seat=1, tick=0, cancelled=True),
            m.Answer(id=10, match=5, seat=1, tick=0, error="overloaded", detail="busy"),
        ],
    ),
    "watched": m.Watched(match=3, tick=9),
    "ping": m.Ping(n=4),
    "pong": m.Pong(n=4),
    "updated": m.Updated(id=5, version="step-12"),
    "error": m.Error(code="refused", text="no", match=3, seat=1, id=5),
    "bye": m.Bye(reason="done"),
    "terms": m.Terms(
        what="a.zip", options={"threads": 2}, views=Views(vector=True, image=(8, 8)), fingerprint={"a.zip": "00ff"}
    ),
    "gone": m.Gone(reason="exited with code 5", self_inflicted=True),
    "stepped": m.Stepped(
        session="s0",
        id=11,
        match=3,
        time_step=TimeStep(StepResult((1,), (1.0, -1.0), "0" * 32, ("over",), "truncated", (2.5, -2.5)), (SEEN,), (2,)),
    ),
    "parsed": m.Parsed(session="s0", id=12, match=3, seat=1, move=Move(4, "no"), fault="illegal", detail="no"),
    "observed": m.Observed(session="s0", id=13, match=3, observation=SEEN),
    "game_closed": m.GameClosed(match=3),
}
TO_WORKER: dict[str, m.ToWorker] = {
    "welcome": m.Welcome(
        session="s0",
        minor=0,
        limits=m.Limits(max_message=1024, grace=1.0),
        what="a.zip",
        options={"temperature": 0.5},
        operators=("ppo#1", "ppo#2"),
    ),
    "open": OpenSeat(
        match=3,
        seat=1,
        operator="vlm#1",
        card=CARD,
        views=Views(image=(128, 128), vector=True, text=True),
        seed=bytes(range(16)),
        seats=("vlm#1", "ppo"),
        pace="realtime",
        tokens=True,
    ),
    "update": m.Update(id=5, version="step-12", path="/runs/one/step-12"),
    "end": m.End(
        match=3,
        seat=1,
        outcome=Outcome(status="truncated", returns=(1.0, -1.0), reason="the limit of 5 ticks", events=("over",)),
    ),
    "act": m.Act(requests=[REQUEST, Request(8, 4, 0, 0, Observation((1,)))]),
    "cancel": m.Cancel(ids=[7, 8]),
    "watch": SpectatorUpdate(
        match=3,
        tick=9,
        game="kuhn",
        seats=("vlm#1", "ppo"),
        picture=SEEN.image,
        events=("seat 0 bets",),
        outcome=Outcome(status="terminated", returns=(1.0, -1.0)),
        seat=1,
        observation=SEEN,
    ),
    "ping": m.Ping(n=4),
    "pong": m.Pong(n=4),
    "error": m.Error(code="version", text="no", match=3, seat=1, id=5),
    "shutdown": m.Shutdown(reason="over", complete=True),
    "inquire": m.Inquire(major=1, minor=0, kind="ppo", what="a.zip", options={"threads": 2}, spec=SPEC),
    "hire": m.Hire(token="t0", major=1, minor=0, kind="ppo", what="a.zip", options={"threads": 2}),
    "open_game": m.OpenGame(
        id=10,
        match=3,
        game="kuhn",
        seats=2,
        options={"hands": 5},
        views=[Views(image=(128, 128)), Views(text=True)],
        seed=bytes(range(16)),
    ),
    "step": m.Step(id=11, match=3, moves=[(0, Move(1, "hello")), (1, Move(None, "no"))], forfeit=1, cut=True),
    "parse": m.Parse(id=12, match=3, seat=1, answer="Nf3"),
    "observe": m.Observe(id=13, match=3, seat=1, views=Views(text=True)),
    "close_game": m.CloseGame(match=3),
}


def frames_of(side: str, name: str) -> list[bytes]:
    """The frames of a sample; side is "arena" or "worker", whoever reads it."""
    message = (TO_ARENA if side == "arena" else TO_WORKER)[name]
    return [bytes(frame) for frame in codec.encode(message)]


ALL = [("arena", name) for name in TO_ARENA] + [("worker", name) for name in TO_WORKER]
DECODE = {"arena": codec.decode_to_arena, "worker": codec.decode_to_worker}


def same(one: object, other: object) -> bool:
    """Equal, arrays among it by their dtypes, shapes and bytes."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if isinstance(one, msgspec.Struct) and type(one) is type(other):
        return all(same(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__)
    if isinstance(one, list | tuple) and type(one) is type(other) and len(one) == len(other):
        return all(map(same, one, other))
    return type(one) is type(other) and one == other
