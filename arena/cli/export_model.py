"""`arena export model`: a trained model as a folder that others load."""

from __future__ import annotations

from pathlib import Path

import click

from arena import plugins
from arena.errors import InputError


@click.command()
@click.argument("state", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--dtype", type=click.Choice(["bfloat16", "float32"]), default="bfloat16", show_default=True, help="Of the weights."
)
def model(state: Path, out: Path, dtype: str) -> None:
    """Write the model of a training as a Hugging Face folder, an adapter merged into its model.

    STATE is the folder of a training, whose newest state is taken, or of one state. `vlm:OUT`, transformers and vLLM
    load what is written into the new folder OUT.
    """
    if out.exists():
        raise InputError(f"{out}: there is something already; name another place")
    plugins.require_modules("arena export model", ("torch", "transformers", "peft"), "train")
    from arena.train.vlm.local import trained

    made = trained(state)
    click.echo(f"written: {made.export(out.expanduser(), dtype)}")
