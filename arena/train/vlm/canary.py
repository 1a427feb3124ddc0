"""The canary: it shows after every sync that the server answers with the weights that the trainer has.

The trainer reads a fixed text with its new weights, and writes down the token that it finds most likely after each
word and how likely that is, beside them, last of all files:

    weights/pi_v12/canary.json

Whoever serves these weights asks its server for the log-probabilities of the same tokens, before any turn is played
with them: by `judge` they must be the trainer's. An adapter that matches no layer is served as the base without a word,
and one that was loaded under an old name keeps old answers; either shows here, and only here.

Two programs are compared by `apart`: the difference of log-probabilities in nats, in the mean over tokens weighted by
their probability (the greater of the two). What matters is whether both draw the same tokens, and the rounding of
bfloat16 shows most where it matters least: the same weights were 0.44 and 1.08 nats apart at a token that is drawn once
in a million times. The weight takes such a token out, unless one of the two finds it likely. It would also take out
most of a text that the model did not write; so what is scored are the trainer's own first choices. In a text as odd as
this one few of them are sure, so other weights or another temperature move nearly all, and rounding some: hence a mean.
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
CONTEXT = 4  # of its tokens are before the first place that is scored
UNKNOWN = -1  # a token that was not scored
HOT = 2.0  # a temperature other than 1, at which log-probabilities that are not those of sampling show
# Nats, by `apart`, between two programs of which the less exact one computes in this dtype. float32: 1e-4 was measured
# between transformers and vLLM on the CPU. bfloat16: 0.134 was the most of 32 states of two models, trained by steps of
# many sizes, whose largest difference of one likely token was 0.53; the temperature HOT is 0.97 to 2.4 away.
TOLERANCES = {"float32": 2e-3, "float16": 3e-2, "bfloat16": 3e-1}
VISIBLE = 0.1  # of the tolerance, of one token: a smaller change by training may be lost in a server's rounding
HEATED = 0.5  # of what the trainer's tokens lose at the temperature HOT: a server's lose at least so much
Values = npt.NDArray[np.float64]


class CanaryError(ValueError):
    """A server does not answer with the trainer's weights. Says which of the known reasons it is."""


class Canary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the trainer says of the weights beside it."""

    version: str
    files: dict[str, int]  # beside it, with their sizes in bytes
    tokens: list[int]  # the text
    scored: list[int]  # a token for each of the last places of the text: what the trainer expects there
    trained: list[float]  # log-probability of each of them, after the text before its place
    hot: list[float]  # the same at HOT times the temperature
    temperature: float = 1.0  # of all of these
    base: list[float] | None = None  # by the model before its training, where the server may serve that instead
    before: list[float | None] | None = None  # by the version before, where there was one; None: not known of a token
    tolerance: float

    def questions(self) -> list[tuple[list[int], int]]:
        """What is scored: (tokens before, token)."""
        first = len(self.tokens) - len(self.scored)
        return [(self.tokens[: first + at], token) for at, token in enumerate(self.scored)]


class Verdict(msgspec.Struct, frozen=True):
    """Of weights that passed."""

    error: float  # how far server and trainer are apart
    moved: float  # how far training went from the weights before, or from the base
    told: bool  # False: training changed so little that old weights would look the same


class Scorer(Protocol):
    """The trainer's log-probability of each token after its prompt: float32 (tokens,). `heat`: times the temperature.

    `reference`: of the model before training.
    """

    def __call__(
        self, prompts: Sequence[Ints], tokens: Ints, *, heat: float = 1.0, reference: bool = False
    ) -> Floats: ...


def scorer(engine: Engine) -> Scorer:
    """The one that the weights of an engine make."""

    def score(prompts: Sequence[Ints], tokens: Ints, *, heat: float = 1.0, reference: bool = False) -> Floats:
        data = [Datum(prompt=one, response=tokens[at : at + 1]) for at, one in enumerate(prompts)]
        # A text of some twenty tokens: passes that were filled up would cost eight times as much.
        how = {"alone": True, "heat": heat}
        return np.concatenate(engine.forward_backward(data, None, how, reference=reference).logprobs)

    return score


def fixed(tokenizer: Any) -> Ints:
    """A canary's text, by a tokenizer of transformers."""
    return np.array(tokenizer(TEXT, add_special_tokens=False)["input_ids"], np.int32)


def prompts(text: Ints) -> list[Ints]:
    """What stands before each place of a text whose token is scored."""
    return [text[:at] for at in range(CONTEXT, len(text))]


def coarsest(*dtypes: str) -> str:
    """The least exact of these dtypes."""
    return max(dtypes, key=lambda dtype: TOLERANCES.get(dtype, 0.0))


def again(folder: Path, version: str) -> Canary | None:
    """For weights that are written once more, as after a kill: what `write` needs of the version before."""
    try:
        was = read(folder, version)
    except CanaryError:
        return None
    if was is None or was.before is None:
        return None
    known = [(token, value) for token, value in zip(was.scored, was.before, strict=True)]
    return msgspec.structs.replace(
        was,
        scored=[UNKNOWN if value is None else token for token, value in known],
        trained=[0.0 if value is None else value for _, value in known],
        hot=[],
    )


