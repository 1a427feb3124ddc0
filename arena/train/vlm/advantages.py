"""Advantages: how much better each turn of a batch went than expected. Every algorithm is one function.

It takes the rows of one update and `Inputs`, and returns float64: (rows,), a number a row, or a list with a (response,)
array for each row, a number a token. `estimate.estimate` calls it and does what holds for all of them.

Symbols: r_t is the row's reward (until the seat's next turn), V_t a critic's value of what was seen at turn t. Where an
episode was cut, nobody is asked what is seen then: V of its last turn stands for what would have followed.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from arena.errors import InputError
from arena.train.vlm.baselines import RoleBaselines
from arena.train.vlm.rows import Row

T = TypeVar("T")
Critics = Literal["turns", "tokens"]  # what a critic values
Array = npt.NDArray[np.float64]
FLAT = 1e-8  # a standard deviation below this is rounding: nothing is divided by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the algorithms take beside the rows; each says what it reads."""

    values: Array | None = None  # (rows,) V_t; NaN where it is not known: that turn hands on what follows it
    token_values: Sequence[Array] | None = None  # a row: (response,) V before each of its tokens
    gamma: float = 0.95  # discount a turn
    lam: float = 0.95  # lambda of GAE over turns; 1: the Monte Carlo return
    token_gamma: float = 1.0  # discount a token, inside a turn
    token_lam: float = 1.0  # lambda of GAE over tokens, inside a turn
    baselines: RoleBaselines | None = None


Advantage = Callable[[Sequence[Row], Inputs], Array | list[Array]]
Function = TypeVar("Function", bound=Callable[..., Any])


def needs_critic(of: Critics) -> Callable[[Function], Function]:
    """Says of an algorithm that it reads a critic: of turns, `values`; of tokens, `token_values`.

    Whoever does not say so gets none of them. ValueError for another critic.
    """
    if of not in get_args(Critics):
        raise ValueError(f"needs_critic({of!r}): expected {' or '.join(get_args(Critics))}")

    def said(function: Function) -> Function:
        vars(function)["critic"] = of
        return function

    return said


def critic_of(algorithm: Advantage) -> Critics | None:
    """What the critic values that this algorithm reads; None: it reads none."""
    found: Critics | None = getattr(algorithm, "critic", None)
    return found


# The algorithms ------------------------------------------------------------------------------------------------------


@needs_critic("turns")
def ppo(rows: Sequence[Row], inputs: Inputs) -> Array:
    """Turn-level PPO: GAE over turns, over its standard deviation; the mean stays. Reads values, gamma, lam.

    delta_t = r_t + gamma V_{t+1} - V_t, A_t = delta_t + gamma lam A_{t+1}. Sources: Schulman et al. 2015 (GAE,
    1506.02438); a critic with one value a turn: Odysseus, Turn-PPO (2512.17008).
    """
    return _scaled(gae(rows, inputs), rows)


def grpo(rows: Sequence[Row], inputs: Inputs) -> Array:
    """GRPO, outcome: an episode's return, standardised over its group; equal for all its turns. Reads nothing.

    Source: Shao et al. 2024 (DeepSeekMath, 2402.03300). An episode that is alone in its group gets 0.
    """
    out = np.zeros(len(rows))
    for group in _groups(rows):
        returns = np.array([_return(rows, episode) for episode in group])
        for episode, standing in zip(group, _standardised(returns), strict=True):
            out[episode] = standing
    return out


def grpo_process(rows: Sequence[Row], inputs: Inputs) -> Array:
    """GRPO, process: rewards standardised over the batch, then summed to the episode's end. Reads nothing.

    Source: Shao et al. 2024 (2402.03300), section 4.1.3, with the batch as the group.
    """
    standing = _whitened(np.array([row.reward for row in rows]), rows)
    return _to_go(rows, standing, 1.0)


