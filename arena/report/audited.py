"""The audit of a run (arena/analysis/audit.py) as a section of its page."""

from __future__ import annotations

import html
import re
from collections.abc import Container, Iterable

from arena import commands
from arena.analysis.audit import audit
from arena.analysis.audit_facts import Answer, Facts, Finding
from arena.errors import MissingExtraError
from arena.figures import plural
from arena.record.reader import Run
from arena.report.html import Html, said, section, tag

PLACE = re.compile(r"match (\d+), tick (\d+)(?:, seat \d+)?")
INTRODUCTION = (
    "What a reviewer would ask, answered from the log. “Look” marks what misleads a reader who does not know it."
)


def audited(run: Run, facts: Facts, shown: Container[int]) -> Html:
    """All questions with their answers; places in matches that are `shown` are links."""
    try:
        found = audit(run, facts)
    except MissingExtraError as error:
        return section("Audit", "audit", tag("p", f"This run was not audited here: {error}"))
    warnings = len(found.warnings)
    outcome = f"{plural(warnings, 'thing')} to look at." if warnings else "Nothing to look at."
    items = [tag("li", *_answer(answer, shown)) for answer in found.answers]
    return section("Audit", "audit", tag("p", f"{INTRODUCTION} {outcome}"), tag("ul", *items, class_="audit"))


def _answer(answer: Answer, shown: Container[int]) -> Iterable[Html]:
    # A command of this machine's arena is `arena` on a page that others read.
    told = answer.answer.replace(f"{commands.arena()} ", "arena ")
    yield tag("strong", answer.question)
    yield Html(f" {'' if answer.known else 'Cannot be told: '}{said(told)}.")
    if answer.findings:
        yield tag("ul", *(_finding(finding, shown) for finding in answer.findings))


def _finding(finding: Finding, shown: Container[int]) -> Html:
    mark = [tag("strong", "Look: ", class_="look")] if finding.warning else []
    places = [tag("li", _linked(place, shown)) for place in finding.evidence]
    text = f"{finding.text} {finding.advice}".rstrip()
    return tag("li", *mark, text, *([tag("ul", *places)] if places else []))


def _linked(place: str, shown: Container[int]) -> Html:
    """A place of the log, as a link to it where the page has it."""
    found = PLACE.search(place)
    if found is None or int(found[1]) not in shown:
        return said(place)
    link = f'<a href="#match={found[1]}&amp;tick={found[2]}">{html.escape(found[0])}</a>'
    return Html(f"{said(place[: found.start()])}{link}{said(place[found.end() :])}")
