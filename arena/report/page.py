"""report.html: one page that holds all it needs, and fetches nothing.

Scores are those of results.json. Of a run without one (it stopped) they are computed from the log, and the page says
so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

import arena
from arena.analysis.kept import usable_analysis
from arena.analysis.outcomes import Outcomes
from arena.analysis.summary import Analysis
from arena.errors import InputError, RecordError
from arena.evaluate.table import ScoreTable
from arena.figures import plural
from arena.record.disk import Disk, in_use
from arena.record.given import titles
from arena.record.measured import bare, usable_measures
from arena.record.reader import Run
from arena.report import sections
from arena.report.audited import audited
from arena.report.behaved import behaved
from arena.report.better import better
from arena.report.compare import comparison
from arena.report.html import Html, said, section, tag
from arena.report.lucky import lucky
from arena.report.measured import measured
from arena.report.meetings import meetings
from arena.report.ranked import ranked
from arena.report.reading import Known, read_run
from arena.report.replays import Caps, Replays, data_elements
from arena.report.reproduce import reproduce

SCRIPTS = ("viewer/list.js", "viewer/source.js", "viewer/moment.js", "viewer/viewer.js", "page.js")
STYLES = ("page.css", "viewer/viewer.css")
# Nothing can be fetched, whatever stands in a run.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' "
    "rx='4' fill='%231f6b4a'/%3E%3Cpath d='M8 3l4 5-4 5-4-5z' fill='%23f1d58a'/%3E%3C/svg%3E"
)


def write_report(
    runs: Sequence[Run],
    out: Path | None = None,
    *,
    caps: Caps | None = None,
    trust: bool = False,
    times: bool = True,
    known: Known | None = None,
) -> Path:
    """Writes the page of a run, or of several that are compared. Returns its path: `out`, or report.html in the run.

    caps: how much of the matches it shows. times: with what differs between equal runs (seconds, tokens a second).
    trust: as in verify, for the matches that are shown. known: of a single run, if its log was read just now for a
    page: then `caps` and `trust` were said there.

    InputError for several runs that cannot be compared, and without `out` for several. RecordError for a damaged run.
    """
    if len(runs) == 1:
        path = out or runs[0].folder / "report.html"
        text = one_run(runs[0], caps, trust=trust, times=times, known=known)
    elif out is None:
        raise InputError("several runs are compared in a file of their own: say where with --out FILE")
    else:
        path, text = out, several(runs)
    try:
        Disk().replace(path, text.encode())
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror or error}. --out FILE names another") from error
    return path


def one_run(
    run: Run, caps: Caps | None = None, *, trust: bool = False, times: bool = True, known: Known | None = None
) -> str:
    """The page of a run, as HTML."""
    if known is None or known.replays is None:
        known = read_run(run, caps=caps or Caps(), trust=trust)
    replays = known.replays or Replays()
    tables: Sequence[ScoreTable] = known.tables
    outcomes = known.facts.outcomes
    wrong = list[str]()
    try:
        recorded = run.recorded_tables()
    except RecordError as error:
        recorded = None
        wrong.append(f"{error}. The scores here are computed from the log.")
    if recorded is None:
        tables, unmeasured = usable_measures(run, tables, trust=trust)
        wrong += [unmeasured] if unmeasured is not None else []
    analysis, why = usable_analysis(run, outcomes)
    facts, lost = run.usable_facts()
    wrong += [sentence for sentence in (why, lost) if sentence is not None]
    took, shown = known.times, {match.match for match in replays.matches}
    parts = [
        *_state(run, tables, recorded, wrong),
        sections.scores(run, recorded or tables),
        measured(recorded or tables),
        ranked(analysis),
        better(analysis),
        lucky(analysis),
        *_meetings(run, outcomes, analysis),
        sections.faults(known.facts, recorded or tables, shown),
        audited(run, known.facts, shown),
        *([sections.models(run, took), sections.voids(took)] if times else []),
        behaved(known.behaviour, replays.actions, times=times),
        sections.operators(run, facts),
        _viewer(replays),
        reproduce(run),
    ]
    name = run.folder.resolve().name
    played = sum(table.matches for table in tables)
    games, pool = ", ".join(titles(run.head.games)), ", ".join(run.operators)
    lead = f"{plural(played, 'match', 'matches')} of {games} · {pool} · seed {run.head.plan.seed}"
    return page_of(name, lead, parts, data_elements(replays) if replays.matches else ())


def _meetings(run: Run, outcomes: Outcomes, analysis: Analysis | None) -> list[Html]:
    """The head-to-head, unless an analysis was to have no differences."""
    if analysis is not None and "differences" not in analysis.metrics:
        return []
    return [meetings(outcomes, run.head.plan.twins)]


def several(runs: Sequence[Run]) -> str:
    """The page that compares runs, as HTML. InputError where they cannot be compared."""
    names = ", ".join(run.folder.resolve().name for run in runs)
    return page_of("Runs compared", names, comparison(runs))


def _state(
    run: Run, tables: Sequence[ScoreTable], recorded: Sequence[ScoreTable] | None, wrong: Sequence[str]
) -> list[Html]:
    """What is wrong with the run, or not yet done; `wrong`: with its files."""
    played = sum(table.matches for table in tables)
    planned = "" if run.head.count is None else f" of {run.head.count}"
    out = [*wrong]
    if not played:
        out.append("No match of this run is over: there is nothing to report yet.")
    if in_use(run.folder):
        out.append(f"This run is being played: {played}{planned} matches are over.")
    elif not run.ended:
        out.append(
            f"This run stopped after {played}{planned} matches, so it has no results.json: the scores here are "
            "computed from its log, of what was played."
        )
    elif recorded is not None and bare(recorded) != bare(tables):
        out.append("results.json is not what the log gives: `arena verify` says what differs. Shown is results.json.")
    if run.head.part is not None:
        first, end = run.head.part
        out.append(f"This is one part of a run, matches {first} to {end - 1}: `arena merge` puts the parts together.")
    return [tag("p", sentence, class_="alarm", role="note") for sentence in out]


def _viewer(replays: Replays) -> Html:
    if not replays.matches:
        notes = [tag("p", note, class_="note") for note in replays.notes]
        return section("Matches", "replays", *(notes or [tag("p", "There is no match to show.")]))
    without = tag(
        "noscript", tag("p", "Matches are shown by JavaScript, which is off. All else stands here without it.")
    )
    return section("Matches", "replays", tag("div", id="viewer"), without)


def page_of(title: str, lead: str, parts: Iterable[Html], data: Iterable[str] = ()) -> str:
    """A whole page: its title, a line below, its sections, and the elements that hold the data of a viewer."""
    body = "".join(parts)
    links = re.findall(r'<section id="([a-z-]+)"[^>]*><h2[^>]*>([^<]*)</h2>', body)
    nav = tag("nav", tag("ul", *(tag("li", tag("a", Html(text), href=f"#{name}")) for name, text in links)))
    theme = tag("button", "Light or dark", id="theme", type="button", hidden="")
    top = tag("div", tag("div", tag("h1", title), tag("p", lead, class_="lead")), theme, class_="top")
    footer = f"Made by agent-arena {arena.__version__}. This page is one file and fetches nothing."
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="color-scheme" content="light dark">',
            f'<title>{said(title)} · agent-arena</title><link rel="icon" href="{ICON}">',
            f"<style>{style()}</style></head><body>",
            tag("header", top, nav),
            f"<main>{body}</main>",
            tag("footer", footer),
            *data,
            f'<script type="module">{script()}</script></body></html>\n',
        ]
    )


def style() -> str:
    """The style sheets of a page, as one."""
    return "\n".join(_read(name) for name in STYLES)


def script() -> str:
    """The modules of a page, as one: a page that is opened from a disk cannot import."""
    whole = "\n".join(_read(name) for name in SCRIPTS)
    return re.sub(r"^export ", "", re.sub(r"^import .*\n", "", whole, flags=re.M), flags=re.M)


def _read(name: str) -> str:
    return resources.files("arena.report").joinpath(name).read_text(encoding="utf-8")
