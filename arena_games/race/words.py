"""The race in words: rules, prompts, facts and the text view."""

from __future__ import annotations

from collections.abc import Mapping

RULES = """\
A race of two runners through one platform level, seen from the side. Run to the right and be at the flag first. \
You see yourself in orange, the other runner in blue. Each decision holds its buttons for {frames}. Jumps are higher \
the longer jump is held; to jump again, let go of jump for one decision once you stand. Who falls into a pit or \
touches an enemy from the side is away for a second and comes back a few tiles behind. Jump onto enemies to be rid of \
them, and onto the other runner's head to stun it for a moment. The first at the flag wins (+1, the other -1); after \
{horizon} decisions the one who got further wins."""
FULL = """\
{rules}

You see the level as it is now. {{text}}

Choose one of: {{legal}}. Think briefly about what is ahead, then end with a line "Answer: ACTION"."""
SHORT = "race. x {x}, last {last}, moved {moved}. legal: {legal}"
STATES = {"running": "", "stunned": "You are stunned.", "away": "You are out for a moment."}


def text(lanes: str, facts: Mapping[str, str]) -> str:
    """The text view: that of a lane, and where the other runner is."""
    lead = int(facts["other"])
    where = f"{abs(lead)} tiles {'ahead of' if lead > 0 else 'behind'} you" if lead else "beside you"
    other = {"running": "", "stunned": ", stunned", "away": ", out for a moment"}[facts["other_state"]]
    own = STATES[facts["state"]]
    return "\n".join([lanes, f"The other runner is {where}{other}.", *([own] if own else [])])


def event(seat: int, x: int, state: str, gain: int) -> str:
    """The event of a decision."""
    return f"runner {seat}: x {x}" + (f" ({gain:+d})" if gain else "") + ("" if state == "running" else f", {state}")
