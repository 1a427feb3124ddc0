"""Which GPU serves and which trains: what cannot be is refused when the config is read, the rest is passed on."""

from __future__ import annotations

import pytest

from arena import names
from arena.errors import InputError
from arena.train.vlm import placement as module
from arena.train.vlm.config import load
from arena.train.vlm.folder import Files
from arena.train.vlm.placement import Placement
from arena.train.vlm.trainer import Trainer
from arena_operators.vlm import checkpoint, options
from arena_operators.vlm.vllm_launch import launch

FOUR = (0, 1, 2, 3)
GAME = '[rollout]\noperator = "vlm:nano@lora=true"\nlevels = ["leduc"]\n\n[placement]\n'


@pytest.fixture
def four_gpus(monkeypatch):
    monkeypatch.setattr(module, "visible", lambda: FOUR)


def read(tmp_path, text):
    """The config of a file with this table."""
    path = tmp_path / "mine.toml"
    path.write_text(GAME + text)
    return load(None, path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("serve = [0, 0]", "GPU 0 is named twice"),
        ("serve = [0]\ntrain = [0]", "GPU 0 both serves and trains.*sleeps.*is not built"),
        ("serve = [0]\ntensor_parallel = 2", "more than the 1 GPUs that serve"),
        ("train = [0]\ntensor_parallel = 2", "more than the 0 GPUs that serve"),
        ("serve = [0, 1, 2]\ntensor_parallel = 2", "cannot be divided into groups of 2"),
        ("serve = [4]", "there is no GPU 4: there are 0, 1, 2, 3"),
        ("serve = 1", "placement.serve=1: expected a list"),
        ("serve = [true]", r"placement.serve\[0\]=True: expected a whole number"),
        ("serve = [0]\ntensor_parallel = 0", "expected a number of GPUs, from 1"),
        ("serves = [0]", "no 'serves'.*serve"),
        ("processes = 0", "expected at least 1"),
        ("train = [0, 1]\nprocesses = 3", "2 GPUs train, one process each"),
        ("divided = true", "there is one process"),
        ("train = [0]", "model.device=cpu, and placement.train names GPUs"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, four_gpus, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_a_machine_without_a_gpu_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "visible", lambda: ())
    with pytest.raises(InputError, match="no GPU can be seen here"):
        read(tmp_path, "train = [0]")


def test_an_empty_table_leaves_everything_where_it_is():
    found = Placement()
    found.check(())
    assert (found.served("vlm:nano"), dict(found.environment()), found.trainers) == ("vlm:nano", {}, 1)


def test_the_trainer_sees_its_own_gpus_alone():
    found = Placement(serve=(0, 1), train=(3, 2))
    assert (found.environment(), found.trainers) == ({"CUDA_VISIBLE_DEVICES": "3,2"}, 2)


def test_where_a_training_runs_is_no_part_of_what_is_trained(tmp_path, four_gpus):
    assert read(tmp_path, "serve = [0]").facts() == read(tmp_path, "serve = [1]").facts()


def test_an_operator_that_says_another_place_is_refused():
    with pytest.raises(InputError, match="with @backend=vllm, and it says @backend=transformers: leave one"):
        Placement(serve=(0,)).served("vlm:nano@backend=transformers")


@pytest.mark.parametrize(("parallel", "sizes"), [(2, ("2", "2")), (4, ("4", "1")), (1, ("1", "4"))])
def test_the_server_is_started_on_its_gpus_by_the_options_that_come_of_it(parallel, sizes):
    given = names.parse(Placement(serve=(3, 1, 0, 2), tensor_parallel=parallel).served("vlm:nano@lora=true"))
    told = {name: options.OPTIONS[name].check(name, value) for name, value in given.options.items()}
    asked = options.filled("nano", told, "vlm")
    options.check("nano", asked, "vlm")
    started = launch(checkpoint.source("nano"), asked)
    found = [started.options[started.options.index(f"--{name}-parallel-size") + 1] for name in ("tensor", "data")]
    assert (started.variables["CUDA_VISIBLE_DEVICES"], tuple(found)) == ("3,1,0,2", sizes)


def test_gpus_that_are_hidden_from_this_process_cannot_be_named(monkeypatch, tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setattr(module, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert module.visible() == (0, 1, 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 1")
    assert module.visible() == (1, 2)


def test_a_training_with_gpus_that_serve_and_others_that_train_begins(monkeypatch, tmp_path):
    """What serves is looked for before the trainer sees its own GPUs alone."""

    class Begun(Exception):
        pass

    def begin(*_):
        assert module.visible() == (2, 3)
        raise Begun

    for number in FOUR:
        (tmp_path / f"nvidia{number}").touch()
    monkeypatch.setattr(module, "DEVICES", tmp_path)
    monkeypatch.setattr(Files, "begin", begin)
    with pytest.raises(Begun):
        Trainer(read(tmp_path, "serve = [0, 1]\ntrain = [2, 3]\n[model]\ndevice = 'cuda'"), tmp_path / "out")
