"""The options of `vlm` and `llm`: what they are, which backend takes which, and what stands for those left out.

Imports nothing heavy: the arena reads it before any worker starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib import metadata as distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from arena import plugins, price
from arena.errors import InputError
from arena.names import parse
from arena.options import Option
from arena.paths import expanded
from arena.tool import Tool
from arena_operators.vlm import checkpoint, prompt_options, smollm2
from arena_operators.vlm.backend import Sampling
from arena_operators.vlm.checkpoint import Kind
from arena_operators.vlm.dialogue import Settings
from arena_operators.vlm.prompt_options import WORKED

NANO = "nano"
BACKENDS = ("transformers", "vllm", "openai")
MODULES = {  # that a backend needs here, and the extra that brings them
    "transformers": (("torch", "transformers", "safetensors", "tokenizers"), "vlm"),
    "vllm": (("aiohttp",), "openai"),
    "openai": (("aiohttp",), "openai"),
}
OF_SERVERS = ("url", "key", "model", "in_flight", "stream")  # options that mean nothing to a model that runs here
OF_LOCAL = ("adapter", "revision", "device", "dtype", "batch")  # and those that mean nothing to a server
OF_VLLM = (  # and those that only a vLLM server of our own takes
    *("context", "lora", "lora_rank", "lora_kept", "lora_targets"),
    *("reload", "gpus", "tensor_parallel", "invariant"),
)
IN_FLIGHT = 16
VLLM_IN_FLIGHT = {"cpu": 32, "cuda": 256}
NANO_IN_FLIGHT = 96  # through vLLM on a CPU: as it was measured, see docs/benchmarks.md
AUTO = "auto"  # requests in flight as they are measured when the worker starts
MOST_IN_FLIGHT, MOST_MEASURED = 4096, 256
TOOL_CALLS = 3
DRIVERS = ("/proc/driver/nvidia/version", "/dev/dxg", "/dev/kfd")  # of GPUs that torch computes on
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")
_SIZE = re.compile(r"(\d+)(?:x(\d+))?")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")  # what can be no key itself

OPTIONS = {
    "backend": Option(
        "str",
        None,
        "what runs the model (default: openai where a url is given, else transformers). "
        "vllm starts a vLLM server, or with a url asks one",
        choices=BACKENDS,
    ),
    "url": Option("str", None, "of a server that speaks OpenAI's chat protocol, e.g. http://localhost:8000/v1"),
    "key": Option("str", None, "the NAME of an environment variable that holds the server's key, never the key"),
    "model": Option("str", None, "the model's name on the server, where it is another than the one after vlm:"),
    "in_flight": Option(
        "str",
        None,
        f"requests at once to the server, 1 to {MOST_IN_FLIGHT:,}, or {AUTO}: measured when it starts "
        f"(default: {IN_FLIGHT}; with vllm 32, of nano 96, on cuda 256)",
    ),
    "stream": Option("bool", None, "take answers token by token (default: false): tells the time to the first one"),
    "price": Option("str", None, f"what its tokens cost, for the tables: {price.FORM}"),
    "temperature": Option(
        "float",
        None,
        "of sampling, drawn from each turn's own key; 0 = greedy (default: 1, or what its nano.json says)",
        low=0,
        high=10,
    ),
    "top_p": Option("float", 1.0, "sample from the likeliest tokens that make up this much; 1 = all", low=0, high=1),
    "top_k": Option("int", 0, "sample from this many of the likeliest tokens; 0 = all", low=0),
    "min_p": Option("float", 0.0, "sample from tokens at least this likely, relative to the best", low=0, high=1),
    "max_tokens": Option("int", None, "tokens an answer may take (default: 96 for nano, else 256)", low=1),
    "thinking": Option(
        "int",
        None,
        "0: a thinking model is told not to think; other numbers are the most tokens of thought, with backend=vllm",
        low=0,
    ),
    **prompt_options.OPTIONS,
    "choices": Option("bool", False, "limit an answer to the legal actions: no thought, nothing unparsable"),
    "decide": Option(
        "bool",
        False,
        "write nothing: the model's chance of each legal action is computed and logged, and one is drawn by them",
    ),
    "tools": Option("str", None, "tools that it may use in a turn, e.g. zoom+notes+calculate or ./mine.py:odds"),
    "tool_calls": Option("int", None, f"uses of tools in a turn, at most (default: {TOOL_CALLS})", low=1, high=32),
    "examples": Option(
        "int", None, "worked examples of how to answer, and a short question in place of the prompt", low=0, high=8
    ),
    "adapter": Option(
        "str", None, "a peft adapter for the model: its folder; for nano also one that ships, race or sidescroller"
    ),
    "image": Option("str", None, "size of the picture, e.g. 384 or 480x640 (default: what suits the model)"),
    "revision": Option("str", None, "commit, tag or branch of ORG/MODEL"),
    "device": Option("str", None, "cpu or cuda[:N] (default: cpu for nano; otherwise cuda where there is one)"),
    "dtype": Option(
        "str",
        None,
        "of the weights (default: float32 on cpu, bfloat16 on cuda)",
        choices=("float32", "bfloat16", "float16"),
    ),
    "context": Option(
        "int", None, "tokens of prompt and answer that the vLLM server takes (default: at most 8192)", low=1
    ),
    "lora": Option("bool", False, "the vLLM server can be given peft adapters while it runs, as training does"),
    "lora_rank": Option("int", None, "with lora=true: the largest rank of an adapter (default: 32)", low=1, high=512),
    "lora_kept": Option(
        "int", None, "with lora=true: adapters that stay loaded, the latest among them (default: 2)", low=1, high=64
    ),
    "lora_targets": Option(
        "str", None, "with lora=true: layers that adapters change, to be checked, e.g. q_proj+v_proj"
    ),
    "reload": Option("bool", False, "the vLLM server can be given all weights while it runs, as full training does"),
    "gpus": Option("str", None, "GPUs of the vLLM server by number, e.g. 0+1 (default: as vLLM chooses)"),
    "tensor_parallel": Option(
        "int", None, "GPUs that share one copy of the model (default: all of gpus=); the rest hold more copies", low=1
    ),
    "invariant": Option(
        "bool", False, "the vLLM server computes an answer alike whatever else it is asked: on GPUs, slower"
    ),
    "batch": Option("int", None, "answers made at once (default: 32 for nano; others: 1 on cpu, 4 on a GPU)", low=1),
    "threads": Option("int", 1, "CPU threads of the worker; another number may change the last bits", low=1),
}


def backend_of(options: Mapping[str, Any]) -> str:
    """The backend that the options mean."""
    return str(options.get("backend") or ("openai" if options.get("url") else "transformers"))


def served_elsewhere(options: Mapping[str, Any]) -> bool:
    """The model runs on a server that the arena does not start."""
    return backend_of(options) == "openai" or bool(options.get("url"))


def named(what: str, options: Mapping[str, Any], kind: Kind) -> str | None:
    """The model of our own that is meant, by name, wherever it runs: a name implies how it is asked.

    None: another one, which may have no name but the server's (`vlm@url=...@model=NAME`).
    """
    own = NANO if kind == "vlm" else smollm2.NAME
    if not what and options.get("model") in (None, own):
        return own
    return what if what in (*checkpoint.NAMED, own) else None


def origin_of(what: str, options: Mapping[str, Any], kind: Kind) -> checkpoint.Source | None:
    """Where the model comes from; None where only a server knows its name."""
    if (
        served_elsewhere(options)
        and named(what, options, kind) not in checkpoint.NAMED
        and not (what and expanded(what).is_dir())
    ):
        return None
    return checkpoint.source(what, options.get("adapter"), kind)


def check(what: str, options: Mapping[str, Any], kind: Kind) -> None:
    """InputError for options that do not go together, or whose value is none."""
    backend, elsewhere = backend_of(options), served_elsewhere(options)
    others: tuple[str, ...]
    if backend == "transformers":
        others, fits = (*OF_SERVERS, *OF_VLLM), {"in_flight": "openai or vllm"} | dict.fromkeys(OF_VLLM, "vllm")
    elif elsewhere:
        others, fits = (*OF_LOCAL, *OF_VLLM), dict.fromkeys(OF_LOCAL, "transformers") | dict.fromkeys(OF_VLLM, "vllm")
    else:
        others, fits = ("key", "model", "batch"), {"batch": "transformers"}
    for name in others:
        if options.get(name):
            right = f"@backend={fits.get(name, 'openai')}" + " and no url" * (elsewhere and backend == "vllm")
            raise InputError(f"{kind}@{name}= goes with {right}; here the backend is {backend}: leave it out")
    if options.get("lora") and options.get("reload"):
        raise InputError(f"{kind}@lora=true@reload=true: a server is given adapters or all weights: choose one of them")
    for name in ("lora_rank", "lora_kept", "lora_targets"):
        if options.get(name) and not options.get("lora"):
            raise InputError(f"{kind}@{name}= goes with @lora=true")
    if options.get("tensor_parallel") and not options.get("gpus"):
        raise InputError(f"{kind}@tensor_parallel= goes with @gpus=, e.g. @gpus=0+1")
    if options.get("thinking") and backend != "vllm":
        raise InputError(
            f"{kind}@thinking={options['thinking']} goes with @backend=vllm, whose servers can limit thoughts. "
            "Elsewhere @thinking=0 tells the model not to think, and @max_tokens= limits both thought and answer"
        )
    if options.get("in_flight") is not None:
        in_flight(options["in_flight"], kind)
    if options.get("image"):
        image_size(options["image"])
    check_tools(what, options, kind)
    check_decide(options, kind)
    if options.get("price") is not None:
        try:
            price.parse(options["price"])
        except ValueError as error:
            raise InputError(f"{kind}@{error}") from None
    origin = origin_of(what, options, kind)
    prompt_options.check(options, kind, nano=origin is not None and origin.metadata() is not None)
    if elsewhere:
        if not options.get("url"):
            raise InputError(f"{kind}@backend=openai needs the server's address: @url=http://HOST:PORT/v1")
        server_url(options["url"])
        check_key(options.get("key"))
        return
    limited = (
        []
        if backend == "vllm"
        else [name for name, none in (("top_p", 1.0), ("top_k", 0), ("min_p", 0.0)) if options.get(name, none) != none]
    )
    if limited:
        raise InputError(
            f"{kind}@{limited[0]}= goes with a server (@url=...): a model that runs here samples all tokens"
        )
    if origin is not None and origin.path is not None and options.get("revision"):
        raise InputError(f"{origin.called}@revision=: a revision goes with ORG/MODEL, and this model is a folder")


def tools_of(options: Mapping[str, Any]) -> list[Tool]:
    """The tools that the options name. InputError where they are not there."""
    return plugins.tools(options["tools"]) if options.get("tools") else []


def check_tools(what: str, options: Mapping[str, Any], kind: Kind) -> None:
    """InputError for tools that are not there, or that this model cannot use."""
    if options.get("tools") is None:
        if options.get("tool_calls") is not None:
            raise InputError(f"{kind}@tool_calls= goes with @tools=, e.g. @tools=notes+calculate")
        return
    if limit := next((name for name in ("choices", "decide") if options.get(name)), None):
        raise InputError(f"{kind}@{limit}=true leaves no room for calls of tools: leave out @{limit}= or @tools=")
    seeing = [tool.name for tool in tools_of(options) if tool.sees]
    if seeing and kind == "llm":
        raise InputError(f"llm@tools={seeing[0]}: that tool gives a picture, and llm reads only: leave it out")
    if seeing and options.get("pictures") not in (None, "true"):
        raise InputError(f"{kind}@pictures={options['pictures']}@tools={seeing[0]}: that tool shows the true picture")
    if (origin := origin_of(what, options, kind)) is not None and origin.metadata() is not None:
        raise InputError(f"{kind}@tools=: nano was trained without tools. Name a general model: {kind}:ORG/MODEL")


def check_decide(options: Mapping[str, Any], kind: Kind) -> None:
    """InputError for decide=true where it cannot be, or beside what it stands in place of."""
    if not options.get("decide"):
        return
    if (backend := backend_of(options)) != "transformers":
        raise InputError(
            f"{kind}@decide=true goes with @backend=transformers; here the backend is {backend}, and a server tells no "
            "chance of each action. Say @choices=true: it limits answers to the legal actions"
        )
    if options.get("choices"):
        raise InputError(f"{kind}@decide=true writes nothing that @choices= could limit: leave out one of them")


def server_url(given: str) -> str:
    """The address of a server's protocol: without a path it is /v1. InputError unless it is an http address."""
    try:
        parts = urlsplit(given)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # of the port, or of an IPv6 address
        right = False
    if "@" in given.partition("//")[2] or (right and (parts.query or parts.fragment)):
        raise InputError("@url=: an address holds no password, query or key: name the key's variable, @key=VARIABLE")
    if not right or any(char.isspace() for char in given):
        raise InputError(f"@url={given}: expected an address such as http://localhost:8000/v1")
    return given.rstrip("/") if parts.path.strip("/") else given.rstrip("/") + "/v1"


