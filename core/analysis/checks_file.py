"""Limits as one TOML file.

    max_late_pct = 0.1
    at_depth_ms = 60
    max_silence_s = 2
    loudness = "-23±3"

    [expect]
    frame_ms = 20
    channels = 1

Keys are the fields of `Limits`. A duration is a number in the unit of its key's name, or a text like ``"60ms"``.
"""

from __future__ import annotations

import difflib
import math
import tomllib
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, TypeVar

from core.analysis.limits import Expected, LimitError, Limits, Loudness, duration_ms, loudness, percentage

_T = TypeVar("_T")

MAX_FILE_BYTES: Final = 100_000
"""All checks there are take one of a hundred of it."""

_SHOWN_CHARACTERS: Final = 40


def load_limits(path: Path) -> Limits:
    """The limits in a file.

    Raises:
        LimitError: it cannot be read, or says what cannot be; one line with the file's name and the key.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise LimitError(f"{path}: larger than {MAX_FILE_BYTES} bytes; is this a file of checks?")
        text = path.read_bytes().decode()
    except OSError as error:
        raise LimitError(f"{path}: cannot be read ({error.strerror}); name a TOML file") from error
    except UnicodeDecodeError as error:
        raise LimitError(f"{path}: is not UTF-8 text; name a TOML file") from error
    return parse_limits(text, str(path))


def parse_limits(text: str, name: str) -> Limits:
    """The limits in a TOML document; ``name`` begins each complaint.

    Raises:
        LimitError: no TOML, or a key or value that cannot be.
    """
    try:
        document = tomllib.loads(text)
    except RecursionError as error:
        raise LimitError(f"{name}: nested too deeply for a file of checks") from error
    except ValueError as error:  # not only TOMLDecodeError: Python has a limit for the digits of a number
        raise LimitError(f"{name}: no TOML: {' '.join(str(error).split())}") from error
    return limits_from(document, f"{name}: ")


def limits_from(table: Mapping[str, Any], where: str = "", base: Limits | None = None) -> Limits:
    """The limits in a table that was read already, as one of a larger file; ``base`` has those that it does not name.

    Raises:
        LimitError: a key or value that cannot be; ``where`` begins the message.
    """
    base = base or Limits()
    values: dict[str, Any] = {each.name: getattr(base, each.name) for each in fields(Limits)}
    hints = typing.get_type_hints(Limits)
    _check_keys(table, hints, where)
    for key, value in table.items():
        if key == "expect":
            values[key] = _expect(value, where, base.expect)
        else:
            values[key] = _value(key, hints[key], value, where)
    return _made(lambda: Limits(**values), where)


def _expect(table: object, where: str, base: Expected) -> Expected:
    if not isinstance(table, Mapping):
        raise LimitError(f"{where}expect is {_shown(table)}, expected a table")
    hints = typing.get_type_hints(Expected)
    _check_keys(table, hints, f"{where}[expect] ")
    values: dict[str, Any] = {each.name: getattr(base, each.name) for each in fields(Expected)}
    for key, value in table.items():
        values[key] = _value(key, hints[key], value, f"{where}[expect] ")
    return _made(lambda: Expected(**values), f"{where}[expect] ")


def _value(key: str, hint: Any, value: object, where: str) -> Any:
    """``value`` as the field is declared; texts with a unit are understood where there is one."""
    kinds = [kind for kind in (typing.get_args(hint) or (hint,)) if kind is not type(None)]
    kind = kinds[0]
    if isinstance(value, str) and kind is not str:
        value = _made(lambda: _with_unit(key, kind, str(value)), f"{where}{key}: ")
    if kind is Loudness and _is_number(value):
        value = _made(lambda: loudness(f"{value}"), f"{where}{key}: ")
    if kind is float and _is_number(value):
        return float(typing.cast("float", value))
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    wanted = names.get(kind, 'a loudness like "-23±3"')
    raise LimitError(f"{where}{key} is {_shown(value)}, expected {wanted}")


def _with_unit(key: str, kind: type[Any], text: str) -> object:
    if kind is Loudness:
        return loudness(text)
    if kind is float and key.endswith("_ms"):
        return duration_ms(text)
    if kind is float and key.endswith("_s"):
        return duration_ms(text, "s") / 1e3
    return percentage(text) if kind is float and key.endswith("_pct") else text


def _check_keys(table: Iterable[str], known: Iterable[str], where: str) -> None:
    accepted = list(known)
    for key in table:
        if key not in accepted:
            near = difflib.get_close_matches(key[:_SHOWN_CHARACTERS], accepted, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise LimitError(f"{where}there is no key {_shown(key)}; {hint}accepted: {', '.join(accepted)}")


def _made(make: Callable[[], _T], where: str) -> _T:
    try:
        return make()
    except LimitError as error:
        raise LimitError(f"{where}{error}") from error


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # Whole numbers of any size are TOML, but not every one can be a float.
    return -1e15 < value < 1e15


def _shown(value: object) -> str:
    """A value for a message: on one line, and short whatever it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a table"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > 10**15:
        return "a number of many digits"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
