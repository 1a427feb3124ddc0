"""The Tool contract: one function that an operator's model may call before it answers.

A tool is a plain function: its annotated parameters are its arguments, its docstring is what the model is told, and it
returns a text, a picture, or both. One parameter may be a ToolContext: what the seat knows in this turn. A ValueError
is told to the model, and costs the call. Anything else that it raises is its own fault, and the turn's fault `crashed`.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from arena.canonical import hash_array, key
from arena.errors import InputError
from arena.files import BROKEN
from arena.game import Image
from arena.operator import ToolCall

MOST_TEXT = 4000  # characters of a result or an error; the rest is cut off
MOST_EDGE = 4096  # pixels of a picture
MOST_ARGUMENTS = 4000  # characters
CUT = " ... (cut off)"
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know besides its arguments: what its seat knows, and no more."""

    picture: Image | None = None  # what the seat sees in this turn, uint8 (height, width, 3), read-only
    text: str | None = None  # its text view
    notes: list[str] = field(default_factory=list)  # the seat's in this match, oldest first; a tool may change them
    key: bytes = bytes(16)  # the chance of this call


def repeatable(function: Function) -> Function:
    """Marks a tool whose result follows from its arguments and its context: `arena verify` calls it again."""
    function.repeatable = True  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call."""

    call: ToolCall  # as it is recorded
    picture: Image | None = None
    failed: bool = False  # the tool is broken: the error is its fault, not the model's


@dataclass(frozen=True)
class Tool:
    """A tool, ready to be called."""

    name: str
    function: Callable[..., Any]
    description: str  # the docstring
    parameters: type[msgspec.Struct]
    context: str | None  # the parameter that is given the ToolContext
    sees: bool  # it returns a picture: for models that see
    repeatable: bool

    @property
    def file(self) -> Path:
        """The file that defines it."""
        return Path(inspect.getfile(self.function))

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        (_,), definitions = msgspec.json.schema_components((self.parameters,), ref_template="#/$defs/{name}")
        own: dict[str, Any] = definitions.pop(self.parameters.__name__)
        return {**own, "$defs": definitions} if definitions else own

    def call(self, arguments: str, context: ToolContext) -> Called:
        """What comes of a call with these arguments (JSON)."""
        arguments = _plain(arguments, MOST_ARGUMENTS)  # as it is recorded, so that it can be made again
        asked = ToolCall(tool=self.name, arguments=arguments)
        try:
            given = self._decoded(arguments)
            if self.context is not None:
                given[self.context] = context
            text, picture = _result(self.function(**given))
        except ValueError as error:
            return Called(msgspec.structs.replace(asked, error=_plain(str(error) or "refused, without a reason")))
        except BROKEN as error:
            why = _plain(f"the tool {self.name} failed: {type(error).__name__}: {error}")
            return Called(msgspec.structs.replace(asked, error=why), failed=True)
        hashed = None if picture is None else hash_array(picture)
        return Called(msgspec.structs.replace(asked, text=text, picture=hashed), picture)

    def _decoded(self, arguments: str) -> dict[str, Any]:
        """ValueError, in words for the model, unless they are of its schema."""
        if len(arguments) > MOST_ARGUMENTS:
            raise ValueError(f"too long: arguments may have {MOST_ARGUMENTS} characters")
        try:
            given = msgspec.json.decode(arguments.encode() if arguments.strip() else b"{}", type=self.parameters)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            raise ValueError(f"no arguments of {self.name}: {error}. It takes {self.told()}") from None
        return {name: getattr(given, name) for name in given.__struct_fields__}

    def told(self) -> str:
        """Its arguments as a model is told them: one line of JSON Schema."""
        rest = {name: part for name, part in self.schema.items() if name in ("properties", "$defs")}
        only = rest.get("properties", {}) if "$defs" not in rest else rest
        return msgspec.json.encode(only).decode()


def tool_of(function: object, name: str = "") -> Tool:
    """The tool that a function is. InputError, in words for its author, if it is none."""
    called = name or getattr(function, "__name__", "")
    if not inspect.isfunction(function):
        raise InputError(f"tool {called!r} is {function!r}; expected a plain function")
    where = f"tool {called!r}"
    description = inspect.getdoc(function) or ""
    if not description.strip():
        raise InputError(f"{where} has no docstring: write what it does, for the model")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except BROKEN as error:
        raise InputError(f"{where}: its annotations cannot be read: {type(error).__name__}: {error}") from error
    fields: list[Any] = []
    context = None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InputError(f"{where}: the parameter {parameter} has no name of its own; expected plain parameters")
        if parameter.name not in hints:
            raise InputError(f"{where}: the parameter {parameter.name!r} has no type; annotate it, e.g. `text: str`")
        if hints[parameter.name] is ToolContext:
            context = parameter.name
        elif parameter.default is parameter.empty:
            fields.append((parameter.name, hints[parameter.name]))
        else:
            fields.append((parameter.name, hints[parameter.name], parameter.default))
    if "return" not in hints:
        raise InputError(f"{where} does not say what it returns; expected `-> str`, `-> Image` or a tuple of both")
    try:
        parameters = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
        made = Tool(
            name=called,
            function=function,
            description=description,
            parameters=parameters,
            context=context,
            sees=hints["return"] is not str,
            repeatable=getattr(function, "repeatable", False),
        )
        made.told()
        msgspec.json.Decoder(parameters)
    except BROKEN as error:
        raise InputError(f"{where}: its parameters have no JSON Schema: {type(error).__name__}: {error}") from error
    return made


def call_key(turn_key: bytes, number: int) -> bytes:
    """The chance of a turn's call; `number` from 0."""
    return key("tool", turn_key, number)


def _result(given: Any) -> tuple[str | None, Image | None]:
    """(text, picture) of what a tool returned. TypeError if it is none of them."""
    text, picture = given if isinstance(given, tuple) and len(given) == 2 else (None, given)
    if isinstance(picture, str) and text is None:
        return _plain(picture), None
    right = isinstance(picture, np.ndarray) and picture.dtype == np.uint8
    right = right and picture.ndim == 3 and picture.shape[2] == 3 and min(picture.shape[:2]) > 0
    if not right or max(picture.shape[:2]) > MOST_EDGE or not isinstance(text, str | None):
        found = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise TypeError(
            f"it returned {found}; expected a str, a picture of uint8 (height, width, 3) up to {MOST_EDGE} pixels, or "
            "(str, picture)"
        )
    return None if text is None else _plain(text), np.ascontiguousarray(picture)


def _plain(text: str, most: int = MOST_TEXT) -> str:
    """The text as it can be sent and recorded: whole characters, and not too many."""
    whole = text.encode("utf-8", "replace").decode()
    return whole if len(whole) <= most else whole[:most] + CUT
