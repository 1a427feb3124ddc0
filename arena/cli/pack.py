"""`arena pack`: a run as one archive."""

from __future__ import annotations

from pathlib import Path

import click

from arena.bars import Bar
from arena.cli.options import option
from arena.record.reader import Run
from arena.report.pack import pack as pack_run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@option(
    "--out", type=click.Path(path_type=Path), show_default="the name of RUN, .tar.zst", help="New .tar.zst or .zip."
)
@click.option("--pictures/--no-pictures", default=True, show_default=True, help="Pictures of the game in its report.")
@click.option("--trust", is_flag=True, help="Run the game file that came with RUN, although it was never played here.")
def pack(run: Path, out: Path | None, pictures: bool, trust: bool) -> None:
    """Put RUN into one archive for a paper's supplement: what `arena verify` needs, its report, the sums of all files.

    Equal runs give equal archives. Left out is what may differ between them (times, what workers printed) and what a
    trainer needs (RUN/turns).
    """
    with Bar("packing"):
        path = pack_run(Run(run), out, pictures=pictures, trust=trust)
    click.echo(path)
