"""Reads what a file declares, an evaluation or a training: a Python script, or TOML."""

from __future__ import annotations

import contextlib
import inspect
import shlex
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from arena import files, names, settings
from arena.errors import InputError, nearest

T = TypeVar("T")


def load(path: Path, kind: type[T]) -> T:
    """The `kind` that a file declares. InputError, in words, where it declares none, several, or a wrong one."""
    if path.suffix == ".toml":
        return of_fields(_toml(path), kind, str(path))
    if path.suffix != ".py":
        raise InputError(f"{path}: expected a Python script (.py) or TOML (.toml)")
    found = inspect.getmembers(files.module(path), lambda value: isinstance(value, kind))
    if len(found) != 1:
        many = f"declares {', '.join(name for name, _ in found)}" if found else "declares none"
        word = kind.__name__
        raise InputError(f"{path} {many}: expected one, e.g. {word.upper()} = {word}({_first(kind)}=...)")
    name, declared = found[0]
    return of_fields(msgspec.to_builtins(declared), kind, f"{path}, {name}")  # Python checks no types


def changed(declared: T, changes: Iterable[str]) -> T:
    """With fields changed as by `--set key=value`; keys of a part are `limits.deadline`."""
    kind, given = type(declared), list(changes)
    fields = msgspec.to_builtins(declared)
    for setting in given:
        said = f"--set {names.hidden(setting)}"
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"{said}: expected key=value, e.g. --set {names.hidden(_example(key, fields, kind))}")
        *path, last = key.split(".")
        where, known = fields, kind
        for part in path:
            _check_setting(part, known, key, kind, said)
            known = get_type_hints(known)[part]
            if not isinstance(where[part], dict):
                raise InputError(f"{said}: {part} has no settings of its own")
            where = where[part]
        _check_setting(last, known, key, kind, said)
        wanted = get_type_hints(known)[last]
        if settings.is_part(wanted):
            raise InputError(f"{said}: {key} has settings of its own: {', '.join(settings.keys(wanted, f'{key}.'))}")
        where[last] = _value(value, wanted)
        try:
            msgspec.convert(where[last], wanted)
        except msgspec.ValidationError as error:
            raise InputError(f"{said}: {settings.wrong_value(str(error), where[last], wanted)}") from error
    return of_fields(fields, kind, " ".join(f"--set {names.hidden(setting)}" for setting in given))


def of_fields(fields: Mapping[str, Any], kind: type[T], where: str) -> T:
    """From plain data; `where` it stands is said in an InputError."""
    _check_keys(fields, kind, where)
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {settings.wrong_value(str(error), fields, kind)}") from error


def _example(given: str, fields: Mapping[str, Any], kind: type) -> str:
    """A setting as it is, for `--set`: the one that was typed, or the nearest, or else the first number."""
    values: dict[str, Any] = {}
    for key in settings.keys(kind):
        value: Any = fields
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        values[key] = value
    numbers = [key for key, value in values.items() if isinstance(value, (int, float)) and not isinstance(value, bool)]
    within = [key for key in numbers if key.startswith(f"{given}.")]
    key = given if given in values else next(iter([*within, *settings.near_keys(given, kind), *numbers, *values]))
    text = values[key]
    if isinstance(text, bool):
        text = str(text).lower()
    return f"{key}={text if isinstance(text, (int, float, str)) and text != '' else 'VALUE'}"


def _first(kind: type) -> str:
    return next(iter(get_type_hints(kind)))


def _toml(path: Path) -> dict[str, Any]:
    try:
        found = msgspec.toml.decode(path.read_bytes())
    except OSError as error:
        raise files.unreadable(path, error) from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    assert isinstance(found, dict)
    return found


def _check_keys(fields: Mapping[str, Any], known: Any, where: str) -> None:
    for key, value in fields.items():
        _check_key(key, known, where)
        part = get_type_hints(known)[key]
        if isinstance(value, Mapping) and isinstance(part, type):
            _check_keys(value, part, f"{where}, {key}")


def _check_setting(part: str, known: Any, key: str, kind: type, said: str) -> None:
    """A wrong key of `--set`: what was meant may stand in another part."""
    fields = get_type_hints(known) if isinstance(known, type) else {}
    if get_origin(known) is Mapping:
        table, _, _ = key.rpartition(f".{part}")
        raise InputError(
            f"{said}: {table} is a table, which is given as a whole: --set {shlex.quote(f'{table}={{{part} = 1.0}}')}"
        )
    if part not in fields:
        near = settings.nearest_key(key, kind) or nearest(part, fields)
        raise InputError(f"{said}: there is no {names.hidden(key)!r}. {near}")


def _check_key(key: str, known: Any, where: str) -> None:
    fields = get_type_hints(known) if isinstance(known, type) else {}
    if key not in fields:
        raise InputError(f"{where}: there is no {key!r}. {nearest(key, fields)}")


def _texts(text: str) -> list[Any]:
    """Several texts: `a,b` as on the command line, or a list as TOML has it, whose quotes a shell may have taken."""
    bare = text[1:-1].strip() if text.startswith("[") and text.endswith("]") else text
    with contextlib.suppress(msgspec.DecodeError):
        found: list[Any] = msgspec.toml.decode(f"value = [{bare}]")["value"]
        if all(isinstance(one, str) for one in found):
            return found
    return names.split(bare)


def _value(text: str, wanted: Any) -> Any:
    """The value of `--set`: a list, which needs no brackets and quotes, or else as TOML has it, or a text."""
    kinds = get_args(wanted) if get_origin(wanted) in (Union, types.UnionType) else (wanted,)
    lists = [get_args(kind)[0] for kind in kinds if get_origin(kind) is tuple]
    if any(one is str or get_origin(one) is Literal for one in lists):
        return _texts(text.strip())
    if text in ("none", "None") and type(None) in kinds:
        return None
    if kinds[0] is str or set(kinds) == {str, type(None)}:
        return text
    for written in (text, f"[{text}]") if lists else (text,):
        with contextlib.suppress(msgspec.DecodeError):
            found = msgspec.toml.decode(f"value = {written}")["value"]
            return [found] if kinds == (wanted,) and lists and not isinstance(found, list) else found
    return text
