"""What every game of lanes has: actions, rewards, views, ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from arena.canonical import generator, hash_file
from arena.errors import InputError, RecordError
from arena.game import Game, Image, Move, Views, moves_of
from arena.log import TurnLine
from arena.plugins import game_class
from arena.record.verify import verify
from arena.testing import GameSuite
from arena_games.lanes import record
from arena_games.lanes.actions import SETS
from arena_games.lanes.baseline import choose
from arena_games.lanes.game import DEATH, FLAG
from arena_games.lanes.lane import Lane
from arena_games.lanes.views import stacked
from tests.games.lane_toy import ToyLane, ToyLanes
from tests.record.kit import make_plan
from tests.record.kit import record as write
from tests.toys import GOOD

NAMES = list(SETS["macro"])


class TestLanes(GameSuite):
    options = ({}, {"actions": "buttons"}, {"noops": 20})
    matches = 2
    ticks = 12

    def game(self, seats: int, options: Mapping[str, Any]) -> Game:
        return ToyLanes(seats, options)


def play(game: Game, *names: str) -> Any:
    result = game.reset(bytes(16))
    for name in names:
        result = game.step({seat: Move(NAMES.index(name)) for seat in result.due})
    return result


def test_only_a_new_maximum_of_x_is_rewarded() -> None:
    game = ToyLanes(1)
    assert play(game, "right").rewards == (8.0,)
    assert play(game, "right", "left").rewards == (0.0,)
    assert play(game, "right", "left", "right run").rewards == (8.0,)


def test_a_death_costs_and_the_flag_pays() -> None:
    fell = play(ToyLanes(1), *["right run"] * 10)
    assert (fell.ended, fell.rewards, fell.returns) == ("terminated", (16.0 + DEATH,), (160.0 + DEATH,))
    jumps = ["right run"] * 9 + ["right run jump"] * 4 + ["right run"] * 17
    won = play(ToyLanes(1), *jumps)
    assert won.returns == (480.0 + FLAG,)
    assert "cleared the level" in won.events[0]


def test_a_lane_that_is_over_waits_for_the_others() -> None:
    game = ToyLanes(2)
    result = game.reset(bytes(16))
    for _ in range(10):
        result = game.step({seat: Move(NAMES.index("right run" if seat else "stay")) for seat in result.due})
    assert result.due == (0,)
    assert game.seats_out() == (1,)
    assert game.observe(1, Views()).legal == ()
    with pytest.raises(ValueError, match=r"lanes \[0\] are due"):
        game.step({0: Move(0), 1: Move(0)})


def test_a_lane_without_progress_is_stuck_after_so_many_decisions() -> None:
    result = play(ToyLanes(1, {"stuck": 5}), "right", *["stay"] * 5)
    assert (result.ended, result.returns) == ("terminated", (8.0,))
    assert "got stuck" in result.events[0]
    assert play(ToyLanes(1, {"stuck": 0}), *["stay"] * 80).ended == "none"


def test_the_horizon_truncates() -> None:
    assert play(ToyLanes(1, {"horizon": 3}), *["stay"] * 3).ended == "truncated"


def test_the_vector_is_the_last_four_frames_in_grey() -> None:
    game = ToyLanes(1)
    play(game, "right", "right", "right", "right")
    stack = game.observe(0, Views(vector=True)).vector
    assert stack is not None
    assert (stack.shape, stack.dtype, game.spec.vector_scale) == ((84, 84, 4), np.uint8, 255)
    game.step({0: Move(NAMES.index("right"))})
    later = game.observe(0, Views(vector=True)).vector
    assert later is not None
    assert np.array_equal(later[..., :3], stack[..., 1:])
    assert not np.array_equal(later[..., 3], stack[..., 3])


def test_a_large_picture_is_the_frame_in_larger_pixels() -> None:
    game = ToyLanes(1)
    game.reset(bytes(16))
    small, large = (game.observe(0, Views(image=size)).image for size in ((240, 256), (960, 1024)))
    assert small is not None
    assert np.array_equal(large, small.repeat(4, axis=0).repeat(4, axis=1))


def test_noops_follow_from_the_seed_and_are_the_same_for_every_lane() -> None:
    game = ToyLanes(2, {"noops": 30})
    waited = set()
    for number in range(8):
        result = game.reset(bytes([number]) * 16)
        waited.add(result.events)
        assert game.observe(0, Views(text=True)).facts == game.observe(1, Views(text=True)).facts
    assert len(waited) > 3


def test_a_recorded_prefix_is_played_before_the_start(tmp_path: Path) -> None:
    path = tmp_path / "start.json"
    path.write_text(json.dumps({"names": ["right run"] * 5}))
    game = ToyLanes(1, {"from": str(path)})
    game.reset(bytes(16))
    assert (game.observe(0, Views(text=True)).facts or {})["x"] == "80"
    path.write_text(json.dumps({"names": ["fly"]}))
    with pytest.raises(ValueError, match=r"no action is called 'fly'; there is: stay, right"):
        ToyLanes(1, {"from": str(path)})
    with pytest.raises(ValueError, match="No such file"):
        ToyLanes(1, {"from": "nowhere.json"})
    path.write_text(json.dumps({"names": [], "skip": 10**9}))
    with pytest.raises(ValueError, match=r"skip 1000000000: expected 1 to 60"):
        ToyLanes(1, {"from": str(path)})


def test_a_prefix_that_is_changed_or_gone_is_read_from_the_run_folder(tmp_path: Path) -> None:
    start = tmp_path / "start.json"
    start.write_text(json.dumps({"names": ["right run"] * 5}))
    options = {"from": str(start), "set": "validation", "horizon": 4}
    run = write(make_plan("sidescroller", (GOOD,), views=Views(text=True), options=options), tmp_path / "run")
    kept = run.folder / "files" / hash_file(start) / "start.json"
    assert verify(run).passed
    start.write_text(json.dumps({"names": ["right run"] * 6}))
    assert verify(run).passed
    start.unlink()
    assert verify(run).passed
    kept.write_text(json.dumps({"names": ["right run"] * 6}))
    with pytest.raises(RecordError, match=r"start\.json"):
        verify(run)


def test_what_was_played_becomes_a_start_that_leads_to_the_same_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = tmp_path / "later.json"
    first: dict[str, Any] = {"level": 7, "horizon": 12}
    run = write(make_plan("sidescroller", (GOOD,), views=Views(text=True), options=first), tmp_path / "run")
    record.main([str(run.folder), "--decisions", "5", "--out", str(later)])
    assert f"arena play --game sidescroller@horizon=12@level=7@from={later} " in capsys.readouterr().out
    game = game_class("sidescroller")(1, {**first, "from": str(later)})
    game.reset(bytes(16))
    actions = [line.action for line in next(run.matches()) if isinstance(line, TurnLine)]
    other = game_class("sidescroller")(1, first)
    other.reset(bytes(16))
    for action in actions[:5]:
        assert action is not None
        other.step({0: Move(action)})
    assert game.lane(0).state_hash() == other.lane(0).state_hash()  # type: ignore[attr-defined]
    for wrong, said in (
        (["--decisions", "13"], "expected 1 to 12"),
        (["--seat", "1"], "seats 0 to 0"),
        (["--match", "1"], "no match 1"),
    ):
        with pytest.raises(InputError, match=said):
            record.main([str(run.folder), *wrong, "--out", str(later)])


@pytest.mark.parametrize("game", [ToyLanes, game_class("race")], ids=["lanes", "race"])
def test_a_length_that_the_actions_would_ignore_is_refused(game: type[Game]) -> None:
    for skip in (4, game.spec.options["skip"].default):
        with pytest.raises(ValueError, match=f"skip={skip} has no effect: actions=buttons are held for 15 frames"):
            game(2, {"actions": "buttons", "skip": skip})
    assert game(2, {"actions": "macro", "skip": 4}).options["skip"] == 4


@pytest.mark.parametrize(
    "options",
    [{"actions": "buttons"}, {"level": 7}, {"level": 7, "actions": "buttons"}],
    ids=["buttons", "level", "both"],
)
@pytest.mark.parametrize("name", ["sidescroller", "race"])
def test_the_options_of_a_recorded_match_can_be_given_again(name: str, options: dict[str, Any]) -> None:
    made = game_class(name)(2, options)
    again = game_class(name)(2, made.options)
    assert again.options == made.options
    again.reset(bytes(16))


@pytest.mark.parametrize("name", ["sidescroller", "race"])
def test_a_level_by_its_number_is_of_no_set(name: str) -> None:
    with pytest.raises(ValueError, match="set='train' has no effect: level is the number of one"):
        game_class(name)(2, {"level": 7, "set": "train"})


def test_pairs_of_buttons_may_be_named_in_any_order() -> None:
    game = ToyLanes(1, {"actions": "buttons"})
    game.reset(bytes(16))
    wanted = list(SETS["buttons"]).index("right jump")
    assert [game.parse(0, text).action for text in ("right jump", "jump right", "Jump + Right")] == [wanted] * 3


def test_the_baseline_jumps_the_pit_and_reaches_the_flag() -> None:
    game = ToyLanes(1)
    result = game.reset(bytes(16))
    while result.ended == "none":
        seen = game.observe(0, Views(text=True))
        result = game.step({0: Move(choose(seen, game.card(), generator(bytes(16))))})
    assert result.returns == (480.0 + FLAG,)


def test_all_lanes_are_drawn_side_by_side() -> None:
    game = ToyLanes(3)
    game.reset(bytes(16))
    sheet = game.draw(600, 960)
    assert sheet.shape == (600, 960, 3)
    red = (sheet == (200, 0, 40)).all(-1).any(0)
    assert np.count_nonzero(np.diff(red.astype(int)) == 1) == 3


class LiveLane(ToyLane):
    """As an emulator: only it knows how the moment looks, until it goes on."""

    threads = True

    def begin(self) -> None:
        super().begin()
        self.kept = self.greyed = self.calls = 0

    def hold(self, buttons: int, frames: int) -> None:
        if frames < 0:
            raise IndexError("a broken lane")
        self.calls += frames > 0
        super().hold(buttons, frames)

    def snapshot(self) -> Any:
        return None

    def keep(self, snapshot: Any) -> Any:
        self.kept += 1
        return self.luma(None)

    def draw(self, snapshot: Any) -> Image:
        return super().draw(super().snapshot())

    def luma(self, snapshot: Any) -> Any:
        self.greyed += snapshot is None
        return np.asarray(Pillow.fromarray(self.draw(None)).convert("L")) if snapshot is None else snapshot


class LiveLanes(ToyLanes):
    def make_lane(self) -> Lane:
        return LiveLane()


WALK = ["right", "right run", "stay", "right run jump", "right", "right run"]


def lanes_of(game: Any) -> list[LiveLane]:
    return [seat.lane for seat in game._seats]


@pytest.mark.parametrize("looks", [(), (1, 2, 3, 4, 5), (3,)], ids=["only at the end", "all along", "once"])
def test_a_lane_that_shows_only_the_present_is_seen_as_one_that_remembers(looks: tuple[int, ...]) -> None:
    live, toy = LiveLanes(3), ToyLanes(3)
    views = Views(image=(240, 256), vector=True)
    for game in (live, toy):
        game.reset(bytes(16))
    for number, name in enumerate(WALK):
        for game in (live, toy):
            game.step({seat: Move(NAMES.index(name)) for seat in game.due})
        if number in looks or number == len(WALK) - 1:
            assert live.observe(1, views).hashes() == toy.observe(1, views).hashes()
    assert np.array_equal(live.draw(600, 960), toy.draw(600, 960))


def test_a_stack_that_is_made_of_the_one_before_is_that_of_its_frames() -> None:
    game = ToyLanes(1)
    game.reset(bytes(16))
    for number, name in enumerate(WALK):
        if number != 3:  # then there is none before
            vector = game.observe(0, Views(vector=True)).vector
            assert np.array_equal(vector, stacked(game._seats[0].frames))
        game.step({0: Move(NAMES.index(name))})


@pytest.mark.parametrize(
    ("seats", "made"),
    [
        (1, [(1, 0), (2, 0), (3, 0), (3, 0), (4, 1), (6, 2)]),  # when it is asked for
        (2, [(1, 0), (2, 0), (3, 0), (4, 0), (4, 0), (6, 1)]),  # beside the other lane, if it was wanted before
    ],
)
def test_what_nobody_wants_of_a_lane_is_not_made(seats: int, made: list[tuple[int, int]]) -> None:
    game = LiveLanes(seats)
    game.reset(bytes(16))
    lane = lanes_of(game)[0]
    found = []
    for wanted in (True, True, True, False, False, True):
        if wanted:
            game.observe(0, Views(vector=True))
        found.append((lane.greyed, lane.kept))
        game.step(moves_of(dict.fromkeys(range(seats), NAMES.index("right"))))
    assert found == made


def test_a_frame_of_the_past_is_not_drawn_as_the_present() -> None:
    game = LiveLanes(1)
    play(game, "right")
    before = game._seats[0].frames[-1]
    game.step({0: Move(NAMES.index("right"))})
    with pytest.raises(RuntimeError, match="the lane has advanced"):
        before.native  # noqa: B018


def test_lanes_side_by_side_are_each_held_once_and_fail_as_one_would() -> None:
    game = LiveLanes(7)
    play(game, "right", "right")
    assert [lane.calls for lane in lanes_of(game)] == [2] * 7
    game._frames = lambda buttons: -1  # type: ignore[method-assign]
    with pytest.raises(IndexError, match="a broken lane"):
        game.step(moves_of(dict.fromkeys(range(7), 0)))
