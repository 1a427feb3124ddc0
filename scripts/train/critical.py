"""Which decisions a player of the sidescroller gets wrong, of those where it decides what it does.

    python -m scripts.train.critical RUN ...

Every match is played again, and the search that the teacher asks says at each turn what leads on: to run, to jump (in
the air: to keep the button held, which makes the jump higher), or both. Where the button does something and one of
them alone leads on, the turn is critical; it does nothing in a fall, or held from before as the player lands. By JSON:
how many of these were right, by where the player was (ground or rising) and what was needed; and of the matches that
ended by a death, what the last wrong one was, and how many turns before the end.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from arena.errors import ArenaError, InputError
from arena.game import Move
from arena.log import Line, MatchLine, TurnLine
from arena.record.reader import Run
from arena_games.lanes.moves import RUN
from arena_games.sidescroller import search
from arena_games.sidescroller.rules import Sidescroller


class Critical(NamedTuple):
    """A turn at which running or jumping leads on, and not both."""

    where: str  # ground or rising
    needed: str  # run or jump
    right: bool
    left: int  # turns of the match after it


def critical(lines: Sequence[Line]) -> tuple[list[Critical], bool]:
    """Those of one lane's match, in order, and whether it ended by a death.

    InputError for a match of another game, or of several lanes.
    """
    head = lines[0]
    assert isinstance(head, MatchLine)
    if head.game != "sidescroller" or len(head.seats) > 1:
        raise InputError(
            f"match {head.match} is one of {head.game} with {len(head.seats)} seats: "
            "expected the sidescroller with one, e.g. arena play --game sidescroller --operators vlm"
        )
    actions = [line.action for line in lines if isinstance(line, TurnLine) and line.action is not None]
    game = Sidescroller(1, head.options)
    game.reset(bytes.fromhex(head.seed))
    out = []
    for number, action in enumerate(actions):
        world = game.lane(0).world
        advice = search.lesson(world)
        if advice is not None and advice.decides:
            where = "ground" if world.runners[0].standing else "rising"
            needed = "run" if advice.best == RUN else "jump"
            out.append(Critical(where, needed, action == advice.best, len(actions) - 1 - number))
        game.step({0: Move(action)})
    return out, game.facts(0)["lane"] == "died"


def report(runs: Sequence[Path]) -> dict[str, Any]:
    """Of all matches of some runs."""
    asked, right, last, left = Counter[str](), Counter[str](), Counter[str](), Counter[int]()
    for run in runs:
        for lines in Run(run).matches():
            if not isinstance(lines[0], MatchLine):
                continue
            found, died = critical(lines)
            for one in found:
                asked[f"{one.where}, {one.needed}"] += 1
                right[f"{one.where}, {one.needed}"] += one.right
            wrong = [one for one in found if not one.right]
            if died and wrong:
                last[f"{wrong[-1].where}, {wrong[-1].needed}"] += 1
                left[wrong[-1].left] += 1
    shares = {name: {"turns": count, "right": round(right[name] / count, 3)} for name, count in sorted(asked.items())}
    return {
        "critical": shares,
        "last wrong before a death": dict(last.most_common()),
        "turns before": dict(sorted(left.items())),
    }


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        print(json.dumps(report([Path(run) for run in sys.argv[1:]]), indent=1))
    except ArenaError as error:
        sys.exit(f"critical: {error}")
