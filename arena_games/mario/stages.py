"""The stages by name: `1-1` of Super Mario Bros, `lost-D-4`, `smb2-1-1`, `smb3-1-1`, and sets of them."""

from __future__ import annotations

import functools
from importlib import resources

import msgspec

from arena.errors import nearest

SETS = {"smb1": "", "lost": "lost-", "smb2": "smb2-", "smb3": "smb3-"}  # every stage of one game


@functools.cache
def registered() -> dict[str, str]:
    """Our name -> the package's id, as scripts/mario/stages.py wrote it."""
    table = resources.files("arena_games.mario").joinpath("stages.json").read_bytes()
    return msgspec.json.decode(table, type=dict[str, str])


def game_of(stage: str) -> str:
    """Which of the four games a stage belongs to: smb1, lost, smb2 or smb3."""
    head = stage.split("-")[0]
    return head if head in SETS else "smb1"


def chosen(what: str) -> tuple[str, ...]:
    """The stages that `1-1`, `1-1+1-2` or `smb1` names. Raises ValueError, listing the stages, for an unknown one."""
    known = {name.lower(): name for name in registered()}
    out: list[str] = []
    for word in what.split("+"):
        name = word.strip().lower()
        if name in SETS:
            out += [stage for stage in registered() if game_of(stage) == name]
        elif name in known:
            out.append(known[name])
        else:
            near = nearest(name, known)
            raise ValueError(
                f"there is no stage {word!r}. {near if near.startswith('Did') else ''} Stages: 1-1 to 8-4; lost-1-1 to "
                "lost-D-4; smb2-1-1 to smb2-7-2; smb3-1-1, 1-2, 1-4 and 1-6; several joined by '+', or all of one "
                f"game: {', '.join(SETS)}".replace("  ", " ")
            )
    twice = [name for name in out if out.count(name) > 1]
    if twice:
        raise ValueError(f"stage {twice[0]} is named twice")
    return tuple(out)
