"""report.html: its numbers are those of results.json, and it says what a run is not."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from arena import plugins
from arena.analysis.audit import audit
from arena.analysis.kept import write_analysis
from arena.analysis.outcomes import read_outcomes
from arena.cli.report import report
from arena.errors import InputError, RecordError
from arena.figures import number
from arena.lineup import build_plan, resolve
from arena.log import EndLine, MatchLine, TurnLine
from arena.plan import Limits, PlanSpec
from arena.play import describe, run_plan
from arena.record.given import titled
from arena.record.reader import Run
from arena.report.meetings import meetings
from arena.report.page import one_run, several, write_report
from arena.report.replays import Caps
from arena.report.reproduce import command, script
from tests.record.kit import edit, make_plan
from tests.report.kit import HOSTILE, record, thinkers

NOTHING = Caps(turns=0, picture_bytes=0)


class Page(HTMLParser):
    """The elements of a page, and its text without that of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.figures: list[tuple[str, str, str]] = []  # path, value, text
        self.text = ""
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            return
        self.text += data
        if self._open and self._open[-1] == "data":
            named = self.elements[-1][1]
            self.figures.append((named["data-path"], named["value"], data))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return record(thinkers(), tmp_path_factory.mktemp("page") / "run")


@pytest.fixture(scope="module")
def whole(run: Run) -> str:
    return one_run(run, times=False)


def found(results: Any, path: str) -> Any:
    """The value at `path` of results.json; a kind of fault that an operator never made stands for none."""
    at = results
    for name in path.split("."):
        at = at[int(name)] if isinstance(at, list) else at.get(name)
    return at


def test_every_number_of_a_score_is_that_of_results_json(run: Run) -> None:
    results = json.loads((run.folder / "results.json").read_bytes())
    results = results if isinstance(results, dict) else {"tables": results}
    figures = Page(one_run(run, NOTHING)).figures
    assert {path: json.loads(value) for path, value, _ in figures} == {
        path: found(results, path) for path, _, _ in figures
    }
    shown = {path: text for path, _, text in figures}
    for place, row in enumerate(results["tables"][0]["rows"]):
        assert shown[f"tables.0.rows.{place}.score"] == number(row["score"])
        assert float(shown[f"tables.0.rows.{place}.low"]) == pytest.approx(row["low"], abs=0.006)
        kinds = {path.rpartition(".")[2] for path in shown if path.startswith(f"tables.0.rows.{place}.faults.")}
        assert kinds >= row["faults"].keys() != set()


@pytest.mark.parametrize(("options", "title"), [({}, "kuhn · "), ({"hands": 2}, "kuhn@hands=2 · ")])
def test_a_game_is_titled_with_the_options_that_were_chosen(
    tmp_path: Path, options: dict[str, int], title: str
) -> None:
    run = record(thinkers(game="kuhn", options=options), tmp_path / "run")
    assert f"<h3>{title}" in one_run(run, NOTHING)


def test_a_game_that_is_gone_is_titled_with_all_options_that_have_a_value(run: Run) -> None:
    game = msgspec.structs.replace(run.head.games[0], name="gone", options={"hands": 3, "pairs": None, "known": True})
    assert titled(game) == "gone@hands=3@known=true"


def test_every_number_that_a_game_measured_is_that_of_results_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins.game_class("leduc"), "measures", "tests.record.test_measured:ends")
    run = record(thinkers(), tmp_path / "run")
    results = {"tables": json.loads((run.folder / "results.json").read_bytes())}
    shown = {path: (value, text) for path, value, text in Page(one_run(run, NOTHING)).figures if "measures" in path}
    for place, row in enumerate(results["tables"][0]["measures"][0]["rows"]):
        share, mean = (f"tables.0.measures.0.rows.{place}.cells.{cell}" for cell in (0, 1))
        assert shown[f"{share}.value"][1] == f"{row['cells'][0]['value']:.0%}"
        assert shown[f"{mean}.low"][1] == f"{row['cells'][1]['low']:.2f}"
        assert shown[f"tables.0.measures.0.rows.{place}.count"][1] == str(row["count"])
    assert {path: json.loads(value) for path, (value, _) in shown.items()} == {
        path: found(results, path) for path in shown
    }


def test_every_number_of_a_rating_is_that_of_analysis_json(run: Run) -> None:
    write_analysis(run)
    figures = [one for one in Page(one_run(run, NOTHING)).figures if ".rating." in one[0]]
    (run.folder / "analysis.json").rename(run.folder / "analysis-read.json")
    analysis = json.loads((run.folder / "analysis-read.json").read_bytes())
    assert len(figures) >= 3
    for path, value, text in figures:
        assert json.loads(value) == found(analysis, path.removeprefix("analysis:"))
        assert float(text) == pytest.approx(json.loads(value), abs=0.5)


