"""`arena play`: names in, a table of scores out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource
from rich.console import Console
from rich.text import Text

from arena import commands, names, people
from arena.cli.help import PLAY, SectionedCommand
from arena.cli.live import LiveTable
from arena.cli.one_operator import OneOperator
from arena.cli.options import option
from arena.cli.ranges import engine as engine_of
from arena.cli.ranges import play_ranges
from arena.cli.real import Seconds
from arena.cli.runs import check_resolved, print_commands, print_stopped, print_tables
from arena.cli.steps import ensure
from arena.cli.whole import Whole
from arena.concurrency import usual_concurrency
from arena.errors import ArenaError, InputError, RecordError
from arena.evaluate.table import ScoreTable
from arena.lineup import resolve, spectator
from arena.plan import Limits, Pace, Plan, PlanSpec
from arena.play import run_plan, share_of
from arena.protocol.trace import Trace
from arena.record import kept
from arena.record.reader import Run
from arena.record.resume import plan_of
from arena.text import printable

ALLOWED = {"resume", "concurrency", "watch", "yes", "trace", "quiet", "listed", "single", "engine"}  # beside --resume


def _part(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """`K/N`: the K-th of N."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", value)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"{value!r} is not a part: expected K/N with K from 1 to N, e.g. 1/2.", ctx, param)
    return int(found[1]), int(found[2])


@click.command(cls=SectionedCommand, sections=PLAY)
@click.option(
    "--game",
    "-g",
    "games",
    multiple=True,
    default=("holdem",),
    show_default=True,
    help="NAME, NAME@option=value or ./FILE.py; repeat it for several games.",
)
@click.option(
    "--operators",
    "-o",
    "listed",
    default="",
    help="Who plays, comma separated, e.g. vlm,ppo,human; more than there are seats are a pool.",
)
@click.option(
    "--operator", "single", multiple=True, type=OneOperator(), help="One operator; repeat it, instead of --operators."
)
@option(
    "--matches",
    "-n",
    type=Whole(1),
    show_default="1; where not all play in each, one round",
    help="Matches to play.",
)
@click.option("--schedule", help="blocks: all play in each; round_robin: each line-up of the pool; or ./FILE.py:NAME.")
@click.option("--part", callback=_part, help="K/N: of N parts of the run only the K-th, see `arena merge`.")
@option("--seed", "-s", type=Whole(0), show_default="drawn, and recorded", help="Of cards and all other chance.")
@option(
    "--concurrency",
    "-c",
    type=Whole(1),
    show_default="what keeps models busy, 16 or more; with a person or a clock 1",
    help="Matches at once.",
)
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with a run that stopped, given by its folder.")
@option("--out", type=click.Path(path_type=Path), show_default="runs/TIME-GAME", help="New run folder.")
@click.option(
    "--engine", default="local", show_default=True, help="Who plays: local, or ray, a Ray cluster (docs/cluster.md)."
)
@click.option("--max-ticks", type=Whole(1), help="Cut each match after so many ticks.")
@option("--human-timeout", type=Seconds(0), show_default="no limit", help="Seconds a person has a turn.")
@click.option(
    "--pace",
    type=click.Choice(get_args(Pace)),
    default="lockstep",
    show_default=True,
    help="lockstep: all wait for all. realtime: the game's clock does not wait.",
)
@click.option("--watch", help="A page that shows the matches live: web, or web@port=8080.")
@click.option("--blind", is_flag=True, help="Hide the names of opponents from operators and people.")
@click.option("--mirror", is_flag=True, help="With a person: each deal in every seat order all the same.")
@click.option(
    "--max-failures",
    default=3,
    show_default=True,
    type=Whole(1),
    help="Matches in a row that a worker may fail in by itself.",
)
@click.option("--reask", default=0, show_default=True, type=Whole(0), help="Times to ask again after a bad answer.")
@click.option(
    "--deadline",
    default=120.0,
    show_default=True,
    type=Seconds(0.1),
    help="Seconds till a match is void.",
)
@click.option("--turns", is_flag=True, help="Keep what a trainer needs: token ids, log-probabilities, rewards a turn.")
@click.option("--yes", "-y", is_flag=True, help="Create missing environments (`arena env`) without asking.")
@click.option("--trace", type=click.Path(path_type=Path), help="New file: every message of the wire, a JSON line each.")
@click.option("--quiet", "-q", is_flag=True, help="Only the final table.")
@click.pass_context
def play(
    ctx: click.Context,
    games: tuple[str, ...],
    listed: str,
    single: tuple[str, ...],
    matches: int | None,
    schedule: str | None,
    part: tuple[int, int] | None,
    seed: int | None,
    concurrency: int | None,
    resume: Path | None,
    out: Path | None,
    engine: str,
    max_ticks: int | None,
    human_timeout: float | None,
    pace: Pace,
    watch: str | None,
    blind: bool,
    mirror: bool,
    max_failures: int,
    reask: int,
    deadline: float,
    turns: bool,
    yes: bool,
    trace: Path | None,
    quiet: bool,
) -> None:
    """Play matches and show who scored what.

    Operators are written kind[:what][@option=value...]: random, scripted, ppo, ppo:model.zip, vlm, vlm:DIR,
    human, human:web. `arena operators` and `arena games` list them all with their options.

    If there are more operators than a game has seats, they are a pool: each is loaded once, and --schedule round_robin
    seats every line-up in every seat order. Each game has a table of its own.

    The run folder keeps everything: `arena verify RUN` re-executes it, `arena replay RUN` shows it step by step. A run
    that stopped, for whatever reason, goes on with --resume RUN, as if it had never stopped.
    """
    chosen = [*(names.split(listed) if listed else []), *single]
    console = Console(stderr=True)
    cluster = engine_of(engine, {"--part": part, "--watch": watch, "--trace": trace})
    if resume is not None:
        folder = resume
        if _is_complete(ctx, folder, console):
            return
        with _starting(console, quiet):
            stopped = Run(folder)
            plan, share = plan_of(stopped, chosen), stopped.head.share
        for sentence in kept.changed(stopped.head):
            console.print(Text(printable(sentence)), soft_wrap=True)
    else:
        if not chosen:
            raise InputError(
                "nobody plays: give --operators, e.g. --operators vlm,ppo,human "
                f"(`{commands.arena('operators')}` lists them)"
            )
        if part is not None and seed is None:
            raise InputError("--part: the parts of a run have one seed. Give --seed")
        limits = Limits(
            max_ticks=max_ticks,
            max_reasks=reask,
            human_timeout=human_timeout,
            deadline=deadline,
            max_failures=max_failures,
            pace=pace,
            blind=blind,
        )
        with _starting(console, quiet):
            spec = PlanSpec(
                games=games,
                operators=tuple(chosen),
                schedule=schedule,
                seed=secrets.randbelow(2**31) if seed is None else seed,
                matches=matches,
                mirror=mirror or None,
                limits=limits,
            )
            plan = resolve(spec)
        print_renamed(chosen, console)
        share = share_of(plan, *part) if part is not None else None
        folder = out or _new_folder(plan)
    if cluster is not None:
        how: dict[str, Any] = {"operators": chosen, "concurrency": concurrency, "turns": turns}
        with stopping(folder, console):
            tables = play_ranges(plan, folder, cluster, console, quiet=quiet, resume=resume is not None, **how)
        print_end(Run(folder), tables, console)
        return
    looking = spectator(watch) if watch is not None else None
    for runtime in plan.runtimes:
        ensure(runtime, yes, console)
    # Nothing else is drawn on a terminal while a person plays on it.
    taken = any(entry.options.get("mode") == "terminal" for entry in plan.entries)
    live = LiveTable(plan, console, show=not quiet, taken=taken, part=share)
    if resume is not None:
        live.done = sum(1 for _ in Run(folder).played())
    with stopping(folder, console), live, ExitStack() as stack:
        tables = run_plan(
            plan,
            folder,
            part=share,
            concurrency=concurrency or usual_concurrency(plan, watched=looking is not None),
            watch=looking,
            observer=live,
            on_status=live.status,
            resume=resume is not None,
            trace=stack.enter_context(closing(Trace(trace))) if trace is not None else None,
            turns=turns,
        )
    print_end(Run(folder), tables, console)


