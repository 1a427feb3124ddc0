"""`arena train vlm`: a vision-language model gets better from arena play."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.console import Console

from arena import commands
from arena.cli.extra_train import extra_train, require_train
from arena.cli.options import option
from arena.cli.presets import presets_option
from arena.cli.real import Real
from arena.cli.set_option import set_option
from arena.cli.whole import Whole
from arena.errors import InputError, WorkerError
from arena.figures import clock, rate
from arena.train.folders import check_free
from arena.train.vlm import begun
from arena.train.vlm.told import result, use

SHOWN = {"actor/entropy": "entropy", "actor/clipfrac": "clipped", "critic/explained_var": "EV"}


class Lines:
    """What begins, where that takes long; then a line an update, with the time that is left, and its evaluation."""

    def __init__(self, console: Console, updates: int, out: Path | None) -> None:
        """`out`: the folder of the training; None: a trial, of which only what begins is told."""
        self._console, self._updates, self._out = console, updates, out
        self._began, self._first = time.monotonic(), -1

    def doing(self, what: str) -> None:
        """Print what begins."""
        self._console.print(what, style="dim", markup=False, highlight=False, soft_wrap=True)

    def updated(self, update: int, metrics: dict[str, float], seconds: dict[str, float]) -> None:
        """Print it."""
        if self._out is None:
            return
        if self._first < 0:
            self._first = update - 1
        left = (time.monotonic() - self._began) / (update - self._first) * (self._updates - update)
        told = [
            f"update {update}/{self._updates}",
            f"return {round(metrics['reward/mean'], 9) + 0.0:.5g} ± {metrics['reward/stderr']:.3g}",
            f"{metrics['rollout/turns']:,.0f} turns",
            f"{rate(seconds['turns_per_second'])}/s",
        ]
        told += [f"{label} {metrics[name]:.3f}" for name, label in SHOWN.items() if name in metrics]
        if metrics.get("rollout/unparsed"):
            told.append(f"unparsed {metrics['rollout/unparsed']:.1%}")
        self._console.print(", ".join(told), f"[dim]{clock(left)} left[/dim]", highlight=False, soft_wrap=True)
        if update < self._updates:  # the last one is told at the end
            for sentence in use(self._out, update):
                self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _presets() -> dict[str, Path]:
    from arena.train.vlm.config import presets

    return presets()


@click.command()
@click.argument("config_file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--preset", help="Settings that ship: sidescroller-nano (alone), race-nano (self-play), and what --presets lists."
)
@presets_option(_presets)
@click.option(
    "--game", "games", multiple=True, help="Play this game, instead of the preset's if there is one; may be repeated."
)
@option("--out", type=click.Path(path_type=Path), required_without="--dry-run", help="Folder of the training.")
@set_option("learn.share=0.5")
@option("--seed", type=Whole(0), show_default="of the preset or file, else 0", help="As --set seed=N.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="exact",
    type=click.Choice(["exact", "weights-only"]),
    help="Go on in --out: exactly, which --resume alone means, or from its weights with other settings. Without a "
    "preset, file or game: with those that --out was begun with.",
)
@click.option("--dry-run", is_flag=True, help="Say what it would take, by a trial of a few matches.")
@click.option("--smoke", is_flag=True, help="Two small updates of everything.")
@option(
    "--lr",
    type=Real(0),
    show_default="of the preset or file, else 0.0001",
    help="Learning rate. 0: two updates that must change nothing, checked.",
)
@click.option("--quiet", is_flag=True, help="Print no progress.")
def vlm(
    config_file: Path | None,
    preset: str | None,
    games: tuple[str, ...],
    out: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
    resume: str | None,
    dry_run: bool,
    smoke: bool,
    lr: float | None,
    quiet: bool,
) -> None:
    """Train a vision-language model by reinforcement learning from matches that it plays.

    CONFIG_FILE is TOML, or a Python file that declares one VlmConfig; or take a --preset, or a --game alone, where the
    model plays against itself. Every setting of docs/training-vlm.md can be changed with --set: who has the other
    seats (rollout.pool.opponents), an advantage of yours (learn.algorithm=FILE.py:FUNCTION), GPUs
    (placement.train=[0,1]). OUT gets metrics, checkpoints and rollouts; `arena export model OUT DIR` makes a model of
    it that `vlm:DIR` seats.
    """
    if resume and not dry_run and (smoke or lr == 0):
        raise InputError(
            f"{'--smoke' if smoke else '--lr 0'} makes a short training of its own, with other settings: give it "
            "another --out, and leave --resume out"
        )
    with extra_train():
        from arena.train.vlm import ready, trials, unused
        from arena.train.vlm.config import load
    changes = [*settings, *([] if seed is None else [f"seed={seed}"])]
    if lr:
        changes.append(f"learn.learning_rate={lr}")
    if not dry_run and out is None:
        raise InputError("--out is missing: the folder of the training")
    if out is not None and not dry_run:
        check_free(out)
    if out is not None and (resume or not dry_run):
        begun.check_folder(out, resume or "no")
    config = load(preset, config_file, tuple(changes), games, begun=out if resume else None)
    config = ready.check(config)
    if resume == "exact" and out is not None:
        begun.check_settings(out, config.facts(), config.updates)
    idle = unused.sentences(config)
    require_train()
    if smoke:
        config = trials.smoke(config)
    if lr == 0:
        config = trials.at_rate_zero(config)
    # What is wrong is said by now: what follows takes seconds to import, and more to load.
    shown = None if quiet else Lines(Console(stderr=True), config.updates, None if dry_run else out)
    if shown is not None:
        for sentence in idle:
            shown.doing(sentence)
        shown.doing(f"loading {config.rollout.operator}")
    with extra_train():
        from arena.train.vlm.trainer import main
    if dry_run:
        for sentence in trials.forecast(config, shown).sentences():
            click.echo(sentence)
        return
    assert out is not None
    try:
        main(config, out, resume=resume or "no", shown=shown)  # type: ignore[arg-type]
    except (KeyboardInterrupt, WorkerError):
        if (out / begun.HEAD).is_file():
            click.echo(f"stopped. What was finished is kept; go on with:\n  {begun.again(out)}", err=True)
        raise
    if lr == 0:
        for sentence in trials.check_rate_zero(out):
            click.echo(sentence)
        return
    for sentence in result(out):
        click.echo(sentence)
    click.echo(f"{out}\na model that plays: {commands.arena('export', 'model', str(out), 'DIR')}")