def test_head_to_head_is_the_difference_of_returns_and_who_got_more(run: Run) -> None:
    gaps = []
    for lines in run.played():
        head, end = lines[0], lines[-1]
        assert isinstance(head, MatchLine)
        assert isinstance(end, EndLine)
        assert end.returns is not None
        first = head.seats.index("thinker0")
        gaps.append(end.returns[first] - end.returns[1 - first])
    text = meetings(read_outcomes(run))
    found = re.findall(r"([-+][\d.]+)<br>(\S+) to (\S+)<br>(\d+) / (\d+) / (\d+)", text)
    won, lost = sum(gap > 0 for gap in gaps), sum(gap < 0 for gap in gaps)
    (one, *_, a, b, c), (other, *_) = found
    assert one == number(sum(gaps) / len(gaps))
    assert other == number(-sum(gaps) / len(gaps))
    assert (int(a), int(b), int(c)) == (won, len(gaps) - won - lost, lost)
    assert all(float(low) < float(mean) < float(high) for mean, low, high, *_ in found)


def test_twins_are_told(run: Run) -> None:
    assert "thinker0 and thinker1 are one operator that sat there twice" in meetings(read_outcomes(run), (0, 1))
    assert "sat there twice" not in meetings(read_outcomes(run))


def test_behaviour_names_actions_as_the_game_does(run: Run) -> None:
    chosen = [line.action for line in run.lines() if isinstance(line, TurnLine) and line.operator == "thinker0"]
    done = [action for action in chosen if action is not None]
    assert f"call {done.count(1) / len(done):.0%}" in Page(one_run(run, NOTHING)).text


def test_nothing_is_fetched_and_every_table_has_headers(whole: str, run: Run) -> None:
    page = Page(whole)
    addresses = [value for _, named in page.elements for key, value in named.items() if key in ("src", "href")]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert set(re.findall(r"https?://[^\s\"']+", one_run(run, NOTHING))) == {"http://www.w3.org/2000/svg"}  # a name
    headers = [named.get("scope") for tag, named in page.elements if tag == "th"]
    assert set(headers) == {"col", "row"}
    assert sum(tag == "caption" for tag, _ in page.elements) == sum(tag == "table" for tag, _ in page.elements)


def test_words_of_operators_are_no_html(run: Run, whole: str) -> None:
    head = msgspec.structs.replace(run.head, arena=HOSTILE)
    hostile = Run(run.folder)
    hostile.head = head
    for text in (whole, one_run(hostile, NOTHING)):
        assert HOSTILE not in text
        assert not any("onerror" in named for _, named in Page(text).elements)


def test_equal_runs_give_equal_pages(whole: str, tmp_path: Path) -> None:
    other = record(thinkers(), tmp_path / "run")
    assert one_run(other, times=False) == whole


def test_a_run_that_stopped_says_how_far_it_came(tmp_path: Path) -> None:
    text = Page(one_run(record(thinkers(), tmp_path / "run", until=3), NOTHING)).text
    assert "stopped after 3 of 6 matches" in text
    assert "3 matches in 2 blocks" in text


def test_a_run_without_a_match_says_so(tmp_path: Path) -> None:
    text = Page(one_run(record(thinkers(), tmp_path / "run", until=0))).text
    assert "No match of this run is over" in text


def test_results_that_are_not_those_of_the_log_are_told(run: Run, tmp_path: Path) -> None:
    copied = record(thinkers(), tmp_path / "run")
    edit(copied.folder, 0, "end", lambda line: line.update(returns=[9.0, -9.0]))
    assert "results.json is not what the log gives" in Page(one_run(copied, NOTHING)).text


def test_a_damaged_log_is_named(tmp_path: Path) -> None:
    copied = record(thinkers(), tmp_path / "run")
    log = copied.folder / "log-000.jsonl"
    log.write_text(log.read_text().replace('"type":"tick"', '"type":"tock"', 1))
    with pytest.raises(RecordError, match=r"log-000.jsonl, line \d+ is damaged"):
        write_report([copied])
    assert not (copied.folder / "report.html").exists()


def test_every_question_of_the_audit_is_answered_and_its_places_are_links(run: Run, whole: str) -> None:
    pytest.importorskip("scipy")
    text = whole
    found = audit(run)
    page = Page(text)
    assert all(answer.question in page.text for answer in found.answers)
    assert all(finding.text in page.text for answer in found.answers for finding in answer.findings)
    (faults,) = [answer for answer in found.answers if answer.name == "faults"]
    place = re.search(r"match (\d+), tick (\d+), seat \d+", faults.findings[0].evidence[0])
    assert place is not None
    assert f'href="#match={place[1]}&amp;tick={place[2]}">{place[0]}' in text[text.index('id="audit"') :]