def reinforce_plus_plus(rows: Sequence[Row], inputs: Inputs) -> Array:
    """REINFORCE++: the discounted return from each turn on, standardised over the batch. Reads gamma.

    Source: Hu et al. 2025 (2501.03262).
    """
    return _whitened(_to_go(rows, np.array([row.reward for row in rows]), inputs.gamma), rows)


def rloo(rows: Sequence[Row], inputs: Inputs) -> Array:
    """RLOO: an episode's return less the mean return of the others of its group. Reads nothing.

    Source: Ahmadian et al. 2024 (2402.14740). An episode that is alone in its group gets 0.
    """
    out = np.zeros(len(rows))
    for group in _groups(rows):
        returns = np.array([_return(rows, episode) for episode in group])
        for episode, own in zip(group, returns, strict=True):
            others = (returns.sum() - own) / (len(group) - 1) if len(group) > 1 else own
            out[episode] = own - others
    return out


def spiral(rows: Sequence[Row], inputs: Inputs) -> Array:
    """Role-conditioned advantage of self-play: A = R - b[game, role], the episode's return less its role's mean.

    Reads baselines, and updates them: a match reads first, for all its seats, and updates then. Source: Liu et al. 2025
    (SPIRAL, 2506.24119).
    """
    baselines = _need(inputs.baselines, "baselines")
    out = np.zeros(len(rows))
    for _, match in itertools.groupby(episodes(rows), key=lambda episode: rows[episode[0]].episode):
        heard = [(episode, rows[episode[0]], _return(rows, episode)) for episode in match]
        for episode, first, gained in heard:
            out[episode] = gained - baselines.read(first.game, first.role)
        for _, first, gained in heard:
            baselines.update(first.game, first.role, gained)
    return out


def spo(rows: Sequence[Row], inputs: Inputs) -> Array:
    """Iterative-SPO, for games with a spy: clues as `spiral`, each by its own reward; votes standardised over a group.

    A group is the votes of all matches with the same start. Rows are those of `spo.rewarded`: their rewards are of
    clues and votes. Reads baselines, and updates them by the mean reward of each seat's clues before a vote: a match
    reads first. Source: Vision-Zero (2509.25541).
    """
    baselines = _need(inputs.baselines, "baselines")
    out = np.zeros(len(rows))
    clues, votes = defaultdict[int, list[int]](list), defaultdict[tuple[str, int], list[int]](list)
    for at, row in enumerate(rows):
        if row.hindsight is not None and row.hindsight.stage == "clues":
            clues[row.episode].append(at)
        elif row.hindsight is not None:
            votes[row.game, row.group].append(at)
    for match in clues.values():
        heard = defaultdict[tuple[str, str, int, int], list[float]](list)
        for at in match:
            row = rows[at]
            assert row.hindsight is not None
            out[at] = row.reward - baselines.read(row.game, row.role)
            heard[row.game, row.role, row.hindsight.ballot, row.seat].append(row.reward)
        for (game, role, _, _), gained in heard.items():
            baselines.update(game, role, float(np.mean(gained)))
    for group in votes.values():
        out[group] = _standardised(np.array([rows[at].reward for at in group]))
    return out


@needs_critic("tokens")
def token_ppo(rows: Sequence[Row], inputs: Inputs) -> list[Array]:
    """Token-level PPO with a value head on the model: GAE over all tokens of an episode, scaled. See `token_gae`.

    Sources: Zhai et al. 2024 (RL4VLM, 2405.10292) and VAGEN (2510.16907), whose masked GAE also passes over what the
    model did not write.
    """
    return _scaled_tokens(token_gae(rows, inputs), rows)


@needs_critic("tokens")
def bilevel(rows: Sequence[Row], inputs: Inputs) -> list[Array]:
    """VAGEN's bi-level GAE, scaled: over turns first; then over the tokens of each turn. See `bilevel_gae`.

    Source: VAGEN (2510.16907). There, widely copied code takes a reward that is not zero as a turn's end; here a turn
    ends where its row ends.
    """
    return _scaled_tokens(bilevel_gae(rows, inputs), rows)


