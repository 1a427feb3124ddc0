"""Questions of an audit about what was played: faults, answers, chance."""

from __future__ import annotations

import numpy as np

from arena import commands
from arena.analysis.audit_facts import Facts, Finding, Said, said, unknown
from arena.analysis.outcomes import Outcomes
from arena.evaluate.intervals import wilson
from arena.figures import number, plural
from arena.record.given import titles

REPEATS = 0.5  # share of matches that went as another of the same line-up: beyond it most say nothing new
CHOICES = 20  # of an operator that never chose otherwise: of two equally good actions it would have by 1 - 2^-19
FAULTY = 0.01  # of an operator's matches, lower 95% bound: with more, its score is of its faults too
OPEN = 0.01  # of the matches, unresolved: with more, the bounds of a score may matter more than its interval


def unresolved(facts: Facts) -> Said:
    findings = []
    for _, name, mine in facts.games:
        count, of = int((~mine.resolved).sum()), len(mine)
        if count:
            findings.append(
                Finding(
                    text=f"In {name}, {plural(count, 'match', 'matches')} of {of} ({count / of:.1%}) stayed "
                    f"unresolved.",
                    advice="Look at the bounds of the scores (`worst`, `best`), and at `arena show` for the reasons.",
                    warning=count / of > OPEN,
                    game=name,
                    numbers={"share": count / of},
                )
            )
    return said(findings, "every match was resolved")


def faults(facts: Facts) -> Said:
    findings = []
    for index, name, mine in facts.games:
        for slot, operator in enumerate(mine.operators):
            answers = facts.answers.get((index, operator))
            if answers is None or not answers.faults:
                continue
            sat = mine.lineup == slot
            matches, faulty = int(sat.sum()), int((sat & (mine.faults > 0)).sum())
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(answers.faults.items()))
            rows = mine.where(mine.resolved)
            here = rows.lineup == slot
            clean = here & (rows.faults == 0)
            gap = ""
            if clean.any() and here.any():
                with_all, without = float(rows.returns[here].mean()), float(rows.returns[clean].mean())
                gap = f" Its score is {number(with_all)}, and {number(without)} over matches without one."
            findings.append(
                Finding(
                    text=f"In {name}, {operator} made {plural(sum(answers.faults.values()), 'fault')} in {faulty} of "
                    f"{plural(matches, 'match', 'matches')} ({kinds}).{gap}",
                    advice="Read them first: a wrong prompt or format is no lack of skill.",
                    warning=wilson(faulty, matches)[0] > FAULTY,
                    game=name,
                    operators=(operator,),
                    evidence=tuple(
                        f"{kind}: {one.place}" for kind, found in answers.examples.items() for one in found[:2]
                    ),
                    numbers={"matches": float(matches), "faulty": float(faulty)},
                )
            )
    return said(findings, "no operator made a fault")


def varied(facts: Facts) -> Said:
    findings, looked = [], 0
    for (index, operator), answers in facts.answers.items():
        game = titles(facts.head.games)[index]
        if answers.choices < CHOICES or answers.questions < CHOICES // 2:
            continue
        looked += 1
        what = ""
        if len(answers.chosen) == 1:
            what = f"action {next(iter(answers.chosen))}"
        elif answers.choices in (answers.first, answers.last):
            what = f"the {'first' if answers.choices == answers.first else 'last'} legal action"
        if what:
            findings.append(
                Finding(
                    text=f"In {game}, {operator} chose {what} in all of {answers.choices} choices, to "
                    f"{answers.questions} "
                    "different questions.",
                    advice="See with `arena replay` whether it reads what it is shown.",
                    warning=True,
                    game=game,
                    operators=(operator,),
                )
            )
    if not looked:
        return unknown(f"nobody had {CHOICES} choices")
    return said(findings, "every operator chose now this and now that")


