"""The losses of a model's tokens. All tensors are (tokens,): those of the responses of a call, one row after another.

A loss takes the log-probabilities that the model gives to these tokens now, what came with them (`tokens.token_inputs`
makes it), and settings. It returns a loss for each token, to be summed, and sums for the metrics. `weight` is
normalised over the whole batch, not over a call, so calls may divide it in any way, over processes too. Nothing is
divided by the length of a response: that would teach a model to say more where it does badly (2606.05597).

Your own loss, or a term that is added to the policy's, is named "FILE.py:FUNCTION" (docs/algorithms.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from arena import files, names
from arena.errors import InputError, nearest, sentence
from arena.train.vlm.policy_config import TERM, Config, PolicyConfig, terms_of

Loss = Callable[[Tensor, Mapping[str, Tensor], Config], tuple[Tensor, dict[str, float]]]
Term = Callable[[Tensor, Mapping[str, Tensor], Config], Tensor]
FAR = 20.0  # log-ratios are cut here, so that no exponential overflows


def policy(logprobs: Tensor, inputs: Mapping[str, Tensor], config: Config) -> tuple[Tensor, dict[str, float]]:
    """PPO's clipped objective with the sampler's mismatch corrected, a KL to the reference and an entropy bonus.

    `inputs`, float32 (tokens,): advantage; old, the log-probabilities before this update; weight; where wanted mu, the
    sampler's; ref, the reference's (kl); entropy (entropy). int64: turn, the row of each token (turn, gspo). With
    rho = exp(logprobs - old) and w = min(exp(old - mu), importance), without gradient:

        - weight [w min(rho A, clip(rho) A) - kl k3 + entropy H],    k3 = exp(d) - d - 1,  d = ref - logprobs

    where A < 0, no less than w dual_clip A. Tokens of weight 0 count for nothing. Sources: Schulman et al. 2017
    (1707.06347); clip-higher, DAPO (2503.14476); dual clip, Ye et al. 2020 (1912.09729); truncated importance weights,
    Yao et al. 2025 (off-policy RL by mismatched engines) after Ionides 2008; GSPO (2507.18071); k3, Schulman 2020.
    """
    how = PolicyConfig.parse(config)
    weight, advantage = inputs["weight"], inputs["advantage"]
    counts = weight != 0
    zero = torch.zeros_like(logprobs)
    change = torch.where(counts, logprobs - inputs["old"], zero).clamp(-FAR, FAR)
    ratio = _ratio(change, counts, inputs, how.ratio)
    gain = torch.minimum(ratio * advantage, ratio.clamp(1 - how.clip_low, 1 + how.clip_high) * advantage)
    gain = torch.where(advantage < 0, torch.maximum(gain, how.dual_clip * advantage), gain)
    if how.importance and "mu" in inputs:
        gain = gain * torch.where(counts, inputs["old"] - inputs["mu"], zero).exp().clamp(max=how.importance)
    loss = -weight * gain
    sums = {
        "actor/pg_loss": loss,
        "actor/ppo_kl": -weight * change,
        "actor/ratio_error": weight * (ratio - 1).abs(),
        "actor/clipfrac": weight * ((ratio > 1 + how.clip_high) & (advantage > 0)),
        "actor/clipfrac_lower": weight * ((ratio < 1 - how.clip_low) & (advantage < 0)),
    }
    if "ref" in inputs:
        distance = torch.where(counts, inputs["ref"] - logprobs, zero).clamp(-FAR, FAR)
        sums["actor/kl"] = weight * (distance.expm1() - distance)
        loss = loss + how.kl * sums["actor/kl"]
    if "entropy" in inputs:
        sums["actor/entropy"] = weight * torch.where(counts, inputs["entropy"], zero)
        loss = loss - how.entropy * sums["actor/entropy"]
        for part in ("thought", "answer"):
            if part in inputs:
                mine = inputs[part]
                sums[f"actor/entropy_{part}"] = mine * torch.where(mine != 0, inputs["entropy"].detach(), zero)
    for name, wanted in (("ref", how.kl), ("entropy", how.entropy)):
        if wanted and name not in inputs:
            raise ValueError(f"the policy loss needs inputs[{name!r}]")
    for name, added in _terms(how.terms, logprobs, inputs, config):
        sums[f"actor/term/{name}"] = added
        loss = loss + added
    return loss, _summed(sums)


def _terms(given: str, logprobs: Tensor, inputs: Mapping[str, Tensor], config: Config) -> Iterator[tuple[str, Tensor]]:
    """What each function of the user's adds, by its name. InputError for what is not a number for each token."""
    given_as = terms_of(given)
    functions = [term(name) for name in given_as]
    called = names.numbered([one.__name__ for one in functions])
    for name, function, short in zip(given_as, functions, called, strict=True):
        added = _of_tokens(f"policy.terms={name}", function(logprobs, inputs, config), logprobs)
        if logprobs.isfinite().all() and not added.isfinite().all():
            odd = int((~added.isfinite()).sum())
            raise InputError(f"policy.terms={name} returned {odd} of {len(added)} numbers that are not finite")
        yield short, added


