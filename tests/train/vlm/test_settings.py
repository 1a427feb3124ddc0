"""Settings of `arena train vlm` outside their range are refused before anything is loaded."""

from __future__ import annotations

import pytest

from arena.errors import InputError
from arena.train.vlm import unused
from arena.train.vlm.config import load
from arena.train.vlm.config import presets as shipped

WRONG = [
    ("updates=0", "updates=0: expected at least 1"),
    ("processes=0", "processes=0: expected at least 1"),
    ("keep_rollouts=-1", "keep_rollouts=-1: expected at least 0"),
    ("samples_every=-1", "samples_every=-1: expected at least 0"),
    ("learn.share=0.0", "learn.share=0.0: expected more than 0 and at most 1"),
    ("learn.share=1.5", "learn.share=1.5: expected more than 0 and at most 1"),
    ("learn.batch=0", "learn.batch=0: expected at least 1"),
    ("learn.floor=2", "learn.floor=2.0: expected at least 0 and at most 1"),
    ("learn.gamma=2", "learn.gamma=2.0: expected at least 0 and at most 1"),
    ("learn.gamma=nan", "learn.gamma=nan: expected at least 0 and at most 1"),
    ("learn.lam=-0.1", "learn.lam=-0.1: expected at least 0 and at most 1"),
    ("learn.token_gamma=1.1", "learn.token_gamma=1.1: expected at least 0 and at most 1"),
    ("learn.token_lam=1.1", "learn.token_lam=1.1: expected at least 0 and at most 1"),
    ("learn.kappa=-1", "learn.kappa=-1.0: expected at least 0"),
    ("learn.thought=-1", "learn.thought=-1.0: expected at least 0"),
    ("learn.reward_scale=0", "learn.reward_scale=0.0: expected more than 0"),
    ("learn.reward_scale=inf", "learn.reward_scale=inf: expected more than 0"),
    ("learn.betas=[0.9, 1.0]", "learn.betas=[0.9, 1.0]: expected at least 0 and less than 1"),
    ("learn.weight_decay=-1", "learn.weight_decay=-1.0: expected at least 0"),
    ("learn.grad_norm=-1", "learn.grad_norm=-1.0: expected at least 0"),
    ("critic.batch=0", "critic.batch=0: expected at least 1"),
    ("critic.epochs=0", "critic.epochs=0: expected at least 1"),
    ("critic.hidden=0", "critic.hidden=0: expected at least 1"),
    ("critic.channels=0", "critic.channels=0: expected at least 1"),
    ("critic.warmup=-1", "critic.warmup=-1: expected at least 0"),
    ("critic.decay=1", "critic.decay=1.0: expected at least 0 and less than 1"),
    ("critic.learning_rate=-1", "critic.learning_rate=-1.0: expected at least 0"),
    ("critic.grad_norm=0", "critic.grad_norm=0.0: expected more than 0"),
    ("critic.inputs=[]", "critic.inputs=[]: expected different ones of picture, vector, facts, hidden"),
    ("critic.inputs=sound", "critic.inputs=['sound']: expected different ones of picture, vector, facts, hidden"),
    ("critic.inputs=facts,facts", "critic.inputs=['facts', 'facts']: expected different ones"),
    ("evaluation.every=-1", "evaluation.every=-1: expected at least 0"),
    ("evaluation.matches=0", "evaluation.matches=0: expected at least 1"),
    ("evaluation.seed=-1", "evaluation.seed=-1: expected at least 0"),
    ("rollout.matches=0", "rollout.matches=0: expected at least 1"),
    ("rollout.group=0", "rollout.group=0: expected at least 1"),
    ("rollout.concurrency=0", "rollout.concurrency=0: expected at least 1"),
    ("rollout.max_ticks=0", "rollout.max_ticks=0: expected at least 1"),
    ("rollout.deadline=0", "rollout.deadline=0.0: expected more than 0"),
    ("rollout.hosts=0", "rollout.hosts=0: expected at least 1"),
    ("rollout.fault_reward=nan", "rollout.fault_reward=nan: expected a number"),
    ("rollout.fault_reward=-inf", "rollout.fault_reward=-inf: expected a number"),
    ("policy.clip_low=1", "policy.clip_low=1.0: expected at least 0 and less than 1"),
    ("policy.clip_high=-1", "policy.clip_high=-1.0: expected at least 0"),
    ("policy.importance=-1", "policy.importance=-1.0: expected at least 0"),
    ("policy.kl=nan", "policy.kl=nan: expected at least 0"),
    ("policy.entropy=inf", "policy.entropy=inf: expected a number"),
    ("policy.dual_clip=nan", "policy.dual_clip=nan: expected more than 1 + policy.clip_high = 1.28"),
    ("model.device=gpu", "model.device=gpu: expected cpu, cuda or cuda:N"),
    ("model.rank=0", "model.rank=0: expected at least 1"),
    ("model.temperature=0", "model.temperature=0.0: expected more than 0"),
    ("rollout.pool.slots=0", "rollout.pool.slots=0: expected at least 1"),
    ("rollout.pool.opponents={self=-1.0}", "opponents: the share of 'self' is -1.0: expected at least 0"),
    ("rollout.pool.opponents={slf=1.0}", "'slf' is neither self nor past nor an operator. Did you mean self?"),
    ("rollout.pool.opponents={pst=1.0}", "Did you mean past?"),
]


