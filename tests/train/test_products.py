"""What is multiplied in follows from the machine, and a training keeps it."""

from __future__ import annotations

import pytest

from arena.errors import InputError
from arena.train import products, runs
from arena.train.config import PpoConfig
from arena.train.vlm import sft
from arena.train.vlm.config import begun_with, load
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.sft_config import SftConfig

ZEN_1 = "model name\t: AMD EPYC\nflags\t\t: fpu sse2 fma avx avx2 sha_ni\nbugs\t\t: sysret_ss_attrs\n"
ZEN_4 = "model name\t: AMD EPYC\nflags\t\t: fpu avx2 avx512f avx512_bf16 avx512_vnni\n"
SAPPHIRE_RAPIDS = "flags\t\t: fpu avx512f amx_bf16 amx_tile\n"
SKYLAKE = "flags\t\t: fpu avx2 avx512f avx512bw\n"
GRAVITON_2 = "BogoMIPS\t: 243.75\nFeatures\t: fp asimd crc32 atomics fphp\n"
GRAVITON_3 = "Features\t: fp asimd sve i8mm bf16 dgh\n"


@pytest.mark.parametrize(
    ("cpuinfo", "knows"),
    [(ZEN_1, False), (ZEN_4, True), (SAPPHIRE_RAPIDS, True), (SKYLAKE, False), (GRAVITON_2, False), (GRAVITON_3, True)],
)
def test_processors_tell_whether_they_multiply_bfloat16(cpuinfo, knows):
    assert products.multiplies(cpuinfo) is knows


def test_torch_says_the_same_of_this_machine():
    torch = pytest.importorskip("torch")
    found = torch.cpu.get_capabilities()
    if found.get("architecture") != "x86_64":
        pytest.skip("torch names what it knows of other processors otherwise")
    assert (products.usual("cpu") == "bfloat16") == (found["avx512_bf16"] or found["amx_bf16"])


def test_a_gpu_takes_bfloat16(monkeypatch):
    monkeypatch.setattr(products, "_here", lambda: False)
    assert [products.usual(device) for device in ("cpu", "cuda", "cuda:1")] == ["float32", "bfloat16", "bfloat16"]
    assert LocalConfig(device="cuda").here().dtype == "bfloat16"


@pytest.mark.parametrize("here", [False, True])
def test_what_a_training_is_begun_with_is_what_the_machine_takes(tmp_path, monkeypatch, here):
    """So that it goes on with the same products on a machine of another kind, or says that it would not."""
    usual = "bfloat16" if here else "float32"
    monkeypatch.setattr(products, "_here", lambda: here)
    made = load("sidescroller-nano", None)
    assert made.model.dtype == "auto"
    assert made.facts()["model"]["dtype"] == usual
    assert made.facts()["critic"]["dtype"] == usual
    assert load("spy-nano", None).facts()["model"]["dtype"] == "float32"  # what is named stays
    start = SftConfig(model="vlm", out=str(tmp_path), sources=())
    assert sft.settings(start)["dtype"] == usual
    assert runs.settings(PpoConfig(game="leduc", out=""))["dtype"] == usual
    assert sft.settings(SftConfig(model="vlm", out="", sources=(), dtype="bfloat16"))["dtype"] == "bfloat16"


def test_a_training_goes_on_with_its_own_products_elsewhere(tmp_path, monkeypatch):
    from arena.record.disk import Disk
    from arena.train.vlm import begun

    monkeypatch.setattr(products, "_here", lambda: True)
    made = load("sidescroller-nano", None)
    versions = dict.fromkeys(("arena", "python", "numpy", "torch"), "1")
    head = {"format": begun.FORMAT, "updates": made.updates, "versions": versions}
    head |= {"config": made.facts(), begun.OTHERS: made.others(), begun.ALONE: None, begun.FILES: {}}
    Disk().replace_json(tmp_path / begun.HEAD, head)
    monkeypatch.setattr(products, "_here", lambda: False)
    on, anew = begun_with(tmp_path).facts(), made.facts()
    assert [on[part]["dtype"] for part in ("model", "critic")] == ["bfloat16", "bfloat16"]
    assert [anew[part]["dtype"] for part in ("model", "critic")] == ["float32", "float32"]


def test_a_wrong_one_is_said():
    with pytest.raises(InputError, match="dtype='float16': expected auto or float32 or bfloat16"):
        sft.settings(SftConfig(model="vlm", out="", sources=(), dtype="float16"))
    with pytest.raises(InputError, match="dtype='half': expected auto or float32 or bfloat16"):
        runs.settings(PpoConfig(game="leduc", out="", dtype="half"))
