"""`arena export`: what was played, in the format of another library."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console

from arena import plugins
from arena.bars import Bar
from arena.cli.options import option
from arena.cli.real import Real
from arena.cli.sizes import Size
from arena.errors import InputError
from arena.exporters import FORMATS
from arena.exporters.episodes import Reader
from arena.exporters.filters import Filter
from arena.exporters.options import Options, View
from arena.paths import expanded
from arena.record.reader import Run
from arena.text import printable


class Span(click.ParamType[tuple[int, int]]):
    """Matches from one number to another: 3, or 10-19."""

    name = "A-B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", value)
        first = int(found[1]) if found else 0
        last = int(found[2] or found[1]) if found else -1
        if last < first:
            self.fail(f"{value!r}: expected a match, or the first and the last: 3 or 10-19.", param, ctx)
        return first, last


class _Export(click.Command):
    """`arena export RUN`, and `arena export model|adapter STATE OUT`."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args[:1] in (["model"], ["adapter"]):
            from arena.cli import export_model

            command = {"model": export_model.model, "adapter": export_model.adapter}[args[0]]
            return command.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_Export)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "form", required=True, type=click.Choice(list(FORMATS)), help="The format.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="What to write; nothing may be there yet.")
@click.option("--operator", "operators", multiple=True, metavar="NAME", help="Only this operator's (repeat for more).")
@click.option("--game", "games", multiple=True, metavar="NAME", help="Only this game's (repeat for more).")
@click.option("--matches", type=Span(), help="Only these matches: 3, or 10-19.")
@click.option("--won", is_flag=True, help="Only where the seat's return beats that of every other seat.")
@click.option("--best", type=Real(0, 1, min_open=True), help="Only this share with the highest returns.")
@click.option(
    "--view", "views", multiple=True, type=click.Choice(["image", "vector", "text"]), help="Instead of those given."
)
@click.option("--size", type=Size(), help="Of pictures, in pixels: 128x128.")
@option("--fps", type=Real(0.1, 240), show_default="the game's clock, or 2", help="Pictures a second.")
@click.option("--seats", is_flag=True, help="Show what each seat saw, side by side, not what a spectator is shown.")
@option("--prompt", show_default="full", help="The game's prompt that is asked: full or short.")
@option("--margin", type=Real(0), show_default="any", help="Least difference of the returns of a pair.")
@click.option("--trust", is_flag=True, help="Run the game file that came with RUN, although it was never played here.")
def export(
    run: Path,
    form: str,
    out: Path,
    operators: tuple[str, ...],
    games: tuple[str, ...],
    matches: tuple[int, int] | None,
    won: bool,
    best: float | None,
    views: tuple[str, ...],
    size: tuple[int, int] | None,
    fps: float | None,
    seats: bool,
    prompt: str | None,
    margin: float | None,
    trust: bool,
) -> None:
    """Write what was played in RUN in the format of another library.

    \b
    minari   offline reinforcement learning, lossless
    lerobot  LeRobot's format v3.0, with films, which the Hugging Face Hub previews
    video    a film of matches, MP4 or GIF by the name of --out
    chat     supervised fine-tuning: prompts and answers, with pictures (Hugging Face datasets)
    pairs    preference pairs: a better and a worse answer from equal states (Hugging Face datasets)
    openenv  OpenEnv's training trace of text games: token ids, log-probabilities, masks (needs play --turns)

    A trained model is written by `arena export model STATE OUT`, and what training changed, as a small adapter, by
    `arena export adapter STATE OUT` (see their --help).

    An episode is one seat of one match. Observations are had by playing the matches again from the log; a format that
    wants what the operators were not given (--view) gets it the same way.
    """
    keep = Filter(operators, games, matches, won, best)
    given: dict[str, object] = {"view": views or None, "size": size, "fps": fps, "seats": seats or None}
    given |= {"prompt": prompt, "margin": margin}
    shown = cast("tuple[View, ...]", views)
    options = Options(
        views=shown, size=size, fps=fps, seats=seats, prompt=prompt or Options().prompt, margin=margin or 0.0
    )
    out = expanded(out).absolute()  # Minari misreads a relative path
    if out.exists():
        raise InputError(f"--out {out}: there is something already; name another place")
    plugins.require_modules(f"--to {form}", FORMATS[form].modules, "export")
    write, takes = plugins.resolve(FORMATS[form].target), FORMATS[form].takes
    for word, value in given.items():
        if value is not None and word not in takes:
            able = ", ".join(name for name, one in FORMATS.items() if word in one.takes)
            raise InputError(f"--{word}: --to {form} does not take it; these formats do: {able}")
    with Bar("exporting"), closing(Reader.open(Run(run), keep, trust=trust)) as reader:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as half:
            made = Path(half) / out.name  # half an export never stands where a whole one is looked for
            told = write(reader, made, options)
            shutil.move(made, out)
        told += reader.left_out()
    console = Console(stderr=True)
    for sentence in told:
        console.print(printable(sentence), highlight=False, markup=False, soft_wrap=True)
    console.print(f"written: {out}", highlight=False, markup=False, soft_wrap=True)
