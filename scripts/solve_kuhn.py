"""Make arena_games/kuhn/equilibrium.json: Kuhn poker for two (exact, Kuhn 1950) and for three (CFR+ in OpenSpiel).

    python scripts/solve_kuhn.py [--iterations 20000]

For two it is the equilibrium that bets most: the king always, the jack one time in three. The file says how much all
players together could gain by deviating alone (NashConv, chips a hand). No randomness: equal runs give equal files.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pyspiel

from arena_games.cards.ranks import RANKS

TARGET = Path(__file__).parent.parent / "arena_games" / "kuhn" / "equilibrium.json"
TWO = {  # the probability of a bet; OpenSpiel's names: card, then every action
    "0": 1 / 3, "1": 0, "2": 1,
    "0p": 1 / 3, "1p": 0, "2p": 1,
    "0b": 0, "1b": 1 / 3, "2b": 1,
    "0pb": 0, "1pb": 2 / 3, "2pb": 1,
}  # fmt: skip


def solved(seats: int, iterations: int) -> tuple[dict[str, list[float]], float]:
    """The strategy by information, rounded as shipped, and its NashConv."""
    engine = pyspiel.load_game(f"kuhn_poker(players={seats})")
    if seats == 2:
        bets = dict(TWO)
    else:
        solver = pyspiel.CFRPlusSolver(engine)
        for _ in range(iterations):
            solver.evaluate_and_update_policy()
        bets = {name: dict(row)[1] for name, row in solver.tabular_average_policy().policy_table().items()}
    rows = {name: [round(1 - bet, 5), round(bet, 5)] for name, bet in sorted(bets.items())}
    shipped = pyspiel.TabularPolicy({name: list(enumerate(row)) for name, row in rows.items()})
    return {f"{RANKS[int(name[0])]} {name[1:]}": row for name, row in rows.items()}, pyspiel.nash_conv(engine, shipped)


def main(iterations: int) -> None:
    both = {seats: solved(seats, iterations) for seats in (2, 3)}
    about = {
        "made by": "scripts/solve_kuhn.py",
        "method": f"2 seats: exact; 3 seats: CFR+, {iterations} iterations, OpenSpiel",
        "actions": ["pass", "bet"],
        "NashConv (chips a hand)": {str(seats): round(gap, 6) for seats, (_, gap) in both.items()},
    }
    parts = []
    for seats, (policy, _) in both.items():
        rows = ",\n".join(f"  {json.dumps(at)}: {json.dumps(row)}" for at, row in policy.items())
        parts.append(f'"{seats}": {{\n{rows}\n}}')
    text = f'{{"about": {json.dumps(about)},\n"policy": {{{", ".join(parts)}}}}}\n'
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET}: NashConv {about['NashConv (chips a hand)']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=20000)
    main(parser.parse_args().iterations)