def check_key(variable: str | None) -> None:
    """InputError unless this environment variable is set. It may be the key by mistake, so it is not repeated."""
    if variable is None or os.environ.get(variable, "").strip():
        return
    name = variable if _VARIABLE.fullmatch(variable) else "of this name"
    raise InputError(
        f"@key=: the environment variable {name} is not set here. Give the name of the variable that holds the key, "
        "e.g. @key=OPENROUTER_API_KEY, and never the key itself"
    )


def filled(what: str, options: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The options, with defaults for this model and this machine. InputError for a bad one."""
    out = dict(options)
    out["backend"] = backend = backend_of(options)
    origin = origin_of(what, options, kind)
    metadata = None if origin is None else origin.metadata()
    nano = metadata is not None
    small = nano or named(what, options, kind) == smollm2.NAME

    def default(name: str, value: Any) -> None:
        if out.get(name) is None:
            out[name] = value

    if served_elsewhere(options):
        check(what, options, kind)
        out["url"] = server_url(out["url"])
        default("model", what or named(what, options, kind))
        default("in_flight", usual_in_flight(out))
    else:
        gpu = has_driver() if backend == "vllm" else not small and has_gpu()
        default("device", "cuda" if gpu else "cpu")
        if not _DEVICE.fullmatch(out["device"]):
            raise InputError(f"{kind}@device={out['device']}: expected cpu, cuda or cuda:N")
        default("dtype", "float32" if out["device"] == "cpu" else "bfloat16")
        if backend == "vllm":
            on_cpu = out["device"].partition(":")[0] == "cpu"
            default("in_flight", NANO_IN_FLIGHT if nano and on_cpu else usual_in_flight(out))
            default("context", None)
            default("lora", False)
        else:
            default("batch", 32 if nano else 4 if out["device"] != "cpu" else 1)
    if out.get("in_flight") is not None:
        out["in_flight"] = in_flight(out["in_flight"], kind)
    if out.get("tools"):
        out["tools"] = "+".join(str(parse(word).absolute) for word in out["tools"].split("+"))
        default("tool_calls", TOOL_CALLS)
    advised = 1.0 if metadata is None else metadata.get("temperature", 1.0)
    default("temperature", 0.2 if small and not nano else advised)  # as its makers advise
    default("max_tokens", metadata.get("max_tokens", 96) if metadata is not None else 32 if small else 256)
    default("prompt", "short" if nano else "brief" if small else "full")
    default("examples", WORKED if out["prompt"] == "brief" else 0)
    for name in ("top_p", "top_k", "min_p", "choices", "decide", "threads", "pictures", *prompt_options.PLAIN):
        default(name, OPTIONS[name].default)
    return out


def settings(options: Mapping[str, Any], kind: Kind) -> Settings:
    """How the operator asks its model, by its filled options. InputError for a prompt file that is none."""
    fields = ("temperature", "top_p", "top_k", "min_p", "max_tokens")
    limited = options["choices"] or options["decide"]
    thinking = options.get("thinking")
    if thinking is None and (limited or not options["thoughts"]):
        thinking = 0  # else a thinking model does, before the answer that is asked for alone
    sampling = Sampling(**{name: options[name] for name in fields}, thinking=thinking)
    own = prompt_options.own_file(options)
    return Settings(
        prompt=options["prompt"],
        template=None if own is None else prompt_options.template(own, kind),
        # A limited answer has no thought; prompts that ask for none are not changed.
        thoughts=options["thoughts"] and not (limited and options["prompt"] not in ("short", "brief")),
        history=options["history"],
        history_pictures=options["history_pictures"],
        examples=options["examples"],
        sampling=sampling,
        picture=kind == "vlm",
        pictures=options["pictures"] if kind == "vlm" else "true",
        choices=options["choices"],
        decide=options["decide"],
        tools=tuple(options["tools"].split("+")) if options.get("tools") else (),
        tool_calls=options.get("tool_calls") or 0,
    )


def in_flight(value: object, kind: Kind) -> int | str:
    """The number of `@in_flight=`, or AUTO. InputError for anything else."""
    text = str(value).strip().lower()
    if text == AUTO:
        return AUTO
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_IN_FLIGHT):
        raise InputError(f"{kind}@in_flight={value}: expected 1 to {MOST_IN_FLIGHT}, or {AUTO}")
    return int(text)


def usual_in_flight(options: Mapping[str, Any]) -> int:
    """Requests at once where nobody says it and nothing is measured, by options of which the device is filled in."""
    return IN_FLIGHT if served_elsewhere(options) else VLLM_IN_FLIGHT[options["device"].partition(":")[0]]


def at_once(options: Mapping[str, Any]) -> int:
    """The number of requests at once by filled options: with AUTO what stands until it is measured."""
    given = options["in_flight"]
    return usual_in_flight(options) if given == AUTO else int(given)


def image_size(value: str) -> tuple[int, int]:
    """(height, width) of "384" or "384x512". Raises InputError for anything else."""
    found = _SIZE.fullmatch(value.strip().lower())
    if found is None:
        raise InputError(f"vlm@image={value}: expected an edge or HEIGHTxWIDTH in pixels, e.g. 384 or 480x640")
    return int(found[1]), int(found[2] or found[1])


def has_gpu() -> bool:
    """Whether torch is built for GPUs and a driver is loaded; does not import torch, which takes two seconds."""
    try:
        build = distributions.version("torch")
    except distributions.PackageNotFoundError:
        return False
    return not build.endswith("+cpu") and has_driver()


def has_driver() -> bool:
    """Whether a GPU's driver is loaded."""
    return any(Path(driver).exists() for driver in DRIVERS)
