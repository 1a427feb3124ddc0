"""Trainings of nano: exact repetition, kills, learning rate 0, and what is refused."""

from __future__ import annotations

import json
import os
import random
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from arena.cli.train_vlm import vlm
from arena.errors import ArenaError, CheckpointError, InputError, RecordError
from arena.train.vlm import changes, checkpoints, told, trials
from arena.train.vlm.config import PRESETS, VlmConfig, load
from arena.train.vlm.config import presets as shipped
from arena.train.vlm.folder import Files
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.store import MatchFiles, RowStore
from arena.train.vlm.trainer import Trainer, main
from tests.train.vlm.killed import killed, killed_before_change

TOML = """
updates = 3
seed = 3

[rollout]
levels = ["leduc@seats=2"]
matches = 4
concurrency = 4

[rollout.pool]
opponents = {self = 0.5, past = 0.3, random = 0.2}
every = 1
kept = 2

[learn]
batch = 4

[critic]
inputs = ["facts"]
hidden = 16
channels = 4
warmup = 1

[model]
mode = "full"
tokens = 256
"""


def config(tmp_path, *settings) -> VlmConfig:
    path = tmp_path / "mine.toml"
    path.write_text(TOML)
    return load(None, path, settings)


class Listener:
    def __init__(self):
        self.lines = []

    def doing(self, what):
        self.lines.append(what)

    def updated(self, update, metrics, seconds):
        pass


def metrics(out):
    return (out / "metrics.jsonl").read_bytes()


def there(out):
    """All that is in a folder."""
    return {path.relative_to(out): path.is_file() and path.read_bytes() for path in out.rglob("*")}


