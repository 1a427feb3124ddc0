"""What the folder of a training says of it, in words. Nothing of torch is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena import commands
from arena.evaluate.intervals import mean_interval
from arena.log import EndLine, MatchLine
from arena.record.reader import Run
from arena.train.vlm import begun, changes, collapse, lines, spo
from arena.train.vlm.lines import METRICS
from arena.train.vlm.scored import SHOWN, TRUE, Scored, best, figure, folder_of, interval, moment, scores, true_shares

SAMPLES = "samples"
LAST = {  # of the last update, beside its return and turns
    "thought/true": "true statements",
    "actor/entropy": "entropy",
    "critic/explained_var": "explained variance",
    "rollout/unparsed": "unparsed",
    "rollout/dropped": "turns not learnt from",
}


def use(out: Path, update: int | None = None) -> list[str]:
    """What an evaluation (None: the newest) says: scores, and what the policy uses of its pictures."""
    found = list(scores(out))
    update = max((one.update for one in found), default=0) if update is None else update
    mine = [one for one in found if one.update == update]
    hidden = any(one.shown != TRUE for one in mine)
    said = []
    for number, game in enumerate(dict.fromkeys(one.game for one in mine)):
        here = [one for one in mine if one.game == game]
        trained = [f"{one.words()} {SHOWN[one.shown]}" if hidden else one.words() for one in here if one.trained]
        who = "the trained model" if update else "the model"
        told = [f"{who} {', '.join(trained)}", *_others([one for one in here if not one.trained])]
        said.append(f"{moment(update)}, {game}: {', '.join(told)}{_stage(out, update)}")
        lost = [
            f"{figure(mean)} {interval(low, high)} {SHOWN[one.shown]}"
            for one in here
            if one.trained and one.shown != TRUE
            for mean, low, high in _lost(out, update, one.shown, number)
        ]
        if lost:
            said.append(f"what it loses so, start by start, is what it uses of its pictures: {', '.join(lost)}")
    if shares := true_shares(out, update):
        told = [f"{share:.1%} {SHOWN[shown]}" if hidden else f"{share:.1%}" for shown, share in shares.items()]
        said.append(f"statements of its thoughts that are true: {', '.join(told)}")
    return said


def result(out: Path) -> list[str]:
    """What the newest evaluation says, and how it differs from that before training, deal by deal."""
    return use(out) + changes.sentences(out)


def _lost(out: Path, update: int, shown: str, game: int) -> Iterator[tuple[float, float | None, float | None]]:
    """How much more the trained model got with its pictures than with others: mean and 95% t-interval over starts."""
    true, other = (_returns(folder_of(out, update, one), game) for one in (TRUE, shown))
    differences = [true[start] - other[start] for start in sorted(true.keys() & other.keys())]
    if differences:
        yield sum(differences) / len(differences), *mean_interval(differences)


def _returns(folder: Path, game: int) -> dict[int, float]:
    """The mean return of the trained model by start, in the matches of a run, of one of its games."""
    run, found = Run(folder), defaultdict[int, list[float]](list)
    name = next(iter(run.head.games[game].operators)).name
    for first, *_, last in run.played():
        if isinstance(first, MatchLine) and isinstance(last, EndLine) and first.game_index == game and last.returns:
            found[first.block] += [last.returns[seat] for seat, who in enumerate(first.seats) if who == name]
    return {block: sum(one) / len(one) for block, one in found.items() if one}


def _others(seated: list[Scored]) -> list[str]:
    """Who sat beside the trained model. What it began as may have several seats: one mean, since they are one model."""
    start = [one for one in seated if one.start]
    told = [f"{one.row.operator} {one.words()}" for one in seated if not one.start]
    if len(start) == 1:
        told.insert(0, f"the model as it began {start[0].words()}")
    elif start:
        mean = sum(one.score for one in start) / len(start)
        told.insert(0, f"the {len(start)} others (the model as it began) {figure(mean)}")
    return told


def _stage(out: Path, update: int) -> str:
    """What an update of Iterative-SPO trained, and how its votes were."""
    found = next((one for one in lines.read(out / METRICS) if one["update"] == update), {})
    if "spo/stage" not in found:
        return ""
    right = f", {found['spo/vote_accuracy']:.0%} of votes right" if "spo/vote_accuracy" in found else ""
    return f"; stage {spo.STAGES[int(found['spo/stage'])]}{right}"


def sentences(out: Path) -> list[str]:
    """What was trained, how far it came, its last update, its evaluations, and where everything is.

    RecordError when its head is damaged.
    """
    head = begun.read_head(out)
    config = head["config"]
    how, rollout = config["learn"], config["rollout"]
    metrics = lines.read(out / METRICS)
    last: dict[str, Any] = metrics[-1] if metrics else {}
    checkpoints = sorted(path.name for path in (out / begun.CHECKPOINTS).glob("[0-9]" * 6))
    done, wanted = int(last.get("update", checkpoints[-1] if checkpoints else 0)), head["updates"]
    games = ", ".join(rollout["levels"][:3]) + (" and others" if len(rollout["levels"]) > 3 else "")
    told = [
        f"{rollout['operator']} is trained on {games}: {done} of {wanted} updates of {rollout['matches']} matches, "
        f"{how['algorithm']}, {config['model']['mode']} weights, learning rate {how['learning_rate']:g}, "
        f"seed {config['seed']}"
    ]
    if last:
        more = [f"{label} {last[name]:.3g}" for name, label in LAST.items() if name in last]
        if "rollout/turns" in last:
            more.insert(0, f"{last['rollout/turns']:,.0f} turns")
        if {"reward/mean", "reward/stderr"} <= last.keys():
            more.insert(0, f"return {round(last['reward/mean'], 9) + 0.0:.5g} ± {last['reward/stderr']:.3g}")
        told.append(f"last update: {', '.join(more) or 'its line says nothing of it'}")
        told += filter(None, [collapse.sentence(metrics, how["learning_rate"])])
    top = best(out)
    newest = max((one.update for one in scores(out)), default=None)
    if top is not None and top != newest:
        told += [f"best evaluation {line}" for line in use(out, top)[:1]]
    told += result(out)
    if checkpoints:
        kept = f", {out / begun.CHECKPOINTS / f'{top:06d}'} the best" if top and f"{top:06d}" in checkpoints else ""
        told.append(f"{out / begun.CHECKPOINTS / checkpoints[-1]} is the newest checkpoint{kept}")
        told.append(f"a model that plays: {commands.arena('export', 'model', str(out), 'DIR')}")
    elif done:
        told.append("it has no checkpoint: who goes on begins anew")
    if pages := sorted((out / SAMPLES).glob("*.html")):
        told.append(f"turns to look at: {pages[-1]}")
    if done < wanted:
        told.append(f"go on with: {begun.again(out)}")
    return told