def _of_tokens(what: str, made: object, logprobs: Tensor) -> Tensor:
    """What a function of the user's returned, if it is a number for each token. InputError else."""
    if isinstance(made, Tensor) and made.is_floating_point() and made.shape == logprobs.shape:
        return made
    found = f"a {made.dtype} tensor of shape {tuple(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
    raise InputError(
        f"{what} returned {found}: expected a {logprobs.dtype} tensor of shape {tuple(logprobs.shape)}, a number for "
        "each token"
    )


def cross_entropy(logprobs: Tensor, inputs: Mapping[str, Tensor], config: Config) -> tuple[Tensor, dict[str, float]]:
    """Of given texts, as in a supervised start or for corrected thoughts: -weight logprobs. Reads inputs["weight"]."""
    if odd := [name for name in config if "." not in name]:
        raise InputError(f"cross_entropy has no setting {odd[0]!r}: it has none")
    weight = inputs["weight"]
    loss = -weight * torch.where(weight != 0, logprobs, torch.zeros_like(logprobs))
    return loss, _summed({"sft/loss": loss})


GIVEN = "cross_entropy"  # of texts that were not drawn: scored at temperature 1, whatever the sampler's
LOSSES: dict[str, Loss] = {"policy": policy, GIVEN: cross_entropy}


def find(name: str) -> Loss:
    """The loss of this name, or the function of "FILE.py:FUNCTION". InputError names what there is."""
    if name not in LOSSES and not names.parse(name).is_file:
        raise InputError(f"no loss is called {name!r}. {nearest(name, LOSSES)} Your own: FILE.py:FUNCTION.")
    return LOSSES[name] if name in LOSSES else _own(name)


def _own(name: str) -> Loss:
    """A loss of the user's. What it returns is checked when it is called: InputError."""
    function, what = files.function(name, TERM), f"loss {name}"

    def loss(logprobs: Tensor, inputs: Mapping[str, Tensor], config: Config) -> tuple[Tensor, dict[str, float]]:
        made = function(logprobs, inputs, config)
        if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], Mapping)):
            raise InputError(f"{what} returned {type(made).__name__}: expected (numbers of tokens, sums by name)")
        each = _of_tokens(what, made[0], logprobs)
        if logprobs.requires_grad and not each.requires_grad:
            raise InputError(f"{what} does not follow from the log-probabilities that it is given: it teaches nothing")
        try:
            return each, {str(word): float(value) for word, value in made[1].items()}
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"{what} returned a sum that is no number: {sentence(error)}") from error

    return loss


def term(name: str) -> Term:
    """The term that "FILE.py:FUNCTION" names: as a loss, but it returns the (tokens,) that are added alone."""
    return files.function(name, TERM)


def score(logits: Tensor, targets: Tensor, banned: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Log-probabilities (tokens,) of `targets` (tokens,), and entropies (tokens,), from logits (tokens, vocabulary).

    `banned`: bool (vocabulary,), what is never sampled, such as the placeholders of pictures: it has no part in either.
    float32, whatever the logits are.
    """
    logits = logits.float()
    if banned is not None:
        logits = logits.masked_fill(banned, -torch.inf)
    all_of = logits.log_softmax(-1)
    finite = all_of if banned is None else all_of.masked_fill(banned, 0.0)
    return all_of.gather(-1, targets[:, None])[:, 0], -(all_of.exp() * finite).sum(-1)


def _ratio(change: Tensor, counts: Tensor, inputs: Mapping[str, Tensor], kind: str) -> Tensor:
    """The ratio for each token, from the change of its log-probability.

    That of a turn is the same for its tokens, and each token has the gradient of its own log-probability, as in GSPO's
    token variant: so a long response does not count twice for its length.
    """
    if kind == "token":
        return change.exp()
    turn = inputs["turn"]
    held = change.detach()
    size = int(turn.max()) + 1 if len(turn) else 0
    whole = held.new_zeros(size).index_add(0, turn, held)
    if kind == "gspo":
        whole = whole / held.new_zeros(size).index_add(0, turn, counts.to(held.dtype)).clamp(min=1)
    return (whole[turn].clamp(-FAR, FAR) + change - held).exp()


def _summed(sums: Mapping[str, Tensor]) -> dict[str, float]:
    if not sums:
        return {}
    return dict(zip(sums, torch.stack([one.detach().sum() for one in sums.values()]).tolist(), strict=True))