def repeats(facts: Facts) -> Said:
    findings, told = [], []
    for _, name, mine in facts.games:
        matches, courses, repeated = _courses(mine)
        if not matches:
            continue
        told.append(f"{name} {courses} different of {matches}")
        if courses == repeated:
            findings.append(
                Finding(
                    text=f"In {name}, all {matches} matches of equal line-ups went the same way, move by move.",
                    advice="They say no more than one match of each line-up: take operators that draw, or "
                    "another start "
                    "(seeds do nothing there).",
                    warning=True,
                    game=name,
                    numbers={"courses": float(courses), "matches": float(matches)},
                )
            )
        elif 1 - courses / matches > REPEATS:
            findings.append(
                Finding(
                    text=f"In {name}, {matches} matches of equal line-ups went {courses} different ways.",
                    advice="That is right for a game with few deals and players who do not draw; then exact "
                    "values can be "
                    "had by playing each deal once.",
                    game=name,
                    numbers={"courses": float(courses), "matches": float(matches)},
                )
            )
    if not told:
        return unknown("no line-up played twice")
    return said(findings, f"ways that matches of equal line-ups went: {', '.join(told)}")


def _courses(mine: Outcomes) -> tuple[int, int, int]:
    """Of the line-ups, seat by seat, that played twice or more: their matches, different courses, and their "
    "number."""
    rows = mine.where(mine.resolved)
    if not len(rows):
        return 0, 0, 0
    _, lineup, count = np.unique(rows.lineup, axis=0, return_inverse=True, return_counts=True)
    lineup = lineup.reshape(-1)
    twice = count[lineup] > 1
    pair = np.unique(np.stack([lineup[twice].astype(np.uint64), rows.course[twice]], axis=1), axis=0)
    return int(twice.sum()), len(pair), int((count > 1).sum())


def seeds(facts: Facts) -> Said:
    findings, told = [], []
    for index, name, mine in facts.games:
        _, first = np.unique(mine.block, return_index=True)
        blocks = len(first)
        if blocks < 2:
            continue
        starts = len(np.unique(facts.starts[facts.outcomes.game == index]))
        told.append(f"{name} {starts} of {blocks}")
        if starts > 1:
            continue
        seeded = facts.head.games[index].seeded
        findings.append(
            Finding(
                text=f"In {name}, all {blocks} blocks began in the same state, whatever their seed"
                + (", although it is declared to be seeded." if seeded else "."),
                advice="Chance that comes later is not seen by this; if matches also went equal ways, their "
                "number says "
                "nothing."
                if seeded
                else "It has no chance of its own: only operators that draw make its matches differ.",
                warning=seeded and (courses := _courses(mine))[1] == courses[2] > 0,
                game=name,
            )
        )
    for (index, operator), answers in facts.answers.items():
        head = next(one for one in facts.head.games[index].operators if one.name == operator)
        heat = head.options.get("temperature")
        if heat and answers.repeated >= CHOICES and not answers.differed:
            game = titles(facts.head.games)[index]
            findings.append(
                Finding(
                    text=f"In {game}, {operator} has temperature {heat} and answered {answers.repeated} repeated "
                    f"questions as "
                    "the first time, always.",
                    advice="It seems to be sure, or its temperature or seed does not reach it: see its prompts.",
                    game=game,
                    operators=(operator,),
                )
            )
    if not told:
        return unknown("there are fewer than two blocks")
    return said(findings, f"different first states of blocks: {', '.join(told)}")


def again(facts: Facts) -> Said:
    pool = facts.head.games[0].operators
    found = facts.rerun
    how = commands.arena("verify", "RUN", "--rerun", "100")
    if facts.no_rerun is not None:
        return unknown(f"{facts.no_rerun}. `{how}` asks anew")
    if found is None:
        several = [one.name for one in pool if one.determinism != "deterministic"]
        who = f": {', '.join(several)} may decide otherwise, by kind" if several else ""
        return unknown(f"nobody was asked again yet{who} (`{how}` asks)")
    findings = []
    for one in found.agreements:
        if one.absent is not None and not one.asked:
            text = f"{one.operator} could not be asked again: {one.absent}."
            findings.append(Finding(text=text, operators=(one.operator,)))
        elif one.same < one.asked:
            low, high = one.interval
            findings.append(
                Finding(
                    text=f"{one.operator}, {one.determinism}, decided {one.same} of {one.asked} questions as in "
                    f"the run "
                    f"({one.same / one.asked:.1%}, 95%: {low:.1%} to {high:.1%}).",
                    advice="Who plays the run again gets other matches: state this rate beside its score.",
                    warning=one.broken,
                    operators=(one.operator,),
                    evidence=tuple(one.differences),
                )
            )
    asked = sum(one.asked for one in found.agreements)
    return said(findings, f"all {plural(asked, 'question')} that were asked again were answered as in the run")
