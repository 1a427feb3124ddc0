"""`vlm` takes other weights while it plays: all of them or none."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

from arena.errors import CheckpointError, WorkerError
from arena.lineup import build_plan
from arena.operator import WorkerContext
from arena.scheduler import Scheduler
from arena.turns import Turn, TurnSink
from arena_operators.vlm.operator import make
from tests.operators.vlm_kit import foreign, lessons, question
from tests.supervisor.kit import WorkerPool, watched_hub


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return foreign(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def other(base, tmp_path_factory):
    """A file of other weights for the same model."""
    torch.manual_seed(3)
    tensors = load_file(base / "model.safetensors")
    file = tmp_path_factory.mktemp("other") / "step-7.safetensors"
    save_file({name: value + 0.05 * torch.randn_like(value) for name, value in tensors.items()}, file)
    return file


def adapter(base, folder, seed):
    torch.manual_seed(seed)
    config = LoraConfig(r=4, target_modules=r".*text_model.*\.(q_proj|v_proj)", init_lora_weights=False)
    get_peft_model(AutoModelForImageTextToText.from_pretrained(base), config).save_pretrained(folder)
    return folder


def scores(operator):
    """Logits of a prompt's last place."""
    row = operator.backend.model.encode(question("Which move?", lessons("kuhn", 1)[0].observation.image))
    with torch.no_grad():
        return operator.backend.model.model(**operator.backend.model.join([row], 1)).logits[0, -1]


def loaded(what, **options):
    return make(WorkerContext(str(what), options))


def test_a_file_of_weights_makes_the_model_that_has_them(base, other, tmp_path):
    operator = loaded(base)
    before = scores(operator)
    operator.update("7", str(other))
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for file in base.iterdir():
        (fresh / file.name).write_bytes((other if file.suffix == ".safetensors" else file).read_bytes())
    assert torch.equal(scores(operator), scores(loaded(fresh)))
    assert not torch.equal(scores(operator), before)


def test_a_folder_of_a_model_alone_will_do(base, other, tmp_path):
    """A trainer's save_pretrained leaves no processor: the operator keeps its own."""
    model = AutoModelForImageTextToText.from_pretrained(base, state_dict=None)
    model.load_state_dict(load_file(other), strict=False)
    model.save_pretrained(tmp_path / "saved")
    one, two = loaded(base), loaded(base)
    one.update("7", str(tmp_path / "saved"))
    two.update("7", str(other))
    assert torch.equal(scores(one), scores(two))


def test_an_adapter_takes_the_place_of_the_one_before(base, tmp_path):
    first, second = adapter(base, tmp_path / "first", 1), adapter(base, tmp_path / "second", 2)
    operator = loaded(base)
    operator.update("1", str(first))
    assert torch.equal(scores(operator), scores(loaded(base, adapter=str(first))))
    operator.update("2", str(second))
    assert torch.equal(scores(operator), scores(loaded(base, adapter=str(second))))


def no_file(folder, other):
    return folder / "nothing"


def cut_short(folder, other):
    (folder / "cut.safetensors").write_bytes(other.read_bytes()[:-100])
    return folder / "cut.safetensors"


def changed(how):
    def make_file(folder, other):
        tensors = load_file(other)
        how(tensors, next(name for name in tensors if name.endswith("q_proj.weight")))
        save_file(tensors, folder / "changed.safetensors")
        return folder / "changed.safetensors"

    return make_file


@pytest.mark.parametrize(
    ("make_file", "words"),
    [
        (no_file, "is not a file or folder of safetensors weights"),
        (cut_short, "where its header says"),
        (changed(lambda tensors, name: tensors.pop(name)), "do not fit its config.json .missing keys: .*q_proj"),
        (changed(lambda tensors, name: tensors.update({name: torch.zeros(3, 3)})), "mismatched keys: .*q_proj"),
        (changed(lambda tensors, name: tensors.update({"x": torch.zeros(3)})), "unexpected keys: x"),
        (changed(lambda tensors, name: tensors[name].fill_(float("nan"))), "q_proj.weight holds NaN or inf"),
    ],
    ids=["no file", "cut short", "one is missing", "another shape", "one too many", "no number"],
)
def test_weights_that_do_not_fit_leave_the_old_ones(base, other, tmp_path, make_file, words):
    operator = loaded(base)
    before = scores(operator)
    with pytest.raises((ValueError, CheckpointError), match=words):
        operator.update("7", str(make_file(tmp_path, other)))
    assert torch.equal(scores(operator), before)


@pytest.mark.slow
def test_a_worker_plays_on_with_new_weights_in_the_same_process(base, other, tmp_path):
    class Kept(TurnSink):
        def match_over(self, episode):
            turns.extend(turn for turn in episode.turns if turn.operator != "random")

    turns: list[Turn] = []
    plan = build_plan("kuhn", [f"vlm:{base}@prompt=short@temperature=0@max_tokens=6", "random"], seed=1, matches=4)
    said = []
    with watched_hub(tmp_path / "workers") as hub:
        workers = WorkerPool(hub, plan.entries)
        for version in (None, "step-7"):
            if version is not None:
                workers.update(plan.entries[0], version, str(other))
            turns.clear()
            Scheduler(plan, workers, concurrency=2, sinks=[Kept()]).run()
            assert {turn.decision.weights_version for turn in turns} == {version}
            said.append((workers.channel(plan.entries[0]).pid, [turn.decision.tokens.tolist() for turn in turns]))
        with pytest.raises(WorkerError, match=r"keeps its weights: .* is not a file or folder"):
            workers.update(plan.entries[0], "step-8", str(tmp_path / "nothing"))
    assert said[0][0] == said[1][0]
    assert said[0][1] != said[1][1]
