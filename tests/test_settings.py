"""Messages about wrong settings: they name what was meant, wherever it stands, and what was expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from arena.declared import changed, of_fields
from arena.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Learn:
    learning_rate: float = 1e-3
    share: float = 1.0
    mode: Literal["full", "lora"] = "full"


@dataclass(frozen=True, kw_only=True)
class Thoughts:
    share: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Config:
    updates: int = 3
    learn: Learn = field(default_factory=Learn)
    thoughts: Thoughts = field(default_factory=Thoughts)
    pictures: tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("learnrate=3", "there is no 'learnrate'. Did you mean learn.learning_rate?"),
        ("lern.share=3", "there is no 'lern.share'. Did you mean learn.share?"),
        ("share=3", "Did you mean thoughts.share or learn.share?|Did you mean learn.share or thoughts.share?"),
        ("learn.rat=3", "Did you mean learn.learning_rate?"),
        ("learn.lr=3", "Did you mean learn.learning_rate"),
        ("lr=3", "Did you mean learn.learning_rate"),
        ("mod=x", "Did you mean learn.mode?"),
        ("shar=1", "Did you mean thoughts.share or learn.share?|Did you mean learn.share or thoughts.share?"),
        ("learn.shar=1", "Did you mean learn.share or thoughts.share?"),
        ("updates", "expected key=value, e.g. --set updates=3"),
        ("share", "expected key=value, e.g. --set thoughts.share=0.5|expected key=value, e.g. --set learn.share=1.0"),
        ("learn", "expected key=value, e.g. --set learn.learning_rate=0.001"),
        ("learn.mode", "expected key=value, e.g. --set learn.mode=full"),
        ("pictures", "expected key=value, e.g. --set pictures=VALUE"),
        ("model.learning_rate=3", "Did you mean learn.learning_rate?"),
        ("zzz=3", "There is: learn, pictures, thoughts, updates."),
        ("learn=3", "learn has settings of its own: learn.learning_rate, learn.share, learn.mode"),
        ("updates.x=3", "updates has no settings of its own"),
        ("updates=abc", "--set updates=abc: expected a whole number"),
        ("learn.mode=fulll", "--set learn.mode=fulll: expected one of full, lora"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_was_meant(setting, said):
    with pytest.raises(InputError) as caught:
        changed(Config(), [setting])
    assert any(words in str(caught.value) for words in said.split("|"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"updates": "abc"}, "mine.toml: updates='abc': expected a whole number"),
        ({"learn": {"share": "half"}}, "mine.toml: learn.share='half': expected a number"),
        ({"learn": {"mode": "fulll"}}, "mine.toml: learn.mode='fulll': expected one of full, lora"),
        ({"pictures": [1, "x"]}, "mine.toml: pictures[1]='x': expected a whole number"),
    ],
)
def test_a_wrong_value_in_a_file_is_named_with_its_key(fields, said):
    with pytest.raises(InputError) as caught:
        of_fields(fields, Config, "mine.toml")
    assert str(caught.value) == said
