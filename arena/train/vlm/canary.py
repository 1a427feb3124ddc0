"""The canary: it shows after every sync that the server answers with the weights that the trainer has.

The trainer scores a fixed text with its new weights, and writes the scores beside them, last of all files:

    weights/pi_v12/canary.json

Whoever serves these weights asks its server to score the same text, before any turn is played with them: by `judge` its
log-probabilities must be the trainer's. An adapter that matches no layer is served as the base without a word, and one
that was loaded under an old name keeps old answers; either shows here, and only here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from arena.train.vlm.engine import Datum, Engine, Floats, Ints

FILE = "canary.json"
TEXT = "A test of weights. Pit ahead, 2 tiles. I hold a king. Answer: call"
CONTEXT = 4  # of its tokens are not scored
HOT = 2.0  # a temperature other than 1, at which log-probabilities that are not those of sampling show
# Nats a token, between two programs that compute in this dtype. float32: 1e-4 was measured between transformers and
# vLLM on the CPU. bfloat16 has 8 bits: its logits of 10 to 20 are rounded to 1/16 or 1/8.
TOLERANCES = {"float32": 2e-3, "float16": 3e-2, "bfloat16": 2e-1}
VISIBLE = 0.1  # of the tolerance: a smaller change by training may be lost in a server's rounding


class CanaryError(ValueError):
    """A server does not answer with the trainer's weights. Says which of the known reasons it is."""


class Canary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the trainer says of the weights beside it."""

    version: str
    files: dict[str, int]  # beside it, with their sizes in bytes
    tokens: list[int]  # the text
    first: int  # those before it are context; the rest is scored
    trained: list[float]  # log-probability of each token from `first` on, at temperature 1
    base: list[float] | None = None  # by the model before its training, where the server may serve that instead
    before: list[float] | None = None  # by the version before, where there was one
    tolerance: float


class Verdict(msgspec.Struct, frozen=True):
    """Of weights that passed."""

    error: float  # largest difference between server and trainer, in nats
    moved: float  # largest difference that training made, in nats
    told: bool  # False: training changed so little that old weights would look the same


class Scorer(Protocol):
    """The trainer's log-probabilities of a response: float32 (response,). `reference`: of the model before training."""

    def __call__(self, prompt: Ints, response: Ints, *, reference: bool = False) -> Floats: ...


def scorer(engine: Engine) -> Scorer:
    """The one that the weights of an engine make."""

    def score(prompt: Ints, response: Ints, *, reference: bool = False) -> Floats:
        datum = Datum(prompt=prompt, response=response)
        return engine.forward_backward([datum], None, reference=reference).logprobs[0]

    return score


def fixed(tokenizer: Any) -> tuple[Ints, Ints]:
    """Prompt and response of a canary's text, by a tokenizer of transformers."""
    ids = np.array(tokenizer(TEXT, add_special_tokens=False)["input_ids"], np.int32)
    return ids[:CONTEXT], ids[CONTEXT:]


def coarsest(*dtypes: str) -> str:
    """The least exact of these dtypes."""
    return max(dtypes, key=lambda dtype: TOLERANCES.get(dtype, 0.0))


def again(folder: Path, version: str) -> Canary | None:
    """For weights that are written once more, as after a kill: what `write` was told of the version before."""
    try:
        was = read(folder, version)
    except CanaryError:
        return None
    return None if was is None or was.before is None else msgspec.structs.replace(was, trained=was.before)


def write(
    folder: Path,
    version: str,
    score: Scorer,
    prompt: Ints,
    response: Ints,
    *,
    dtype: str,
    before: Canary | None = None,
    base: bool = True,
) -> Canary:
    """Score `response`, and write the canary of the weights in `folder`. The text must hold no pictures.

    `dtype`: the less exact of the trainer's and the server's. `before`: what this returned for the version before.
    `base`: `score` knows the model before training, as that of an adapter does.
    """
    if not len(prompt) or not len(response):
        raise ValueError("a canary needs a prompt and a response of at least one token each")
    files = sorted(one for one in folder.iterdir() if one.is_file() and one.name != FILE)
    canary = Canary(
        version=version,
        files={one.name: one.stat().st_size for one in files},
        tokens=[*prompt.tolist(), *response.tolist()],
        first=len(prompt),
        trained=score(prompt, response).tolist(),
        base=score(prompt, response, reference=True).tolist() if base else None,
        before=before.trained if before is not None else None,
        tolerance=TOLERANCES[dtype],
    )
    new = folder / f".{FILE}"
    with new.open("wb") as stream:
        stream.write(msgspec.json.encode(canary))
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(folder / FILE)
    return canary


