"""The server's configuration as one TOML file.

Nothing here knows a single key: tables and keys are the fields of `ServerConfig` and of the dataclasses in it. Fields
of ``ServerConfig`` stand in ``[server]``, a field that is a dataclass itself is a table of its own, and each
``[[stream]]`` is a `StreamConfig`.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from core.audio.sources import KINDS, is_file
from core.server.config import PUSH, RELAY, ServerConfig, StreamConfig

_T = TypeVar("_T")

MAX_FILE_BYTES: Final = 1_000_000
"""A configuration of a thousand streams takes a fifth of this."""

_STREAMS: Final = "stream"
_SERVER: Final = "server"
_SHOWN_CHARACTERS: Final = 40


class ConfigError(ValueError):
    """A configuration that cannot be; the message is one line with the file's name, the key and what is accepted."""


def load_config(path: Path, *, needs_source: bool = True) -> ServerConfig:
    """The configuration in a file; files that it names are looked for beside it.

    With ``needs_source`` each stream has to say where its sound comes from, and there has to be one.

    Raises:
        ConfigError: it cannot be read, or says what cannot be.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes; is this a configuration file?")
        text = path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a TOML file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; name a TOML file") from error
    return parse_config(text, str(path), path.absolute().parent, needs_source=needs_source)


def parse_config(text: str, name: str, folder: Path, *, needs_source: bool = False) -> ServerConfig:
    """The configuration in a TOML document; ``name`` begins each complaint, ``folder`` is where its files are.

    ``needs_source`` is as of `load_config`.

    Raises:
        ConfigError: no TOML, or a table, key, type or value that cannot be.
    """
    try:
        document = tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply; see resources/server/opuscope.toml for an example") from error
    except ValueError as error:  # not only TOMLDecodeError: Python has a limit for the digits of a number
        raise ConfigError(f"{name}: no TOML: {_one_line(str(error))}") from error
    return config_from(document, name, folder, needs_source=needs_source)


def config_from(document: Mapping[str, Any], name: str, folder: Path, *, needs_source: bool = False) -> ServerConfig:
    """The configuration in a TOML document that was read already.

    Raises:
        ConfigError: a table, key, type or value that cannot be.
    """
    return _Reader(name, folder, needs_source).config(document)


class _Reader:
    """Turns tables into dataclasses by the names and types of their fields."""

    def __init__(self, name: str, folder: Path, needs_source: bool) -> None:
        self._name = name
        self._folder = folder
        self._needs_source = needs_source

    def config(self, document: Mapping[str, Any]) -> ServerConfig:
        hints = typing.get_type_hints(ServerConfig)
        tables = {key: kind for key, kind in hints.items() if key != "streams" and _dataclass_in(kind) is not None}
        flat = {key: kind for key, kind in hints.items() if key != "streams" and key not in tables}
        self._check_keys(document, (_SERVER, _STREAMS, *tables), "", "table")
        values: dict[str, Any] = {}
        server = self._table(document.get(_SERVER, {}), f"[{_SERVER}]")
        self._check_keys(server, flat, f"[{_SERVER}] ", "key")
        for key, value in server.items():
            values[key] = self._value(flat[key], value, f"[{_SERVER}] {key}")
        for key in tables.keys() & document.keys():
            values[key] = self._value(tables[key], document[key], f"[{key}]")
        if _STREAMS in document:
            values["streams"] = self._streams(document[_STREAMS])
        elif self._needs_source:
            raise self._wrong(f"there is no stream; write [[{_STREAMS}]] and below it source = ...: {KINDS}")
        return self._made(lambda: ServerConfig(**values), "")

    def _streams(self, tables: object) -> tuple[StreamConfig, ...]:
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self._wrong(f"each stream stands below a line [[{_STREAMS}]]")
        for number, table in enumerate(tables, 1):
            if self._needs_source and "source" not in table:
                raise self._wrong(f"[[{_STREAMS}]] {number} lacks source; name {KINDS}")
            if self._needs_source and len(tables) > 1 and "name" not in table:
                raise self._wrong(f"[[{_STREAMS}]] {number} lacks name; of several streams each needs one of its own")
        return tuple(
            self._beside(self._dataclass(StreamConfig, table, f"[[{_STREAMS}]] {number}"))
            for number, table in enumerate(tables, 1)
        )

    def _beside(self, stream: StreamConfig) -> StreamConfig:
        """With the files that it names where they are."""

        def located(spec: str) -> str:
            is_elsewhere = spec == PUSH or spec.startswith(RELAY) or not is_file(spec)
            return spec if is_elsewhere else str(self._folder / spec)

        source = stream.source
        found = located(source) if isinstance(source, str) else tuple(map(located, source))
        return dataclasses.replace(stream, source=found)

    def _dataclass(self, kind: type[_T], value: object, where: str) -> _T:
        table = self._table(value, where)
        hints = typing.get_type_hints(kind)
        fields = {each.name: each for each in dataclasses.fields(kind) if each.init}  # type: ignore[arg-type]
        inner = {name: hints[name] for name, each in fields.items() if each.metadata.get("flat")}
        inner_keys = {name: [each.name for each in dataclasses.fields(what)] for name, what in inner.items()}
        own = [name for name in fields if name not in inner]
        self._check_keys(table, (*own, *(key for keys in inner_keys.values() for key in keys)), f"{where} ", "key")
        values: dict[str, Any] = {
            name: self._value(hints[name], table[name], f"{where} {name}") for name in own if name in table
        }
        for name, what in inner.items():
            part = {key: table[key] for key in inner_keys[name] if key in table}
            values[name] = self._dataclass(what, part, where)
        for name, each in fields.items():
            has_default = (each.default, each.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
            if name not in values and not has_default:
                raise self._wrong(f"{where} lacks {name}, expected {_expected(hints[name])}")
        return self._made(lambda: kind(**values), f"{where}: ")

    def _value(self, kind: Any, value: object, where: str) -> Any:
        """``value`` as a ``kind``, which is what a field of a dataclass was declared to be."""
        origin, inside = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            return self._value(self._chosen(inside, value, where), value, where)
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            return self._dataclass(kind, value, where)
        if origin is tuple and isinstance(value, list):
            return tuple(
                self._value(inside[0], item, f"{where}, item {number},") for number, item in enumerate(value, 1)
            )
        if not _is_a(kind, value):
            raise self._wrong(f"{where} is {_shown(value)}, expected {_expected(kind)}")
        if kind is float:
            return float(typing.cast("float", value))
        if kind is Path:
            return self._folder / str(value)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return next(each for each in kind if _label(each) == value)
        return value

    def _chosen(self, kinds: Iterable[Any], value: object, where: str) -> Any:
        """Which of several types a value is meant to be."""
        real = [kind for kind in kinds if kind is not type(None)]
        if len(real) == 1:
            return real[0]
        for kind in real:
            if isinstance(value, list) if typing.get_origin(kind) is tuple else _is_a(kind, value):
                return kind
        raise self._wrong(f"{where} is {_shown(value)}, expected {' or '.join(_expected(kind) for kind in real)}")

    def _table(self, value: object, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(f"{where} is {_shown(value)}, expected a table")
        return value

    def _check_keys(self, table: Iterable[str], accepted: Iterable[str], where: str, what: str) -> None:
        known = list(accepted)
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key[:_SHOWN_CHARACTERS], known, 1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise self._wrong(f"{where}there is no {what} {_shown(key)}; {hint}accepted: {', '.join(known)}")

    def _made(self, make: Callable[[], _T], where: str) -> _T:
        try:
            return make()
        except ConfigError:
            raise
        except ValueError as error:
            raise ConfigError(f"{self._name}: {where}{_one_line(str(error))}") from error

    def _wrong(self, what: str) -> ConfigError:
        return ConfigError(f"{self._name}: {what}")


def _dataclass_in(kind: Any) -> type[Any] | None:
    """The dataclass that a field is or may be."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return kind
    return next((found for inside in typing.get_args(kind) if (found := _dataclass_in(inside)) is not None), None)


