"""`arena evaluate`: a declared comparison in, a ranked table, a report and data out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena import declared, names, plugins
from arena.bars import Bar
from arena.budget import BudgetError
from arena.cli.live import LiveTable
from arena.cli.one_operator import OneOperator
from arena.cli.options import option
from arena.cli.play import print_end, print_renamed, stopping
from arena.cli.ranges import engine as engine_of
from arena.cli.ranges import play_ranges
from arena.cli.steps import ensure
from arena.cli.whole import Whole
from arena.errors import InputError
from arena.estimate import Forecast, forecast
from arena.evaluation import Evaluation
from arena.figures import plural
from arena.match import Match
from arena.operator import Outcome
from arena.plan import Plan
from arena.record.reader import Run
from arena.text import printable

if TYPE_CHECKING:
    from arena.report.reading import Known

NEEDS = ("scipy", "pyarrow")


@click.command()
@click.argument("script", type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a field, e.g. --set blocks=20.")
@click.option(
    "--null", type=OneOperator(), metavar="OPERATOR", help="Enter it twice: how different does an equal one look?"
)
@option("--out", type=click.Path(path_type=Path), show_default="runs/TIME-SCRIPT", help="New run folder.")
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with the run of this script in this folder.")
@option("--concurrency", "-c", type=Whole(1), show_default="what keeps models busy", help="Matches at once.")
@click.option(
    "--engine", default="local", show_default=True, help="Who plays: local, or ray, a Ray cluster (docs/cluster.md)."
)
@click.option("--dry-run", is_flag=True, help="Check the script and say what it would take; play nothing.")
@click.option("--like", type=click.Path(path_type=Path), help="With --dry-run: a run whose times and tokens are taken.")
@click.option("--turns", is_flag=True, help="Keep what a trainer needs: token ids, log-probabilities, rewards a turn.")
@click.option("--yes", "-y", is_flag=True, help="Create missing environments (`arena env`) without asking.")
@click.option("--quiet", "-q", is_flag=True, help="Only the final tables.")
def evaluate(
    script: Path,
    settings: tuple[str, ...],
    null: str | None,
    out: Path | None,
    resume: Path | None,
    concurrency: int | None,
    engine: str,
    dry_run: bool,
    like: Path | None,
    turns: bool,
    yes: bool,
    quiet: bool,
) -> None:
    """Play the comparison that SCRIPT declares, and leave a run folder with tables, report.html and Parquet files.

    SCRIPT is a Python file with EVALUATION = Evaluation(games=..., operators=..., blocks=...), or the same as TOML:
    docs/evaluate.md. Everything is checked before anything is played.

    The same script and seed give the same log, whatever the concurrency, after a kill and --resume, and on a cluster.
    """
    console = Console(stderr=True)
    if resume is not None and out is not None:
        raise InputError("--resume and --out: a run goes on in its own folder. Leave --out out")
    if like is not None and not dry_run:
        raise InputError("--like belongs to --dry-run: it says how long answers took and how many tokens they had")
    cluster = engine_of(engine, {})
    if resume is not None:
        Run(resume)  # RecordError: a folder that is none of a run is not begun there by mistake
    evaluation = declared.changed(declared.load(script, Evaluation), settings)
    if null is not None:
        evaluation = msgspec.structs.replace(evaluation, null=null)
    if concurrency is not None:
        evaluation = msgspec.structs.replace(evaluation, concurrency=concurrency)
    plan = evaluation.plan()
    if dry_run:
        _print_forecast(plan, forecast(plan, None if like is None else Run(like)), Console())
        return
    plugins.require_modules("arena evaluate", NEEDS, "eval")
    print_renamed(evaluation.operators, console)
    from arena.report.beside import ReadingBeside

    folder = resume or out or _new_folder(evaluation, script)

    def again(error: BaseException) -> tuple[str, ...]:
        more = ("--set", error.larger) if isinstance(error, BudgetError) else ()
        return "evaluate", str(script), *_repeated(settings, null), *more, "--resume", str(folder)

    def say(text: str) -> None:
        console.print(Text(printable(text)), soft_wrap=True)

    with closing(ReadingBeside(folder, say)) as reading, stopping(folder, console, again):
        if cluster is not None:
            how: dict[str, Any] = {"operators": list(evaluation.spec().operators), "turns": turns}
            how |= {"concurrency": evaluation.concurrency, "budget": evaluation.budget, "read": reading.read}
            tables = play_ranges(plan, folder, cluster, console, quiet=quiet, resume=resume is not None, **how)
        else:
            for runtime in plan.runtimes:
                ensure(runtime, yes, console)
            taken = any(entry.options.get("mode") == "terminal" for entry in plan.entries)
            live = _Live(plan, console, show=not quiet, taken=taken)
            live.grew = reading.grew
            if resume is not None:
                live.done = sum(1 for _ in Run(folder).played())
            with live:
                tables = evaluation.run(
                    folder,
                    resume=resume is not None,
                    observer=live,
                    on_status=live.status,
                    turns=turns,
                    read=reading.read,
                )
    print_end(Run(folder), tables, console)
    _write_files(Run(folder), evaluation.metrics, reading.known, console, quiet)


class _Live(LiveTable):
    """The live table, beside which somebody hears of every match that is over."""

    grew: Callable[[], None]

    def ended(self, match: Match, outcome: Outcome) -> None:
        super().ended(match, outcome)
        self.grew()


def _write_files(run: Run, metrics: tuple[str, ...], known: Known, console: Console, quiet: bool) -> None:
    from arena.analysis.kept import write_analysis
    from arena.cli.ranking import print_ranking
    from arena.report.page import write_report

    with Bar("computing the analysis", show=not quiet, console=console):
        analysis = write_analysis(run, metrics, known.facts.outcomes)
    print_ranking(analysis, Console())
    with Bar("writing the page", show=not quiet, console=console):
        page = write_report([run], None, known=known)
    console.print(f"report: {page}", highlight=False, markup=False, soft_wrap=True)


def _repeated(settings: tuple[str, ...], null: str | None) -> list[str]:
    """The options that a run goes on with."""
    given = [word for setting in settings for word in ("--set", names.hidden(setting))]
    return given + ([] if null is None else ["--null", names.hidden(null)])


def _new_folder(evaluation: Evaluation, script: Path) -> Path:
    name = evaluation.name or script.stem
    word = "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-")[:40]
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{word or 'evaluation'}"


def _print_forecast(plan: Plan, found: Forecast, console: Console) -> None:
    matches = "as many matches as its schedule gives" if found.matches is None else f"{found.matches:,} matches"
    games = plural(len(plan.games), "game")
    console.print(f"{plural(len(plan.pool), 'operator')}, {games}, {matches}", highlight=False)
    table = Table(box=None, header_style="bold")
    for column in ("operator", "matches", "decisions", "seconds", "tokens", "price"):
        table.add_column(column, justify="left" if column == "operator" else "right")
    for name, one in found.operators.items():
        values = (one.decisions, one.seconds, one.tokens)
        cells = ["" if value is None else f"{value:,.0f}" for value in values]
        price = "" if one.price is None else f"{one.price:,.2f}"
        table.add_row(Text(printable(name)), f"{one.matches:,}", *cells, price)
    console.print(table)
    for sentence in found.sources:
        console.print(Text(printable(sentence)), soft_wrap=True)
    console.print("nothing was played. Without --dry-run this command plays it", highlight=False)
