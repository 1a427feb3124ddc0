"""Does the operator that is trained draw its tokens as the engine scores them, and can it take the engine's weights?

What disagrees would show late or not at all: importance weights hide another temperature, and a server drops what it
has no room for. So both are compared when the config is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from arena import names, plugins
from arena.errors import InputError
from arena.operator import OperatorKind, check_options
from arena.train.vlm.config import VlmConfig

WHOLE = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "choices": False}  # options that leave tokens out, when they do not
RANK, KEPT = 32, 2  # what a server has room for unless its options say more: see arena_operators/vlm/options.py


def trainable(operator: str) -> tuple[OperatorKind, str]:
    """As `plugins.named_operator`. InputError for an operator without weights that are trained here."""
    kind, what = plugins.named_operator(names.parse(operator), operator)
    if kind.learner is None:
        raise InputError(
            f"operator {operator!r} cannot be trained here: {kind.name} is no language model with weights. vlm and llm "
            "are; `arena train ppo` trains policies"
        )
    return kind, what


def options_of(operator: str) -> dict[str, Any]:
    """The options of an operator by its name, filled in as its worker gets them."""
    name = names.parse(operator)
    kind, what = plugins.named_operator(name, operator)
    asked = {option: value for option, value in name.options.items() if option != "at"}
    return dict(kind.resolve_options(None, what, check_options(kind, asked, operator)))


def as_scored(config: VlmConfig) -> VlmConfig:
    """The config with an operator that draws at the temperature of the engine, where its name leaves that open.

    A model may play at another one by itself: what plays best explores little.
    """
    operator, scored = config.rollout.operator, config.model.temperature
    trainable(operator)
    name, drawn = names.parse(operator), options_of(config.placement.served(operator)).get("temperature")
    if drawn in (None, scored) or "temperature" in name.options:
        return config
    named = str(replace(name, options={**name.options, "temperature": f"{scored:g}"}))
    return replace(config, rollout=replace(config.rollout, operator=named))


def check(config: VlmConfig) -> None:
    """InputError for an operator that samples otherwise than the engine scores, or that cannot take its weights."""
    trainable(config.rollout.operator)
    options = options_of(config.rollout.operator)
    _check_sampling(config, options)
    if options.get("backend") == "vllm":
        _check_server(config, options)


def _check_sampling(config: VlmConfig, options: Mapping[str, Any]) -> None:
    operator, scored = config.rollout.operator, config.model.temperature
    drawn = options.get("temperature")
    if drawn and drawn != scored:  # at 0 nothing is sampled, which `matches.base_plan` refuses
        raise InputError(
            f"operator {operator!r} samples at temperature {drawn:g}, and model.temperature={scored:g} is what its "
            f"tokens are scored at: both must be equal. Set model.temperature={drawn:g}, or say @temperature={scored:g}"
        )
    for name, whole in WHOLE.items():
        if options.get(name, whole) != whole:
            raise InputError(
                f"operator {operator!r} cannot be trained with @{name}={options[name]}: the trainer scores tokens "
                "among all that may be sampled, and this leaves some out. Say it where the model plays, and not here"
            )


def _check_server(config: VlmConfig, options: Mapping[str, Any]) -> None:
    operator, how = config.rollout.operator, config.model
    trained = how.mode if config.engine == "local" else "lora"
    if trained == "full" and options.get("lora"):
        raise InputError(
            f"operator {operator!r} takes adapters, and model.mode=full trains all weights: say @reload=true instead "
            "of @lora=true, or set model.mode=lora"
        )
    if trained == "lora" and options.get("reload"):
        raise InputError(
            f"operator {operator!r} takes all weights, and an adapter is trained: say @lora=true instead of "
            "@reload=true, or set model.mode=full"
        )
    if options.get("reload") and options.get("adapter"):
        raise InputError(
            f"operator {operator!r} takes all weights, in which its @adapter= is merged, and it would be applied once "
            "more: merge it into the model, and name that"
        )
    if not options.get("lora"):
        return
    most = options.get("lora_rank") or RANK
    if how.rank > most:
        raise InputError(
            f"model.rank={how.rank}: the server of operator {operator!r} has room for rank {most}: say "
            f"@lora_rank={how.rank}"
        )
    needed, kept = config.staleness + 2, options.get("lora_kept") or KEPT
    if kept < needed:
        raise InputError(
            f"staleness={config.staleness} needs {needed} adapters at once on the server of operator {operator!r}, "
            f"which keeps {kept}: say @lora_kept={needed}"
        )