def write(
    folder: Path,
    version: str,
    score: Scorer,
    text: Ints,
    likely: Ints,
    *,
    dtype: str,
    temperature: float = 1.0,
    before: Canary | None = None,
    base: bool = True,
) -> Canary:
    """Score `likely`, and write the canary of the weights in `folder`. The text must hold no pictures.

    `likely`: the most likely token at each of the last places of `text`, by the weights in `folder`. `dtype`: the less
    exact of the trainer's and the server's. `temperature`: that `score` is of. `before`: what this returned for the
    version before. `base`: `score` knows the model before training, as that of an adapter does.
    """
    if not 0 < len(likely) < len(text):
        raise ValueError("a canary needs a token to score, and a text before it")
    places = [text[: len(text) - len(likely) + at] for at in range(len(likely))]
    files = sorted(one for one in folder.iterdir() if one.is_file() and one.name != FILE)
    canary = Canary(
        version=version,
        files={one.name: one.stat().st_size for one in files},
        tokens=text.tolist(),
        scored=likely.tolist(),
        trained=score(places, likely).tolist(),
        hot=score(places, likely, heat=HOT).tolist(),
        temperature=temperature,
        base=score(places, likely, reference=True).tolist() if base else None,
        before=None if before is None else _known(before, likely.tolist()),
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


def apart(one: Values, other: Values) -> float:
    """How far two scores of the same tokens are apart, in nats: see the top of this file. What is NaN is left out."""
    weights = np.exp(np.fmax(one, other))
    differences = np.abs(one - other)
    there = np.isfinite(differences)
    return float(np.average(differences[there], weights=weights[there])) if there.any() else np.nan


def judge(
    canary: Canary,
    served: Sequence[float],
    hot: Sequence[float],
    *,
    base: Sequence[float] | None = None,
    before: Sequence[float] | None = None,
) -> Verdict:
    """CanaryError, with the reason, unless a server answers with the weights of the canary.

    `served`, `hot`: the server's log-probabilities at the canary's temperature and at HOT times it. `base`, `before`:
    at the canary's, from the same server, of the model without its training and of the version before, where it still
    has them: equal bits show old weights where training changed less than the tolerance.
    """
    ours, theirs, hotter = _values(canary.trained), _values(served), _values(hot)
    near = canary.tolerance
    if theirs.shape != ours.shape or hotter.shape != ours.shape or not np.isfinite([*theirs, *hotter]).all():
        raise CanaryError(f"the sampler gave no log-probability of each of the canary's {len(ours)} tokens")
    error, heat, expected = apart(ours, theirs), apart(theirs, hotter), apart(ours, _values(canary.hot))
    right = error <= near
    # Who expects all tokens alike loses nothing by heat, and then nothing need be told. Other weights lose otherwise.
    least = HEATED * expected if right else min(near, HEATED * expected)
    if heat < least and expected > VISIBLE * near:
        raise CanaryError(
            f"raw log-probabilities: the server gives the same ones at {HOT:g} times the temperature, so they are not "
            "those that it samples by. Start it with --logprobs-mode processed_logprobs"
        )
    moves = [apart(ours, _values(old)) for old in (canary.base, canary.before) if old is not None]
    moves = [move for move in moves if np.isfinite(move)]
    if not right:
        reason = _reason(canary, theirs, base, before)
        raise CanaryError(f"{reason} (log-probabilities differ by {error:.3g}, at most {near:g})")
    for old, now, words in ((canary.before, before, _STALE), (canary.base, base, _NOTHING)):
        visible = old is not None and _largest(ours - _values(old)) > VISIBLE * near
        if visible and now is not None and np.array_equal(theirs, _values(now)):
            raise CanaryError(
                f"{words.format(version=canary.version)} (its log-probabilities are equal to the last bit)"
            )
    return Verdict(error, max(moves, default=0.0), bool(moves) and min(moves) > near)


_NOTHING = (
    "a no-op adapter: with {version} the sampler answers as the base does, so that the adapter matches no layer of its "
    "model. Are its names those of the whole model, not of its language part alone?"
)
_STALE = (
    "a stale adapter: with {version} the sampler answers as with the version before. Each version needs a name of its "
    "own on the server"
)


def _reason(canary: Canary, theirs: Values, base: Sequence[float] | None, before: Sequence[float] | None) -> str:
    """Whose log-probabilities these are, if not those of the trainer: of whom it or the server itself knows them."""
    known = ((canary.base, _NOTHING), (base, _NOTHING), (canary.before, _STALE), (before, _STALE))
    distances = [(apart(theirs, _values(old)), words) for old, words in known if old is not None]
    found = [(distance, words) for distance, words in distances if distance <= canary.tolerance]
    if found:
        return min(found)[1].format(version=canary.version)
    return (
        f"another model: with {canary.version} the sampler answers neither as the trainer does, nor as before. Has it "
        "the trainer's base model, dtype, temperature and special tokens? If it answered as the trainer until now, "
        "steps are too large: go on with --resume weights-only and a lower learn.learning_rate, or begin anew with it"
    )


def _known(before: Canary, scored: list[int]) -> list[float | None]:
    """Log-probabilities of tokens by the version before, where it scored the same ones."""
    both = zip(before.scored, before.trained, scored, strict=True)
    return [value if token == now else None for token, value, now in both]


def _values(given: Sequence[float | None]) -> Values:
    return np.array([np.nan if one is None else one for one in given], np.float64)


def _largest(differences: Values) -> float:
    """In absolute value, of those that are known."""
    return float(np.abs(differences[np.isfinite(differences)]).max(initial=0.0))
