"""Which GPU serves and which trains: what cannot be is refused when the config is read, the rest is passed on."""

from __future__ import annotations

import tomllib

import pytest

from arena.errors import InputError
from arena.train.vlm import placement as module
from arena.train.vlm.placement import placement
from arena_operators.vlm import checkpoint, options
from arena_operators.vlm.vllm_launch import launch

FOUR = (0, 1, 2, 3)


def read(text, available=FOUR):
    return placement(tomllib.loads(text), available)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("serve = [0, 0]", "GPU 0 is named twice"),
        ("serve = [0]\ntrain = [0]", "GPU 0 both serves and trains.*sleeps.*is not built"),
        ("serve = [0]\ntensor_parallel = 2", "more than the 1 GPUs that serve"),
        ("train = [0]\ntensor_parallel = 2", "more than the 0 GPUs that serve"),
        ("serve = [0, 1, 2]\ntensor_parallel = 2", "cannot be divided into groups of 2"),
        ("serve = [4]", "there is no GPU 4: there are 0, 1, 2, 3"),
        ("serve = 1", "expected a list of GPUs' numbers"),
        ("serve = [true]", "expected a list of GPUs' numbers"),
        ("serve = [0]\ntensor_parallel = 0", "expected a number of GPUs, from 1"),
        ("serves = [0]", "has no 'serves'.*serve"),
    ],
)
def test_what_cannot_be_is_refused(text, words):
    with pytest.raises(InputError, match=words):
        read(text)


def test_a_machine_without_a_gpu_says_so():
    with pytest.raises(InputError, match="no GPU can be seen here"):
        read("train = [0]", ())


def test_an_empty_table_leaves_everything_where_it_is():
    found = read("", ())
    assert (found.operator_options(), found.trainer_environment(), found.processes) == ({}, {}, 1)


def test_the_trainer_sees_its_own_gpus_alone():
    found = read("serve = [0, 1]\ntrain = [3, 2]")
    assert (found.trainer_environment(), found.processes) == ({"CUDA_VISIBLE_DEVICES": "3,2"}, 2)


@pytest.mark.parametrize(("parallel", "sizes"), [(2, ("2", "2")), (4, ("4", "1")), (1, ("1", "4"))])
def test_the_server_is_started_on_its_gpus_by_the_options_that_come_of_it(parallel, sizes):
    found = read(f"serve = [3, 1, 0, 2]\ntensor_parallel = {parallel}")
    asked = options.filled("nano", found.operator_options(), "vlm")
    options.check("nano", asked, "vlm")
    started = launch(checkpoint.source("nano"), asked)
    given = [started.options[started.options.index(f"--{name}-parallel-size") + 1] for name in ("tensor", "data")]
    assert (started.variables["CUDA_VISIBLE_DEVICES"], tuple(given)) == ("3,1,0,2", sizes)


def test_gpus_that_are_hidden_from_this_process_cannot_be_named(monkeypatch, tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setattr(module, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert module.visible() == (0, 1, 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 1")
    assert module.visible() == (1, 2)
