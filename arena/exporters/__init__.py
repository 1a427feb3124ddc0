"""What was played, in the formats of other libraries: one file a format. `arena export RUN --to FORMAT` calls them."""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    """One format."""

    target: str  # export(reader, out, options) -> sentences about what was written
    modules: tuple[str, ...]  # that must be importable
    takes: frozenset[str]  # the options that it heeds, as on the command line


FORMATS = {
    "minari": Format("arena.exporters.minari:export", ("minari", "h5py"), frozenset({"view", "size"})),
    "lerobot": Format("arena.exporters.lerobot:export", ("pyarrow", "av"), frozenset({"view", "size", "fps"})),
    "video": Format("arena.exporters.video:export", ("av",), frozenset({"size", "fps", "seats"})),
    "chat": Format("arena.exporters.chat:export", ("pyarrow",), frozenset({"view", "size", "prompt"})),
    "pairs": Format("arena.exporters.pairs:export", ("pyarrow",), frozenset({"view", "size", "prompt", "margin"})),
    "openenv": Format("arena.exporters.openenv_trace:export", (), frozenset()),
}