def test_the_command_that_plays_it_anew_gives_the_same_log(tmp_path: Path) -> None:
    plan = build_plan("kuhn@hands=2", ["random", "scripted"], seed=7, matches=4)
    run_plan(plan, tmp_path / "run")
    from arena.cli.main import cli

    said = command(describe(plan))
    assert said is not None
    words = shlex.split(said.replace("--out again", f"--out {tmp_path / 'again'}"))
    assert words[0] == "arena"
    CliRunner().invoke(cli, words[1:], catch_exceptions=False)
    assert (tmp_path / "again/log-000.jsonl").read_bytes() == (tmp_path / "run/log-000.jsonl").read_bytes()


def test_the_script_that_plays_any_plan_anew_gives_the_same_log(tmp_path: Path) -> None:
    spec = PlanSpec(games=("kuhn",), operators=("random", "scripted"), seed=7, matches=4, limits=Limits(retries=9))
    run_plan(resolve(spec), tmp_path / "run")
    page = Page(one_run(Run(tmp_path / "run"), NOTHING))
    assert script("run") in page.text
    subprocess.run([sys.executable, "-c", script("run")], cwd=tmp_path, check=True)
    assert (tmp_path / "again/log-000.jsonl").read_bytes() == (tmp_path / "run/log-000.jsonl").read_bytes()


def test_no_command_is_shown_for_what_the_command_line_cannot_say(run: Run) -> None:
    plan = run.head.plan
    for other in (
        msgspec.structs.replace(plan, mirror=False),
        msgspec.structs.replace(plan, limits=dataclasses.replace(plan.limits, retries=9)),
    ):
        assert command(msgspec.structs.replace(run.head, plan=other)) is None
    assert command(run.head) is not None


def test_the_command_writes_the_page_into_the_run(run: Run) -> None:
    done = CliRunner().invoke(report, [str(run.folder), "--turns", "5"], catch_exceptions=False)
    assert done.output.strip() == str(run.folder / "report.html")
    assert "--trust" in CliRunner().invoke(report, ["--help"]).output


def test_runs_of_the_same_game_are_compared_and_equal_logs_are_one_result(run: Run, tmp_path: Path) -> None:
    other = record(thinkers(), tmp_path / "other")
    page = Page(several([run, other]))
    assert "equal, byte for byte" in page.text
    assert {"run", "other"} <= set(re.findall(r"\w+", page.text))


def test_what_a_game_measured_stands_side_by_side_in_runs_that_are_compared(tmp_path: Path) -> None:
    runs = []
    for seed in (1, 2):
        run_plan(build_plan("spy@seats=3@rounds=1", ["random"] * 3, seed=seed, matches=3), tmp_path / f"seed{seed}")
        runs.append(Run(tmp_path / f"seed{seed}"))
    page = Page(several(runs))
    tables = [one for run in runs for one in (run.recorded_tables() or [])[0].measures]
    assert tables
    for one in tables:
        assert one.title in page.text
        assert all(f"{one.counted}, {run.folder.name}" in page.text for run in runs)


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (lambda: thinkers(game="kuhn"), "no game in common"),
        (
            lambda: make_plan("leduc", [thinkers().entries[0].kind] * 2, matches=2, max_reasks=0),
            "max_reasks is 1 here, 0",
        ),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(run: Run, tmp_path: Path, plan: Any, why: str) -> None:
    other = record(plan(), tmp_path / "other")
    with pytest.raises(InputError, match=why):
        write_report([run, other], tmp_path / "both.html")


def test_other_opponents_and_other_weights_are_told(run: Run) -> None:
    game = run.head.games[0]
    first, second = game.operators
    for changed, why in (
        ((msgspec.structs.replace(first, name="other"), second), "depends on whom it meets"),
        ((msgspec.structs.replace(first, fingerprint={"weights": "0"}), second), "thinker0 has other weights there"),
    ):
        other = Run(run.folder)
        other.head = msgspec.structs.replace(run.head, games=(msgspec.structs.replace(game, operators=changed),))
        assert why in several([run, other])
        assert "alarm" not in re.findall(r'class="(\w+)" role="note"', several([run, run]))


@pytest.mark.parametrize("what", ["version", "views"])
def test_another_version_or_other_views_are_refused(run: Run, tmp_path: Path, what: str) -> None:
    game = run.head.games[0]
    sitting = game.operators[0]
    fewer = msgspec.structs.replace(sitting, views=msgspec.structs.replace(sitting.views, image=None))
    changed = {
        "version": msgspec.structs.replace(game, version=game.version + 1),
        "views": msgspec.structs.replace(game, operators=(fewer, *game.operators[1:])),
    }[what]
    other = Run(run.folder)
    other.head = msgspec.structs.replace(run.head, games=(changed,))
    with pytest.raises(InputError, match="has version" if what == "version" else "was given image"):
        several([run, other])


def test_several_runs_need_a_place_for_their_page(run: Run) -> None:
    with pytest.raises(InputError, match="--out FILE"):
        write_report([run, run])
