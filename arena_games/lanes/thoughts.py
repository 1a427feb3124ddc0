"""The thought of a teacher of lanes: the nearest obstacle, from the facts, then the plan.

"Pit ahead, 2 tiles. Jump.", "Wall ahead, 1 tile, 2 high. In the air. Hold jump.", "The way is free. Run."
"""

from __future__ import annotations

from collections.abc import Mapping

FREE = "The way is free."
PLANS = {"stay": "Wait", "left": "Go back", "left jump": "Jump back", "jump": "Jump up"}


def ahead(facts: Mapping[str, str]) -> str:
    """The nearest obstacle to the right, e.g. "Pit ahead, 2 tiles."."""
    near = [(int(facts[what]), what) for what in ("enemy", "pit", "wall") if facts[what] != "none"]
    if not near:
        return FREE
    tiles, what = min(near)
    high = f", {facts['wall_height']} high" if what == "wall" else ""
    return f"{what.capitalize()} ahead, {tiles} tile{'s' * (tiles != 1)}{high}."


def thought(facts: Mapping[str, str], answer: str) -> str:
    """The nearest obstacle, whether the player is in the air, and the plan."""
    flying = facts["ground"] == "no"
    if answer in PLANS:
        plan = PLANS[answer]
    elif "jump" in answer:
        plan = "Hold jump" if flying else "Jump"
    else:
        plan = "Land" if flying else "Run" if "run" in answer else "Walk"
    return f"{ahead(facts)}{' In the air.' if flying else ''} {plan}."
