"""Calls of tools, made again from a log: what they are given follows from the log and the re-executed game."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arena import plugins
from arena.canonical import key
from arena.errors import InputError
from arena.game import Observation
from arena.log import TurnLine
from arena.operator import ToolCall
from arena.plan import MatchPlan, operator_seed
from arena.record.head import OperatorHead
from arena.record.replay import Step
from arena.tool import Tool, ToolContext, call_key


@dataclass(frozen=True, slots=True)
class MadeAgain:
    """One recorded call."""

    turn: TurnLine
    recorded: ToolCall
    here: ToolCall | None  # None: it cannot be made again


class ToolReplay:
    """The calls of one match: those of installed tools that are repeatable are made again."""

    def __init__(self, plan: MatchPlan, seated: Sequence[OperatorHead], seed: int) -> None:
        """`seated`: the operators in seat order; `seed`: the run's."""
        self._tools = [_installed(operator) for operator in seated]
        self._seeds = [operator_seed(seed, plan, seat) for seat in range(len(seated))]
        self._notes: list[list[str]] = [[] for _ in seated]
        self._seen: dict[tuple[int, int], Observation] = {}  # by seat and tick

    def take(self, step: Step) -> Iterator[MadeAgain]:
        """The calls of a step, in order; the steps of the match come in order too."""
        for line in step.recorded:
            if isinstance(line, TurnLine):
                yield from self._turn(line)
        self._seen |= {(one.seat, one.tick): one.observation for one in step.requests}

    def _turn(self, line: TurnLine) -> Iterator[MadeAgain]:
        asked = line.tick if line.asked is None else line.asked
        seen = self._seen.get((line.seat, asked))
        for old in [at for at in self._seen if at[0] == line.seat and at[1] < asked]:
            del self._seen[old]
        chance = key("turn", self._seeds[line.seat], asked, line.attempt)  # as operator.turn_key
        for number, call in enumerate(line.calls):
            tool = self._tools[line.seat].get(call.tool)
            here = None
            if tool is not None and seen is not None:
                context = ToolContext(seen.image, seen.text, self._notes[line.seat], call_key(chance, number))
                here = tool.call(call.arguments, context).call
            yield MadeAgain(line, call, here)


def _installed(operator: OperatorHead) -> dict[str, Tool]:
    """The repeatable tools of an operator that are installed here. A file's may have been anything, and is not run."""
    named = str(operator.options.get("tools") or "").split("+") if operator.at is None else []
    out = {}
    for name in {*named} & {*plugins.names("tool")}:
        try:
            tool = plugins.tool(name)
        except InputError:  # broken here
            continue
        if tool.repeatable:
            out[name] = tool
    return out