ALGORITHMS: dict[str, Advantage] = {
    "ppo": ppo,
    "grpo": grpo,
    "grpo_process": grpo_process,
    "reinforce++": reinforce_plus_plus,
    "rloo": rloo,
    "spiral": spiral,
    "spo": spo,
    "token_ppo": token_ppo,
    "bilevel": bilevel,
}
GROUPS = frozenset({"grpo", "rloo"})  # compare the episodes of a group: at least two with the same start
BASELINES = frozenset({"spiral", "spo"})  # read and update `baselines`


# What they share ------------------------------------------------------------------------------------------------------


def gae(rows: Sequence[Row], inputs: Inputs) -> Array:
    """(rows,) generalised advantage estimates over turns, not scaled. Reads values, gamma, lam."""
    values = _need(inputs.values, "values")
    out = np.zeros(len(rows))
    for episode in episodes(rows):
        following, later = _bootstrap(rows, episode, values), 0.0
        for at in reversed(episode):
            expected = rows[at].reward + inputs.gamma * following
            own = expected if np.isnan(values[at]) else values[at]
            out[at] = later = expected - own + inputs.gamma * inputs.lam * later
            following = own
    return out


def token_gae(rows: Sequence[Row], inputs: Inputs) -> list[Array]:
    """(response,) a row: GAE over all tokens of an episode, not scaled. A turn's reward comes with its last token.

    The step from there to the next turn's first token takes gamma and lam, steps inside a turn token_gamma and
    token_lam. Reads token_values and these. A turn without tokens hands on what follows it.
    """
    values = _token_values(rows, inputs)
    out, firsts = [np.zeros(len(one)) for one in values], _before(values)
    for episode in episodes(rows):
        following, later = _bootstrap(rows, episode, firsts), 0.0
        for at in reversed(episode):
            reward, gamma, decay = rows[at].reward, inputs.gamma, inputs.gamma * inputs.lam
            if not len(values[at]):
                following, later = reward + gamma * following, decay * later
            for token in reversed(range(len(values[at]))):
                out[at][token] = later = reward + gamma * following - values[at][token] + decay * later
                following = values[at][token]
                reward, gamma, decay = 0.0, inputs.token_gamma, inputs.token_gamma * inputs.token_lam
    return out


def bilevel_gae(rows: Sequence[Row], inputs: Inputs) -> list[Array]:
    """(response,) a row: each turn's return by GAE over turns is the reward of a GAE over its tokens. Not scaled.

    A turn's value is that before its first token. Reads token_values, gamma and lam (turns), token_gamma and
    token_lam (tokens). A turn without tokens hands on what follows it.
    """
    values = _token_values(rows, inputs)
    out, firsts = [np.zeros(len(one)) for one in values], _before(values)
    for episode in episodes(rows):
        following, later = _bootstrap(rows, episode, firsts), 0.0
        for at in reversed(episode):
            expected = rows[at].reward + inputs.gamma * following
            own = values[at][0] if len(values[at]) else expected
            later = expected - own + inputs.gamma * inputs.lam * later
            reward, coming, inner = own + later, 0.0, 0.0
            for token in reversed(range(len(values[at]))):
                delta = reward + inputs.token_gamma * coming - values[at][token]
                out[at][token] = inner = delta + inputs.token_gamma * inputs.token_lam * inner
                reward, coming = 0.0, values[at][token]
            following = own
    return out


def targets(rows: Sequence[Row], inputs: Inputs) -> Array:
    """(rows,) what a critic of turns learns: the lambda-return, V_t + A_t; with lam = 1 the discounted return."""
    return gae(rows, inputs) + _need(inputs.values, "values")


def token_targets(rows: Sequence[Row], inputs: Inputs, algorithm: str) -> list[Array]:
    """(response,) a row: what a critic of tokens learns for an algorithm, V + A of each token."""
    made = (bilevel_gae if algorithm == "bilevel" else token_gae)(rows, inputs)
    return [gained + own for gained, own in zip(made, _token_values(rows, inputs), strict=True)]


