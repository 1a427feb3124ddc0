"""What a supervised start learns from: the chats of its sources, as examples, and each source's share of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.exporters.filters import Filter
from arena.names import parse
from arena.record.reader import Run
from arena.train import shards
from arena.train.vlm import sft_ready
from arena.train.vlm.chats import Asked, Chat, of_file, of_lessons, of_run
from arena.train.vlm.examples import SHORTER, Album, Example, Tokens, encode
from arena.train.vlm.sft_config import SftConfig, Source
from arena.train.vlm.sft_facts import LESSONS

Pools = dict[str, list[Example]]
FILED = "a file's chats stay as they are, so export shorter ones (arena export --to chat --prompt short)"


def chats(config: SftConfig, of: Source, folder: Path) -> Iterator[Chat]:
    """The chats of a source, in an order that follows from it. `folder`: where lessons are kept."""
    asked, quiet = Asked(parse(config.model)), not config.progress
    if of.sort == "chat":
        return of_file(Path(of.name))
    if of.sort == "run":
        names = (of.operator,) if of.operator else ()
        return of_run(Path(of.name), Filter(operators=names, best=of.best), asked)
    if of.sort == "correct":
        run = Run(Path(of.name))
        game = sft_ready.corrected(run)
        how: dict[str, Any] = {"operator": of.operator or "", "quiet": quiet}
        made = shards.make_visited(folder, game, run.folder, run.logged, config.workers, **how)
        lessons = shards.read(made)
        return of_lessons(shards.deciding(lessons, game) if of.decides else lessons, asked)
    size, how = min(of.shard, of.lessons), {"decides": of.decides, "quiet": quiet}
    made = shards.make(folder, of.name, config.seed, "train", of.lessons, size, config.workers, **how)
    return of_lessons(islice(shards.read(made), of.lessons), asked)


def load(config: SftConfig, tokens: Tokens, album: Album) -> tuple[Pools, Pools]:
    """(examples to learn from, examples to watch), by source. InputError for a source that has too few."""
    pools: Pools = {}
    watched: Pools = {}
    for of in config.sources:
        if of.label in pools:
            raise InputError(f"{of.label} is given twice: name it once, with a higher @weight=")
        shorter = FILED if of.sort == "chat" else SHORTER
        every = encode(chats(config, of, Path(config.out) / LESSONS), tokens, album, shorter)
        apart = min(config.held_out, len(every) // 10)
        pools[of.label], watched[of.label] = every[: len(every) - apart], every[len(every) - apart :]
        if not pools[of.label]:
            raise InputError(f"{of.label} has no example to learn from")
    return pools, watched


def weights_of(config: SftConfig, pools: Pools) -> dict[str, float]:
    """Each source's share of a batch; in proportion to its examples where none was given."""
    every = sum(map(len, pools.values()))
    given = {of.label: of.weight for of in config.sources}
    shares = {
        name: len(pool) / every if given[name] is None else float(given[name] or 0) for name, pool in pools.items()
    }
    if not sum(shares.values()) > 0:
        raise InputError("every source has the @weight= 0, so nothing would be learned")
    return shares
