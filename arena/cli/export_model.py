"""`arena export model` and `arena export adapter`: what was trained, as a folder that others load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from arena import plugins
from arena.cli.options import option
from arena.cli.whole import Whole
from arena.errors import InputError
from arena.paths import expanded
from arena.train.vlm import states
from arena.train.vlm.seated import seated

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

    \b
    arena export model runs/race runs/race-model
    arena play --game race --operators vlm:runs/race-model,scripted
    """
    made = _trained("model", state, out)
    click.echo(f"written: {made.export(expanded(out), dtype)}{_after(made)}")
    click.echo(f"seat it with: {seated(made.source, str(out))}")


@click.command()
@click.argument("state", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@option("--rank", type=Whole(1), show_default="32; of mode lora, all", help="Its size: directions of a layer's change.")
@option("--language", is_flag=True, help="Of all weights, linear layers of the language part alone, as vLLM needs it.")
def adapter(state: Path, out: Path, rank: int | None, language: bool) -> None:
    """Write what a training changed as a small LoRA adapter, for the model that it started from.

    STATE is the folder of a training, whose newest checkpoint is taken, or one checkpoint. A training in mode lora has
    its adapter, beside the one that its model may have had; with a lower --rank, the largest directions of each layer.
    Of a training of all weights the largest directions of linear layers and embeddings are taken, as many of each as
    hold most in a file of the size that --rank of each linear layer would have. Merge such an adapter, as @adapter=
    does: where a model's head is tied to its embeddings, peft leaves the head as it was until then.

    OUT is a new folder with the two files of peft, adapter_config.json and adapter_model.safetensors. `vlm:MODEL` takes
    it as @adapter=OUT, where MODEL is the model that the training started from, without an adapter of its own:

    \b
    arena train vlm --preset race-nano --out runs/race
    arena export adapter runs/race runs/race-adapter
    arena play --game race --operators vlm:nano@adapter=runs/race-adapter,scripted
    """
    made = _trained("adapter", state, out)
    share = made.export_adapter(expanded(out), rank, language=language)
    size = sum(file.stat().st_size for file in expanded(out).iterdir())
    click.echo(
        f"written: {out}, {size / 1e6:.1f} MB, with {share:.1%} of the squared change of the weights{_after(made)}"
    )
    if size > (whole := 2 * sum(one.numel() for one in made.learner.model.parameters())):
        click.echo(f"the model itself has {whole / 1e6:.1f} MB (`arena export model`): give a lower --rank", err=True)
    click.echo(f"seat it with: {seated(made.source, made.learner.base, adapter=str(out))}")


def _after(made: LocalEngine) -> str:
    """How far the training was: it may not be at its end, and may not have begun to teach the model."""
    far = ", after update {update} of {updates}".format(**made.reached) if made.reached else ""
    return far if made.changed else f"{far}. Nothing was changed yet: it is the model that the training started from"


def _trained(what: str, state: Path, out: Path) -> LocalEngine:
    if expanded(out).exists():
        raise InputError(f"{out}: there is something already; name another place")
    states.newest(expanded(state))
    plugins.require_modules(f"arena export {what}", ("torch", "transformers", "peft"), "train")
    click.echo(f"reading the newest checkpoint of {state}", err=True)
    from arena.train.vlm.local import trained

    return trained(state)
