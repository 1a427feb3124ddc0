"""Teaches the tower that sees, before the language model learns to say what it sees: phrases of lessons, from pictures.

A linear reading of the model's image tokens learns which phrases go with the picture of a lesson: weakly supervised
pretraining (Joulin et al., 2016, arXiv 1511.02251, section 3), with runs of words in place of single ones, since
"row 3" of what is the question. No token is written, so a picture costs a fraction of what it costs the whole model,
and every phrase is a signal of its own. Pictures of what the model knows keep their image tokens (distillation of
features: Romero et al., 2015, arXiv 1412.6550, section 2.2), so that it goes on reading them.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from arena.canonical import generator, key
from arena.train import products
from arena.train.vlm.chats import Chat
from arena_operators.vlm.checkpoint import METADATA
from scripts.nano import places
from scripts.nano.pictures import SORTS

WORDS = 6  # of a phrase, at most
MOST = 1_500  # phrases of a source
RARE, COMMON = 0.004, 0.7  # of the pictures: rarer phrases are not learned, more common ones say little
HELD = 256  # pictures of a source that are not learned from
KEPT = 16  # known pictures of an update
KEEP = 20.0  # nats that the tower pays where image tokens of known pictures change by as much as these differ
FEATURES = "eyes.json"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one source, those that are held out first, and which phrases go with each."""

    name: str
    pixels: npt.NDArray[np.uint8]  # (pictures, height, width, 3)
    said: npt.NDArray[np.bool_]  # (pictures, phrases)
    phrases: tuple[str, ...]

    @property
    def rates(self) -> torch.Tensor:
        """How often each phrase is said, float32 (phrases,)."""
        return torch.from_numpy(self.said[HELD:].mean(0, dtype=np.float32)).clamp(1e-3, 1 - 1e-3)


def phrases(chat: Chat) -> frozenset[str]:
    """The runs of words of what its picture shows; where nothing is shown besides, of its thought and answer."""
    out = set()
    for piece in re.split(r"[.;\n]", chat.shown or chat.text):
        words = re.findall(r"\w+|[^\s\w]", piece)
        out |= {" ".join(words[at : at + size]) for size in range(1, WORDS + 1) for at in range(len(words) + 1 - size)}
    return frozenset(out)


def picture(chat: Chat) -> npt.NDArray[np.uint8] | None:
    """The picture that it is asked about; None where there is not exactly one."""
    found = [part for _, parts in chat.messages for part in parts if not isinstance(part, str)]
    return found[0] if len(found) == 1 else None


def gather(name: str, chats: Iterable[Chat]) -> Pictures:
    """Each picture of some chats once, with all that is said of it in any of them."""
    seen: dict[bytes, int] = {}
    pixels, said = list[npt.NDArray[np.uint8]](), list[set[str]]()
    for chat in chats:
        image = picture(chat)
        if image is not None:
            place = seen.setdefault(hashlib.sha256(image.tobytes()).digest(), len(pixels))
            if place == len(pixels):
                pixels.append(image)
                said.append(set())
            said[place] |= phrases(chat)
    counts = Counter(phrase for one in said for phrase in one)
    usual = [p for p, count in sorted(counts.items()) if RARE * len(said) <= count <= COMMON * len(said)]
    chosen = sorted(usual, key=lambda phrase: -counts[phrase])[:MOST]
    places = {phrase: at for at, phrase in enumerate(chosen)}
    matrix = np.zeros((len(said), len(chosen)), np.bool_)
    for row, one in enumerate(said):
        matrix[row, [places[phrase] for phrase in one if phrase in places]] = True
    return Pictures(name, np.stack(pixels), matrix, tuple(chosen))


