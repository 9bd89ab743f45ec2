"""The schema of the JSON report (JSON Schema 2020-12), made from the very dataclasses that are written.

Descriptions are the docstrings of the fields. `core.cli.probe_schema` adds what the probe does.
"""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final

from core.analysis.checks import CheckResult, Outcome
from core.analysis.findings import Finding
from core.analysis.reports.json_form import VERSION
from core.analysis.reports.series import Series
from core.analysis.results import Analysis

_PLAIN: Final[dict[object, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


def schema() -> dict[str, Any]:
    """The whole of it; kinds that occur in several places stand once, under ``$defs``."""
    definitions: dict[str, Any] = {}
    parts = {
        "schema_version": {"const": VERSION},
        "url": {"type": "string", "description": "The address, without secrets, or the capture's file."},
        "began_at": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When listening or capturing began; null: the capture does not tell.",
        },
        "is_capture": {"type": "boolean", "description": "Whether it was read from a file."},
        "outcome": {
            "enum": [each.value for each in Outcome],
            "description": "What the exit status says: 0, 1, 2. Without limits nothing but audio is asked for.",
        },
        "verdict": {"type": "string", "description": "One line for people."},
        "problem": {
            "type": ["string", "null"],
            "description": "Why it failed whatever was measured: no connection, no audio.",
        },
        "checks": {"type": "array", "items": _of(CheckResult, definitions)},
        "findings": {
            "type": "array",
            "items": _of(Finding, definitions),
            "description": "The most important first.",
        },
        "analysis": _of(Analysis, definitions),
        "series": _of(Series, definitions),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Report of Opuscope",
        "description": (
            "What 'opuscope probe --json' writes. Figures that cannot be had are null, and 'not_measurable' beside them"
            " says why. Keys that are not required are of live streams: what our own playout met."
        ),
        "type": "object",
        "properties": parts,
        "required": list(parts),
        "$defs": dict(sorted(definitions.items())),
    }


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; dataclasses and enums become references."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if origin in (typing.Union, types.UnionType):
        return _either([_of(each, definitions) for each in arguments])
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return {"type": "array", "items": _of(arguments[0], definitions)}
        return {"type": "array", "prefixItems": [_of(each, definitions) for each in arguments], "items": False}
    if origin is not None and issubclass(origin, Mapping):
        keys = arguments[0]
        names = [str(each.value) for each in keys] if isinstance(keys, type) and issubclass(keys, Enum) else None
        values: dict[str, Any] = {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
        return values if names is None else {**values, "propertyNames": {"enum": names}}
    if isinstance(kind, type) and issubclass(kind, Enum):
        definitions.setdefault(kind.__name__, {"enum": [each.value for each in kind]})
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if not is_dataclass(kind) or not isinstance(kind, type):
        raise TypeError(f"{kind!r} has no place in a report")
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}
        definitions[kind.__name__] = _object(kind, definitions)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _object(kind: type[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    hints, words = typing.get_type_hints(kind), _words(kind)
    properties = {}
    for each in fields(kind):
        properties[each.name] = _of(hints[each.name], definitions)
        if each.name in words:
            properties[each.name]["description"] = words[each.name]
    return {
        "description": inspect.getdoc(kind),
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _either(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    if all(set(kind) == {"type"} for kind in kinds):
        return {"type": [kind["type"] for kind in kinds]}
    return {"anyOf": kinds}


def _words(kind: type[Any]) -> dict[str, str]:
    """What the source says below each field."""
    [definition] = ast.parse(inspect.getsource(kind)).body
    if not isinstance(definition, ast.ClassDef):
        raise TypeError(f"{kind.__name__} is not a class")
    words: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if not isinstance(below, ast.Expr) or not isinstance(below.value, ast.Constant):
            continue
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            words[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return words