@pytest.mark.parametrize(("setting", "said"), WRONG, ids=[setting for setting, _ in WRONG])
def test_a_setting_outside_its_range_is_refused_with_the_range(setting, said):
    with pytest.raises(InputError) as caught:
        load("race-nano", None, (setting,))
    assert said in str(caught.value)


ENDS = (
    *("learn.gamma=0", "learn.lam=1", "learn.share=1", "learn.floor=0", "learn.betas=[0, 0.999]", "learn.grad_norm=0"),
    *("learn.limit=0", "critic.decay=0", "critic.warmup=0", "rollout.max_ticks=none", "rollout.fault_reward=-2"),
    *("evaluation.every=0", "keep_rollouts=0", "samples_every=0", "staleness=0"),
)


def test_the_ends_of_a_range_that_belong_to_it_are_taken():
    assert load("race-nano", None, ENDS).learn.betas == (0.0, 0.999)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_what_ships_lies_within_and_has_no_setting_that_changes_nothing(name):
    config = load(name, None)
    config.check()
    assert unused.sentences(config) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("spo.least=2",), "learn.algorithm=ppo has no stages: spo.least changes nothing"),
        (
            ("learn.algorithm=grpo",),
            "learn.algorithm=grpo asks no critic: critic.inputs, critic.epochs change nothing",
        ),
        (("learn.algorithm=rloo", "learn.lam=0.5"), "learn.algorithm=rloo does not read them: learn.lam changes"),
        (("learn.algorithm=token_ppo",), "a critic of hidden states alone: critic.inputs changes nothing"),
        (("learn.token_lam=0.5",), "learn.algorithm=ppo values no tokens: learn.token_lam changes nothing"),
        (("learn.kappa=0.2",), "learn.filter=none: learn.kappa changes nothing"),
        (("learn.floor=0.5",), "learn.decay=0: learn.floor changes nothing"),
        (("thoughts.plan=true",), "thoughts.corrector is not set: thoughts.plan changes nothing"),
        (("tinker.base_model=x",), "engine=local: tinker.base_model changes nothing"),
        (("model.rank=8",), "model.mode=full: model.rank changes nothing"),
        (("model.pictures=9",), "the tower is trained: model.pictures changes nothing"),
        (
            ("model.mode=lora", "rollout.operator=vlm:nano", "model.freeze_vision_tower=true"),
            "model.mode=lora leaves the tower as it is: model.freeze_vision_tower changes nothing",
        ),
        (
            ("engine=tinker", "tinker.base_model=x", "model.mode=lora", "rollout.operator=vlm:nano", "model.alpha=8"),
            "the server decides: model.alpha changes nothing",
        ),
        (("evaluation.every=0",), "evaluation.every=0 evaluates nothing: evaluation."),
        (("rollout.pool.opponents={self = 1}",), "no past: rollout.pool.every, rollout.pool.kept change nothing"),
        (('rollout.levels=["maze@seats=1"]',), "maze@seats=1 has one seat: rollout.pool.opponents, "),
        (("processes=3",), "staleness=0 plays nothing ahead: processes changes nothing"),
        (("updates=3",), "critic.warmup=3 with updates=3: the critic learns alone, and the model not yet"),
    ],
    ids=lambda one: one if isinstance(one, str) else one[0],
)
def test_a_setting_that_changes_nothing_is_named_with_the_reason(settings, said):
    assert said in "\n".join(unused.sentences(load("race-nano", None, settings)))


LISTS = [
    ("evaluation.pictures=blank,shuffled", lambda made: made.evaluation.pictures, ("blank", "shuffled")),
    ('evaluation.pictures=["blank"]', lambda made: made.evaluation.pictures, ("blank",)),
    ("evaluation.pictures=[]", lambda made: made.evaluation.pictures, ()),
    ("learn.betas=0.8,0.9", lambda made: made.learn.betas, (0.8, 0.9)),
    ("rollout.seats=1", lambda made: made.rollout.seats, (1,)),
    ("rollout.seats=0,1", lambda made: made.rollout.seats, (0, 1)),
    ("critic.inputs=picture,facts", lambda made: made.critic.inputs, ("picture", "facts")),
    ('evaluation.pictures= ["blank"]', lambda made: made.evaluation.pictures, ("blank",)),
    ("evaluation.pictures=[blank,shuffled]", lambda made: made.evaluation.pictures, ("blank", "shuffled")),
    ("evaluation.pictures=", lambda made: made.evaluation.pictures, ()),
    ("evaluation.levels=[]", lambda made: made.evaluation.levels, ()),
    ('evaluation.levels="leduc","kuhn"', lambda made: made.evaluation.levels, ("leduc", "kuhn")),
]


@pytest.mark.parametrize(("setting", "of", "wanted"), LISTS, ids=[one for one, *_ in LISTS])
def test_a_list_needs_no_brackets(setting, of, wanted):
    assert of(load("race-nano", None, (setting,))) == wanted


def test_a_table_is_given_as_a_whole():
    wanted = r"opponents is a table, which is given as a whole: --set 'rollout\.pool\.opponents={scripted = 1\.0}'"
    with pytest.raises(InputError, match=wanted):
        load("race-nano", None, ("rollout.pool.opponents.scripted=0.5",))


def test_a_wrong_word_of_a_list_is_told_with_the_right_ones():
    with pytest.raises(InputError, match=r"pictures=blak: \[0\]='blak': expected one of blank, shuffled"):
        load("race-nano", None, ("evaluation.pictures=blak",))
