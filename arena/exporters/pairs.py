"""Preference pairs: a better and a worse answer of one seat in one state, as TRL's DPOTrainer takes them.

Matches of a block have the same deal, drawn before play. Where a seat of two of them was asked in the same state (the
hashes of the whole state are equal, what is hidden and what is yet to come included) and answered differently, luck is
the same for both, so what the seat got from there on says which answer led to more. If several matches came that way
with the same answer, their mean counts. The players after it may differ: it is evidence, not proof, and `--margin`
asks for more of it. A state gives at most one pair: its best and its worst answer.

Both answers are laid out alike and without thoughts, under the game's own prompt, so that a pair differs in nothing but
the decision, whoever took it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from arena.errors import InputError
from arena.exporters import parquet
from arena.exporters.chat import answer, prompt_views, question
from arena.exporters.episodes import Episode, Reader, Step, count
from arena.exporters.options import Options
from arena.game import Views
from arena.record.head import OperatorHead

COLUMNS = {
    **{"prompt": "messages", "chosen": "messages", "rejected": "messages"},
    **{"game": "text", "block": "whole", "seat": "whole", "chosen_return": "real", "rejected_return": "real"},
    **{"chosen_matches": "whole", "rejected_matches": "whole"},
}


@dataclass(slots=True)
class _State:
    """A state in which one seat was asked: its prompt, and what each answer led to."""

    episode: Episode
    step: Step
    returns: dict[str, list[float]] = field(default_factory=dict)  # from there on, by answer


def export(reader: Reader, out: Path, options: Options) -> list[str]:
    """Writes OUT/train.parquet: `datasets.load_dataset("OUT")`. InputError when there is no pair."""
    if reader.keep.won or reader.keep.best is not None:
        raise InputError("--to pairs compares what went well with what did not: leave out --won and --best")
    views = {place: prompt_views(reader, place, reader.operators(place), options) for place in reader.games}
    table = parquet.Table(COLUMNS, any(one.image for one in views.values()))
    written = table.write(out / "train.parquet", _rows(reader, views, options))
    if not written:
        raise InputError(
            "there is no pair: no seat answered differently in one state of one deal, with returns that differ. Play "
            "more, with mirrored deals (`arena play --mirror`) and operators that decide differently"
        )
    return [f"{count(written, 'pair')} of a better and a worse answer"]


def _rows(reader: Reader, views: dict[int, Views], options: Options) -> Iterator[parquet.Row]:
    for place, head in reader.games.items():
        episodes = reader.episodes(place, partial(_same, views[place]))
        for block, group in itertools.groupby(episodes, key=lambda one: (one.plan.block, one.plan.seed)):
            for state in _states(group).values():
                if (row := _pair(state, options)) is not None:
                    yield {"game": head.name, "block": block[0], "seat": state.episode.seat, **row}


def _same(views: Views, head: OperatorHead) -> Views:
    return views


def _states(episodes: Iterator[Episode]) -> dict[tuple[int, str], _State]:
    """The states of one block in which a seat was asked, by seat and hash."""
    out: dict[tuple[int, str], _State] = {}
    for episode in episodes:
        left = sum(step.turn.reward for step in episode.steps)
        for step in episode.steps:
            turn = step.turn
            if turn.fault is None and turn.move is not None:
                state = out.setdefault((episode.seat, step.state), _State(episode, step))
                state.returns.setdefault(answer(episode.opening.card, turn), []).append(left)
            left -= turn.reward
    return out


def _pair(state: _State, options: Options) -> parquet.Row | None:
    means = {text: sum(returns) / len(returns) for text, returns in sorted(state.returns.items())}
    better, worse = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    if means[better] <= means[worse] or means[better] - means[worse] < options.margin:
        return None
    opening = state.episode.opening
    return {
        "prompt": question(opening.card, state.step.seen, options.prompt, opening.seats),
        "chosen": [("assistant", [better])],
        "rejected": [("assistant", [worse])],
        "chosen_return": means[better],
        "rejected_return": means[worse],
        "chosen_matches": len(state.returns[better]),
        "rejected_matches": len(state.returns[worse]),
    }
