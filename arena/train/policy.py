"""A trained policy as data: a small MLP (or a CNN, see cnn.py) in NumPy, and its two files: safetensors for the

weights, JSON for the rest.

Nothing here needs torch: a policy plays, and an opponent pool answers, from NumPy alone.
"""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from arena import commands
from arena.errors import CheckpointError, MissingExtraError

if TYPE_CHECKING:
    from arena.train.cnn import Cnn

Floats = npt.NDArray[np.float32]
FORMAT = "arena-policy/1"


class PolicyCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a policy is for and how it was made: the JSON beside the weights."""

    format: str = FORMAT
    game: str
    game_version: int
    seats: tuple[int, int]  # fewest and most that it was trained for
    vector_shape: tuple[int, ...]
    actions: tuple[str, ...]
    hidden: tuple[int, ...]  # widths of the layers between observation and logits, each followed by a ReLU
    convolutions: tuple[tuple[int, int, int], ...] = ()  # (channels, kernel, stride) of layers before those
    digest: str  # 32 hex digits of blake2b over the safetensors file
    trained_by: str  # the script or command
    seed: int
    steps: int
    licence: str = "Apache-2.0"
    notes: str = ""


class Mlp:
    """observation -> logits of every action; float32, ReLU between layers.

    `layers` holds (weight (out, in), bias (out,)) from the observation to the logits.
    """

    def __init__(self, layers: list[tuple[Floats, Floats]]) -> None:
        self.layers = layers
        self._transposed = [(np.ascontiguousarray(weight.T), bias) for weight, bias in layers]

    def batch(self, vectors: Floats) -> Floats:
        """Logits (n, actions) of vectors (n, in), in one product a layer: quick, but its bits depend on n."""
        out = vectors
        for number, (weight, bias) in enumerate(self._transposed):
            out = out @ weight + bias
            if number < len(self._transposed) - 1:
                np.maximum(out, 0, out=out)
        return out

    def rows(self, vectors: Floats) -> Floats:
        """As `batch`, but every row is its own product of one shape: its bits do not depend on its companions."""
        return self.batch(vectors[:, None, :])[:, 0, :]


def probabilities(logits: npt.NDArray[np.floating[Any]], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Softmax over the legal actions: (n, actions) from logits and mask of that shape; 0 where illegal."""
    masked = np.where(mask, logits.astype(np.float64), -np.inf)
    odds: npt.NDArray[np.float64] = np.exp(masked - masked.max(axis=-1, keepdims=True))
    out: npt.NDArray[np.float64] = odds / odds.sum(axis=-1, keepdims=True)
    return out


def sample(chances: npt.NDArray[np.float64], uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The inverse of the cumulative distribution: one action a row of (n, actions), from uniform (n,) in [0, 1)."""
    heights = np.cumsum(chances, axis=-1)
    picked = (heights <= uniform[:, None] * heights[:, -1:]).sum(axis=-1)
    last = chances.shape[-1] - 1 - (chances[:, ::-1] > 0).argmax(axis=-1)  # rounding must not reach past it
    out: npt.NDArray[np.int64] = np.minimum(picked, last)
    return out


def save_policy(path: Path, net: Mlp | Cnn, **card: Any) -> PolicyCard:
    """Write `path` (.safetensors) and the JSON beside it; `card` has PolicyCard's fields but `digest` and the widths.

    An MLP is kept in float32, a CNN in float16.
    """
    from safetensors.numpy import save

    convolutions = [] if isinstance(net, Mlp) else net.convolutions
    dtype = np.float32 if isinstance(net, Mlp) else np.float16
    named = [(f"convolutions.{i}", weight, bias) for i, (weight, bias, _) in enumerate(convolutions)]
    named += [(f"layers.{i}", weight, bias) for i, (weight, bias) in enumerate(net.layers)]
    tensors = {}
    for name, weight, bias in named:
        tensors[f"{name}.weight"] = np.ascontiguousarray(weight, dtype=dtype)
        tensors[f"{name}.bias"] = np.ascontiguousarray(bias, dtype=dtype)
    blob = save(tensors)
    hidden = tuple(int(weight.shape[0]) for weight, _ in net.layers[:-1])
    kernels = tuple((len(weight), int(weight.shape[-1]), stride) for weight, _, stride in convolutions)
    out = PolicyCard(digest=_digest(blob), hidden=hidden, convolutions=kernels, **card)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob)
    text = msgspec.json.format(msgspec.json.encode(out), indent=2) + b"\n"
    path.with_suffix(".json").write_bytes(text)
    return out


def read_card(path: Path) -> PolicyCard:
    """The card of the policy in `path` (.safetensors), its weights checked against the digest. Cheap: no library.

    Raises CheckpointError when a file is missing, damaged, or of another format.
    """
    beside = path.with_suffix(".json")
    for needed in (path, beside):
        if not needed.is_file():
            raise CheckpointError(f"{needed} is missing: a policy is a .safetensors file and the .json beside it")
    try:
        card = msgspec.json.decode(beside.read_bytes(), type=PolicyCard)
    except msgspec.DecodeError as error:
        raise CheckpointError(f"{beside} is no policy card ({FORMAT}): {error}") from error
    if card.format != FORMAT:
        raise CheckpointError(f"{beside} is of format {card.format!r}; this arena reads {FORMAT}")
    found = _digest(path.read_bytes())
    if found != card.digest:
        raise CheckpointError(
            f"{path} is damaged: its digest is {found}, {beside.name} says {card.digest}. Copy both files again."
        )
    return card


def load_policy(path: Path) -> tuple[Mlp | Cnn, PolicyCard]:
    """The policy in `path`; CheckpointError as `read_card`, or when shapes do not fit the card."""
    card = read_card(path)
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a trained policy needs safetensors, not installed here. {commands.how_to_install('ppo')}"
        ) from error
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is no safetensors file: {error}") from error

    def take(name: str, wanted: tuple[int, ...]) -> tuple[Floats, Floats]:
        weight, bias = tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias")
        if weight is None or bias is None or weight.shape != wanted or bias.shape != wanted[:1]:
            shape = None if weight is None else weight.shape
            raise CheckpointError(f"{path}: {name} has shape {shape}; the card says {wanted}")
        return weight.astype(np.float32), bias.astype(np.float32)

    convolutions = []
    *sides, channels = card.vector_shape
    for number, (out, kernel, stride) in enumerate(card.convolutions):
        convolutions.append((*take(f"convolutions.{number}", (out, channels, kernel, kernel)), stride))
        sides, channels = [(side - kernel) // stride + 1 for side in sides], out
    widths = (int(np.prod([*sides, channels])), *card.hidden, len(card.actions))
    layers = [take(f"layers.{i}", (out, wide)) for i, (wide, out) in enumerate(itertools.pairwise(widths))]
    if not convolutions:
        return Mlp(layers), card
    from arena.train.cnn import Cnn

    return Cnn(card.vector_shape, convolutions, layers), card


def _digest(blob: bytes) -> str:
    return hashlib.blake2b(blob, digest_size=16).hexdigest()
