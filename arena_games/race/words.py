"""The race in words: the text view and the events."""

from __future__ import annotations

from collections.abc import Mapping

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