@contextmanager
def stopping(
    folder: Path, console: Console, resume: Callable[[BaseException], tuple[str, ...]] = lambda error: ()
) -> Iterator[None]:
    """Says how a run that stops goes on: by the command that `resume` makes of why, or as `arena play --resume`."""
    try:
        yield
    except RecordError:  # the run was not begun, or must not be changed
        raise
    except (KeyboardInterrupt, ArenaError) as error:
        print_stopped(folder, Console(), console, error, resume(error))
        raise


def _starting(console: Console, quiet: bool) -> AbstractContextManager[object]:
    """Shows a status while games and operators are looked up, which takes a second or two."""
    return nullcontext() if quiet or not console.is_terminal else console.status("starting ...")


def _is_complete(ctx: click.Context, folder: Path, console: Console) -> bool:
    """Whether nothing is left to resume; then its table is shown. InputError for options that would change the run."""
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT}
    changing = [parameter.opts[0] for parameter in ctx.command.params if parameter.name in given - ALLOWED]
    if changing:
        raise InputError(
            f"{', '.join(changing)} and --resume: a run goes on as it was begun. Beside --resume there may stand "
            "--concurrency, --watch, --yes, --trace, --quiet, --engine, and --operators where one of them has a secret"
        )
    run = Run(folder)
    try:
        tables = run.recorded_tables()
    except RecordError:  # it is written again, from the log
        tables = None
    if tables is None:
        return False
    print_end(run, tables, console)
    console.print("it is complete: nothing is left to be played", soft_wrap=True)
    return True


def print_renamed(operators: Sequence[str], console: Console) -> None:
    """Says here, and nowhere else, who is called what in records."""
    for known, name in people.renamed(operators).items():
        console.print(f"{printable(name)} is {known} in all records", highlight=False, markup=False, soft_wrap=True)


def print_end(run: Run, tables: Sequence[ScoreTable], console: Console) -> None:
    print_tables(run, tables, Console())
    console.print(f"run: {run.folder}", highlight=False, markup=False, soft_wrap=True)
    print_commands(console, ("verify", str(run.folder)), ("replay", str(run.folder)))
    check_resolved(run, tables)


def _new_folder(plan: Plan) -> Path:
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    ids = "-".join(game.facts.spec.id for game in plan.games[:3])
    name = f"{stamp}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', ids)}"
    path = Path("runs") / name
    for i in range(2, 1000):
        if not path.exists():
            break
        path = path.with_name(f"{name}-{i}")
    return path