def weights(out, update):
    return (out / "weights" / f"pi_v{update}" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return main(config(folder), folder / "out")


def test_a_training_changes_the_weights_that_play(undisturbed):
    lines = [json.loads(line) for line in metrics(undisturbed).splitlines()]
    assert [line["update"] for line in lines] == [1, 2, 3]
    assert lines[0]["actor/warming"] == 1.0
    assert lines[2]["actor/grad_norm"] > 0
    versions = {row.version for row in RowStore(undisturbed).read(2)}
    assert versions == {"pi_v2"}
    assert weights(undisturbed, 3) != weights(undisturbed, 2)


def test_the_same_seed_again_gives_the_same_metrics_and_weights(undisturbed, tmp_path):
    again = main(config(tmp_path), tmp_path / "out")
    assert metrics(again) == metrics(undisturbed)
    assert weights(again, 3) == weights(undisturbed, 3)


LANE = ('rollout.levels=["sidescroller@seats=1"]', "rollout.matches=2", "rollout.max_ticks=5", "updates=1")


def test_the_thoughts_of_an_update_are_compared_with_what_was_there(undisturbed, tmp_path):
    main(config(tmp_path, *LANE, "critic.warmup=0"), tmp_path / "out")
    (line,) = map(json.loads, metrics(tmp_path / "out").splitlines())
    assert 0 < line["thought/true"] <= line["thought/true_kind"] <= 1
    assert b"thought/true" not in metrics(undisturbed)  # of cards no facts tell it


MOMENTS = [
    (MatchFiles, "put", 6),  # in the rollout of the second update
    (RowStore, "append", 2),
    (LocalEngine, "optim_step", 2),
    (Rollout, "snapshot", 2),
    (LocalEngine, "save_state", 2),
    (Files, "tidy", 3),  # the last checkpoint is whole
]


@pytest.mark.parametrize(("where", "name", "at"), MOMENTS, ids=[f"{c.__name__}.{n}" for c, n, _ in MOMENTS])
def test_a_killed_training_goes_on_to_the_same_metrics_and_weights(undisturbed, tmp_path, where, name, at):
    mine, out = config(tmp_path), tmp_path / "out"
    killed(tmp_path / "mine.toml", out, where, name, at)
    main(mine, out, resume="exact")
    assert metrics(out) == metrics(undisturbed)
    assert weights(out, 3) == weights(undisturbed, 3)


def test_a_training_that_was_killed_at_five_random_moments_ends_as_if_it_had_not(undisturbed, tmp_path):
    mine, out, chance = config(tmp_path), tmp_path / "out", random.Random(1)
    for _ in range(5):
        killed_before_change(tmp_path / "mine.toml", out, chance.randint(1, 90))  # of 500 in all
    main(mine, out, resume="exact")
    assert metrics(out) == metrics(undisturbed)
    assert weights(out, 3) == weights(undisturbed, 3)


@pytest.mark.parametrize("algorithm", ["token_ppo", "bilevel"])
def test_a_critic_of_tokens_goes_on_exactly(tmp_path, algorithm):
    mine = config(tmp_path, f"learn.algorithm={algorithm}", "updates=2", "critic.warmup=0", "learn.token_lam=0.9")
    main(mine, tmp_path / "whole")
    main(replace(mine, updates=1), tmp_path / "parts")
    main(mine, tmp_path / "parts", resume="exact")
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")
    assert weights(tmp_path / "parts", 2) == weights(tmp_path / "whole", 2) != weights(tmp_path / "whole", 1)


def test_at_learning_rate_0_nothing_changes(tmp_path):
    main(trials.at_rate_zero(config(tmp_path)), tmp_path / "out")
    assert trials.check_rate_zero(tmp_path / "out")[1] == "the weights are the same, bit for bit"


def test_an_evaluation_between_updates_scores_the_weights_so_far(tmp_path):
    settings = ("updates=1", "critic.warmup=0", "evaluation.every=1", "evaluation.matches=4")
    main(config(tmp_path, *settings, 'evaluation.opponents=["random"]'), tmp_path / "out")
    (line,) = map(json.loads, metrics(tmp_path / "out").splitlines())
    assert {name for name in line if name.startswith("eval/")} == {"eval/leduc/vlm:nano", "eval/leduc/random"}


SEEN = ("critic.warmup=0", "evaluation.every=1", "evaluation.matches=2", 'evaluation.pictures=["blank"]')


def test_the_start_is_evaluated_too_and_weights_that_never_change_score_and_say_the_same(tmp_path):
    out = main(config(tmp_path, *LANE, *SEEN, "learn.learning_rate=0"), tmp_path / "out")
    said = {path.parent.name: path.read_bytes() for path in out.glob("evaluations/*/thoughts.json")}
    assert said["000000"] == said["000001"]
    assert said["000000-blank"] == said["000001-blank"] != said["000000"]
    (gain,) = changes.between(out, 0, 1)
    assert (gain.before - gain.after, gain.low) == (0, None)
    (line,) = map(json.loads, metrics(out).splitlines())
    assert {"eval/thought/true", "eval/thought/true@pictures=blank"} <= {*line}


def test_a_function_that_fails_ends_it_with_how_to_go_on(tmp_path):
    (tmp_path / "own.py").write_text("def odd(rows):\n    return [row.gone for row in rows]\n")
    with pytest.raises(InputError, match=r"own\.py, line 2: odd raised .* mend it, and go on with .* --resume exact"):
        main(config(tmp_path, *LANE, f"learn.reward={tmp_path}/own.py:odd"), tmp_path / "out")
    assert (tmp_path / "out" / "rollouts" / "000000").is_dir()


def test_evaluations_change_nothing_of_a_training(tmp_path):
    for name, settings in (("with", SEEN), ("without", SEEN[:1])):
        main(config(tmp_path, *LANE, *settings), tmp_path / name)
    with_, without = (json.loads(metrics(tmp_path / name)) for name in ("with", "without"))
    assert {name: value for name, value in with_.items() if not name.startswith("eval/")} == without
    assert weights(tmp_path / "with", 1) == weights(tmp_path / "without", 1)


def test_a_forecast_counts_turns_hours_and_memory(tmp_path):
    found = trials.forecast(config(tmp_path, "staleness=2", "rollout.pool.every=3"))
    assert found.matches == 12
    assert found.turns > 12
    assert found.hours > 0
    assert found.memory > 3_000_000 * 28  # weights, gradients, two moments, and three copies that play


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("learn.algoritm=grpo",), "algorithm"),
        (("learn.algorithm=grop",), "grpo"),
        (("learn.algorithm=grpo",), "rollout.group"),
        (("learn.share=0.0",), "learn.share=0.0"),
        (("policy.ratio=row",), "gspo"),
        (("rollout.operator=random",), "random"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(tmp_path, settings, said):
    with pytest.raises(InputError) as caught, Trainer(config(tmp_path, *settings), tmp_path / "out"):
        pass
    assert said in str(caught.value)


def test_a_folder_is_not_trained_in_twice_by_accident(undisturbed, tmp_path):
    with pytest.raises(InputError, match="--resume exact"):
        main(config(tmp_path), undisturbed)


def test_going_on_exactly_needs_the_same_settings(undisturbed, tmp_path):
    with pytest.raises(InputError, match=r"learn\.gamma=0\.95, not 0\.9"):
        main(config(tmp_path, "learn.gamma=0.9"), undisturbed, resume="exact")


def test_going_on_exactly_with_fewer_updates_than_there_are_is_refused(undisturbed, tmp_path):
    out = shutil.copytree(undisturbed, tmp_path / "out")
    with pytest.raises(InputError, match=f"updates=2: {out} has 3 by now"):
        main(config(tmp_path, "updates=2"), out, resume="exact")
    assert there(out) == there(undisturbed)


def test_a_training_without_a_checkpoint_is_told_to_begin_anew(undisturbed, tmp_path):
    out = shutil.copytree(undisturbed, tmp_path / "out")
    shutil.rmtree(out / "checkpoints")
    assert "it has no checkpoint: who goes on begins anew" in told.sentences(out)
    said = []
    with Trainer(config(tmp_path), out, resume="exact") as trainer:
        trainer.config = replace(trainer.config, updates=0)
        trainer.run(Telling(said))
    assert said[0] == f"{out} has no checkpoint: it begins anew"


def test_resume_alone_goes_on_exactly(undisturbed, tmp_path):
    out = shutil.copytree(undisturbed, tmp_path / "out")
    done = CliRunner().invoke(vlm, ["--out", str(out), "--resume"], catch_exceptions=False)
    assert "all 3 updates are done" in done.output


def test_who_goes_on_by_the_folder_alone_ends_as_if_nothing_had_happened(tmp_path):
    """The opponents of its file are not in the order in which the head of its folder has them."""
    out = tmp_path / "out"
    with Trainer(config(tmp_path, "rollout.matches=12"), out) as trainer:
        trainer.run()
    again = shutil.copytree(out, tmp_path / "again")
    for path in sorted((again / "checkpoints").iterdir())[1:]:
        shutil.rmtree(path)
    left = sorted(path.name for path in (again / "checkpoints").iterdir())
    CliRunner().invoke(vlm, ["--out", str(again), "--resume", "--quiet"], catch_exceptions=False)
    assert left == ["000002"]
    assert metrics(again) == metrics(out)


def test_files_that_were_deleted_are_named_with_what_to_do(undisturbed, tmp_path):
    out = shutil.copytree(undisturbed, tmp_path / "out")
    store = RowStore(out)
    shutil.rmtree(out / "images")
    with pytest.raises(
        RecordError, match=f"{out}/images lacks the picture abc... of a turn.*from a copy, or begin anew"
    ):
        store.image("abc")
    (out / "rows" / "000000.parquet").unlink()
    with pytest.raises(RecordError, match=r"000000\.parquet cannot be read: it is missing\. Restore it"):
        store.read(0)


def test_going_on_exactly_may_play_more_or_fewer_matches_at_once(undisturbed, tmp_path):
    out = shutil.copytree(undisturbed, tmp_path / "out")
    main(config(tmp_path, "rollout.concurrency=1"), out, resume="exact")
    assert metrics(out) == metrics(undisturbed)


def test_a_training_that_lacks_a_setting_is_not_gone_on_with_as_if_it_had_it(undisturbed, tmp_path):
    out = shutil.copytree(undisturbed, tmp_path / "out")
    head = json.loads((out / "vlm.json").read_text())
    del head["config"]["spo"]
    (out / "vlm.json").write_text(json.dumps(head))
    with pytest.raises(InputError, match=r"was trained with spo=None"):
        main(config(tmp_path), out, resume="exact")


def test_weights_alone_go_on_with_other_settings(undisturbed, tmp_path):
    out = shutil.copytree(undisturbed, tmp_path / "out")
    main(config(tmp_path, "learn.gamma=0.9", "updates=4", "critic.warmup=0"), out, resume="weights-only")
    lines = [json.loads(line) for line in metrics(out).splitlines()]
    assert [line["update"] for line in lines] == [1, 2, 3, 4]
    assert weights(out, 4) != weights(out, 3) == weights(undisturbed, 3)


def test_weights_alone_that_were_stopped_before_a_checkpoint_go_on_as_weights_alone(undisturbed, tmp_path):
    whole, stopped = (shutil.copytree(undisturbed, tmp_path / name) for name in ("whole", "stopped"))
    mine = config(tmp_path, "updates=5", "critic.hidden=8", "learn.gamma=0.9")
    main(mine, whole, resume="weights-only")
    Trainer(mine, stopped, resume="weights-only").close()
    main(replace(mine, updates=4), stopped, resume="exact")
    main(mine, stopped, resume="exact")
    assert metrics(stopped) == metrics(whole)
    assert weights(stopped, 5) == weights(whole, 5)


@pytest.fixture(params=["", "arena"])
def wandb(request, monkeypatch):
    """A project of Weights & Biases that keeps here what it would send, or none."""
    if not request.param:
        yield ""
        return
    package = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield request.param
    package.teardown()


class Telling:
    """Keeps what is told."""

    def __init__(self, said):
        self.doing = said.append


def test_who_is_refused_leaves_the_training_as_it_was(undisturbed, tmp_path, wandb):
    out = shutil.copytree(undisturbed, tmp_path / "out")
    with pytest.raises(CheckpointError):
        main(config(tmp_path, "model.mode=lora", f"wandb={wandb}"), out, resume="weights-only")
    assert there(out) == there(undisturbed)
    main(config(tmp_path, f"wandb={wandb}"), out, resume="exact")
    assert (out / "wandb-id").exists() == bool(wandb)


def test_what_fails_as_a_training_is_closed_costs_nothing_that_it_made(tmp_path):
    """It was not refused: it has trained."""
    trainer = Trainer(config(tmp_path, "updates=1"), tmp_path / "out")
    trainer.run()

    def fails() -> None:
        raise ArenaError("cannot be closed")

    trainer._opened.callback(fails)
    with pytest.raises(ArenaError, match="cannot be closed"):
        trainer.close()
    assert (tmp_path / "out" / "checkpoints" / "000001").is_dir()


@pytest.mark.parametrize("resume", ["no", "exact"])
def test_a_trainer_holds_its_folder_until_it_is_closed(tmp_path, resume):
    mine, out = config(tmp_path, "updates=1"), tmp_path / "out"
    with Trainer(mine, out) as trainer:
        before = there(out)
        with pytest.raises(InputError, match=f"another training .process {os.getpid()}. is writing there"):
            Trainer(mine, out, resume=resume)
        assert there(out) == before
        trainer.run()
    main(mine, out, resume="exact")


def test_a_trainer_that_is_refused_as_it_loads_leaves_no_folder(tmp_path):
    with pytest.raises(InputError):
        Trainer(config(tmp_path, "model.device=cuda:63"), tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("words", [("--lr", "0"), ("--smoke",)])
def test_a_trial_in_the_folder_of_a_training_is_refused(undisturbed, tmp_path, words):
    with pytest.raises(InputError, match=f"{' '.join(words)} makes a short training of its own.*another --out"):
        CliRunner().invoke(vlm, [*words, "--resume", "weights-only", "--out", str(undisturbed)], catch_exceptions=False)


def test_evaluations_by_weights_that_are_gone_are_gone(undisturbed, tmp_path):
    """Weights alone of an earlier update: what later ones scored is of another training."""
    out = shutil.copytree(undisturbed, tmp_path / "out")
    for update in (2, 3):
        (out / "evaluations" / f"{update:06d}").mkdir(parents=True)
        (out / "evaluations" / f"{update:06d}.about").write_text("")
    shutil.rmtree(out / "checkpoints" / "000003")
    Trainer(config(tmp_path, "learn.gamma=0.9"), out, resume="weights-only").close()
    assert sorted(path.name for path in (out / "evaluations").iterdir()) == ["000002", "000002.about"]


def test_metrics_that_somebody_cut_are_told_and_the_others_stay(undisturbed, tmp_path):
    out = shutil.copytree(undisturbed, tmp_path / "out")
    first, *others = metrics(out).splitlines(keepends=True)
    (out / "metrics.jsonl").write_bytes(first[:20] + b"\n" + b"".join(others))
    said = Listener()
    main(config(tmp_path), out, resume="exact", shown=said)
    assert any("metrics.jsonl has no whole line of update 1: " in line for line in said.lines)
    assert metrics(out) == b"".join(others)


def test_a_training_that_collapses_is_warned_of_once_and_where_it_is_shown(tmp_path, monkeypatch):
    """At a rate of 3 a model writes anything."""
    said = Listener()
    rates = ("learn.learning_rate=3", "learn.warmup=0", "critic.warmup=0", "updates=3")
    out = main(config(tmp_path, *rates), tmp_path / "out", shown=said)
    (warned,) = [line for line in said.lines if "the model collapsed by update 2" in line]
    assert "Lower learn.learning_rate (now 3)" in warned
    assert any("the model collapsed by update 2" in line for line in told.sentences(out))


def test_an_update_that_was_whole_but_not_timed_is_shown_all_the_same(tmp_path):
    """A kill between the checkpoint and the times: the update is not done again."""

    class Board:
        def __init__(self):
            self.seen = []

        def cut(self, update):
            self.seen.append(update)

        def scalars(self, update, values):
            self.seen.append((update, values))

    (tmp_path / "metrics.jsonl").write_text('{"update": 1, "a": 1.0}\n{"update": 2, "a": 2.0}\n')
    (tmp_path / "timing.jsonl").write_text('{"update": 1, "total": 1.0}\n')
    files, board = Files(tmp_path), Board()
    files._boards = [board]
    files.cut(2)
    assert board.seen == [2, (2, {"a": 2.0})]


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    mine, out = config(tmp_path), tmp_path / "out"
    real = LocalEngine.save_state
    calls = []

    def full(self, path):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(self, path)

    monkeypatch.setattr(LocalEngine, "save_state", full)
    with pytest.raises(ArenaError, match=r"No space left on device.*--resume"):
        main(mine, out)
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["000001"]
    monkeypatch.undo()
    assert checkpoints.read(out / "checkpoints" / "000001", LocalEngine("vlm", tmp_path / "w", mine.model))


def test_a_disk_that_is_full_when_metrics_are_written_says_how_to_go_on(undisturbed, tmp_path, monkeypatch):
    real, out = Files.log, tmp_path / "out"

    def full(self, update, metrics):
        if update == 2:
            raise OSError(28, "No space left on device")
        real(self, update, metrics)

    monkeypatch.setattr(Files, "log", full)
    with pytest.raises(ArenaError, match=r"No space left on device.*--resume"):
        main(config(tmp_path), out)
    monkeypatch.undo()
    main(config(tmp_path), out, resume="exact")
    assert metrics(out) == metrics(undisturbed)


def test_a_game_alone_is_enough():
    assert load(None, None, ("learn.share=0.5",), ("leduc",)).rollout.levels == ("leduc",)


def test_without_preset_file_and_game_it_says_what_there_is():
    with pytest.raises(InputError, match=r"--game GAME.*sidescroller-nano"):
        load(None, None)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_preset_can_be_read(name):
    assert load(name, None).updates > 0
    assert (PRESETS / f"{name}.toml").read_text().startswith("#")
