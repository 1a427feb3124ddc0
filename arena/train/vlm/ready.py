"""Whether a config can be trained, before anything is loaded. There is no torch here."""

from __future__ import annotations

from dataclasses import replace

from arena import files, names
from arena.errors import InputError
from arena.plan import Plan
from arena.train.vlm import boards, evaluations, matches, sampler, spo, thoughts
from arena.train.vlm.advantages import GROUPS, critic_of
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.estimate import REWARDS, find
from arena.train.vlm.guided import correctors
from arena.train.vlm.policy_config import TERM, terms_of


def check(config: VlmConfig) -> VlmConfig:
    """The config with the operator's name in full. InputError, or a subclass, for one that cannot be trained."""
    sampler.trainable(config.rollout.operator)
    config = replace(config, rollout=matches.standing(config.rollout))
    config.check()
    check_algorithm(config)
    evaluations.check(evaluations.of_rollouts(config))
    boards.check(config)
    config = sampler.as_scored(config)
    sampler.check(placed(config))
    plan, _ = matches.base_plan(placed(config).rollout)
    check_critic(config, plan)
    check_functions(config)
    if config.thoughts.corrector:
        games = [game.facts.spec.id for game in plan.games]
        correctors(config.thoughts, thoughts.truths(plan.games), thoughts.solvers(plan.games), games)
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


def check_critic(config: VlmConfig, plan: Plan) -> None:
    """InputError for a critic that looks at what no turn of the trained operator has: it is made after a rollout."""
    if critic_of(find(config.learn.algorithm)) != "turns":
        return
    views = [game.operators[0].views for game in plan.games]
    lacking = {
        "picture": all(one.image is None for one in views) and "the operator is shown no picture. Name other inputs",
        "facts": not any(one.text for one in views)
        and "facts come with text, which the operator is not shown. Name other inputs",
        "vector": not config.rollout.vector and "rows have no vector view. Set rollout.vector=true",
    }
    for name in config.critic.inputs:
        if why := lacking.get(name):
            raise InputError(f"critic.inputs={','.join(config.critic.inputs)}: {why}")


def check_functions(config: VlmConfig) -> None:
    """InputError for a function of the user's that there is not, or takes other things: a rollout comes first."""
    terms = [("policy.terms", one, TERM) for one in terms_of(config.policy.terms)]
    for setting, given, takes in (("learn.reward", config.learn.reward, REWARDS), *terms):
        if not given:
            continue
        if not names.parse(given).is_file:
            raise InputError(f"{setting}={given}: expected FILE.py:FUNCTION")
        files.function(given, takes)
