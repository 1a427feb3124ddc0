"""`arena verify`: re-executes a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from arena import commands
from arena.bars import Bar
from arena.cli.options import option
from arena.cli.whole import Whole
from arena.errors import RecordError
from arena.figures import plural
from arena.record import kept
from arena.record.checker import Report
from arena.record.documents import OtherVersionError
from arena.record.reader import Run
from arena.record.rerun import rerun as rerun_run
from arena.record.rerun import write_rerun
from arena.record.training import read_training
from arena.record.verify import verify as verify_run
from arena.text import printable

SHOWN = 20


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--trust", is_flag=True, help="Run the game file that came with RUN, although it was never played here.")
@click.option("--rerun", type=Whole(1), metavar="N", help="Ask the operators again, N questions or more.")
@click.option("--rerun-seed", default=0, show_default=True, type=Whole(0), help="Of the draw of these matches.")
@option("--processes", type=Whole(1), show_default="one a CPU", help="That share the matches of a long run.")
def verify(run: Path, trust: bool, rerun: int | None, rerun_seed: int, processes: int | None) -> None:
    """Play every match of RUN again from its log and compare every hash, reward and result.

    Exit code 0 when all holds, 1 when something does not, 2 when the log is damaged or this
    installation cannot tell. Of a run that stopped early, what was played is checked: that it is
    not complete is said, and is not an error.

    With --rerun the operators are started as in RUN and asked again, with the same observations and seeds: how often
    each decides the same is told with a 95% interval. One that is deterministic and differs is an error.
    """
    training = read_training(run)
    if training is not None and not (run / "run.json").is_file():
        raise RecordError(
            f"{run} holds a training that was not evaluated: there is no match to play again. Its weights can only be "
            f"checked by training again: {training.head.trained_by}"
        )
    recorded = Run(run)
    report = _verified(recorded, trust, processes or len(os.sched_getaffinity(0)))
    console = Console()

    def say(text: str) -> None:
        """A terminal breaks it between words; a file gets whole lines."""
        console.print(Text(text), soft_wrap=not console.is_terminal)

    for problem in report.problems[:SHOWN]:
        say(f"WRONG  {printable(str(problem))}")
    for problem in report.pictures[:SHOWN]:
        say(f"PICTURE  {printable(str(problem))} (the rules agree)")
    hidden = max(0, len(report.problems) - SHOWN) + max(0, len(report.pictures) - SHOWN)
    if hidden:
        say(f"... and {hidden} more")
    played = (
        f"{report.matches} match{'es' * (report.matches != 1)}, {report.ticks} ticks, {report.turns} turns re-executed"
    )
    if report.calls:
        played += f", {report.calls} calls of tools made again"
    if report.other_calls:
        played += f", {report.other_calls} not (their tools are not repeatable, or not installed here)"
    if report.unresolved:
        played += f", {report.unresolved} unresolved"
    if report.stopped:
        right = f"those {report.matches} are right" if report.passed else "NOT all of those are right"
        of = "" if report.planned is None else f" of {report.planned}"
        say(f"stopped after {report.matches}{of}: {right}")
        print(f"It goes on with: {commands.arena('play', '--resume', run)}")
    say(f"{'verified' if report.passed else 'NOT verified'}: {played}")
    if recorded.head.plan.limits.pace == "realtime":
        say("It was played in realtime: its log can be played again, but its seed alone does not repeat it.")
    if report.heard:
        say("Its schedule heard results: it was followed with the results that the log has.")
    for sentence in kept.changed(recorded.head):
        say(printable(sentence))
    for engine in report.engines:
        why = "" if report.passed else ": that may be why it differs. Install that version to tell"
        say(f"It was played with {printable(engine)}{why}.")
    if training is not None:
        say(
            f"This is the evaluation of the policy. How that was trained is not re-executed: with the same seed, on a "
            f"machine like it, {training.head.trained_by} gives the same weights."
        )
    wrong = report.passed and (recorded.folder / "analysis.json").is_file() and _check_analysis(recorded, say)
    if rerun is None:
        say("A log cannot prove who chose an answer, only what followed from it.")
    elif not report.passed:
        say("The operators were not asked again: first the log must be right.")
    else:
        sys.exit(0 if _rerun(recorded, rerun, rerun_seed, trust, say) else 1)
    sys.exit(0 if report.passed and not wrong else 1)


def _check_analysis(run: Run, say: Callable[[str], None]) -> bool:
    """Compute analysis.json again from the log; whether it is wrong."""
    from arena.analysis.kept import check_analysis

    try:
        problem = check_analysis(run)
    except OtherVersionError as error:
        say(f"NOT COMPARED  {error}")
        return False
    say(f"WRONG  {problem}" if problem is not None else "analysis.json is what the log gives.")
    return problem is not None


def _verified(run: Run, trust: bool, processes: int) -> Report:
    """Re-execute the run, and tell how far that is."""
    with Bar("matches verified", run.head.count) as bar:
        return verify_run(run, trust=trust, processes=processes, progress=bar.update)


def _rerun(run: Run, count: int, seed: int, trust: bool, say: Callable[[str], None]) -> bool:
    """Ask the operators again, and say what came of it; whether that is as it should be."""
    with Bar("asking the operators again"):
        found = rerun_run(run, count, seed=seed, trust=trust)
    try:
        write_rerun(run.folder, found)
    except OSError as error:
        say(f"rerun.json cannot be written into {run.folder}: {error.strerror or error}")
    drawn = plural(found.matches, "match", "matches")
    say(f"asked again: the questions of {drawn}, of {found.of} (drawn by --rerun-seed {seed})")
    for one in found.agreements:
        name = printable(one.operator)
        if one.asked:
            low, high = one.interval
            rate = f"{one.same} of {one.asked} the same, {one.same / one.asked:.1%} (95%: {low:.1%} to {high:.1%})"
            say(f"{'WRONG  ' if one.broken else ''}{name}, {one.determinism}: {rate}")
        for difference in one.differences:
            say(f"  {printable(difference)}")
        if one.unanswered:
            say(f"  {plural(one.unanswered, 'question')} got no answer: its service failed")
        if one.absent is not None:
            say(f"{name} {'was not asked to the end' if one.asked else 'was not asked'}: {printable(one.absent)}")
    return found.passed
