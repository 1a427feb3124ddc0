"""The settings of the policy loss. There is no torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from arena.errors import InputError, nearest
from arena.train import ranges
from arena.train.ranges import ANY, LEAST_0, Range

Config = Mapping[str, float | str]
TERM = ("logprobs", "inputs", "config")  # what a loss, or a term of it, is called with
RATIOS = ("token", "turn", "gspo")


def terms_of(given: str) -> list[str]:
    """The names in the setting `terms`."""
    return [name.strip() for name in given.split(",") if name.strip()]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """Settings of the policy loss."""

    ratio: str = "token"  # of what the ratio is: a token; "turn": the whole response; "gspo": its mean a token
    clip_low: float = 0.2  # the ratio is cut at 1 - clip_low and 1 + clip_high (for gspo, 3e-4 and 4e-4 are usual)
    clip_high: float = 0.28
    dual_clip: float = 10.0  # a negative advantage counts at most so many times
    importance: float = 2.0  # largest weight of a token for the sampler's mismatch; 0: no such weights
    kl: float = 0.0  # beta, of the distance from the reference
    entropy: float = 0.0  # of the entropy bonus
    terms: str = ""  # further terms, FILE.py:FUNCTION, divided by commas

    @classmethod
    def parse(cls, config: Config) -> PolicyConfig:
        """From names and values; a name with a dot in it is a term's own. InputError for what makes no sense."""
        known = {field.name: field for field in fields(cls)}
        given: dict[str, Any] = {name: value for name, value in config.items() if "." not in name}
        for name, value in given.items():
            if name not in known:
                raise InputError(f"the policy loss has no setting {name!r}. {nearest(name, known)}")
            if isinstance(value, str) is not isinstance(known[name].default, str):
                raise InputError(f"{name}={value!r}: expected a value like {known[name].default!r}")
        made = cls(**given)
        if made.ratio not in RATIOS:
            raise InputError(f"policy.ratio={made.ratio!r}: expected {', '.join(RATIOS)}")
        least_0 = dict.fromkeys(("clip_high", "importance", "kl"), LEAST_0)
        ranges.check("policy", made, least_0 | {"clip_low": Range(0, 1, below=True), "entropy": ANY})
        if not made.dual_clip > 1 + made.clip_high:
            raise InputError(
                f"policy.dual_clip={made.dual_clip}: expected more than 1 + policy.clip_high = {1 + made.clip_high:g}"
            )
        return made
