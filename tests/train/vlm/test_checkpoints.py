"""A checkpoint appears whole or not at all, and one that is damaged says what to do."""

from __future__ import annotations

import functools
import json
import re
import shutil
from dataclasses import asdict, replace

import msgspec
import pytest

pytest.importorskip("transformers")
pytest.importorskip("pyarrow")

import torch
from safetensors import SafetensorError

from arena.errors import ArenaError, CheckpointError, InputError
from arena.train.vlm import begun, checkpoints, scored, sft
from arena.train.vlm.advantages import ALGORITHMS
from arena.train.vlm.ahead import Ahead
from arena.train.vlm.config import load
from arena.train.vlm.critic import Critic
from arena.train.vlm.folder import Files
from arena.train.vlm.matches import RolloutConfig
from arena.train.vlm.opponents import PoolConfig, Snapshot
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.sft_config import SftConfig, source
from arena.train.vlm.sft_facts import FACTS
from arena.train.vlm.stages import StageSwitcher
from tests.train.vlm.kit import TOKENS
from tests.train.vlm.test_rollout import WRITER, equal

CONFIG = load("race-nano", None, ("critic.inputs=facts", "critic.hidden=4", "critic.channels=1"))
SHAPES = {"facts": (256,)}
STATE = {
    "rollout": {"pool": {"rating": 1000.0, "snapshots": []}, "curriculum": {"lengths": {}}},
    "baselines": {},
    "shapes": None,
    "stages": None,
}


class Silent:
    """An engine whose state is an empty folder."""

    def save_state(self, path):
        path.mkdir()

    def load_state(self, path, *, weights_only=False):
        assert path.is_dir()


class Full(Silent):
    """An engine that cannot write."""

    def save_state(self, path):
        super().save_state(path)
        raise ArenaError("no room")


@pytest.fixture
def critic():
    return Critic(CONFIG.critic_here, SHAPES)


@pytest.fixture
def written(tmp_path, critic):
    checkpoints.write(tmp_path / "000001", Silent(), critic, STATE)
    return tmp_path / "000001"


def refused(call, *said):
    with pytest.raises(CheckpointError) as caught:
        call()
    for one in said:
        assert one in str(caught.value)


def test_a_disk_that_is_full_when_the_critic_is_written_is_said_and_leaves_nothing(tmp_path, monkeypatch, critic):
    def full(tensors, path):
        path.touch()
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(ArenaError, match=r"No space left.*free space") as caught:
        checkpoints.write(tmp_path / "000001", Silent(), critic, STATE)
    assert not isinstance(caught.value, InputError)
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_cannot_write_leaves_nothing(tmp_path):
    with pytest.raises(ArenaError, match="no room"):
        checkpoints.write(tmp_path / "000001", Full(), None, STATE)
    assert list(tmp_path.iterdir()) == []


def test_who_goes_on_with_another_function_is_told_so(tmp_path, capsys):
    own = tmp_path / "own.py"
    own.write_text("def mine(rows):\n    return [0.0 for row in rows]\n")
    settings = (f"learn.reward={own}:mine",)
    config = load(None, None, settings, ("leduc",))
    Files(tmp_path / "out").begin(config, "no")
    Files(tmp_path / "out").begin(config, "exact")
    assert capsys.readouterr().out == ""
    own.write_text("def mine(rows):\n    return [1.0 for row in rows]\n")
    Files(tmp_path / "out").begin(config, "exact")
    assert f"{own} was changed since this training last began or went on" in capsys.readouterr().out


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_ships_is_no_file(algorithm):
    assert load(None, None, (f"learn.algorithm={algorithm}", "rollout.group=2"), ("leduc",)).files() == {}


def test_what_was_written_is_read(written, critic):
    assert checkpoints.read(written, Silent()).items() >= STATE.items()
    again, own = checkpoints.critic(written, CONFIG, SHAPES).state(), critic.state()
    assert all(torch.equal(again[name], one) for name, one in own.items())


