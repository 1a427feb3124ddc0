"""The codec trusts nobody: whatever arrives is a message or a ProtocolError, and what was packed comes out again."""

from __future__ import annotations

import contextlib
import random

import hypothesis.extra.numpy as arrays
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ProtocolError
from arena.game import Observation
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.version import MAGIC
from tests.protocol.samples import ALL, DECODE, REQUEST, SEEN, TO_ARENA, TO_WORKER, frames_of, same

pack = msgspec.msgpack.encode


def header(side: str, name: str) -> dict[str, object]:
    out = msgspec.msgpack.decode(frames_of(side, name)[1])
    assert isinstance(out, dict)
    return out


@pytest.mark.parametrize(("side", "name"), ALL)
def test_unknown_fields_are_ignored(side: str, name: str) -> None:
    later = {**header(side, name), "added_in_1_7": {"deep": [1, None]}}
    buffers = frames_of(side, name)[2:]
    message = DECODE[side]([MAGIC, pack(later), *buffers])
    assert same(message, (TO_ARENA if side == "arena" else TO_WORKER)[name])


@pytest.mark.parametrize("side", DECODE)
def test_unknown_messages_are_told_apart_from_rubbish(side: str) -> None:
    with pytest.raises(codec.UnknownMessageError, match="rewind"):
        DECODE[side]([MAGIC, pack({"type": "rewind", "by": 3})])


@pytest.mark.parametrize("side", DECODE)
@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([], "expected b'ARENA/1'"),
        ([b""], "expected b'ARENA/1'"),
        ([b"ARENA/2", pack({"type": "ping"})], "ARENA/2.*another major version"),
        ([MAGIC], "header is missing"),
        ([MAGIC, b""], "does not decode"),
        ([MAGIC, pack({"n": 3})], "is not a message"),
        ([MAGIC, pack({"type": 5})], "is not a message"),
        ([MAGIC, pack({"type": "ping", "n": "three"})], "is not a message"),
        ([MAGIC, pack([1, 2])], "is not a message"),
        ([MAGIC, b"\x82\xa4type\xa4ping\xa1x" + b"\x91" * 100_000], "does not decode"),  # a nesting bomb
        ([MAGIC, b"\x82\xa4type\xa4ping\xa1x\xa2\xff\xfe" * 2], "does not decode"),  # trailing bytes
        ([MAGIC, b"\x81\xa4type\xa2\xff\xfe"], "a header that"),  # text that is not UTF-8
    ],
    ids=lambda value: str(value)[:30],
)
def test_rubbish_is_refused_in_words(side: str, frames: list[bytes], said: str) -> None:
    with pytest.raises(ProtocolError, match=said) as caught:
        DECODE[side](frames)
    assert not isinstance(caught.value, codec.UnknownMessageError)


def test_a_message_of_the_other_direction_is_unknown() -> None:
    with pytest.raises(codec.UnknownMessageError):
        codec.decode_to_arena(frames_of("worker", "act"))
    with pytest.raises(codec.UnknownMessageError):
        codec.decode_to_worker(frames_of("arena", "action"))


def survive(side: str, frames: list[bytes]) -> None:
    """Decode; anything but ProtocolError is a failure of the codec."""
    with contextlib.suppress(ProtocolError):
        DECODE[side](frames)