def read(folder: Path, version: str) -> Canary | None:
    """The canary of the weights in `folder`, None where they have none. CanaryError when they are not whole."""
    try:
        canary = msgspec.json.decode((folder / FILE).read_bytes(), type=Canary)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise CanaryError(f"{folder / FILE} is damaged ({error}): write the weights again") from None
    if canary.version != version:
        raise CanaryError(f"{folder} holds the weights {canary.version}, not {version}: each version needs its folder")
    for name, size in canary.files.items():
        file = folder / name
        found = file.stat().st_size if file.is_file() else 0
        if found != size:
            raise CanaryError(
                f"{file} has {found} bytes where the trainer wrote {size}: it is still being copied, or was changed"
            )
    return canary


def judge(
    canary: Canary,
    served: Sequence[float],
    hot: Sequence[float],
    *,
    base: Sequence[float] | None = None,
    before: Sequence[float] | None = None,
) -> Verdict:
    """CanaryError, with the reason, unless a server answers with the weights of the canary.

    `served`, `hot`: the server's log-probabilities of the text at temperatures 1 and HOT. `base`, `before`: at 1, from
    the same server, of the model without its training and of the version before, where it still has them: equal bits
    show old weights where training changed less than the tolerance.
    """
    ours, theirs, hotter = np.array(canary.trained), np.array(served), np.array(hot)
    near = canary.tolerance
    if theirs.shape != ours.shape or hotter.shape != ours.shape or not np.isfinite([*theirs, *hotter]).all():
        raise CanaryError(f"the server gave no log-probability of each of the canary's {len(ours)} tokens")
    if _apart(theirs, hotter) <= near and -theirs.min() > 5 * near:
        raise CanaryError(
            f"raw log-probabilities: the server gives the same ones at temperature 1 and at {HOT:g}, so they are not "
            "those that it samples by. Start it with --logprobs-mode processed_logprobs"
        )
    error = _apart(ours, theirs)
    moves = [_apart(ours, np.array(old)) for old in (canary.base, canary.before) if old is not None]
    if error > near:
        raise CanaryError(f"{_reason(canary, theirs)} (log-probabilities differ by {error:.3g}, at most {near:g})")
    for old, now, words in ((canary.before, before, _STALE), (canary.base, base, _NOTHING)):
        visible = old is not None and _apart(ours, np.array(old)) > VISIBLE * near
        if visible and now is not None and np.array_equal(theirs, np.array(now)):
            raise CanaryError(
                f"{words.format(version=canary.version)} (its log-probabilities are equal to the last bit)"
            )
    return Verdict(error, max(moves, default=0.0), bool(moves) and min(moves) > near)


_NOTHING = (
    "a no-op adapter: with {version} the server answers as the base does, so that the adapter matches no layer of its "
    "model. Are its names those of the whole model, not of its language part alone?"
)
_STALE = (
    "a stale adapter: with {version} the server answers as with the version before. Each version needs a name of its "
    "own on the server"
)


def _reason(canary: Canary, theirs: npt.NDArray[np.float64]) -> str:
    """Whose log-probabilities these are, if not those of the trainer."""
    known = ((canary.base, _NOTHING), (canary.before, _STALE))
    apart = [(_apart(theirs, np.array(old)), words) for old, words in known if old is not None]
    found = [(distance, words) for distance, words in apart if distance <= canary.tolerance]
    if found:
        return min(found)[1].format(version=canary.version)
    return (
        f"another model: with {canary.version} the server answers neither as the trainer does, nor as before. Has it "
        "the trainer's base model, dtype and special tokens?"
    )


def _apart(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    return float(np.abs(one - other).max())
