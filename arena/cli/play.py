"""`arena play`: names in, a table of scores out."""

from __future__ import annotations

import math
import re
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console
from rich.text import Text

from arena import commands, names
from arena.cli.help import PLAY, SectionedCommand
from arena.cli.live import LiveTable
from arena.cli.steps import ensure
from arena.cli.tables import score_table
from arena.cli.whole import Whole
from arena.errors import InputError
from arena.lineup import build_plan, spectator
from arena.plan import Limits, Pace, Plan
from arena.play import run_plan


class Seconds(click.FloatRange):
    """A finite number of seconds: `inf` and `nan` are no clock."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is no finite number of seconds.", param, ctx)
        return seconds


@click.command(cls=SectionedCommand, sections=PLAY)
@click.option("--game", "-g", default="holdem", show_default=True, help="NAME, NAME@option=value or ./FILE.py.")
@click.option("--operators", "-o", "listed", default="", help="Who plays, comma separated, e.g. vlm,ppo,human.")
@click.option("--operator", "single", multiple=True, help="One operator; repeat it, instead of --operators.")
@click.option("--matches", "-n", default=1, show_default=True, type=Whole(1), help="Matches to play.")
@click.option("--seed", "-s", type=Whole(0), help="Of cards and all other chance. Default: drawn, and recorded.")
@click.option("--concurrency", "-c", type=Whole(1), help="Matches at once. Default: 16, with a person or a clock 1.")
@click.option("--out", type=click.Path(path_type=Path), help="New run folder. Default: runs/TIME-GAME.")
@click.option("--max-ticks", type=Whole(1), help="Cut each match after so many ticks.")
@click.option("--human-timeout", type=Seconds(0), help="Seconds a person has a turn. Default: no limit.")
@click.option(
    "--pace",
    type=click.Choice(get_args(Pace)),
    default="lockstep",
    show_default=True,
    help="lockstep: all wait for all. realtime: the game's clock does not wait.",
)
@click.option("--watch", help="A page that shows the matches live: web, or web@port=8080.")
@click.option("--reask", default=0, show_default=True, type=Whole(0), help="Times to ask again after a bad answer.")
@click.option(
    "--deadline",
    default=120.0,
    show_default=True,
    type=Seconds(0.1),
    help="Seconds till a match is void.",
)
@click.option("--yes", "-y", is_flag=True, help="Create missing environments (`arena env`) without asking.")
@click.option("--quiet", "-q", is_flag=True, help="Only the final table.")
def play(
    game: str,
    listed: str,
    single: tuple[str, ...],
    matches: int,
    seed: int | None,
    concurrency: int | None,
    out: Path | None,
    max_ticks: int | None,
    human_timeout: float | None,
    pace: Pace,
    watch: str | None,
    reask: int,
    deadline: float,
    yes: bool,
    quiet: bool,
) -> None:
    """Play matches and show who scored what.

    Operators are written kind[:what][@option=value...]: random, scripted, ppo, ppo:model.zip, vlm, vlm:DIR,
    human, human:web. `arena operators` and `arena games` list them all with their options.

    The run folder keeps everything: `arena verify RUN` re-executes it, `arena replay RUN` shows it step by step.
    """
    chosen = [*(names.split(listed) if listed else []), *single]
    if not chosen:
        raise InputError(
            "nobody plays: give --operators, e.g. --operators vlm,ppo,human "
            f"(`{commands.arena('operators')}` lists them)"
        )
    drawn = secrets.randbelow(2**31) if seed is None else seed
    limits = Limits(max_ticks=max_ticks, reasks=reask, human_timeout=human_timeout, deadline=deadline, pace=pace)
    plan = build_plan(game, chosen, seed=drawn, matches=matches, limits=limits)
    looking = spectator(watch) if watch is not None else None
    person = looking is not None or any(entry.kind.interactive for entry in plan.lineup)
    folder = out or _new_folder(plan)
    console = Console(stderr=True)
    for runtime in plan.runtimes:
        ensure(runtime, yes, console)
    # A terminal that a person plays on is theirs: nothing else is drawn there meanwhile.
    taken = any(entry.options.get("mode") == "terminal" for entry in plan.lineup)
    live = LiveTable(plan, console, show=not quiet, taken=taken)
    try:
        with live:
            table = run_plan(
                plan,
                folder,
                concurrency=concurrency or (1 if person or pace == "realtime" else 16),
                watch=looking,
                observer=live,
                on_status=live.status,
            )
    except KeyboardInterrupt:
        console.print(f"stopped after {live.done} of {matches} matches; what was played is in {folder}", markup=False)
        raise
    seeded = plan.make_game().spec.seeded
    Console().print(score_table(table, live.seconds, game=plan.game_name, seed=plan.seed, seeded=seeded, pace=pace))
    for line in live.notes():
        console.print(Text(line), soft_wrap=True)
    console.print(f"run: {folder}", highlight=False, markup=False, soft_wrap=True)
    for verb in ("verify", "replay"):
        console.print(f"  {commands.arena(verb, folder)}", style="dim", highlight=False, markup=False, soft_wrap=True)


def _new_folder(plan: Plan) -> Path:
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    name = f"{stamp}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', plan.make_game().spec.id)}"
    path = Path("runs") / name
    for i in range(2, 1000):
        if not path.exists():
            break
        path = path.with_name(f"{name}-{i}")
    return path
