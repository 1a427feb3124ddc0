"""Answers that are one of a list: how servers are told the list, and what they answer.

vLLM takes the list itself. Of the others each takes something else that comes to the same, and most pass over what they
do not know, so a probe tries one after another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

FIELD = "answer"  # of the object that a JSON schema describes: OpenAI takes no schema of a bare string


def _choice(choices: Sequence[str]) -> Any:
    return {"choice": list(choices)}


def _grammar(choices: Sequence[str]) -> Any:
    return "root ::= " + " | ".join(msgspec.json.encode(one).decode() for one in choices)


def _regex(choices: Sequence[str]) -> Any:
    return "(" + "|".join(re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", one) for one in choices) + ")"


def _schema(choices: Sequence[str]) -> Any:
    schema = {
        "type": "object",
        "properties": {FIELD: {"type": "string", "enum": list(choices)}},
        "required": [FIELD],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": FIELD, "strict": True, "schema": schema}}


# By the field of a request, what it holds. In order: vLLM; llama.cpp; SGLang; Ollama, LM Studio and hosted models.
WAYS: dict[str, Callable[[Sequence[str]], Any]] = {
    "structured_outputs": _choice,
    "grammar": _grammar,
    "regex": _regex,
    "response_format": _schema,
}


def chosen(text: str, choices: Sequence[str]) -> str | None:
    """Which of the choices `text` is, alone or in the object of a JSON schema; None where it is none of them."""
    if (bare := text.strip()) in choices:
        return bare
    try:
        found = msgspec.json.decode(text, type=dict[str, str]).get(FIELD)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if found in choices else None
