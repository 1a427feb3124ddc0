"""Messages to frames and back: [b"ARENA/1", header, buffer 0, buffer 1, ...].

Decoding never trusts the peer: types, references, dtypes and sizes are checked, and nothing is ever executed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from arena.errors import ProtocolError
from arena.game import Image, Observation, Scaled, Vector
from arena.operator import Request, SpectatorUpdate
from arena.protocol import messages as m
from arena.protocol.version import MAGIC, MINOR, SCALED

Frame = bytes | memoryview
Frames = Sequence[Frame]

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {
    "worker": msgspec.msgpack.Decoder(m.ToWorker),
    "arena": msgspec.msgpack.Decoder(m.ToArena),
}
UNSENDABLE = (TypeError, ValueError, OverflowError, RecursionError)  # what `encode` raises for values of no wire form
_DTYPES: dict[str, np.dtype[Any]] = {"|u1": np.dtype("u1"), "<f4": np.dtype("<f4")}


def encode(message: m.Message, buffers: Sequence[Frame] = ()) -> list[Frame]:
    """The frames of one message."""
    return [MAGIC, _encoder.encode(message), *buffers]


def decode_to_arena(frames: Frames) -> tuple[m.ToArena, Frames]:
    """A worker's message and its buffers. ProtocolError when it is anything else."""
    return _decode("arena", frames)


def decode_to_worker(frames: Frames) -> tuple[m.ToWorker, Frames]:
    """An arena's message and its buffers. ProtocolError when it is anything else."""
    return _decode("worker", frames)


class UnknownMessageError(ProtocolError):
    """Well-formed, but of a type this side does not know: answered with ERROR unknown_message, else ignored."""


