"""What an update's rows say of the training, under the names that TRL and verl use."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from arena.train.vlm.opponents import SELF
from arena.train.vlm.rows import BASE, Collected, MatchStat, Row


def of_rows(found: Collected, update: int = 0) -> dict[str, float]:
    """Of an update: returns, lengths, faults, how old the weights were, and how different the thoughts are.

    Standard errors are over episodes.
    """
    rows = found.rows
    episodes: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        episodes[row.episode, row.seat].append(row)
    returns = np.array([sum(row.reward for row in one) for one in episodes.values()])
    lengths = np.array([len(one) for one in episodes.values()], np.float64)
    spoken = [row for row in rows if len(row.response)]
    texts = Counter(row.response[: row.thought].tobytes() for row in spoken)
    out = {
        "rollout/turns": float(len(rows)),
        "rollout/episodes": float(len(episodes)),
        "rollout/dropped": float(sum(found.dropped.values())),
        "rollout/truncated": _share([one[-1].truncated for one in episodes.values()]),
        "rollout/unparsed": _share([not row.parsed for row in rows]),
        "reward/mean": float(returns.mean()) if len(returns) else 0.0,
        "reward/std": float(returns.std()) if len(returns) else 0.0,
        "reward/stderr": float(returns.std(ddof=1) / np.sqrt(len(returns))) if len(returns) > 1 else 0.0,
        "reward/max": float(returns.max()) if len(returns) else 0.0,
        "episode_length/mean": float(lengths.mean()) if len(lengths) else 0.0,
        "response_length/mean": float(np.mean([len(row.response) for row in spoken])) if spoken else 0.0,
        "prompt_length/mean": float(np.mean([len(row.prompt) for row in spoken])) if spoken else 0.0,
        "thought/distinct": len(texts) / len(spoken) if spoken else 0.0,
        "actor/sampler_logprob": float(np.mean(np.concatenate([row.mu for row in spoken]))) if spoken else 0.0,
    }
    won = returns > 0
    out["reward/success"] = _share(won.tolist())
    out["reward/success_stderr"] = float(won.std(ddof=1) / np.sqrt(len(won))) if len(won) > 1 else 0.0
    ages = Counter(max(0, update - _number(row.version)) for row in spoken)
    out["staleness/mean"] = sum(age * count for age, count in ages.items()) / max(1, len(spoken))
    out["staleness/max"] = float(max(ages, default=0))
    out |= {f"staleness/{age}": count / len(spoken) for age, count in sorted(ages.items())}
    for role in sorted({one[0].role for one in episodes.values()}):
        mine = [sum(row.reward for row in one) for one in episodes.values() if one[0].role == role]
        out[f"reward/{role}"] = float(np.mean(mine))
    return out


def win_rates(matches: Sequence[MatchStat], who: Callable[[int], str]) -> dict[str, float]:
    """How often the current weights got more than each kind of opponent; a draw is a half.

    `who` names an operator of the pool by its number, as `Places.who`: all snapshots are "past".
    """
    points = defaultdict[str, list[float]](list)
    for match in matches:
        names = [who(number).partition(" ")[0] for number in match.lineup]
        for mine in (seat for seat, name in enumerate(names) if name == SELF):
            for seat, name in enumerate(names):
                if name != SELF:
                    points[name].append(0.5 + 0.5 * float(np.sign(match.returns[mine] - match.returns[seat])))
    return {f"win_rate/{name}": float(np.mean(each)) for name, each in sorted(points.items())}


def _number(version: str) -> int:
    """Of pi_v12; 0 of the weights that were loaded first."""
    return 0 if version == BASE else int(version.removeprefix("pi_v"))


def _share(true: Sequence[bool]) -> float:
    return float(np.mean(true)) if len(true) else 0.0
