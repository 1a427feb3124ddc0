"""Turns a second, tokens a second and memory of published shapes with random weights, by the embedded backend on a GPU.

    python scripts/bench/gpu.py [--shapes smolvlm-2.2b,idefics3-8b] [--batches 1,16,64] [--keep DIR] [--json FILE]

Each model is built from its published configuration (sizes of layers, heads, vocabulary), saved with random weights
in bfloat16 and loaded as `vlm:DIR` is. A turn is a picture that no turn before had, a prompt of some hundred tokens,
and 64 new ones, for random weights hardly ever end by themselves. `generate`: transformers' own, in turns with it, with
the same prompts and as many tokens. Nothing of it says how well a model plays.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, Idefics3Config, Idefics3Processor, PreTrainedTokenizerFast
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

from arena_operators.vlm.backend import Message, ModelRequest, Picture, Sampling
from arena_operators.vlm.checkpoint import SHIPPED, source
from arena_operators.vlm.embedded import TransformersBackend
from arena_operators.vlm.model import Model

TOKENS = 64  # new ones a turn
PROMPT = "You play a game of cards with others. These are its rules and what you see. " * 24
SO400M = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}
# Published: HuggingFaceTB/SmolVLM-Instruct, HuggingFaceM4/Idefics3-8B-Llama3; pictures are not split here.
SHAPES: dict[str, dict[str, Any]] = {
    "smolvlm-2.2b": {
        "vision": {**SO400M, "image_size": 384, "patch_size": 14},
        "text": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24, "num_attention_heads": 32},
        "kv": 32,
        "vocabulary": 49155,
        "shuffle": 3,
    },
    "idefics3-8b": {
        "vision": {**SO400M, "image_size": 364, "patch_size": 14},
        "text": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32},
        "kv": 8,
        "vocabulary": 128259,
        "shuffle": 2,
    },
}


def build(name: str, folder: Path) -> None:
    """Save the model with random weights and nano's tokenizer, whose words stand for those of the real one."""
    shape = SHAPES[name]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(SHIPPED)
    edge = shape["vision"]["image_size"]
    config = Idefics3Config(
        vision_config=shape["vision"],
        text_config={
            "model_type": "llama",
            "vocab_size": shape["vocabulary"],
            "max_position_embeddings": 8192,
            "num_key_value_heads": shape["kv"],
            **shape["text"],
        },
        scale_factor=shape["shuffle"],
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = AutoModelForImageTextToText.from_config(config)
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    size = {"longest_edge": edge}
    half = [0.5] * 3
    pictures = Idefics3ImageProcessorPil(
        size=size, max_image_size=size, do_resize=True, do_image_splitting=False, image_mean=half, image_std=half
    )
    seen = (edge // shape["vision"]["patch_size"] // shape["shuffle"]) ** 2
    template = (SHIPPED / "chat_template.jinja").read_text(encoding="utf-8")
    Idefics3Processor(pictures, tokenizer, image_seq_len=seen, chat_template=template).save_pretrained(folder)


def asked(count: int, number: int) -> list[ModelRequest]:
    """Turns with pictures of their own."""
    chance = np.random.default_rng(number)
    out = []
    for index in range(count):
        picture = Picture(chance.integers(0, 256, (384, 384, 3), np.uint8))
        key = index.to_bytes(16, "big")
        sampling = Sampling(max_tokens=TOKENS)
        out.append(ModelRequest(messages=(Message("user", (picture, PROMPT)),), key=key, sampling=sampling))
    return out


@torch.inference_mode()
def reference(model: Model, batch: int, requests: Sequence[ModelRequest]) -> None:
    """transformers' own way."""
    for start in range(0, len(requests), batch):
        part = [one.messages for one in requests[start : start + batch]]
        pictures = [[Image.fromarray(one[0].parts[0].pixels)] for one in part]  # type: ignore[union-attr]
        texts = [model.lay_out(one) for one in part]
        made: Any = model.processor(text=texts, images=pictures, padding=True, padding_side="left", return_tensors="pt")
        made = made.to("cuda")
        made["pixel_values"] = made["pixel_values"].to(model.model.dtype)
        model.model.generate(**made, do_sample=True, top_k=0, max_new_tokens=TOKENS, min_new_tokens=TOKENS)
    torch.cuda.synchronize()


def seconds(side: Callable[[Sequence[ModelRequest]], Any], requests: Sequence[ModelRequest]) -> float:
    """How long a side takes."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    side(requests)
    torch.cuda.synchronize()
    return time.perf_counter() - began


def measure(name: str, batches: Sequence[int], rounds: int, folder: Path) -> list[dict[str, Any]]:
    """Rates for each batch."""
    build(name, folder)
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    model = Model(source(str(folder)), "cuda", "bfloat16")
    weights = torch.cuda.memory_allocated() - before
    return [{"shape": name, "weights_gib": round(weights / 2**30, 2), **one(model, batch, rounds)} for batch in batches]


def one(model: Model, batch: int, rounds: int) -> dict[str, Any]:
    """Rates for one batch: medians of the rounds, the first of which warms up."""
    torch.cuda.reset_peak_memory_stats()
    backend = TransformersBackend(model, batch)
    sides: dict[str, Callable[[Sequence[ModelRequest]], Any]] = {
        "ours": lambda requests: list(backend.generate(requests)),
        "generate": lambda requests: reference(model, batch, requests),
    }
    turns = max(4, 2 * batch)
    found: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(rounds + 1):
        requests = asked(turns, number)
        for side, run in sides.items():
            found[side].append(turns / seconds(run, requests))
    answers = [answer for _, answer in backend.generate(asked(batch, rounds + 1))]
    ours, theirs = (statistics.median(found[side][1:]) for side in ("ours", "generate"))
    row = {
        "card": torch.cuda.get_device_name(),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
        "batch": batch,
        "prompt_tokens": answers[0].usage.prompt,
        "new_tokens": round(statistics.mean(answer.usage.completion for answer in answers), 1),
        "turns_s": round(ours, 2),
        "generate_turns_s": round(theirs, 2),
        "ratio": round(ours / theirs, 2),
    }
    row["tokens_s"] = round(ours * row["new_tokens"], 1)
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--batches", default="1,16,64")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="leave the models here, one folder each, for `arena play`")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("torch finds no GPU here")
    batches = [int(one) for one in given.batches.split(",")]
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.shapes.split(","):
            found += measure(name, batches, given.rounds, (given.keep or Path(temporary)) / name)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