def test_a_critic_that_is_missing_or_damaged_says_what_to_do(written):
    path = written / "critic.safetensors"
    for spoil in (lambda: path.write_bytes(path.read_bytes()[:100]), path.unlink):
        spoil()
        refused(lambda: checkpoints.critic(written, CONFIG, SHAPES), str(path), "Delete", "weights-only")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 1, "rollout": {}}', "it lacks rollout.pool"),
        ("{}", "has format None"),
        ('{"format": 2}', "has format 2"),
    ],
)
def test_a_state_that_is_damaged_or_of_another_version_says_what_to_do(written, text, said):
    (written / "state.json").write_text(text)
    todo = "another --out" if "format" in said else "Delete"
    refused(lambda: checkpoints.read(written, Silent()), str(written), said, todo)


SNAPSHOT = msgspec.to_builtins(Snapshot(update=2, version="pi_v2", rating=1000.0))
FULL = {
    "rollout": {
        "pool": {"rating": 1000.0, "snapshots": [SNAPSHOT]},
        "curriculum": {"lengths": {"race": 3.0}},
        "ahead": [{"draw": {"update": 3, "blocks": "pool", "past": [SNAPSHOT]}, "version": "pi_v2"}],
    },
    "baselines": {"race": {"seat0": 0.5}},
    "shapes": {"facts": [256]},
    "stages": asdict(StageSwitcher()),
}
DATA = {"rollout.curriculum.lengths.race", "baselines.race", "baselines.race.seat0", "shapes.facts"}  # named by games


def places(told, at=()):
    """The path of each key, however deep."""
    for key, value in told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ():
        if isinstance(told, dict):
            yield (*at, key)
        yield from places(value, (*at, key))


def without(told, path):
    left = json.loads(json.dumps(told))
    *above, last = path
    functools.reduce(lambda found, key: found[key], above, left).pop(last)
    return left


def named(path):
    return re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, path)))


KEYS = [path for path in places(FULL) if named(path) not in DATA]


@pytest.mark.parametrize("path", KEYS, ids=map(named, KEYS))
def test_each_key_that_a_state_lacks_is_named_with_what_to_do(written, path):
    state = {"format": 1, **FULL}
    (written / "state.json").write_text(json.dumps(state))
    assert checkpoints.read(written, Silent(), ahead=True) == state
    (written / "state.json").write_text(json.dumps(without(state, path)))
    said = ("state.json is damaged", f"it lacks {named(path)}.", f"Delete {written}", "weights-only")
    refused(lambda: checkpoints.read(written, Silent(), ahead=True), *said)


@pytest.mark.parametrize(("path", "value"), [(("baselines",), 5), (("rollout", "pool", "snapshots"), "none")])
def test_a_value_of_a_state_that_is_none_is_named(written, path, value):
    state = {"format": 1, **json.loads(json.dumps(FULL))}
    *above, last = path
    functools.reduce(lambda found, key: found[key], above, state)[last] = value
    (written / "state.json").write_text(json.dumps(state))
    refused(lambda: checkpoints.read(written, Silent(), ahead=True), named(path), "Delete", "weights-only")


READERS = {
    "state.json": lambda path: checkpoints.read(path, Silent()),
    "critic.safetensors": lambda path: checkpoints.critic(path, CONFIG, SHAPES),
}


@pytest.mark.parametrize("spoilt", READERS)
def test_who_deletes_what_is_damaged_is_told_where_training_goes_on(written, spoilt):
    newest = shutil.copytree(written, written.with_name("000004"))
    for path, todo in ((newest, "to go on from 000001"), (written, "to begin anew, since none is before it")):
        (path / spoilt).write_text("{")
        refused(functools.partial(READERS[spoilt], path), f"Delete {path} {todo}")


def test_weights_alone_need_no_state_of_the_rest(written):
    (written / "state.json").write_text('{"format": 1}')
    assert checkpoints.read(written, Silent(), weights_only=True) == {"format": 1}


