"""Golden bytes: what a released minor version wrote is read by every later one, and is still written the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from arena.protocol import messages as m
from arena.protocol.version import MAJOR, MINOR
from tests.protocol.samples import ADDED, ALL, DECODE, TO_ARENA, TO_WORKER, frames_of, same

FOLDER = Path(__file__).parent / "golden"
RELEASED = sorted(FOLDER.glob("*.json"))


def golden(path: Path, side: str, name: str) -> list[bytes]:
    return [bytes.fromhex(text) for text in json.loads(path.read_text(encoding="utf-8"))[side][name]]


def test_the_minor_in_use_has_golden_bytes() -> None:
    assert FOLDER / f"{MAJOR}.{MINOR}.json" in RELEASED, "write tests/protocol/golden/MAJOR.MINOR.json for it"


@pytest.mark.parametrize(("side", "name"), ALL)
@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_old_bytes_still_mean_the_same(path: Path, side: str, name: str) -> None:
    if name not in json.loads(path.read_text(encoding="utf-8"))[side]:
        pytest.skip("a message of a later minor")
    message = DECODE[side](golden(path, side, name))
    sample = (TO_ARENA if side == "arena" else TO_WORKER)[name]
    assert same(message, msgspec.structs.replace(sample, **ADDED.get(path.stem, {}).get(name, {})))


@pytest.mark.parametrize(("side", "name"), ALL)
def test_encoding_is_unchanged(side: str, name: str) -> None:
    assert frames_of(side, name) == golden(FOLDER / f"{MAJOR}.{MINOR}.json", side, name)


@pytest.mark.parametrize(
    ("union", "samples"), [(m.ToArena, TO_ARENA), (m.ToWorker, TO_WORKER)], ids=["to arena", "to worker"]
)
def test_every_message_has_a_sample(union: object, samples: dict[str, m.Message]) -> None:
    assert {cls.__struct_config__.tag for cls in get_args(union)} == set(samples)


@pytest.mark.parametrize("message", [*TO_ARENA.values(), *TO_WORKER.values()], ids=lambda sample: type(sample).__name__)
def test_the_sample_sets_every_field(message: m.Message) -> None:
    """Else a field could be renamed and the golden bytes would not notice."""
    for field in msgspec.structs.fields(message):
        assert not same(getattr(message, field.name), field.default), f"{field.name} stands at its default"
