"""A trained policy as two files: safetensors for the weights, JSON for the rest. No torch is needed to read them."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from arena import commands
from arena.errors import CheckpointError, MissingExtraError
from arena.train.nets import Mlp, Net, net_of, tensors_of

FORMAT = "arena-policy/1"


class PolicyCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The game and the origin of a policy: the JSON beside the weights."""

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
    also: tuple[str, ...] = ()  # other games that show and take the same, which it was not trained for


def save_policy(path: Path, net: Net, **card: Any) -> PolicyCard:
    """Write `path` (.safetensors) and the JSON beside it; `card` has PolicyCard's fields but `digest` and the widths.

    An MLP is kept in float32, a CNN in float16.
    """
    from safetensors.numpy import save

    dtype = np.float32 if isinstance(net, Mlp) else np.float16
    blob = save({name: np.ascontiguousarray(array, dtype=dtype) for name, array in tensors_of(net).items()})
    hidden = tuple(int(weight.shape[0]) for weight, _ in net.layers[:-1])
    convolutions = () if isinstance(net, Mlp) else net.convolutions
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
        raise CheckpointError(f"{beside} is not a policy card ({FORMAT}): {error}") from error
    if card.format != FORMAT:
        raise CheckpointError(f"{beside} is of format {card.format!r}; this arena reads {FORMAT}")
    found = _digest(path.read_bytes())
    if found != card.digest:
        raise CheckpointError(
            f"{path} is damaged: its digest is {found}, {beside.name} says {card.digest}. Copy both files again."
        )
    return card


def load_policy(path: Path) -> tuple[Net, PolicyCard]:
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
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    for name, shape in _shapes(card).items():
        found = tensors[name].shape if name in tensors else None
        if found != shape:
            raise CheckpointError(f"{path}: {name} has shape {found}; the card says {shape}")
    arrays = {name: tensors[name].astype(np.float32) for name in _shapes(card)}
    return net_of(arrays, card.vector_shape, [stride for _, _, stride in card.convolutions]), card


def _shapes(card: PolicyCard) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor that the card implies."""
    weights: dict[str, tuple[int, ...]] = {}
    *sides, channels = card.vector_shape
    for number, (out, kernel, stride) in enumerate(card.convolutions):
        weights[f"convolutions.{number}"] = (out, channels, kernel, kernel)
        sides, channels = [(side - kernel) // stride + 1 for side in sides], out
    widths = (int(np.prod([*sides, channels])), *card.hidden, len(card.actions))
    weights |= {f"layers.{i}": (out, wide) for i, (wide, out) in enumerate(itertools.pairwise(widths))}
    return {f"{name}.weight": shape for name, shape in weights.items()} | {
        f"{name}.bias": shape[:1] for name, shape in weights.items()
    }


def _digest(blob: bytes) -> str:
    return hashlib.blake2b(blob, digest_size=16).hexdigest()
