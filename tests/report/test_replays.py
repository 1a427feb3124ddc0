"""The matches in a page: what the viewer is given is what `arena replay` shows, and caps are kept and said."""

from __future__ import annotations

import base64
import gzip
import io
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Pictures

from arena.errors import WorkerError
from arena.game import Image
from arena.match import Match
from arena.plan import MatchPlan
from arena.record.moments import moments
from arena.record.reader import Run
from arena.record.replay import Replay
from arena.report.reading import read_run
from arena.report.replays import PICTURE, Caps, Replays, ShownMatch, ShownMoment, data_elements
from arena.session import LocalSession
from tests.report.kit import HOSTILE, record, thinkers


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return record(thinkers(), tmp_path_factory.mktemp("replays") / "run")


def embed(run: Run, caps: Caps | None = None) -> Replays:
    found = read_run(run, caps=caps or Caps()).replays
    assert found is not None
    return found


@pytest.fixture(scope="module")
def whole(run: Run) -> Replays:
    return embed(run)


def shown(replays: Replays, match: ShownMatch) -> list[ShownMoment]:
    out: list[ShownMoment] = []
    for name in match.pieces:
        out += msgspec.json.decode(gzip.decompress(base64.b64decode(replays.pieces[name])), type=list[ShownMoment])
    return out


def test_every_moment_of_every_match_is_there(run: Run, whole: Replays) -> None:
    with closing(Replay(run)) as replay:
        for (plan, lines), match in zip(replay.recorded(), whole.matches, strict=True):
            made = list(moments(replay.match(plan), lines, replay.views(plan)))
            assert [one.moment for one in shown(whole, match)] == made
            assert match.moments == len(made)
    assert whole.notes == []


def test_pieces_hold_no_time(whole: Replays) -> None:
    assert {base64.b64decode(text)[4:8] for text in whole.pieces} == {bytes(4)}  # MTIME of RFC 1952


def test_a_name_cannot_end_the_element_that_holds_it() -> None:
    match = ShownMatch(match=0, block=0, game=HOSTILE, game_index=0, seats=(HOSTILE,))
    (text,) = data_elements(Replays(matches=[match], notes=[HOSTILE]))
    assert text.count("<") == 2
    assert msgspec.json.decode(text[text.index(">") + 1 : text.rindex("<")])["notes"][0] == HOSTILE


def test_seats_that_see_pictures_are_shown_what_they_saw(run: Run, whole: Replays) -> None:
    size = run.head.games[0].operators[0].views.image
    for one in shown(whole, whole.matches[0]):
        assert one.views.keys() == {turn.seat for turn in one.moment.turns}
        for name in one.views.values():
            picture = Pictures.open(io.BytesIO(base64.b64decode(whole.pictures[name])))
            assert picture.size[::-1] == size
        assert one.picture is not None
        assert Pictures.open(io.BytesIO(base64.b64decode(whole.pictures[one.picture]))).size[::-1] == PICTURE


def test_pictures_stop_at_their_cap_and_the_page_says_so(run: Run, whole: Replays) -> None:
    cap = 40_000
    some = embed(run, Caps(picture_bytes=cap))
    size = sum(len(base64.b64decode(text)) for text in some.pictures)
    assert cap <= size < cap + 40_000  # the last one may pass it
    assert len(some.pictures) < len(whole.pictures)
    assert any("of pictures; later ones are left out" in note for note in some.notes)
    assert [one.moments for one in some.matches] == [one.moments for one in whole.matches]


def test_without_pictures_there_are_none_and_no_note(run: Run) -> None:
    none = embed(run, Caps(picture_bytes=0))
    assert (none.pictures, none.notes) == ([], [])
    assert all(one.picture is None and not one.views for one in shown(none, none.matches[0]))


def test_matches_stop_at_the_cap_of_turns_in_plan_order(run: Run) -> None:
    some = embed(run, Caps(turns=12, picture_bytes=0))
    assert [one.match for one in some.matches] == list(range(len(some.matches)))
    assert 0 < len(some.matches) < 6
    assert sum(len(one.moment.turns) for match in some.matches for one in shown(some, match)) <= 12
    assert any(f"{len(some.matches)} of 6 matches are shown" in note for note in some.notes)


def test_a_first_match_that_is_too_long_is_begun(run: Run) -> None:
    some = embed(run, Caps(turns=2, picture_bytes=0))
    assert [(one.match, one.cut) for one in some.matches] == [(0, True)]
    assert any("its end is not shown" in note for note in some.notes)


def test_a_run_that_cannot_be_played_here_says_why(run: Run, tmp_path: Path) -> None:
    other = Run(run.folder)
    game = msgspec.structs.replace(run.head.games[0], version=99)
    other.head = msgspec.structs.replace(run.head, games=(game,))
    without = embed(other)
    assert without.matches == []
    assert "version 99" in without.notes[0]


def test_a_match_that_was_in_play_when_the_run_stopped_is_shown_as_far_as_it_came(run: Run, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "run.json").write_bytes((run.folder / "run.json").read_bytes())
    log = (run.folder / "log-000.jsonl").read_bytes().splitlines(keepends=True)
    begin = [number for number, line in enumerate(log) if line.startswith(b'{"type":"match"')]
    (tmp_path / "log-000.jsonl").write_bytes(b"".join(log[: begin[1]]))
    (tmp_path / "open" / "match-000001.jsonl").write_bytes(b"".join(log[begin[1] : begin[2] - 1]))
    assert [one.status for one in embed(Run(tmp_path)).matches] == ["terminated", ""]


def test_a_host_that_fails_ends_the_replays_and_not_the_reading(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def match(replay: Replay, plan: MatchPlan) -> Match:
        if plan.index == 2:
            raise WorkerError("the game host is gone")
        return whole(replay, plan)

    whole = Replay.match
    monkeypatch.setattr(Replay, "match", match)
    known = read_run(run, caps=Caps())
    assert known.tables == run.tables()
    assert known.replays is not None
    assert [one.match for one in known.replays.matches] == [0, 1]
    assert ["the game host is gone" in note for note in known.replays.notes] == [True]


def test_pictures_of_one_buffer_that_is_drawn_into_again_are_told_apart(
    run: Run, whole: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = np.zeros((*PICTURE, 3), np.uint8)

    def draw(session: LocalSession, height: int, width: int) -> Image:
        buffer[:] = drawn(session, height, width)
        return buffer

    drawn = LocalSession.draw
    monkeypatch.setattr(LocalSession, "draw", draw)
    assert embed(run).pictures == whole.pictures
