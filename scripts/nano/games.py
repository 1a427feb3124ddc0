"""Teaches nano every game that has a teacher: the model `vlm:nano-games`, which goes on from nano with all weights.

    python -m scripts.nano.games --out work/games     # run it again and it goes on; the model is work/games/model

It begins with nano and its adapter of the sidescroller. That game it learns from its own play, so that it stays what
reinforcement learning made of it; every other game from its teacher. After the first round it knows what to say, and
sees too little of the pictures that are like none of nano's; so its eyes are taught alone (scripts/nano/eyes.py), and
in the next round it learns to say what they see. Then both again, the eyes with far more scenes of spy;
and once more, the eyes now by what stands where (scripts/nano/places.py), the words with room for twice as many, most
of them spy's. Then two short rounds for what the ones before had lost: one in which every game has its share, and one
for mario, connect four and jigsaws. Then once more eyes for what stands where, whose scenes are now varied so that
shapes are seen, and a round that says them, whose tower is frozen: a round that trains it as well lets it forget what
is not said yet. And the same for the holes and patches of jigsaws, and for formulas over cards; last a short round in
which patches are compared with the hole, side by side.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText

from arena.train.vlm import sft, sft_sources
from arena.train.vlm.chats import Chat
from arena.train.vlm.sft_config import SftConfig, Source, source
from arena_operators.vlm.adapter import merged
from arena_operators.vlm.checkpoint import METADATA, SHIPPED, adapters
from scripts.nano import more_tokens, visited
from scripts.nano.export import export
from scripts.nano.eyes import gather, teach
from scripts.nano.recipe import Recipe
from scripts.nano.rounds import AGAIN, BACK, COMPARED, EVEN, GROWN, LAST, PATCHES, SHAPES, TEACHERS

OWN = "sidescroller"  # what is learnt from the model's own play
MATCHES = 160
OWN_SHARE, OWN_EVEN, OWN_BACK = 0.085, 0.07, 0.06
CONTEXT = 1_024  # tokens, from the fourth round on: positions are rotary, so that nothing of the weights changes
ANSWER = 256  # tokens of an answer: all things in a picture, and eight clues that are judged
TEMPERATURE = 0.5  # that it plays at: at 1 half of its mistakes are draws; 0.3 was worse in mazes
TOKENS = 320  # more from then on, so that what spy, mazes and jigsaws say takes half as many
SAID = 400  # lessons of each game that they are made of
SEEN_FIRST = {"maze": 16, "jigsaw": 16, "spy": 16}  # pictures of an update of the eyes
SEEN_AGAIN = {"maze": 10, "jigsaw": 6, "spy": 32}
SEEN_PLACES = {"scenes": 64, "maze": 8, "jigsaw": 8, "spy": 8}  # what stands where, in scenes that are drawn meanwhile
SEEN_SHAPES = {"scenes": 64, "jigsaw": 8, "spy": 8}  # and mazes as they were seen before
SEEN_PATCHES = {"patches": 48, "formulas": 16, "scenes": 16, "jigsaw": 8, "spy": 8, "points24": 4, "ezpoints": 4}
SPY_PICTURES = "spy@lessons=120000@weight=0.21"  # of the eyes' second round: some 28,000 pictures
KNOWN = 1_500  # pictures of each known game that the eyes go on seeing as they do
EYES_RATE, PLACES_RATE = 1e-3, 3e-3
HOW: dict[str, Any] = {"mode": "full", "rate": 8e-4, "rate_final": 1e-5, "warmup": 50, "batch": 64, "shown_weight": 0.5}
SMALLER = {"rate": 6e-4, "batch": 32}  # of the fourth round: twice as many updates in the time
GENTLE = {"rate": 4e-4, "batch": 32}  # of the fifth and the sixth
SAYING = {
    "batch": 32,
    "freeze_vision_tower": True,
}  # of the seventh and the eighth: words that come would else cost what is seen
COMPARING = SAYING | {"rate": 4e-4}  # of the ninth


def names() -> list[str]:
    """Every game that it learns, sorted."""
    return sorted({OWN, *(name.partition("@")[0] for name in TEACHERS)})


def started(out: Path, nano: Path) -> Path:
    """nano with its adapter merged, allowed to sit down at every game of the mixture."""
    folder = out / "start"
    if not (folder / METADATA).exists():
        model = AutoModelForImageTextToText.from_pretrained(nano, dtype=torch.float32)
        merged(model, adapters()[OWN]).to(torch.bfloat16).save_pretrained(folder)
        for file in nano.iterdir():
            if not (folder / file.name).exists() and file.name != METADATA:
                (folder / file.name).write_bytes(file.read_bytes())
        about = json.loads((nano / METADATA).read_text())
        weights = (folder / "model.safetensors").read_bytes()
        about |= {"games": names(), "weights_sha256": hashlib.sha256(weights).hexdigest()}
        (folder / METADATA).write_text(json.dumps(about, indent=1) + "\n")
    return folder


def grown(model: Path, out: Path, texts: Iterator[str]) -> Path:
    """The same model with the context CONTEXT, and TOKENS tokens more for what these texts say, in `out`."""
    if not out.exists():
        fresh = out.with_name(f".{out.name}")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(model, fresh)
        more_tokens.grow(fresh, texts, TOKENS)
        config = json.loads((fresh / "config.json").read_text())
        config["text_config"]["max_position_embeddings"] = CONTEXT
        (fresh / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        about = json.loads((fresh / METADATA).read_text())
        about["weights_sha256"] = hashlib.sha256((fresh / "model.safetensors").read_bytes()).hexdigest()
        (fresh / METADATA).write_text(json.dumps(about, indent=1) + "\n")
        fresh.rename(out)
    return out


def said(config: SftConfig) -> Iterator[str]:
    """What some lessons of each teacher say, and what is asked."""
    for of in config.sources:
        if of.sort == "teacher":
            for chat in islice(sft_sources.chats(config, of, Path(config.out) / "lessons"), SAID):
                yield from (chat.text, chat.shown)
                yield from (part for _, parts in chat.messages for part in parts if isinstance(part, str))


def eyes(
    config: SftConfig, start: Path, out: Path, shares: Mapping[str, int], *, steps: int, rate: float = EYES_RATE
) -> Path:
    """The model `start` with eyes for what is new, in `out`; they learn from the lessons of `config`."""
    if not out.exists():
        torch.set_num_threads(config.threads)
        found = [gather(of.name if of.sort == "teacher" else OWN, _some(config, of)) for of in config.sources]
        new = [one for one in found if one.name in shares]
        known = [one for one in found if one.name not in shares]
        teach(start, out, new, known, shares=shares, steps=steps, rate=rate, seed=config.seed)
    return out


def _some(config: SftConfig, of: Source) -> Iterator[Chat]:
    """The chats of a source; of what is known, enough to show what its pictures are like."""
    every = sft_sources.chats(config, of, Path(config.out) / "lessons")
    return every if of.name in SEEN_FIRST else islice(every, KNOWN)


def main(out: Path, nano: Path, *, steps: Sequence[int], seed: int, workers: int, threads: int, tokens: int) -> Path:
    """Does what is missing of it; the folder of the model. `steps`: of each round, and of the eyes between them."""
    start = started(out, nano)
    run = visited.play(out / "went", OWN, str(start), seed, MATCHES)

    def taught(
        start: Path,
        folder: str,
        teachers: Sequence[str],
        steps: int,
        seed: int,
        how: Mapping[str, Any],
        share: float = OWN_SHARE,
    ) -> SftConfig:
        own = source("run", f"{run}@weight={share}")
        return SftConfig(
            model=f"vlm:{start}",
            out=str(out / folder),
            sources=(own, *(replace(source("teacher", name), shard=1_000) for name in teachers)),
            steps=steps,
            seed=seed,
            resume=True,
            progress=False,
            every=100,
            held_out=64,
            workers=workers,
            threads=threads,
            tokens=tokens,
            trained_by="python -m scripts.nano.games",
            **how,
        )

    first = taught(start, "sft", TEACHERS, steps[0], seed, HOW)
    seeing = eyes(first, sft.run(first), out / "eyes", SEEN_FIRST, steps=steps[1])
    second = taught(seeing, "again", AGAIN, steps[2], seed + 1, HOW)
    scenes = replace(source("teacher", SPY_PICTURES), shard=1_000)
    more = replace(first, sources=tuple(scenes if of.name == "spy" else of for of in first.sources))
    seeing = eyes(more, sft.run(second), out / "eyes-again", SEEN_AGAIN, steps=steps[3])
    third = taught(seeing, "last", LAST, steps[4], seed + 2, HOW)
    fourth = taught(out / "wide", "grown", GROWN, steps[6], seed + 3, HOW | SMALLER)
    ready = replace(fourth, model=first.model)  # its own is made of these eyes
    seeing = eyes(ready, sft.run(third), out / "eyes-places", SEEN_PLACES, steps=steps[5], rate=PLACES_RATE)
    grown(seeing, out / "wide", said(ready))
    begun = hashlib.sha256((nano / "model.safetensors").read_bytes()).hexdigest()
    fifth = taught(sft.run(fourth), "even", EVEN, steps[7], seed + 4, HOW | GENTLE, OWN_EVEN)
    sixth = taught(sft.run(fifth), "back", BACK, steps[8], seed + 5, HOW | GENTLE, OWN_BACK)
    seeing = eyes(sixth, sft.run(sixth), out / "eyes-shapes", SEEN_SHAPES, steps=steps[9])
    seventh = taught(seeing, "shapes", SHAPES, steps[10], seed + 6, HOW | SAYING, OWN_BACK)
    eighth = taught(out / "eyes-patches", "patches", PATCHES, steps[12], seed + 7, HOW | SAYING, OWN_BACK)
    eyes(replace(eighth, model=first.model), sft.run(seventh), out / "eyes-patches", SEEN_PATCHES, steps=steps[11])
    ninth = taught(sft.run(eighth), "compared", COMPARED, steps[13], seed + 7, HOW | COMPARING, OWN_BACK)
    return named(sft.run(ninth), out / "model", begun, steps, seed)


def named(trained: Path, out: Path, begun: str, steps: Sequence[int], seed: int) -> Path:
    """The last round's model as nano-games, in `out`; its nano.json tells how it was made. `begun`: nano's SHA-256."""
    made = export(Recipe(seed=seed, phases=(), start=begun), trained, out)
    about = json.loads((made / METADATA).read_text())
    recipe = {
        "start": begun,
        "adapter": OWN,
        "own": [OWN_SHARE, OWN_EVEN, OWN_BACK],
        "steps": steps,
        "context": CONTEXT,
        "more_tokens": TOKENS,
        "eyes_rates": [EYES_RATE, PLACES_RATE],
        **HOW,
        "fourth": SMALLER,
        "fifth": GENTLE,
        "sixth": GENTLE,
        "seventh": SAYING,
        "eighth": SAYING,
        "ninth": COMPARING,
    }
    about |= {
        "name": "nano-games",
        "games": names(),
        "max_tokens": ANSWER,
        "temperature": TEMPERATURE,
        "recipe": {
            **recipe,
            "teachers": TEACHERS,
            "again": AGAIN,
            "last": LAST,
            "scenes": SPY_PICTURES,
            "grown": GROWN,
            "even": EVEN,
            "back": BACK,
            "shapes": SHAPES,
            "patches": PATCHES,
            "compared": COMPARED,
        },
        "made_by": "python -m scripts.nano.games (docs/nano.md)",
        "curve": "docs/curves/nano-games.csv",
    }
    (made / METADATA).write_text(json.dumps(about, indent=1) + "\n")
    return made


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("work/games"))
    parser.add_argument("--nano", type=Path, default=SHIPPED, help="the model that learns")
    parser.add_argument(
        "--steps",
        type=int,
        nargs=14,
        default=(850, 1500, 800, 2000, 2200, 900, 1500, 600, 600, 2000, 1400, 1500, 2000, 800),
        help="updates of each round, and of the eyes between",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make lessons")
    parser.add_argument("--threads", type=int, default=1, help="threads that train")
    parser.add_argument("--tokens", type=int, default=512, help="of a forward pass: fewer were faster here")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    how = {name: getattr(given, name) for name in ("seed", "workers", "threads", "tokens")}
    print(main(given.out, given.nano, steps=tuple(given.steps), **how))
