"""Functions for a training of your own, in one file; nothing needs to be installed."""

import numpy as np

from arena.train.vlm.advantages import episodes, gae, needs_critic


@needs_critic("turns")
def best_half(rows, inputs):
    """Advantage: GAE by the critic's values, of the better half of the turns; 0 for the others."""
    gained = gae(rows, inputs)
    return np.where(gained >= np.median(gained), gained, 0.0)


def over_median(rows, inputs):
    """Advantage: an episode's return less the median return of the batch. One number a row."""
    returns = {at: sum(rows[i].reward for i in places) for places in episodes(rows) for at in places}
    return np.array([returns[at] for at in range(len(rows))]) - np.median([returns[p[0]] for p in episodes(rows)])


def hurry(rows):
    """Rewards: every turn costs a hundredth."""
    return [row.reward - 0.01 for row in rows]


def sure_of_good_turns(logprobs, inputs, config):
    """A term of the loss: imitate the tokens of turns that went better than expected. One number a token."""
    return -config.get("sure.scale", 0.1) * inputs["weight"] * (inputs["advantage"] > 0) * logprobs
