"""Whether a config can be trained, before anything is loaded. There is no torch here."""

from __future__ import annotations

from dataclasses import replace

from arena.errors import InputError
from arena.train.vlm import boards, evaluations, matches, sampler, spo
from arena.train.vlm.advantages import GROUPS
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.estimate import find


def check(config: VlmConfig) -> VlmConfig:
    """The config with the operator's name in full. InputError, or a subclass, for one that cannot be trained."""
    config.check()
    check_algorithm(config)
    evaluations.check(evaluations.of_rollouts(config))
    boards.check(config)
    config = replace(config, rollout=matches.standing(config.rollout))
    sampler.check(placed(config))
    matches.base_plan(placed(config).rollout)
    return config


def placed(config: VlmConfig) -> VlmConfig:
    """The config with the operator that is played: where a server has GPUs of its own, its options name them."""
    return replace(config, rollout=replace(config.rollout, operator=config.placement.served(config.rollout.operator)))


def check_algorithm(config: VlmConfig) -> None:
    """InputError for an algorithm that this trainer cannot run, or that compares what is not played."""
    how = config.learn
    find(how.algorithm)
    if how.algorithm in GROUPS and config.rollout.group < 2:
        raise InputError(
            f"learn.algorithm={how.algorithm} compares matches of equal start: set rollout.group=4 or more"
        )
    if how.algorithm == spo.ALGORITHM:
        spo.check(config.rollout.levels)