def _is_a(kind: Any, value: object) -> bool:
    """Whether a value of TOML can be a ``kind`` that stands for one value."""
    if typing.get_origin(kind) is typing.Literal:
        return any(type(value) is type(choice) and value == choice for choice in typing.get_args(kind))
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        # Whole numbers of any size are TOML, but not every one can be a float.
        return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300
    if kind in (str, Path):
        return isinstance(value, str) and "\0" not in value
    if isinstance(kind, type) and issubclass(kind, Enum):
        return isinstance(value, str) and value in map(_label, kind)
    return kind is bool and isinstance(value, bool)


def _expected(kind: Any) -> str:
    inside = typing.get_args(kind)
    match typing.get_origin(kind):
        case typing.Union | types.UnionType:
            return " or ".join(_expected(each) for each in inside if each is not type(None))
        case typing.Literal:
            return f"one of {', '.join(map(repr, inside))}"
        case origin if origin is tuple:
            return f"a list, each item {_expected(inside[0])}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(repr(_label(each)) for each in kind)}"
    return {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}[kind]


def _label(member: Enum) -> str:
    return str(getattr(member, "label", member.value))


def _shown(value: object) -> str:
    """A value for a message: on one line, and short whatever it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a table"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > 10**18:
        return "a number of many digits"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())
