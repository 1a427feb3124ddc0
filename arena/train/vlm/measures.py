"""What an update's rows say of the training, under the names that TRL and verl use."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from arena.train.vlm.rows import Collected, Row


def of_rows(found: Collected) -> dict[str, float]:
    """Returns, lengths, faults, and how different the thoughts are; standard errors over episodes."""
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
    for role in sorted({one[0].role for one in episodes.values()}):
        mine = [sum(row.reward for row in one) for one in episodes.values() if one[0].role == role]
        out[f"reward/{role}"] = float(np.mean(mine))
    return out


def _share(true: Sequence[bool]) -> float:
    return float(np.mean(true)) if len(true) else 0.0
