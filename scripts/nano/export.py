"""Writes nano as a Hugging Face folder: bf16 safetensors, configs, tokenizer, chat template, and nano.json."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from transformers import Idefics3ForConditionalGeneration, PreTrainedTokenizerFast

from arena_operators.vlm.checkpoint import METADATA, check
from scripts.nano import build
from scripts.nano.recipe import Recipe

LIMIT = 12_000_000  # bytes of weights that the package may carry


def export(
    recipe: Recipe,
    model: Idefics3ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    out: Path,
    curve: Path | None = None,
) -> Path:
    """`out` becomes the model folder. ValueError when the weights are too large to ship, or `out` is something else."""
    if out.exists() and any(out.iterdir()) and not (out / METADATA).exists():
        raise ValueError(f"{out} holds something else than a nano: it stays. Name another --out")
    shutil.rmtree(out, ignore_errors=True)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    copy = build.model(recipe, tokenizer)
    copy.load_state_dict(model.state_dict())
    copy.generation_config = model.generation_config
    copy.to(torch.bfloat16).save_pretrained(out)
    build.processor(recipe, tokenizer).save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)
    weights = (out / "model.safetensors").read_bytes()
    if len(weights) > LIMIT:
        raise ValueError(
            f"the weights take {len(weights):,} bytes: at most {LIMIT:,} can be shipped; make nano smaller"
        )
    metadata = {
        "name": "nano",
        "games": recipe.games,
        "seed": recipe.seed,
        "recipe": asdict(recipe),
        "parameters": sum(p.numel() for p in model.parameters()),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "made_by": "python -m scripts.nano.train (docs/nano.md)",
        "curve": "docs/curves/nano.csv",
        "licence": "Apache-2.0",
    }
    (out / METADATA).write_text(json.dumps(metadata, indent=1) + "\n")
    if curve is not None and curve.exists():
        shutil.copy(curve, out.parent / "nano.csv")
    check(out)
    return out
