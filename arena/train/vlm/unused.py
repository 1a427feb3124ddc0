"""Settings that were changed and change nothing, beside the others: a training says so before it begins.

It is not refused: a preset with one part switched off is how a part's worth is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from arena import names
from arena.plan import Limits
from arena.settings import is_part
from arena.train.vlm import spo
from arena.train.vlm.advantages import critic_of
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.estimate import find
from arena.train.vlm.matches import RolloutConfig, seated_game

OF_ADAPTERS = ("model.rank", "model.alpha")
OF_LOCAL = ("alpha", "dtype", "weights", "checkpointing", "tokens", "fixed", "pictures", "device")
OF_OTHERS = ("rollout.pool.", "rollout.learn_self")
OF_SNAPSHOTS = ("every", "kept", "slots", "draw")


def sentences(config: VlmConfig) -> list[str]:
    """One for each reason why some settings, which are not as they are by themselves, change nothing, or why nothing

    changes at all.
    """
    usual = VlmConfig(rollout=RolloutConfig(levels=config.rollout.levels))
    plain = dict(_flat(usual))
    changed = [name for name, value in _flat(config) if value != plain[name]]
    out = []
    for why, parts in _idle(config, changed):
        if found := [name for name in changed if name.startswith(parts)]:
            out.append(f"{why}: {', '.join(found)} change{'s' * (len(found) == 1)} nothing")
    warmup = config.critic.warmup if critic_of(find(config.learn.algorithm)) else 0
    if config.updates <= warmup:
        out.append(
            f"critic.warmup={warmup} with updates={config.updates}: the critic learns alone, and the model not yet"
        )
    return out


def _idle(config: VlmConfig, changed: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Why settings say nothing, and how their names begin."""
    learn, critic = config.learn, critic_of(find(config.learn.algorithm))
    algorithm, own = f"learn.algorithm={learn.algorithm}", names.parse(learn.algorithm).is_file
    if learn.algorithm != spo.ALGORITHM:
        yield f"{algorithm} has no stages", ("spo.",)
    if critic is None:
        yield f"{algorithm} asks no critic", ("critic.",)
    if critic is None and not own:
        discounts = () if learn.algorithm == "reinforce++" else ("learn.gamma",)
        yield f"{algorithm} does not read them", ("learn.lam", *discounts)
    if critic == "tokens":
        yield f"{algorithm} has a critic of hidden states alone", ("critic.inputs", "critic.channels")
    elif not own:
        yield f"{algorithm} values no tokens", ("learn.token_",)
    if learn.filter != "asym":
        yield f"learn.filter={learn.filter}", ("learn.kappa",)
    if not learn.decay:
        yield "learn.decay=0", ("learn.floor",)
    if not config.thoughts.corrector:
        yield "thoughts.corrector is not set", ("thoughts.",)
    if config.engine == "tinker":
        yield "the server decides", tuple(f"model.{name}" for name in OF_LOCAL)
    else:
        yield "engine=local", ("tinker.",)
        if config.model.mode == "full":
            yield "model.mode=full", OF_ADAPTERS
        else:
            yield "model.mode=lora leaves the tower as it is", ("model.freeze_vision_tower",)
        if not config.model.sees_as_before:
            yield "the tower is trained", ("model.pictures",)
    if not config.evaluation.every:
        yield "evaluation.every=0 evaluates nothing", ("evaluation.",)
    level = config.rollout.levels[0]
    if any(name.startswith(OF_OTHERS) for name in changed) and seated_game(level, Limits())[1] == 1:
        yield f"{level} has one seat", OF_OTHERS
    elif not config.rollout.pool.past:
        yield "rollout.pool.opponents has no past", tuple(f"rollout.pool.{name}" for name in OF_SNAPSHOTS)
    if not config.staleness:
        yield "staleness=0 plays nothing ahead", ("processes",)


def _flat(part: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting by its dotted name."""
    for field in fields(part):
        value = getattr(part, field.name)
        if is_part(type(value)):
            yield from _flat(value, f"{at}{field.name}.")
        else:
            yield f"{at}{field.name}", value
