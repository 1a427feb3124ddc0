"""Resuming a stopped run: rebuilds the Plan of its run.json, and checks that nothing has changed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

import arena
from arena import commands, names, people
from arena.errors import InputError, RecordError
from arena.lineup import FoundGame, assemble
from arena.names import parse
from arena.plan import Entry, Plan
from arena.record import kept
from arena.record.head import Head, OperatorHead
from arena.record.reader import Run
from arena.record.replay import recorded_game, recorded_schedule

MASK = "***"


def plan_of(run: Run, operators: Sequence[str] = ()) -> Plan:
    """Rebuilds the plan of `run`. Raises RecordError or InputError if that is not possible here.

    operators: as they were given for the run. Needed only if one has a secret, which no run records.
    """
    head = run.head
    check_version(head)
    given = _with_secrets(head.plan.operators, operators, run)
    pool = head.games[0].operators
    found = tuple(found_operator(operator, text, run) for operator, text in zip(pool, given, strict=True))
    # Its operators are started as run.json names them, so whoever resumes a run trusts it already.
    games = [FoundGame(*recorded_game(game, run.folder, trust=True, to_go_on=True)) for game in head.games]
    schedule = recorded_schedule(head, run.folder, trust=True)
    plan = assemble(msgspec.structs.replace(head.plan, operators=found), games, schedule)
    return replace(plan, games=tuple(replace(game, operators=_named(game.operators, run)) for game in plan.games))


def _named(entries: Sequence[Entry], run: Run) -> tuple[Entry, ...]:
    """Keeps the recorded names, which are in the log, wherever their files are now."""
    return tuple(replace(entry, name=name) for entry, name in zip(entries, run.operators, strict=True))


def check_version(head: Head) -> None:
    """Raises RecordError if the run was begun with another version of the arena."""
    if head.arena != arena.__version__:
        raise RecordError(
            f"the run was begun with agent-arena {head.arena or '(unknown)'}, this is {arena.__version__}: its other "
            "half might be played by other rules. Install that version to go on, or play it anew"
        )


def check_same(run: Run, here: Head) -> None:
    """Raises RecordError if the plan that `here` describes (arena.play.describe) is not that of `run`."""
    then = run.head
    check_version(then)
    for game, now in zip(then.games, here.games, strict=False):
        for old, new in zip(game.operators, now.operators, strict=False):
            if (old.name, old.kind) != (new.name, new.kind):
                continue
            if sorted(old.fingerprint.values()) != sorted(new.fingerprint.values()):  # contents, not paths
                changed = [word for word, value in old.fingerprint.items() if value not in new.fingerprint.values()]
                raise RecordError(
                    f"operator {old.name} is not what the run was begun with: {', '.join(changed) or 'its files'} "
                    f"changed (was {_words(old.fingerprint)}, is {_words(new.fingerprint)}). Put back what it was, or "
                    "play anew"
                )
            if old.views != new.views:
                raise RecordError(
                    f"operator {old.name} was shown {_words(old.views)}, here it would be {_words(new.views)}: start "
                    "it as it was started then (a person: at a terminal, or on a page)"
                )
    for what, old_value, new_value in differences(then, here):
        raise RecordError(
            f"{run.folder} is another run: its {what} is {_words(old_value)}, here it is {_words(new_value)}. Go "
            f"on with it as it is: {commands.arena('play', '--resume', run.folder)}"
        )


def differences(one: Head, two: Head) -> list[tuple[str, Any, Any]]:
    """The differences of two plans, by name. Only the content of files counts, not their place."""

    def facts(head: Head) -> dict[str, Any]:
        plan, games = head.plan, head.games
        schedule = parse(plan.schedule) if plan.schedule else None
        return {
            "part": head.part,
            "game": [(game.name, game.version, game.seats, game.options, game.runtime) for game in games],
            "game's engine": [game.engines for game in games],
            "game's file": [game.file and game.file.hash for game in games],
            "operators": [
                [(o.name, o.kind, o.file, o.determinism, o.threads, o.at) for o in game.operators] for game in games
            ],
            "schedule": head.schedule.hash if head.schedule else plan.schedule,
            "schedule's options": schedule and schedule.options,
            "seed": plan.seed,
            "number of matches": plan.matches,
            "mirror": plan.mirror,
            "deals that people had met": plan.skipped,
            "limits": msgspec.to_builtins(plan.limits),
        }

    then, now = facts(one), facts(two)
    return [(name, then[name], now[name]) for name in then if then[name] != now[name]]


def _words(value: Any) -> str:
    return str(msgspec.to_builtins(value))


def _with_secrets(recorded: Sequence[str], given: Sequence[str], run: Run) -> list[str]:
    """The operators as given, with secrets. Raises InputError if one is missing, or is not of this run."""
    if given:
        shown = [
            str(replace(name, options=names.masked(name.options)))
            for name in map(people.recorded, map(names.parse, given))
        ]
        if shown != [str(names.parse(text)) for text in recorded]:
            raise InputError(
                f"--operators {','.join(shown)}: the run was begun with {','.join(recorded)}. With --resume they are "
                "only given again where one has a secret"
            )
        return list(given)
    for text in recorded:
        hidden = [key for key, value in names.parse(text).options.items() if value == MASK and names.is_secret(key)]
        if hidden:
            how = commands.arena("play", "--resume", run.folder, "--operators", ",".join(recorded))
            raise InputError(
                f"operator {text} was given a secret ({', '.join(hidden)}), and no run records one. Give the operators "
                f"again, with it in place of {MASK}: {how}"
            )
    return list(recorded)


def found_operator(operator: OperatorHead, given: str, run: Run) -> str:
    """The operator's name with the current path of each of its files."""
    name = names.parse(given)
    for file in operator.files:
        path = str(kept.find(file, run.folder, f"operator {operator.name}"))
        if file.where == "kind":
            name = replace(name, kind=path)
        elif file.where == "what":
            name = replace(name, what=_replaced(name.what, file.written, path))
        elif file.where in name.options:
            changed = _replaced(name.options[file.where], file.written, path)
            name = replace(name, options={**name.options, file.where: changed})
    return str(name)


def _replaced(text: str, word: str, path: str) -> str:
    """`text` with `word` replaced by `path`. In a command it is quoted for a shell."""
    at = text.find(word)
    quoted = word == text or text[at - 1 : at] in ("'", '"') or text.startswith(f"{word}:")
    return text.replace(word, path if quoted else shlex.quote(path), 1)