def test_a_folder_of_another_version_says_what_to_do(tmp_path):
    (tmp_path / begun.HEAD).write_text('{"format": 2, "versions": {"arena": "9.1"}}')
    refused(lambda: begun.read_head(tmp_path), "has format 2", "version 9.1", "another --out")
    (tmp_path / begun.HEAD).write_text('{"format": 2}')
    refused(lambda: begun.read_head(tmp_path), "has format 2", "that wrote it", "another --out")


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"step": 4}), json.dumps({"step": "x", "config": {}})])
def test_facts_of_a_supervised_start_that_are_damaged_say_what_to_do(tmp_path, text):
    found = tmp_path / f"{sft.CHECKPOINT}00000004"
    found.mkdir()
    (found / FACTS).write_text(text)
    mine = SftConfig(model="vlm", out=str(tmp_path), sources=(source("teacher", "kuhn"),), resume=True)
    refused(lambda: sft.begin(mine, tmp_path), str(found), "Delete", "anew")


def test_a_metric_that_is_not_known_is_left_out_of_its_line(tmp_path):
    """A server that does not tell its gradient's norm gives NaN, which no JSON has."""
    Files(tmp_path).log(3, {"actor/grad_norm": float("nan"), "reward/mean": 0.5})
    assert (tmp_path / "metrics.jsonl").read_text() == '{"update": 3, "reward/mean": 0.5}\n'


POOL = PoolConfig(opponents={"self": 0.5, "past": 0.5}, every=3, kept=1)
PLAYED = RolloutConfig(levels=("kuhn@hands=2",), operator=WRITER, matches=6, pool=POOL)


def train(out, staleness, updates):
    """The rows of each update: on from the newest checkpoint, as a trainer, up to a kill after one update too many."""
    files, config = Files(out), replace(CONFIG, keep=2, staleness=staleness)
    newest = files.newest()
    done, made = int(newest.name) if newest else 0, {}
    kind = functools.partial(Ahead, staleness=staleness) if staleness else Rollout
    with kind(PLAYED, out, TOKENS) as rollout:
        if newest:
            rollout.restore(checkpoints.read(newest, Silent(), ahead=bool(staleness))["rollout"])
            rollout.update(f"pi_v{done}", weights(out, done))
        while True:
            made[done] = rollout.play(done)
            if done == updates:
                return made
            done += 1
            path = weights(out, done)
            rollout.update(f"pi_v{done}", path)
            rollout.snapshot(done, path)
            checkpoints.write(files.checkpoint(done), Silent(), None, STATE | {"rollout": rollout.state()})
            files.tidy(done, config)


def weights(out, update):
    out.mkdir(exist_ok=True)
    path = out / "weights.txt"
    path.write_text(f"word {update}")
    return path


def there(out):
    """The updates whose snapshots and whose weights of updates under way are there."""
    ahead = {int(path.name.removeprefix("pi_v")) for path in (out / "ahead").glob("*")}
    return {int(path.name) for path in (out / "pool").glob("*")}, ahead


@pytest.fixture(scope="module", params=[0, 2], ids=["", "ahead"])
def killed(request, tmp_path_factory):
    """Killed after checkpoint 6, at which snapshot 3 left the pool; the updates 6 and 7, under way, were to meet it."""
    out = tmp_path_factory.mktemp("killed")
    return out, request.param, train(out, request.param, 6)


@pytest.mark.parametrize("newest", [6, 5])
def test_a_training_goes_on_from_each_checkpoint_that_is_kept(killed, tmp_path, newest):
    before, staleness, first = killed
    out = shutil.copytree(before, tmp_path / "out")
    if newest == 5:
        shutil.rmtree(out / "checkpoints" / "000006")
    second = train(out, staleness, 7)
    assert list(second) == list(range(newest, 8))
    assert all(equal(first[update], second[update]) for update in range(newest, 7))


@pytest.mark.parametrize("best", [None, 5])
def test_weights_stay_until_no_checkpoint_that_is_kept_names_them(killed, tmp_path, monkeypatch, best):
    before, staleness, _ = killed
    assert there(before) == ({3, 6}, {3, 4, 5, 6} if staleness else set())
    out = shutil.copytree(before, tmp_path / "out")
    monkeypatch.setattr(scored, "best", lambda out: best)
    train(out, staleness, 9)
    pool, ahead = ({3}, {3, 4}) if best else (set(), set())
    assert {int(path.name) for path in (out / "checkpoints").iterdir()} == {8, 9, best} - {None}
    assert there(out) == (pool | {6, 9}, ahead | {6, 7, 8, 9} if staleness else set())
