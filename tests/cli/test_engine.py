"""`arena play --engine`: what cannot be played in ranges is refused before anything begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from arena.cli.main import cli
from arena.errors import InputError

RACE = Path(__file__).parents[2] / "docs/examples/race_schedule.py"
ENDLESS = Path(__file__).with_name("endless.py")
BASE = ("--game", "leduc@seats=2", "--operators", "random,random", "--seed", "1")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--engine", "slurm", *BASE), "expected local, or ray"),
        (("--engine", "local@cpus=1", *BASE), "expected local, or ray"),
        (("--engine", "ray@nodes=2", *BASE), "it has no option 'nodes'; it has: address, cpus, gpus, ranges"),
        (("--engine", "ray@cpus=none", *BASE), "option cpus='none': expected a number"),
        (("--engine", "ray", "--watch", "web", *BASE), "--watch and --engine ray"),
        (("--engine", "ray", "--part", "1/2", *BASE), "--part and --engine ray"),
        (("--engine", "ray", *BASE, "--schedule", f"{RACE}:KingOfTheHill"), "hears results"),
        (("--engine", "ray", "--operators", "human,random"), "a person plays at one machine"),
        (("--engine", "ray", *BASE, "--schedule", f"{ENDLESS}:Twice"), "does not say how many matches. Give --matches"),
        (("--engine", "ray@address=127.0.0.1:9", *BASE), "there is no Ray cluster at 127.0.0.1:9"),
    ],
)
def test_it_is_refused_with_the_reason(words: tuple[str, ...], text: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = CliRunner().invoke(cli, ["play", *words, "--out", str(out)])
    assert isinstance(result.exception, InputError)
    assert text in str(result.exception)
    assert not out.exists()
