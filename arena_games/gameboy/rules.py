"""`gameboy:PATH`: Super Mario Land on an emulated Game Boy, a lane for every seat. See arena_games/lanes/game.py."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from arena.game import Game, GameFamily
from arena.names import Name
from arena.options import Option
from arena.paths import expanded
from arena_games.gameboy.lane import GameBoyLane
from arena_games.lanes.game import LaneGame, lane_spec
from arena_games.lanes.lane import Lane

TITLE = "SUPER MARIOLAND"
LICENCE = "Apache-2.0, the emulator PyBoy LGPL-3.0; the cartridge is your own file: make sure that you may use it"
LEVELS = tuple(f"{world}-{level}" for world in range(1, 5) for level in range(1, 4))
OPTIONS = {
    "level": Option("str", "1-1", "the level that is played", choices=LEVELS),
    "state": Option("str", None, "a state saved by PyBoy, where every lane begins instead of at a level"),
}

GAMEBOY = GameFamily(
    name="gameboy",
    summary="Super Mario Land on an emulated Game Boy, with a cartridge file of yours, a lane for every seat",
    what="PATH of a Super Mario Land cartridge (.gb)",
    make="arena_games.gameboy.rules:make",
    examples=("gameboy:mario-land.gb", "gameboy:mario-land.gb@level=2-1"),
    licence=LICENCE,
)


class GameBoy(LaneGame):
    """One cartridge."""

    runtime: ClassVar[str | None] = "gameboy"
    rom: ClassVar[Path]

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        state = self.options["state"]
        self._state = expanded(state) if state else None
        if self._state is None:
            return
        if not self._state.is_file():
            raise ValueError(f"@state={state}: there is no such file; save one with PyBoy (its key Z, or save_state)")
        self.rule_out("level", options, "every lane begins where state was saved")

    def user_files(self) -> Mapping[str, Path]:
        state = {} if self._state is None else {"state": self._state}
        return {**super().user_files(), "cartridge": self.rom, **state}

    def make_lane(self) -> Lane:
        if self._state is not None:
            return GameBoyLane(self.rom, self._state)
        world, level = self.options["level"].split("-")
        return GameBoyLane(self.rom, (int(world), int(level)))

    def start_events(self) -> Sequence[str]:
        said = [f"level {self.options['level']}", f"rom sha1 {_sha1(self.rom)}"]
        if self._state is not None:
            said = [f"state sha1 {_sha1(self._state)}", said[1]]
        return tuple(said)


def make(what: str) -> type[Game]:
    """Returns the game of this cartridge. Raises ValueError if the file is missing or is another game."""
    rom = expanded(what)
    if not rom.is_file():
        raise ValueError(
            f"there is no file {what!r}. The arena brings no cartridge: give the path of your own Super Mario Land, "
            f"e.g. gameboy:roms/mario-land.gb (looked for {rom.absolute()})"
        )
    with rom.open("rb") as file:
        header = file.read(0x150)
    title = header[0x134:0x143].rstrip(b"\0").decode("ascii", "replace") if len(header) == 0x150 else None
    if title != TITLE:
        said = "it is not a Game Boy cartridge" if title is None else f"its header calls it {title!r}"
        raise ValueError(f"{what}: {said}; only Super Mario Land ({TITLE!r}) can be played, its levels are known")
    return _class(what, rom.resolve())


@functools.cache
def _class(what: str, rom: Path) -> type[Game]:
    spec = lane_spec(
        id=Name("gameboy", what).base,
        version=1,
        summary="Super Mario Land on an emulated Game Boy, a lane for every seat",
        seeded=False,
        image_sizes=((128, 128), (144, 160), (576, 640)),
        licence=LICENCE,
        options=OPTIONS,
    )
    return type("GameBoy", (GameBoy,), {"spec": spec, "rom": rom, "__module__": __name__})


def _sha1(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
