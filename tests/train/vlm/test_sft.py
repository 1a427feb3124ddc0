"""A supervised start: it learns what was written, and a run that was stopped ends as one that was not."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("pyarrow")

from transformers import AutoTokenizer

from arena.errors import ArenaError, CheckpointError, InputError
from arena.train.vlm import sft, sft_sources, sft_told
from arena.train.vlm.engine import Engine, Output
from arena.train.vlm.examples import Album, Tokens
from arena.train.vlm.sft_config import SftConfig, source
from arena_operators.vlm.checkpoint import SHIPPED

TOKENIZER = AutoTokenizer.from_pretrained(SHIPPED)


class Bigrams(Engine):
    """The five calls for a model whose next token depends on the last one alone; its updates are plain ascent."""

    def __init__(self, folder):
        self.folder, self.scores = folder, np.zeros((len(TOKENIZER), len(TOKENIZER)))
        self.gradient = np.zeros_like(self.scores)
        self.calls = 0

    def forward_backward(self, batch, loss, config=None, *, reference=False):
        out = []
        for one in batch:
            before = [one.prompt[-1], *one.response[:-1]]
            rows = self.scores[before]
            logs = rows - np.log(np.exp(rows).sum(1, keepdims=True))
            out.append(logs[np.arange(len(before)), one.response].astype(np.float32))
            if loss is not None:
                assert loss == "cross_entropy"
                weight = one.inputs["weight"].astype(np.float64)
                np.add.at(self.gradient, before, -np.exp(logs) * weight[:, None])
                np.add.at(self.gradient, (before, one.response), weight)
        return Output(logprobs=out)

    def optim_step(self, how):
        norm = float(np.sqrt((self.gradient**2).sum()))
        self.scores += how.learning_rate * self.gradient
        self.gradient[:] = 0
        return {"grad_norm": norm}

    def sampler_weights(self, version):
        raise NotImplementedError

    def save_state(self, path):
        path.mkdir()
        np.save(path / "scores.npy", self.scores)

    def load_state(self, path):
        self.scores = np.load(path / "scores.npy")


def prompt(messages):
    text = "".join(part for _, said in messages for part in said if isinstance(part, str))
    return np.array(TOKENIZER(text)["input_ids"], np.int32), ()


TOKENS = Tokens(prompt, TOKENIZER, TOKENIZER.eos_token_id, None)


def config(out, **given):
    settings = {"steps": 8, "batch": 8, "rate": 80.0, "warmup": 1, "every": 4, "held_out": 6, "progress": False}
    sources = (source("teacher", "kuhn@lessons=60@shard=60"), source("teacher", "leduc@lessons=60@shard=60@weight=0.5"))
    return SftConfig(model="vlm", out=str(out), sources=sources, **{**settings, **given})


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """(the folder of a run that was not stopped, its weights)."""
    out = tmp_path_factory.mktemp("straight")
    sft.main(config(out), engine := Bigrams(out), TOKENS)
    return out, engine.scores


def curve(out):
    with (out / "curve.csv").open() as file:
        return list(csv.DictReader(file))


def test_it_learns_what_was_written(straight):
    start, first, last = curve(straight[0])
    assert float(last["loss"]) < float(first["loss"])
    assert (start["step"], start["loss"]) == ("0", "")
    assert float(first["teacher:kuhn/answer"]) > float(start["teacher:kuhn/answer"])
    for name in ("teacher:kuhn", "teacher:leduc"):
        assert float(last[f"{name}/answer"]) > float(first[f"{name}/answer"])
        assert 0 < float(last[f"{name}/right"]) < 1


def told(folder, *rows):
    names = ("step", "loss", "a/answer", "a/right", "b/answer", "b/right")
    (folder / "curve.csv").write_text("\n".join(",".join(map(str, row)) for row in (names, *rows)) + "\n")
    return [line for line in sft_told.results(folder) if "held-out answers are less probable" in line]


def test_sources_that_are_known_less_well_than_before_are_told(tmp_path):
    start = (0, "", -0.5, 0.6, -2.0, 0.1)
    (line,) = told(tmp_path, start, (50, 60.0, -9.5, 0, -1.5, 0.2))
    assert "token: a -0.5 before, -9.5 now): lower rate (now unknown), or give what fell a larger @weight=" in line
    assert told(tmp_path, start, (50, 0.4, -0.55, 0.6, -1.5, 0.2)) == []
    assert (
        told(tmp_path, (50, 0.5, -0.5, 0.6, -2.0, 0.1), (100, 60.0, -9.5, 0, -1.5, 0.2)) == []
    )  # its start is unknown


@pytest.mark.parametrize("progress", [True, False])
def test_who_wants_no_progress_hears_of_no_lessons(tmp_path, capfd, progress):
    sources = (source("teacher", "kuhn@lessons=10@shard=10"),)
    sft_sources.load(replace(config(tmp_path, progress=progress), sources=sources), TOKENS, Album())
    assert ("shards of lessons made" in capfd.readouterr().err) == progress


class Stopped(Exception):
    pass


class Stopping(Bigrams):
    """Stops in update `at`."""

    at = 6

    def optim_step(self, how):
        self.calls += 1
        if self.calls == self.at:
            raise Stopped
        return super().optim_step(how)


def test_a_stopped_run_ends_with_the_same_weights(straight, tmp_path):
    with pytest.raises(Stopped):
        sft.main(config(tmp_path), Stopping(tmp_path), TOKENS)
    sft.main(config(tmp_path, resume=True), engine := Bigrams(tmp_path), TOKENS)
    assert engine.scores.tobytes() == straight[1].tobytes()
    assert (tmp_path / "curve.csv").read_bytes() == (straight[0] / "curve.csv").read_bytes()


def test_a_finished_run_is_resumed_without_an_update(straight):
    out, scores = straight
    sft.main(config(out, resume=True), engine := Bigrams(out), TOKENS)
    assert engine.scores.tobytes() == scores.tobytes()
    assert len(curve(out)) == 3


def test_another_training_is_not_gone_on_with(straight):
    out, _ = straight
    with pytest.raises(InputError, match="add --resume"):
        sft.main(config(out), Bigrams(out), TOKENS)
    with pytest.raises(InputError, match=r"batch=8, not 9"):
        sft.main(config(out, resume=True, batch=9), Bigrams(out), TOKENS)


def test_a_checkpoint_that_was_being_written_is_passed_over(straight, tmp_path):
    (tmp_path / f".{sft.CHECKPOINT}00000004" / "state").mkdir(parents=True)
    sft.main(config(tmp_path), engine := Bigrams(tmp_path), TOKENS)
    assert engine.scores.tobytes() == straight[1].tobytes()


@pytest.mark.parametrize("keep", [1, 2, 4, 12, 20])
def test_the_newest_checkpoints_are_kept(keep, tmp_path):
    how, engine = config(tmp_path, steps=12, keep=keep), Bigrams(tmp_path)
    for step in range(1, 13):
        sft.save(engine, how, tmp_path, step)
    kept = [f"{sft.CHECKPOINT}{step:08d}" for step in range(max(1, 13 - keep), 13)]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept


class Full(Bigrams):
    """The disk is full at its second state, of which a part is written."""

    def save_state(self, path):
        super().save_state(path)
        self.calls += 1
        if self.calls == 2:
            raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_last_checkpoint_and_nothing_beside_it(straight, tmp_path):
    with pytest.raises(ArenaError, match=r"checkpoint-00000008 cannot be written: .*No space left.*resume"):
        sft.main(config(tmp_path), Full(tmp_path), TOKENS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-00000004", "curve.csv", "lessons"]
    sft.main(config(tmp_path, resume=True), engine := Bigrams(tmp_path), TOKENS)
    assert engine.scores.tobytes() == straight[1].tobytes()


def test_a_line_of_the_curve_is_not_lost_by_a_kill_beside_its_checkpoint(straight, tmp_path, monkeypatch):
    real, lines = sft.write_curve, []

    def killed(*given):
        lines.append(given)
        if len(lines) == 3:
            raise KeyboardInterrupt
        real(*given)

    monkeypatch.setattr(sft, "write_curve", killed)
    with pytest.raises(KeyboardInterrupt):
        sft.main(config(tmp_path), Bigrams(tmp_path), TOKENS)
    monkeypatch.undo()
    sft.main(config(tmp_path, resume=True), Bigrams(tmp_path), TOKENS)
    assert (tmp_path / "curve.csv").read_text() == (straight[0] / "curve.csv").read_text()


def test_a_full_disk_leaves_no_part_of_the_trained_model(tmp_path, monkeypatch):
    class Learner:
        def save(self, folder, *_):
            folder.mkdir(exist_ok=True)
            (folder / "config.json").write_text("{")
            raise OSError(28, "No space left on device")

    engine = Bigrams(tmp_path)
    engine.learner, engine.model = Learner(), None
    monkeypatch.setattr(sft, "made", lambda how: engine)
    monkeypatch.setattr(sft, "reads", lambda learner: TOKENS)
    with pytest.raises(ArenaError, match=r"model cannot be written: .*No space left.*resume"):
        sft.run(config(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-00000008",
        "curve.csv",
        "lessons",
        "sft.json",
    ]


def test_a_loss_that_is_no_number_stops_it(tmp_path):
    engine = Bigrams(tmp_path)
    engine.scores[:] = np.nan
    with pytest.raises(CheckpointError, match="update 1 is nan"):
        sft.main(config(tmp_path), engine, TOKENS)


def test_the_rate_rises_then_falls(tmp_path):
    how = config(tmp_path, steps=100, warmup=10, rate=1e-3, rate_final=1e-5)
    rates = [sft.rate(how, step) for step in range(100)]
    assert max(rates) == rates[9] == 1e-3
    assert rates[0] == 1e-4
    assert 1e-5 < rates[-1] < 2e-5
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_source_of_weight_zero_alone_is_refused(tmp_path):
    how = replace(config(tmp_path), sources=(source("teacher", "kuhn@lessons=20@shard=20@weight=0"),))
    with pytest.raises(InputError, match="weight"):
        sft.main(how, Bigrams(tmp_path), TOKENS)


def test_a_source_given_twice_is_refused(tmp_path):
    how = replace(config(tmp_path), sources=(source("teacher", "kuhn@lessons=20@shard=20"),) * 2)
    with pytest.raises(InputError, match="given twice"):
        sft.main(how, Bigrams(tmp_path), TOKENS)
