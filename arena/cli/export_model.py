"""`arena export model` and `arena export adapter`: what was trained, as a folder that others load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from arena import plugins
from arena.cli.whole import Whole
from arena.errors import InputError
from arena.paths import expanded

if TYPE_CHECKING:
    from arena.train.vlm.local import LocalEngine


@click.command()
@click.argument("state", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--dtype", type=click.Choice(["bfloat16", "float32"]), default="bfloat16", show_default=True, help="Of the weights."
)
def model(state: Path, out: Path, dtype: str) -> None:
    """Write the model of a training as a Hugging Face folder, an adapter merged into its model.

    STATE is the folder of a training, whose newest checkpoint is taken, or one checkpoint. `vlm:OUT`, transformers and
    vLLM load what is written into the new folder OUT.
    """
    click.echo(f"written: {_trained('model', state, out).export(expanded(out), dtype)}")


@click.command()
@click.argument("state", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--rank", type=Whole(1), default=32, show_default=True, help="Of one made of all weights.")
def adapter(state: Path, out: Path, rank: int) -> None:
    """Write what a training changed as a small peft adapter, for the model that it started from.

    STATE is the folder of a training, whose newest checkpoint is taken, or one checkpoint. A training in mode lora has
    its adapter; of a training of all weights the largest directions of each linear layer's change are taken.
    `vlm:MODEL` takes it as @adapter=OUT.
    """
    share = _trained("adapter", state, out).export_adapter(expanded(out), rank)
    size = sum(file.stat().st_size for file in expanded(out).iterdir())
    click.echo(f"written: {out}, {size / 1e6:.1f} MB, with {share:.1%} of the squared change of the weights")


def _trained(what: str, state: Path, out: Path) -> LocalEngine:
    if expanded(out).exists():
        raise InputError(f"{out}: there is something already; name another place")
    plugins.require_modules(f"arena export {what}", ("torch", "transformers", "peft"), "train")
    from arena.train.vlm.local import trained

    return trained(state)
