"""`mario:STAGE`: Super Mario Bros and its three NES successors, a lane for every seat. See lanes/game.py."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from arena.canonical import generator, key
from arena.game import Game, GameFamily
from arena_games.lanes.game import LaneGame, lane_spec
from arena_games.mario import stages
from arena_games.mario.lane import MarioLane, start_of

LICENCE = (
    "Apache-2.0; the cartridges are Nintendo's content under a proprietary licence. The package gym-super-mario-bros "
    "brings them, the arena neither contains nor distributes them: make sure that you may use them"
)

MARIO = GameFamily(
    name="mario",
    summary="Super Mario Bros, The Lost Levels, Super Mario Bros 2 (USA) and 3, emulated, a lane for every seat",
    what="STAGE: 1-1 to 8-4, lost-1-1 to lost-D-4, smb2-1-1 to smb2-7-2, smb3-1-1, 1-2, 1-4, 1-6; 1-1+1-2 draws one of "
    "several by the seed, smb1, lost, smb2 or smb3 of a whole game",
    make="arena_games.mario.rules:make",
    examples=("mario:1-1", "mario:lost-2-1", "mario:smb2-1-1", "mario:smb3-1-1", "mario:1-1+1-2+1-3"),
    licence=LICENCE,
    default="1-1",
)


class Mario(LaneGame):
    """One stage, or one drawn from several by the seed."""

    runtime: ClassVar[str | None] = "mario"
    stages: ClassVar[tuple[str, ...]]

    def make_lane(self) -> MarioLane:
        return MarioLane(self.stages[0])

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        self._stage = self.stages[0]

    def prepare(self, seed: bytes) -> None:
        if len(self.stages) > 1:
            self._stage = self.stages[int(generator(key("stage", seed)).integers(len(self.stages)))]
        start_of(self._stage)  # once, before the lanes call it in parallel
        for seat in self._seats:
            assert isinstance(seat.lane, MarioLane)
            seat.lane.stage = self._stage

    def levels(self) -> Sequence[str]:
        return [f"mario:{stage}" for stage in self.stages] if len(self.stages) > 1 else ()

    def start_events(self) -> Sequence[str]:
        return (f"stage {self._stage}", f"rom sha1 {start_of(self._stage).sha1}")


@functools.cache
def make(what: str) -> type[Game]:
    """Returns the game of these stages. Raises ValueError, listing the stages, for an unknown one."""
    chosen = stages.chosen(what)
    name = "+".join(chosen) if what.lower() not in stages.SETS else what.lower()
    summary = (
        f"Stage {chosen[0]} on an emulated NES, a lane for every seat"
        if len(chosen) == 1
        else f"One of {len(chosen)} stages on an emulated NES, drawn by the seed; a lane for every seat"
    )
    spec = lane_spec(id=f"mario:{name}", version=1, summary=summary, seeded=len(chosen) > 1, licence=LICENCE)
    taught = "arena_games.mario.teacher:lessons" if chosen == ("1-1",) else None
    return type("Mario", (Mario,), {"spec": spec, "stages": chosen, "teacher": taught, "__module__": __name__})