def episodes(rows: Sequence[Row]) -> list[list[int]]:
    """The places of each episode's rows, in order: those of equal (episode, seat), episodes as they first appear.

    ValueError where an episode does not end with its last row, or ends before.
    """
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        found[row.episode, row.seat].append(at)
    for (number, seat), places in found.items():
        ends = [rows[at].done or rows[at].truncated for at in places]
        if not ends[-1] or any(ends[:-1]):
            raise ValueError(f"episode {number}, seat {seat}: done or truncated must be true of the last row alone")
    return list(found.values())


def _groups(rows: Sequence[Row]) -> Iterator[list[list[int]]]:
    """Episodes of equal start and seat."""
    found: dict[tuple[str, int, int], list[list[int]]] = defaultdict(list)
    for episode in episodes(rows):
        first = rows[episode[0]]
        found[first.game, first.group, first.seat].append(episode)
    return iter(found.values())


def _return(rows: Sequence[Row], episode: Sequence[int]) -> float:
    return float(sum(rows[at].reward for at in episode))


def _to_go(rows: Sequence[Row], rewards: Array, gamma: float) -> Array:
    out = np.zeros(len(rows))
    for episode in episodes(rows):
        later = 0.0
        for at in reversed(episode):
            out[at] = later = rewards[at] + gamma * later
    return out


def _deviation(numbers: Array) -> float:
    """Their standard deviation; 1 where there is none to divide by."""
    spread = float(numbers.std()) if len(numbers) else 0.0
    return spread if spread > FLAT else 1.0


def _standardised(numbers: Array) -> Array:
    """Less their mean, over their deviation; zeros where they are all equal."""
    out: Array = (numbers - numbers.mean()) / _deviation(numbers)
    return out if numbers.std() > FLAT else np.zeros(len(numbers))


def _whitened(numbers: Array, rows: Sequence[Row]) -> Array:
    """As `_standardised`, by mean and deviation of the trainable rows."""
    learnt = numbers[[row.trainable for row in rows]]
    return (numbers - (learnt.mean() if len(learnt) else 0.0)) / _deviation(learnt)


def _scaled(numbers: Array, rows: Sequence[Row]) -> Array:
    """Over the deviation of what is learnt from; the mean stays."""
    return numbers / _deviation(numbers[[row.trainable for row in rows]])


def _scaled_tokens(numbers: list[Array], rows: Sequence[Row]) -> list[Array]:
    """As `_scaled`, over all tokens."""
    learnt = [one for one, row in zip(numbers, rows, strict=True) if row.trainable]
    spread = _deviation(np.concatenate([np.zeros(0), *learnt]))
    return [one / spread for one in numbers]


def _need(given: T | None, what: str) -> T:
    if given is None:
        critic = {"values": "turns", "token_values": "tokens"}.get(what)
        how = f': put @needs_critic("{critic}"), of arena.train.vlm.advantages, above its function' if critic else ""
        raise InputError(f"this algorithm needs Inputs({what}=...){how}")
    return given


def _bootstrap(rows: Sequence[Row], episode: Sequence[int], values: Sequence[float] | Array) -> float:
    """The value of what follows an episode: 0, or where it was cut that of its last turn of which it is known."""
    known = (float(values[at]) for at in reversed(episode) if not np.isnan(values[at]))
    return next(known, 0.0) if rows[episode[-1]].truncated else 0.0


def _before(token_values: Sequence[Array]) -> list[float]:
    """V of each turn, before its first token; NaN of one without tokens."""
    return [float(one[0]) if len(one) else np.nan for one in token_values]


def _token_values(rows: Sequence[Row], inputs: Inputs) -> Sequence[Array]:
    values = _need(inputs.token_values, "token_values")
    for row, one in zip(rows, values, strict=True):
        if len(one) != len(row.response):
            raise ValueError(f"{len(one)} values for a response of {len(row.response)} tokens")
    return values
