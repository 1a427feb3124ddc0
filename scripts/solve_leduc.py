"""Make arena_games/leduc/equilibrium.json: Leduc poker for two, solved with CFR+ in OpenSpiel.

    python scripts/solve_leduc.py [--iterations 3000]

Suits do not matter in Leduc, so the strategy is kept by rank: the two suits' strategies, averaged. The file says how
exploitable it is as shipped (rounded and averaged), in chips a hand. No randomness: equal runs give equal files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pyspiel

from arena_games.cards.ranks import RANKS
from arena_games.leduc.teacher import information

TARGET = Path(__file__).parent.parent / "arena_games" / "leduc" / "equilibrium.json"


def decisions(state: pyspiel.State) -> Iterator[pyspiel.State]:
    """Every state below `state` in which a player decides."""
    if state.is_terminal():
        return
    if not state.is_chance_node():
        yield state
    for action in state.legal_actions():
        yield from decisions(state.child(action))


def where(state: pyspiel.State) -> str:
    """The key of the decision `state` in the strategy table."""
    cards: list[int] = []
    rounds: list[list[int]] = [[], []]
    for item in state.full_history():
        if item.player < 0:
            cards.append(item.action)
        else:
            rounds[len(cards) > 2].append(item.action)
    ranks = [RANKS[card // 2] for card in cards]
    return information(ranks[state.current_player()], ranks[2] if len(ranks) > 2 else "", rounds)


def main(iterations: int) -> None:
    engine = pyspiel.load_game("leduc_poker(players=2)")
    solver = pyspiel.CFRPlusSolver(engine)
    for _ in range(iterations):
        solver.evaluate_and_update_policy()
    solved = solver.tabular_average_policy().policy_table()
    keys: dict[str, str] = {}  # OpenSpiel's information state to ours
    for state in decisions(engine.new_initial_state()):
        keys[state.information_state_string()] = where(state)
    sums: dict[str, list[float]] = {}
    for name, entries in sorted(solved.items()):
        weights = sums.setdefault(keys[name], [0.0, 0.0, 0.0])
        for action, probability in entries:
            weights[action] += probability
    policy = {at: [round(weight / sum(row), 4) for weight in row] for at, row in sorted(sums.items())}
    shipped = pyspiel.TabularPolicy(
        {
            name: [(action, policy[keys[name]][action] / sum(policy[keys[name]])) for action, _ in entries]
            for name, entries in solved.items()
        }
    )
    exploitability = pyspiel.exploitability(engine, shipped)
    about = {
        "made by": "scripts/solve_leduc.py",
        "method": f"CFR+, {iterations} iterations, OpenSpiel",
        "actions": ["fold", "call", "raise"],
        "exploitability (chips a hand)": round(exploitability, 6),
    }
    rows = ",\n".join(f"  {json.dumps(at)}: {json.dumps(row)}" for at, row in policy.items())
    TARGET.write_text(f'{{"about": {json.dumps(about)},\n"policy": {{"2": {{\n{rows}\n}}}}}}\n', encoding="utf-8")
    print(f"{TARGET}: {len(policy)} decisions, exploitability {exploitability:.6f} chips a hand")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=3000)
    main(parser.parse_args().iterations)
