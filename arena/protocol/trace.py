"""A trace of the wire: one JSON line a message, for people who write workers. `arena play --trace FILE` writes one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import msgspec

from arena.errors import InputError
from arena.protocol.codec import Frames

Direction = Literal["to worker", "to arena"]
SHOWN = 100  # bytes that are shown of a header that does not decode


class Trace:
    """Appends to a new file. InputError when it cannot be written, or exists.

    {"seconds": 0.0123, "direction": "to worker", "worker": "ppo", "header": {"type": "act", ...}, "buffers": [76]}
    """

    def __init__(self, path: Path) -> None:
        try:
            self._out = path.open("xb")
        except FileExistsError:
            raise InputError(f"--trace {path} exists: name a new file") from None
        except OSError as error:
            raise InputError(f"--trace {path} cannot be written: {error.strerror}. Name another file") from error
        self._began = time.monotonic()

    def note(self, direction: Direction, worker: str, frames: Frames) -> None:
        """One message, without ZeroMQ's routing id. A token is not shown, bytes are as "bin:HEX"."""
        line = {
            "seconds": round(time.monotonic() - self._began, 6),
            "direction": direction,
            "worker": worker,
            **described_frames(frames),
        }
        self._out.write(msgspec.json.encode(line) + b"\n")
        self._out.flush()

    def close(self) -> None:
        self._out.close()


def described_frames(frames: Frames) -> dict[str, Any]:
    """The header of a message as JSON can hold it, and the sizes of its buffers."""
    buffers = [len(frame) for frame in frames[2:]]
    try:
        header = _shown(msgspec.msgpack.decode(frames[1]))
        if isinstance(header, dict) and "token" in header:
            header["token"] = "(not shown)"
    except (IndexError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raw = b" ".join(bytes(frame[:SHOWN]) for frame in frames[:2])
        return {"undecodable": f"{type(error).__name__}: {error}", "frames": repr(raw), "buffers": buffers}
    return {"header": header, "buffers": buffers}


def _shown(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"bin:{bytes(value).hex()}"
    if isinstance(value, dict):
        return {str(key): _shown(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(one) for one in value]
    if isinstance(value, float) and value != value:
        return "nan"
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)
