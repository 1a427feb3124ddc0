"""Tools within a turn: the model writes a call, is told the result, and so on until it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from arena.canonical import key
from arena.errors import nearest
from arena.operator import Decision, Request, ToolCall, Usage
from arena.prompts import MARK
from arena.talk import quoted_text
from arena.text import unmarked
from arena.tool import Tool, ToolContext, call_key
from arena_operators.vlm.backend import Message, ModelAnswer, Picture
from arena_operators.vlm.prompt import reasoning

CALL = "Tool:"
_CALL = re.compile(rf"^[ \t]*{CALL}[ \t]*([^\s{{]*)[ \t]*(.*?)[ \t]*$", re.MULTILINE)
ABOUT = """Before you answer you may use tools, at most {most} in this turn. To use one, write one line and end there:
{call} NAME ARGUMENTS
The arguments are one JSON object. You are told the result; then use another tool, or answer as you are asked to below.
The tools, with their arguments as JSON Schema:
{tools}
"""
LAST = "That was the last tool of this turn: answer now, as you were asked to."


class ToolUse:
    """The tools of one turn."""

    def __init__(
        self, tools: Mapping[str, Tool], most: int, notes: Sequence[str], request: Request, turn_key: bytes
    ) -> None:
        """`most`: calls in this turn; `notes`: the seat's, which are not changed here."""
        self.notes = list(notes)
        self._tools = tools
        self._most = most if tools else 0
        self._request = request
        self._turn_key = turn_key
        self._said: list[Message] = []
        self._calls: list[ToolCall] = []
        self._written: list[str] = []
        self._thoughts: list[str] = []
        self._usage: list[Usage] = []  # of each text
        self._broken: str | None = None

    @property
    def key(self) -> bytes:
        """The chance of the next text that the model writes. The first has the turn's, as without tools."""
        return key("piece", self._turn_key, len(self._calls)) if self._calls else self._turn_key

    def after(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """What the model is asked: these messages with the tools told first, and what was said in this turn."""
        if not self._tools:
            return tuple(messages)
        lines = [f"- {tool.name} {tool.told()}: {' '.join(tool.description.split())}" for tool in self._tools.values()]
        about = ABOUT.format(most=self._most, call=CALL, tools="\n".join(lines))
        return Message(messages[0].role, (about, *messages[0].parts)), *messages[1:], *self._said

    def takes(self, answer: ModelAnswer) -> bool:
        """Whether the answer was a call, which is made now: the model is to be asked again."""
        _, text = reasoning(answer.text)
        found = None if answer.refusal is not None else _call_in(text, answer.finish)
        if found is None or len(self._calls) >= self._most:
            return False
        upto = unmarked(text[: found.end()].strip())  # it may hold what others said
        inner = [part for part in (answer.thought, reasoning(answer.text)[0], text[: found.start()].strip()) if part]
        self._thoughts += inner
        self._written.append(answer.text)
        self._usage.append(answer.usage)
        told = self._call(found[1], found[2])
        if self._broken is not None:
            return False
        self._said += [Message("assistant", (unmarked(upto) + "\n",)), Message("user", told)]
        return True

    def _call(self, name: str, arguments: str) -> tuple[str | Picture, ...]:
        """Make a call. Returns what the model is told."""
        tool = self._tools.get(name)
        picture = None
        if tool is None:
            shown = name.encode("utf-8", "replace").decode()[:100]
            call = ToolCall(tool=shown, error=f"no tool is called {shown!r}. {nearest(name, self._tools)}")
        else:
            seen = self._request.observation
            chance = call_key(self._turn_key, len(self._calls))
            called = tool.call(arguments, ToolContext(seen.image, seen.text, self.notes, chance))
            call, picture = called.call, called.picture
            if called.failed:
                self._broken = call.error
        self._calls.append(call)
        parts: list[str | Picture] = [] if picture is None else [Picture(picture)]
        if call.error is not None:
            parts.append(f"{'The call' if tool is None else tool.name} gave an error: {quoted_text(call.error)}")
        elif call.text is not None:
            parts.append(f"{call.tool} gave: {quoted_text(call.text)}")
        else:
            parts.append(f"{call.tool} gave this picture.")
        if len(self._calls) >= self._most:
            parts.append(f"\n{LAST}")
        return tuple(parts)

    def decided(self, last: Decision) -> Decision:
        """The turn's decision, of that of its last text: with the calls, what was written and thought, and all usage.

        Token ids stay those of the last text.
        """
        if not self._calls:
            return last
        changed: dict[str, object] = {"calls": tuple(self._calls)}
        if self._broken is not None:  # the last text is the call that ended the turn, and is counted
            changed |= {"answer": None, "say": None, "fault": "crashed", "detail": self._broken}
            written, thoughts, used = self._written, self._thoughts, self._usage
        else:
            written = [*self._written, last.raw or ""]
            thoughts = [*self._thoughts, last.thought or ""]
            used = [*self._usage, last.usage or Usage()]
            if last.fault is None and MARK not in (last.raw or "") and _CALL.search(last.raw or ""):
                detail = f"it asks for a tool after the last of its {self._most} calls (@tool_calls=)"
                changed |= {"answer": None, "say": None, "fault": "unparsable", "detail": detail}
        changed |= {
            "raw": "\n".join(written),
            "thought": "\n".join(filter(None, thoughts)) or None,
            "usage": sum(used[1:], used[0]),
        }
        return msgspec.structs.replace(last, **changed)


def _call_in(text: str, finish: str) -> re.Match[str] | None:
    """The first call in a text, unless an answer stands before it, or it may be cut off."""
    found = _CALL.search(text)
    if found is None or MARK in text[: found.start()]:
        return None
    return None if finish in ("length", "content_filter") and not text[found.end() :] else found
