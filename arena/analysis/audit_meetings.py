"""Questions of an audit about the meetings: seats, circles, connections, ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arena.analysis import designs
from arena.analysis.audit_facts import MOST, Facts, Finding, Said, p_text, said, unknown
from arena.analysis.pairs import pairs
from arena.figures import number, plural

LEVEL = 0.01  # of each question that tests
TIES = 0.5  # share of pairings: beyond it most matches say nothing about who wins


def seats(facts: Facts) -> Said:
    effects = [(name, mine, designs.seat_effect(mine)) for _, name, mine in facts.games if mine.lineup.shape[1] > 1]
    if not effects:
        return unknown("no game has several seats")
    findings, smallest = [], 1.0
    known = sorted((found.p, name, mine, found) for name, mine, found in effects if found is not None)
    largest = 0.0
    for rank, (p, name, mine, found) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        smallest = min(smallest, largest)
        seat = int(np.argmax(np.abs(found.effects)))
        sat = designs.sittings(mine)
        even = bool((sat == sat[:, :1]).all())
        if largest >= LEVEL:
            continue
        text = (
            f"In {name}, seat {seat} got {number(found.effects[seat])} beside the mean of the seats, whoever sat "
            f"there (95%: "
            f"{number(found.low[seat])} to {number(found.high[seat])}, p {p_text(largest)}, {found.blocks} blocks)."
        )
        most = np.unravel_index(int(np.argmax(np.ptp(sat, axis=1))), sat.shape[:1])[0]
        advice = (
            "Every operator sat in every seat equally often, so no score depends on it."
            if even
            else f"Seats are not shared equally ({mine.operators[most]} sat {', '.join(map(str, sat[most]))} "
            f"times in seats "
            "0, 1, ...): play whole mirrored blocks, or compare ratings that take the seat into account."
        )
        numbers = {"effect": float(found.effects[seat]), "p": largest, "blocks": float(found.blocks)}
        findings.append(Finding(text=text, advice=advice, warning=not even, game=name, numbers=numbers))
    lacking = [name for name, _, found in effects if found is None]
    why = f" ({', '.join(lacking)}: fewer than {designs.FEWEST} blocks, or operators that never changed seats)"
    if not known:
        return unknown(f"seats and operators cannot be told apart{why}")
    return said(findings, f"no difference between seats (smallest p {p_text(smallest)}){why if lacking else ''}")


def cycles(facts: Facts) -> Said:
    findings, looked = [], 0
    games = facts.games
    for _, name, mine in games:
        found, triples = designs.cycles(pairs(mine), len(mine.operators), LEVEL / len(games))
        looked += triples
        for cycle in found:
            who = tuple(mine.operators[slot] for slot in cycle.operators)
            text = f"In {name}, {who[0]} beats {who[1]}, {who[1]} beats {who[2]}, and {who[2]} beats {who[0]} (p "
            f"{p_text(cycle.p)})."
            findings.append(
                Finding(
                    text=text,
                    advice="No single number ranks these three: show who beats whom (the payoff matrix) beside a "
                    "rating.",
                    warning=True,
                    game=name,
                    operators=who,
                    numbers={"p": cycle.p},
                )
            )
    if not looked:
        return unknown(f"no three operators met each other in {designs.FEWEST} blocks or more")
    return said(findings, f"no circle of three who each beat the next ({plural(looked, 'triple')})")


def twins(facts: Facts) -> Said:
    found = facts.head.plan.twins
    if found is None:
        return unknown("no operator entered twice (`arena evaluate SCRIPT --null OPERATOR`)")
    one, two = sorted(found)
    tested = []
    for _, name, mine in facts.games:
        met = pairs(mine)
        for at in np.flatnonzero(
            (met.one == one) & (met.two == two) & (met.blocks >= designs.FEWEST) & (met.error > 0)
        ):
            tested.append((designs.p_value(met, int(at)), name, float(met.difference[at]), int(met.blocks[at])))
    who = [facts.outcomes.operators[slot] for slot in found]
    if not tested:
        return unknown(f"{who[0]} and {who[1]} did not meet in {designs.FEWEST} blocks that differ")
    findings, largest = [], 0.0
    for rank, (p, name, difference, blocks) in enumerate(sorted(tested)):
        largest = max(largest, min(1.0, p * (len(tested) - rank)))
        if largest < LEVEL:
            text = f"In {name}, {who[0]} got {number(difference)} beside its twin {who[1]} ({blocks} blocks, p "
            f"{p_text(largest)})."
            findings.append(
                Finding(
                    text=text,
                    advice="They are one operator: something beside skill moves scores (what is kept from one "
                    "match to "
                    "the next, a server that treats them differently). Do not trust differences of that size.",
                    warning=True,
                    game=name,
                    operators=tuple(who),
                    numbers={"difference": difference, "p": largest},
                )
            )
    told = ", ".join(f"{name} {number(difference)}" for _, name, difference, _ in tested)
    return said(findings, f"{who[0]} and its twin {who[1]} do not differ ({told}; smallest p {p_text(min(tested)[0])})")


def connected(facts: Facts) -> Said:
    findings = []
    for _, name, mine in facts.games:
        if mine.lineup.shape[1] < 2:
            continue
        found, pool = pairs(mine), len(mine.operators)
        groups = designs.parts(found, pool, by_results=False)
        if len(groups) > 1:
            told = _groups(groups, mine.operators)
            findings.append(
                Finding(
                    text=f"In {name}, no match connects {told}.",
                    advice="Nothing compares operators of different groups: play matches between them.",
                    warning=True,
                    game=name,
                )
            )
        inner = [part for group in groups for part in designs.parts(found.of(list(group)), pool, by_results=True)]
        if len(inner) > len(groups):
            findings.append(
                Finding(
                    text=f"In {name}, {_groups(inner, mine.operators)} are separated: between any two of these "
                    f"groups one "
                    "side won every match.",
                    advice="How far their ratings are apart rests on the prior (half a block won, half a block lost): "
                    "read their intervals, and scores in the game's unit. More matches, or an operator between them in "
                    "strength, connect them.",
                    game=name,
                )
            )
        absent = [mine.operators[slot] for slot in range(pool) if not any(slot in group for group in groups)]
        if absent:
            text = f"In {name}, {', '.join(absent)} played no match that was resolved."
            findings.append(Finding(text=text, advice="Play more matches.", warning=True, game=name))
    return said(findings, "every two operators are connected by matches that went both ways, or were ties")


def _groups(groups: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    told = ["{" + ", ".join(names[slot] for slot in group) + "}" for group in groups[:MOST]]
    return " and ".join(told) + (f" and {len(groups) - MOST} more" if len(groups) > MOST else "")


def opponents(facts: Facts) -> Said:
    findings = []
    for _, name, mine in facts.games:
        pool = len(mine.operators)
        if mine.lineup.shape[1] < 2 or pool <= mine.lineup.shape[1]:
            continue
        found = pairs(mine)
        met = np.zeros((pool, pool), np.int64)
        met[found.one, found.two] = met[found.two, found.one] = found.matches
        off = met[~np.eye(pool, dtype=bool)]
        low, high = int(off.min()), int(off.max())
        if low == high:
            continue
        one, two = np.argwhere(met + np.eye(pool, dtype=np.int64) * high == low)[0]
        findings.append(
            Finding(
                text=f"In {name}, pairs met from {low} to {high} times ({mine.operators[one]} and "
                f"{mine.operators[two]}: "
                f"{low}).",
                advice="Scores are means over unequal opponents: compare ratings or pairs, or play whole rounds.",
                warning=high > 2 * max(low, 1) or low == 0,
                game=name,
            )
        )
    return said(findings, "every two operators met equally often, or all sat in every match")


def ties(facts: Facts) -> Said:
    findings, shares = [], []
    for _, name, mine in facts.games:
        if mine.lineup.shape[1] < 2:
            continue
        found = pairs(mine)
        count, ties = int(found.matches.sum()), int(found.ties.sum())
        if not count:
            continue
        shares.append(f"{name} {ties / count:.0%}")
        if ties / count > TIES:
            findings.append(
                Finding(
                    text=f"In {name}, {ties} of {count} pairings ({ties / count:.0%}) were ties.",
                    advice="Win rates rest on the rest: look at scores, or take a game or limits that decide "
                    "more often.",
                    game=name,
                    numbers={"share": ties / count},
                )
            )
    if not shares:
        return unknown("nobody met anybody")
    return said(findings, f"share of pairings that were ties: {', '.join(shares)}")
