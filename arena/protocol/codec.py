"""Messages to frames and back: [b"ARENA/1", header, buffer 0, buffer 1, ...].

An array in a message travels as a buffer; in the header an ArrayRef stands in its place. Decoding never trusts the
peer: types, references, dtypes and sizes are checked, and nothing is ever executed.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from arena.errors import ProtocolError
from arena.protocol import messages as m
from arena.protocol.version import MAGIC

Frame = bytes | memoryview
Frames = Sequence[Frame]
UNSENDABLE = (TypeError, ValueError, OverflowError, RecursionError)  # raised by `encode` for values that cannot be sent
DTYPES = {name: np.dtype(name) for name in ("|u1", "<f4", "<i4")}
_BY_CHAR = {dtype.char: (name, dtype) for name, dtype in DTYPES.items()}  # whatever the byte order


class UnknownMessageError(ProtocolError):
    """Well-formed, but of a type this side does not know: answered with ERROR unknown_message, else ignored."""


def encode(message: m.Message) -> list[Frame]:
    """The frames of one message. Arrays are lent, not copied. One of UNSENDABLE for values of no wire form."""
    buffers: list[Frame] = []
    _current.buffers = buffers
    header = _encoder.encode(message)
    return [MAGIC, header, *buffers]


def decode_to_arena(frames: Frames) -> m.ToArena:
    """A worker's message; its arrays are read-only. ProtocolError when it is anything else, or has a spare buffer."""
    buffers: list[Any] = list(frames[2:])
    message: m.ToArena = _decode(_to_arena, frames, buffers)
    if unused := sum(buffer is not None for buffer in buffers):
        raise ProtocolError(f"{unused} of {len(buffers)} buffers belong to no array")
    return message


def decode_to_worker(frames: Frames) -> m.ToWorker:
    """An arena's message; its arrays are read-only. ProtocolError when it is anything else."""
    message: m.ToWorker = _decode(_to_worker, frames, list(frames[2:]))
    return message


def _decode(decoder: msgspec.msgpack.Decoder[Any], frames: Frames, buffers: list[Any]) -> Any:
    """The message; each of `buffers` that an array lies in becomes None."""
    if not frames or bytes(frames[0]) != MAGIC:
        got = bytes(frames[0][:16]) if frames else b""
        raise ProtocolError(f"the first frame is {got!r}, expected {MAGIC!r}: the peer speaks another major version")
    if len(frames) < 2:
        raise ProtocolError("a message of one frame: the header is missing")
    _current.buffers = buffers
    try:
        return decoder.decode(frames[1])
    except msgspec.ValidationError as error:
        if "Invalid value" in str(error) and "$.type" in str(error):
            raise UnknownMessageError(f"unknown message: {error}") from None
        raise ProtocolError(f"a header that is not a message: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProtocolError(f"a header that does not decode: {error}") from None
    finally:
        _current.buffers = []


class _Current(threading.local):
    """The buffers of the message that this thread encodes or decodes."""

    def __init__(self) -> None:
        self.buffers: list[Any] = []


_current = _Current()


def _to_wire(value: object) -> object:
    """The header's value for a type that MessagePack does not have."""
    if isinstance(value, np.ndarray):
        if value.dtype.char not in _BY_CHAR:
            raise TypeError(f"an array of {value.dtype} cannot be sent; expected one of {', '.join(DTYPES)}")
        name, dtype = _BY_CHAR[value.dtype.char]
        little = np.ascontiguousarray(value, dtype=dtype)
        buffers = _current.buffers
        buffers.append(little.data.toreadonly().cast("B") if little.size else b"")
        return len(buffers) - 1, name, value.shape
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent")


def _from_wire(kind: Any, value: object) -> npt.NDArray[Any]:
    """The array that a reference stands for. A ValueError reaches the caller of the decoder with its place."""
    ref = msgspec.convert(value, m.ArrayRef)
    dtype = DTYPES.get(ref.dtype)
    if dtype is None or ref.dtype not in dtypes_of(kind):
        raise ValueError(f"an array of {ref.dtype!r}; expected {' or '.join(dtypes_of(kind))}")
    buffers = _current.buffers
    if not 0 <= ref.buffer < len(buffers):
        raise ValueError(f"an array refers to buffer {ref.buffer} of {len(buffers)}")
    buffer = buffers[ref.buffer]
    if buffer is None:
        raise ValueError(f"two arrays refer to buffer {ref.buffer}")
    buffers[ref.buffer] = None
    if math.prod(ref.shape) * dtype.itemsize != len(buffer):
        raise ValueError(f"an array of shape {ref.shape}, {ref.dtype} does not fit a buffer of {len(buffer)} bytes")
    try:
        array: npt.NDArray[Any] = np.ndarray(ref.shape, dtype, buffer)
    except (ValueError, OverflowError) as error:  # more dimensions, or longer or negative ones, than an array can have
        raise ValueError(f"an array of shape {ref.shape} cannot be: {error}") from None
    if array.flags.writeable:
        array.flags.writeable = False
    return array


@functools.cache
def dtypes_of(kind: Any) -> tuple[str, ...]:
    """The dtypes that an annotation such as `npt.NDArray[np.float32]` allows, as they stand on the wire."""
    (scalar,) = get_args(get_args(kind)[1])
    return tuple(np.dtype(one).newbyteorder("<").str for one in get_args(scalar) or (scalar,))


_encoder = msgspec.msgpack.Encoder(enc_hook=_to_wire)
_to_arena = msgspec.msgpack.Decoder(m.ToArena, dec_hook=_from_wire)
_to_worker = msgspec.msgpack.Decoder(m.ToWorker, dec_hook=_from_wire)