class Eyes:
    """The tower and connector of a model, and a reader of phrases for each source."""

    def __init__(self, model: Any, sources: Sequence[Pictures], sorts: Sequence[str], seed: int) -> None:
        """`model`: of transformers, with `model.vision_model` and `model.connector`; `sorts`: of `pictures.SORTS`."""
        torch.manual_seed(seed)
        self.tower, self.connector = model.model.vision_model, model.model.connector
        self.readers = torch.nn.ModuleDict()
        for one in sources:
            wide = self.look(one.pixels[:1]).shape[1]
            reader = torch.nn.Linear(wide, len(one.phrases))
            torch.nn.init.normal_(reader.weight, std=0.1 / wide**0.5)
            with torch.no_grad():
                reader.bias.copy_(torch.logit(one.rates))
            self.readers[one.name] = reader

        self.width = model.config.get_text_config().hidden_size
        self.places = torch.nn.ModuleDict({name: places.Reader(SORTS[name], self.width) for name in sorts})

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        learnt = (self.tower, self.connector, self.readers, self.places)
        return [weight for module in learnt for weight in module.parameters()]

    def tokens(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        """The image tokens of pictures, as float32 (pictures, tokens, width)."""
        return self.look(pixels).unflatten(1, (-1, self.width))

    def look(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        """The image tokens of pictures, as float32 (pictures, tokens * width); pixels as a processor scales them."""
        values = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.autocast("cpu", torch.bfloat16, enabled=products.usual("cpu") == "bfloat16"):
            hidden = self.tower(pixel_values=values).last_hidden_state
            return self.connector(hidden).flatten(1).float()

    def loss(self, one: Pictures, rows: npt.NDArray[np.int64]) -> torch.Tensor:
        """Mean over pictures of the sum over phrases of the cross entropy, in nats."""
        found = self.readers[one.name](self.look(one.pixels[rows]))
        truth = torch.from_numpy(one.said[rows]).float()
        return functional.binary_cross_entropy_with_logits(found, truth, reduction="sum") / len(rows)

    def loss_of_places(self, sort: str, some: places.Pictures) -> torch.Tensor:
        """As `places.Reader.loss`."""
        reader = self.places[sort]
        assert isinstance(reader, places.Reader)
        return reader.loss(self.tokens(some.pixels), some.words)

    @torch.no_grad()
    def right(self, held: Mapping[str, places.Pictures]) -> dict[str, float]:
        """By sort, as `places.Reader.right`."""
        out = {}
        for sort, some in held.items():
            reader = self.places[sort]
            assert isinstance(reader, places.Reader)
            found = reader.right(self.tokens(some.pixels), some.words)
            out |= {f"{sort}/{name}": value for name, value in found.items()}
        return out

    @torch.no_grad()
    def sees(self, one: Pictures) -> float:
        """The share of what phrases tell of held-out pictures that it knows: 0 for their frequencies, 1 for all."""
        rows = np.arange(min(HELD, len(one.pixels)))
        blind = one.rates.expand(len(rows), -1)
        truth = torch.from_numpy(one.said[rows]).float()
        whole = functional.binary_cross_entropy(blind, truth, reduction="sum") / len(rows)
        return 1 - float(self.loss(one, rows) / whole)


def learn(
    model: Any,
    new: Sequence[Pictures],
    known: Sequence[Pictures],
    *,
    shares: Mapping[str, int],
    steps: int,
    rate: float,
    seed: int,
) -> Iterator[dict[str, float]]:
    """Teaches the tower of `model` in place; yields what it sees before, at every eighth and at the end.

    `known`: pictures whose image tokens stay what they are, as far as what is new allows it.
    `shares`: how many pictures of each that is new an update has, and of each of `pictures.SORTS`, which are drawn.
    """
    whole, sorts = sum(shares.values()), [name for name in shares if name in SORTS]
    eyes = Eyes(model, new, sorts, seed)
    held = {name: places.drawn(name, seed, 0, places.HELD) for name in sorts}
    rng = generator(key("nano eyes", seed))
    with torch.no_grad():
        before = {
            one.name: torch.cat([eyes.look(one.pixels[at : at + 64]) for at in range(0, len(one.pixels), 64)])
            for one in known
        }
    scale = {name: found.var(0).mean() for name, found in before.items()}
    optimizer = torch.optim.AdamW(eyes.parameters, lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.05, anneal_strategy="cos")

    def told(step: int, moved: float) -> dict[str, float]:
        return {"step": step, "moved": moved, **{one.name: eyes.sees(one) for one in new}, **eyes.right(held)}

    yield told(0, 0.0)
    every, moved = max(1, steps // 8), 0.0
    with ExitStack() as stack:
        streams = {name: stack.enter_context(places.stream(name, seed, shares[name])) for name in sorts}
        for step in range(steps):
            loss = torch.zeros(())
            for one in new:
                rows = rng.integers(HELD, len(one.pixels), shares[one.name])
                loss = loss + eyes.loss(one, rows) * (len(rows) / whole)
            for name, pictures in streams.items():
                loss = loss + eyes.loss_of_places(name, next(pictures)) * (shares[name] / whole)
            for one in known:
                rows = rng.integers(0, len(one.pixels), max(1, KEPT // len(known)))
                off = (eyes.look(one.pixels[rows]) - before[one.name][rows]).square().mean() / scale[one.name]
                loss = loss + KEEP * off / len(known)
                moved = 0.95 * moved + 0.05 * float(off.detach())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(eyes.parameters, 1.0)
            optimizer.step()
            schedule.step()
            if (step + 1) % every == 0 or step + 1 == steps:
                yield told(step + 1, moved)


def teach(start: Path, out: Path, new: Sequence[Pictures], known: Sequence[Pictures], **how: Any) -> Path:
    """The model of the folder `start` with other eyes, in `out`; what it saw on the way is in out/eyes.json.

    `how`: as of `learn`.
    """
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(start, dtype=torch.float32)
    seen = []
    for told in learn(model, new, known, **how):
        print(json.dumps({name: round(value, 4) for name, value in told.items()}), flush=True)
        seen.append(told)
    fresh = out.with_name(f".{out.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(start, fresh)
    model.to(torch.bfloat16).save_pretrained(fresh)
    about = json.loads((fresh / METADATA).read_text())
    about["weights_sha256"] = hashlib.sha256((fresh / "model.safetensors").read_bytes()).hexdigest()
    (fresh / METADATA).write_text(json.dumps(about, indent=1) + "\n")
    (fresh / FEATURES).write_text(json.dumps(seen, indent=1) + "\n")
    fresh.rename(out)
    return out
