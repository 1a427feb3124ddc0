"""`arena report`: the page of a run, or of several that are compared."""

from __future__ import annotations

from pathlib import Path

import click

from arena import plugins
from arena.analysis.kept import write_anew
from arena.bars import Bar
from arena.cli.options import option
from arena.cli.whole import Whole
from arena.record.reader import Run
from arena.report.columns import paths_of, write_columns
from arena.report.page import write_report
from arena.report.reading import read_run
from arena.report.replays import Caps


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@option("--out", type=click.Path(path_type=Path, dir_okay=False), show_default="RUN/report.html", help="The page.")
@click.option("--pictures", default=12, show_default=True, type=Whole(0), help="MiB of pictures in it at most.")
@click.option("--turns", default=10_000, show_default=True, type=Whole(0), help="Turns shown in it at most.")
@click.option("--columns", is_flag=True, help="Write RUN/matches.parquet, turns.parquet and calls.parquet too.")
@click.option("--analysis", is_flag=True, help="First write RUN/analysis.json (differences, ratings) from its log.")
@click.option("--trust", is_flag=True, help="Run the game file that came with RUN, although it was never played here.")
def report(
    runs: tuple[Path, ...], out: Path | None, pictures: int, turns: int, columns: bool, analysis: bool, trust: bool
) -> None:
    """Write the page of RUN: scores with intervals, who beat whom, faults, audit, behaviour, how to repeat it, and the
    matches to step through.

    It is one file that needs no network. Of several RUNs a page that compares them is written to --out; runs of other
    game versions, options, limits or views are refused. A run that stopped is reported as far as it came.
    """
    opened = [Run(run) for run in runs]
    if analysis:
        plugins.require_modules("arena report --analysis", ("scipy",), "eval")
    known = None
    with Bar("computing the analysis" if analysis else "reading") as bar:
        for run in opened if analysis else ():
            write_anew(run)
        if len(opened) == 1:
            caps, folder = Caps(turns, pictures * 1024 * 1024), opened[0].folder if columns else None
            bar.begin("matches read", opened[0].head.count, even=False)  # those that the page shows are drawn
            known = read_run(opened[0], columns=folder, caps=caps, trust=trust, progress=bar.update)
        bar.begin("writing the page" if known is not None else "reading the runs, and writing the page")
        path = write_report(opened, out, trust=trust, known=known)
        written = [paths_of(run) if known is not None else write_columns(run) for run in opened if columns]
    for one in (path, *(file for files in written for file in files)):
        click.echo(one)
