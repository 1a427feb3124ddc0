"""nano as it ships: the Hugging Face folder that a training wrote, and nano.json, which says how it was made."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path

from arena_operators.vlm.checkpoint import METADATA, check
from arena_operators.vlm.lora import tensors
from scripts.nano.recipe import Recipe

LIMIT = 12_000_000  # bytes of weights that the package may carry


def export(recipe: Recipe, trained: Path, out: Path) -> Path:
    """`out` becomes the model folder. ValueError when the weights are too large to ship, or `out` is something else."""
    if out.exists() and any(out.iterdir()) and not (out / METADATA).exists():
        raise ValueError(f"{out} holds something else than a nano: it stays. Name another --out")
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(trained, out)
    file = out / "model.safetensors"
    file.chmod(0o644)
    weights = file.read_bytes()
    if len(weights) > LIMIT:
        raise ValueError(
            f"the weights take {len(weights):,} bytes: at most {LIMIT:,} can be shipped; make nano smaller"
        )
    metadata = {
        "name": "nano",
        "games": recipe.games,
        "seed": recipe.seed,
        "recipe": asdict(recipe),
        "parameters": sum(math.prod(one["shape"]) for one in tensors(file).values()),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "made_by": "python -m scripts.nano.train (docs/nano.md)",
        "curve": "docs/curves/nano.csv",
        "licence": "Apache-2.0",
    }
    (out / METADATA).write_text(json.dumps(metadata, indent=1) + "\n")
    check(out)
    return out
