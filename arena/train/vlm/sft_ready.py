"""Whether what a supervised start names is there, before torch is imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from arena import plugins
from arena.errors import InputError, nearest
from arena.names import parse
from arena.record.reader import Run
from arena.record.replay import game_here
from arena.train import shards
from arena.train.vlm import evaluations
from arena.train.vlm.chats import Asked, file_of
from arena.train.vlm.evaluations import Evaluated
from arena.train.vlm.sft_config import SftConfig


def evaluated(config: SftConfig) -> Evaluated:
    """What is evaluated; games of teachers, and of runs, where the config names none."""
    games = dict[str, None]()
    for of in config.sources:
        if of.sort == "teacher":
            games[of.name] = None
        elif of.sort != "chat":
            games |= dict.fromkeys(Run(Path(of.name)).head.plan.games)
    named = parse(config.model)
    if named.kind == "vlm" and not named.what:
        named = replace(named, what="nano")  # which is what is trained; at a game that it does not know, it is another
    return Evaluated(how=config.evaluation, operator=str(named), levels=tuple(games))


def least_matches(config: SftConfig) -> int:
    """How many matches play every game of its evaluations with everybody; 0 where there are none."""
    return evaluations.least_matches(evaluated(config)) if config.evaluation.every else 0


def check(config: SftConfig) -> None:
    """InputError, or a subclass, for a model, a game, a run or a file that there is not."""
    plugins.named_operator(parse(config.model), config.model)
    for of in config.sources:
        if of.sort == "teacher":
            shards.teacher_of(of.name)  # it is loaded where the game can be played
            _check_asked(config, of.name)
        elif of.sort == "chat":
            file_of(Path(of.name))
        else:
            run = Run(Path(of.name))
            if of.operator and of.operator not in run.operators:
                raise InputError(
                    f"--{of.sort} {of.name}@operator={of.operator}: {run.folder} has no such operator. "
                    f"{nearest(of.operator, run.operators)}"
                )
            if of.sort == "correct" and _played_here(game := corrected(run)):
                next(shards.visited(game, run.folder, 0, 1, of.operator or ""), None)  # raises what it does not correct
            for game in _games(run):
                if not plugins.is_foreign(game):
                    _check_asked(config, game)
    how = evaluated(config)
    if config.evaluation.every and not (how.how.levels or how.levels):
        raise InputError("chats name no game: say what is played, as --set 'evaluation.levels=[\"leduc\"]'")
    evaluations.check(how)


def corrected(run: Run) -> str:
    """The game of a run that is corrected. InputError, or UnplayableError, for several, or one without a corrector."""
    games = _games(run)
    if len(games) != 1:
        raise InputError(
            f"--correct {run.folder}: it has {len(games)} games ({', '.join(games)}), and a corrector plays one: "
            "record a run of each"
        )
    if _played_here(games[0]):
        shards.corrector(games[0])
    else:
        shards.teacher_of(games[0])  # what stands beside it is loaded where the game can be played
    return games[0]


def _played_here(game: str) -> bool:
    """Whether this interpreter has what the game is played by: those of others, and of a runtime, are played there."""
    return not plugins.is_foreign(game) and plugins.game_class(game).runtime is None


def _games(run: Run) -> list[str]:
    """The names of a run's games, by which they are found here. RecordError where one is not."""
    return list(dict.fromkeys(game_here(head, run.folder)[0] for head in run.head.games))


def _check_asked(config: SftConfig, game: str) -> None:
    """UnplayableError for a model that does not know the game: its lessons may take an hour to make."""
    Asked(parse(config.model)).of(plugins.game_class(game).spec)
