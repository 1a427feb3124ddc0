"""Help with the options under headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

OTHERS = "Options"
PLAY = {
    "Who plays what": (
        *("games", "listed", "single", "matches", "schedule", "part", "seed"),
        *("mirror", "blind", "max_ticks", "pace", "reask"),
    ),
    "Time": ("human_timeout", "deadline", "max_failures", "concurrency", "engine"),
    "What is kept and shown": ("out", "turns", "resume", "watch", "trace", "quiet"),
}


class SectionedCommand(click.Command):
    """A command with many options: `sections` gives the parameters' names under each heading, the rest come last."""

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[str]], **how: Any) -> None:
        super().__init__(*args, **how)
        self._heading = {name: heading for heading, names in sections.items() for name in names}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found: dict[str, list[tuple[str, str]]] = {heading: [] for heading in self._heading.values()}
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) is not None:
                found.setdefault(self._heading.get(param.name or "", OTHERS), []).append(record)
        for heading, records in found.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
