"""Gives a model that was trained words of its own for what it learns next.

Byte-level BPE goes on where it stopped (Sennrich et al., 2016, arXiv 1508.07909, section 3.2): merges are added after
those there are, so whatever they do not touch is read as before. A new token begins as the mean of its two parts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForImageTextToText

from scripts.nano.tokens import WORD


class Merge(NamedTuple):
    """Two tokens that stand side by side, and become one."""

    left: str
    right: str


def merges(tokenizer: Tokenizer, texts: Iterable[str], count: int) -> list[Merge]:
    """The next `count` merges, of the tokens within words of these texts; fewer where no two stand together twice."""
    words = Counter(word for text in texts for word in WORD.findall(text))
    pieces = Counter[tuple[str, ...]]()
    for word, times in words.items():
        for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(word):
            pieces[tuple(token.value for token in tokenizer.model.tokenize(piece))] += times
    found = list[Merge]()
    while len(found) < count:
        pairs = Counter[Merge]()
        for piece, times in pieces.items():
            for left, right in pairwise(piece):
                pairs[Merge(left, right)] += times
        if not pairs or max(pairs.values()) < 2:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        found.append(best)
        joined = Counter[tuple[str, ...]]()
        for piece, times in pieces.items():
            joined[_merged(piece, best)] += times
        pieces = joined
    return found


def _merged(piece: tuple[str, ...], merge: Merge) -> tuple[str, ...]:
    out, at = list[str](), 0
    while at < len(piece):
        both = piece[at : at + 2] == tuple(merge)
        out.append("".join(merge) if both else piece[at])
        at += 1 + both
    return tuple(out)


def grow(folder: Path, texts: Iterable[str], count: int) -> list[str]:
    """Adds `count` tokens to the model of a folder, in place; what they are."""
    path = folder / "tokenizer.json"
    about = json.loads(path.read_text())
    found = merges(Tokenizer.from_file(str(path)), texts, count)
    places: dict[str, int] = about["model"]["vocab"]
    made = {"".join(one): one for one in reversed(found)}  # by the first merge that makes it
    new = [name for one in found if (name := "".join(one)) not in places]
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    model.resize_token_embeddings(len(places) + len({*new}), mean_resizing=False)
    rows = model.get_input_embeddings().weight.data
    for name in dict.fromkeys(new):
        rows[len(places)] = (rows[places[made[name].left]] + rows[places[made[name].right]]) / 2
        places[name] = len(places)
    about["model"] |= {"merges": [*about["model"]["merges"], *map(list, found)]}
    path.write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n")
    model.to(torch.bfloat16).save_pretrained(folder)
    return list(dict.fromkeys(new))