def _decode(side: str, frames: Frames) -> tuple[Any, Frames]:
    if not frames or bytes(frames[0]) != MAGIC:
        got = bytes(frames[0][:16]) if frames else b""
        raise ProtocolError(f"the first frame is {got!r}, expected {MAGIC!r}: the peer speaks another major version")
    if len(frames) < 2:
        raise ProtocolError("a message of one frame: the header is missing")
    try:
        return _decoders[side].decode(frames[1]), frames[2:]
    except msgspec.ValidationError as error:
        if "Invalid value" in str(error) and "$.type" in str(error):
            raise UnknownMessageError(f"unknown message: {error}") from None
        raise ProtocolError(f"a header that is no message: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProtocolError(f"a header that does not decode: {error}") from None


def pack_observation(observation: Observation, buffers: list[Frame], minor: int = MINOR) -> m.WireObservation:
    """The wire form of `observation` for a peer of this minor; its arrays are appended to `buffers`."""
    image = _pack(observation.image, "|u1", buffers)
    scaled = observation.scaled
    if scaled is None:
        vector = _pack(observation.vector, "<f4", buffers)
    elif minor >= SCALED:
        vector = _pack(scaled.steps, "|u1", buffers)
    else:
        vector, scaled = _pack(scaled.vector(), "<f4", buffers), None
    return m.WireObservation(
        legal=observation.legal,
        image=image,
        vector=vector,
        text=observation.text,
        facts=dict(observation.facts) if observation.facts is not None else None,
        free_text=observation.free_text,
        table_talk=observation.table_talk,
        heard=observation.heard,
        scale=None if scaled is None else scaled.scale,
    )


def pack_picture(image: Image, buffers: list[Frame]) -> m.WireObservation:
    """The wire form of a spectator's picture: an observation of nothing else."""
    return m.WireObservation(image=_pack(image, "|u1", buffers))


def unpack_observation(wire: m.WireObservation, buffers: Frames) -> Observation:
    """The observation; arrays are read-only. ProtocolError when a reference does not fit.

    A vector that came as bytes is still bytes in it: whoever passes it on need not turn it into floats and back.
    """
    vector = _unpack(wire.vector, buffers)
    scaled = None
    if wire.scale is not None and vector is not None and vector.dtype == np.uint8 and 1 <= wire.scale <= 255:
        scaled, vector = Scaled(vector, wire.scale), None
    elif wire.scale is not None or (vector is not None and vector.dtype == np.uint8):
        how = f"a vector {wire.vector} with the scale {wire.scale}"
        raise ProtocolError(f"{how}: bytes need one of 1 to 255, floats none")
    return Observation(
        legal=wire.legal,
        image=_unpack(wire.image, buffers),
        vector=vector,
        text=wire.text,
        facts=wire.facts,
        free_text=wire.free_text,
        table_talk=wire.table_talk,
        heard=wire.heard,
        scaled=scaled,
    )


class Folded(Observation, frozen=True):
    """An observation whose vector came as bytes: the floats are made of them by whoever reads them, each time anew.

    They are four times as much memory, and a policy that is trained on pictures may not want them at all.
    """

    @property  # type: ignore[misc]
    def vector(self) -> Vector | None:
        """The vector as floats, read-only."""
        own: Vector | None = Observation.vector.__get__(self)  # type: ignore[union-attr]
        if own is not None or self.scaled is None:  # somebody put another in its place
            return own
        out = self.scaled.vector()
        out.setflags(write=False)
        return out


def unfold(observation: Observation) -> Observation:
    """With the vector as floats, read-only, however it came."""
    if observation.scaled is None:
        return observation
    return Folded(**{name: getattr(observation, name) for name in observation.__struct_fields__ if name != "vector"})


def act(requests: Sequence[Request], minor: int = MINOR) -> tuple[m.Act, list[Frame]]:
    """One ACT for many requests to a worker of this minor, with its buffers."""
    buffers: list[Frame] = []
    items = [
        m.Item(
            id=r.id,
            match=r.match,
            seat=r.seat,
            tick=r.tick,
            observation=pack_observation(r.observation, buffers, minor),
            attempt=r.attempt,
            reason=r.reason,
            budget=r.budget,
        )
        for r in requests
    ]
    return m.Act(items=items), buffers


def requests_of(message: m.Act, buffers: Frames) -> list[Request]:
    """The requests of an ACT."""
    return [
        Request(
            id=i.id,
            match=i.match,
            seat=i.seat,
            tick=i.tick,
            observation=unfold(unpack_observation(i.observation, buffers)),
            attempt=i.attempt,
            reason=i.reason,
            budget=i.budget,
        )
        for i in message.items
    ]


def update_of(message: m.Watch, buffers: Frames) -> SpectatorUpdate:
    """What a WATCH shows."""
    return SpectatorUpdate(
        match=message.match,
        tick=message.tick,
        game=message.game,
        seats=message.seats,
        picture=_unpack(message.picture, buffers),
        events=message.events,
        outcome=message.outcome,
        seat=message.seat,
        observation=None if message.observation is None else unpack_observation(message.observation, buffers),
    )


def _pack(array: npt.NDArray[Any] | None, dtype: str, buffers: list[Frame]) -> m.ArrayRef | None:
    if array is None:
        return None
    little = np.ascontiguousarray(array, dtype=_DTYPES[dtype])
    # Read-only: in process the operator gets this very memory, and the match hashes it afterwards.
    buffers.append(little.data.toreadonly().cast("B") if little.size else b"")
    return m.ArrayRef(len(buffers) - 1, dtype, little.shape)  # type: ignore[arg-type]


def _unpack(ref: m.ArrayRef | None, buffers: Frames) -> npt.NDArray[Any] | None:
    if ref is None:
        return None
    if not 0 <= ref.buffer < len(buffers):
        raise ProtocolError(f"an array refers to buffer {ref.buffer} of {len(buffers)}")
    dtype = _DTYPES[ref.dtype]
    frame = buffers[ref.buffer]
    size = math.prod(ref.shape)
    if min(ref.shape, default=0) < 0 or size * dtype.itemsize != len(frame):
        raise ProtocolError(f"an array of shape {ref.shape}, {ref.dtype} does not fit a buffer of {len(frame)} bytes")
    try:
        return np.frombuffer(frame, dtype=dtype).reshape(ref.shape)
    except (ValueError, OverflowError) as error:  # more dimensions, or longer ones, than an array can have
        raise ProtocolError(f"an array of shape {ref.shape} cannot be: {error}") from None