@given(st.sampled_from(sorted(DECODE)), st.lists(st.binary(max_size=64), max_size=4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_random_bytes_only_ever_raise_a_protocol_error(side: str, frames: list[bytes], magic: bool) -> None:
    survive(side, [MAGIC, *frames] if magic else frames)


@given(st.sampled_from(ALL), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_damaged_frames_only_ever_raise_a_protocol_error(which: tuple[str, str], chance: random.Random) -> None:
    frames = [bytearray(frame) for frame in frames_of(*which)]
    for _ in range(chance.randint(1, 4)):
        frame = frames[chance.randrange(len(frames))]
        at = chance.randrange(len(frame) + 1)
        match chance.randrange(4):
            case 0 if frame and at < len(frame):
                frame[at] = chance.randrange(256)
            case 1:
                frame[at:at] = chance.randbytes(chance.randint(1, 5))
            case 2:
                del frame[at : at + chance.randint(1, 5)]
            case _:
                frames.insert(chance.randint(1, len(frames)), bytearray(chance.randbytes(3)))
    survive(which[0], [bytes(frame) for frame in frames])


ints = st.integers(-(2**63), 2**64 - 1)
junk = st.recursive(
    st.none() | st.booleans() | ints | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(ALL), st.data())
@settings(max_examples=300, deadline=None)
def test_wrong_values_only_ever_raise_a_protocol_error(which: tuple[str, str], data: st.DataObject) -> None:
    value: object = header(*which)
    top = value
    while isinstance(value, dict | list) and value:
        where = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        inner = value[where]  # type: ignore[index]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            value[where] = data.draw(junk)  # type: ignore[index]
            break
        value = inner
    survive(which[0], [MAGIC, pack(top), *frames_of(*which)[2:]])


def observed(*buffers: bytes, **views: object) -> m.ToArena:
    """Decode an OBSERVED whose observation holds these."""
    header = {"type": "observed", "session": "s", "id": 1, "match": 0, "observation": views}
    return codec.decode_to_arena([MAGIC, pack(header), *buffers])


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ([1, "<f4", [2]], "buffer 1 of 1"),
        ([-1, "<f4", [2]], "buffer -1 of 1"),
        ([0, "<f4", [3]], r"shape \(3,\).* 8 bytes"),
        ([0, "<f4", [-1, -2]], "cannot be"),
        ([0, "<f4", [-1]], "shape"),
        ([0, "<f4", []], "8 bytes"),
        ([0, "<f4", [2**62, 2**62]], "8 bytes"),
        ([0, "<f4", [2] + [1] * 200], "cannot be"),
        ([0, "<i4", [2]], r"an array of '<i4'; expected <f4 or \|u1 - at `\$.observation.vector`"),
        ([0, "|O", [8]], "Invalid enum value"),
        ([0, "<f4", [2.0]], "Expected `int`"),
        ([0, "<f4", 2], "Expected `array`"),
        ([0, "<f4"], "at least length 3"),
        (bytes(8), "Expected `array`"),
        ("<f4", "Expected `array`"),
    ],
    ids=str,
)
def test_array_references_must_fit_their_buffer(ref: object, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        observed(bytes(8), vector=ref)


def test_an_empty_array_of_an_impossible_shape_is_refused() -> None:
    with pytest.raises(ProtocolError, match="cannot be"):
        observed(b"", vector=[0, "<f4", [0, 2**63]])


def test_no_two_arrays_share_a_buffer() -> None:
    with pytest.raises(ProtocolError, match="two arrays refer to buffer 0"):
        observed(bytes(12), vector=[0, "<f4", [3]], image=[0, "|u1", [2, 2, 3]])


def test_a_worker_sends_no_buffer_of_no_use() -> None:
    """What an arena sends beside is let be: a later minor may have a field for it."""
    with pytest.raises(ProtocolError, match="1 of 2 buffers belong to no array"):
        observed(bytes(8), b"rest", vector=[0, "<f4", [2]])
    frames = [*frames_of("worker", "act"), b"rest"]
    assert same(codec.decode_to_worker(frames), TO_WORKER["act"])


def test_arrays_that_came_cannot_be_written() -> None:
    """In process they are the very memory that the match hashes later."""
    frames = [bytearray(frame) for frame in frames_of("worker", "act")]
    for sent in (codec.encode(TO_WORKER["act"]), frames):
        message = codec.decode_to_worker(sent)  # type: ignore[arg-type]
        assert isinstance(message, m.Act)
        seen = message.requests[0].observation
        for array in (seen.image, seen.vector):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1  # type: ignore[index]


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros(3, np.int64), np.array(["a"]), np.array([None])], ids=str)
def test_an_array_of_another_dtype_cannot_be_sent(array: object) -> None:
    seen = msgspec.structs.replace(SEEN, vector=array)
    with pytest.raises(codec.UNSENDABLE, match="cannot be sent; expected one of"):
        codec.encode(m.Observed(session="s", id=1, match=0, observation=seen))


def test_an_array_of_another_byte_order_arrives_as_it_was() -> None:
    swapped = msgspec.structs.replace(SEEN, vector=np.array([1.0, 2.0], ">f4"))
    message = codec.decode_to_arena(codec.encode(m.Observed(session="s", id=1, match=0, observation=swapped)))
    assert isinstance(message, m.Observed)
    assert message.observation.vector.tolist() == [1.0, 2.0]  # type: ignore[union-attr]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
observations = st.builds(
    Observation,
    legal=st.lists(st.integers(0, 500), max_size=6, unique=True).map(lambda legal: tuple(sorted(legal))),
    image=st.none()
    | arrays.arrays(np.uint8, st.tuples(st.integers(0, 5), st.integers(0, 5), st.just(3)))
    | arrays.arrays(np.uint8, (3, 8, 3)).map(lambda image: image[:, ::-2]),  # a view of another layout
    vector=st.none() | arrays.arrays(np.float32, arrays.array_shapes(max_dims=2, min_side=0, max_side=4)),
    text=st.none() | texts,
    facts=st.none() | st.dictionaries(texts, texts, max_size=3),
)


@given(st.lists(observations, max_size=4))
@settings(max_examples=100, deadline=None)
def test_observations_arrive_as_they_were(seen: list[Observation]) -> None:
    sent = [msgspec.structs.replace(REQUEST, id=i, observation=o) for i, o in enumerate(seen)]
    message = codec.decode_to_worker([bytes(frame) for frame in codec.encode(m.Act(requests=sent))])
    assert same(message, m.Act(requests=sent))
