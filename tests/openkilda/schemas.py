"""JSON Schemas of OpenKilda's messages, one for each class and version, made of `classes.txt`.

A class of OpenKilda's takes no field that it does not have, so nothing else is allowed here; and an
object of a class says so in `clazz`, wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

VERSIONS = ("2018", "2019a", "2019", "HEAD")
#: what every message is.
ROOTS = ("Message", "AbstractMessage")

_FILE = Path(__file__).parent / "classes.txt"
_PACKAGE = "org.openkilda."
_SPAN = r"(?P<first>2018|2019a|2019|HEAD)?(?P<dash>-)?(?P<last>2018|2019a|2019|HEAD)?"
_HEAD = re.compile(
    r"(?P<sort>abstract|class|object|enum) (?P<name>[\w.]+)(?: : (?P<base>\w+))?"
    rf"(?:\s+{_SPAN})??(?:\s+(?P<open>open))?(?:\s*= (?P<values>.+))?\s*"
)
_FIELD = re.compile(
    r"\s+(?P<name>[\w-]+)\s+(?P<type>\w+)(?P<many>\[\]|\{\})?(?P<needed>!)?"
    + rf"(?:\s+{_SPAN})?\s*"
)

#: types that are no class of the file; a null is allowed in all but those of `_NEVER_NULL`.
_VALUES: dict[str, dict[str, Any]] = {
    "any": {},
    "String": {"type": "string"},
    "SwitchId": {"type": "string", "pattern": "^([0-9a-fA-F]{1,2}[:-]?){1,8}$"},
    "UUID": {"type": "string", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
    "HostAndPort": {"type": "string", "pattern": "^.+:[0-9]{1,5}$"},
    "Instant": {"type": "number"},
    "int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "Integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "Long": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "boolean": {"type": "boolean"},
    "Boolean": {"type": "boolean"},
}
_NEVER_NULL = {"any", "int", "long", "boolean"}


class BadFile(ValueError):
    """`classes.txt` cannot be read; the text says where."""


@dataclass
class Field:
    """One field of a class, in some version."""

    name: str
    type: str
    #: "" for one value, [] for a list, {} for an object of values.
    many: str
    needed: bool


@dataclass
class Class:
    """One class, or enum, in some version."""

    #: abstract, class, object or enum.
    sort: str
    full_name: str
    base: str
    is_open: bool
    values: list[str]
    fields: list[Field] = field(default_factory=list)


def _span(match: re.Match[str]) -> set[str]:
    """The versions that a line is for."""
    first, dash, last = match["first"], match["dash"], match["last"]
    if first is None and last is None:
        return set(VERSIONS)
    start = VERSIONS.index(first) if first else 0
    end = VERSIONS.index(last) if last else len(VERSIONS) - 1 if dash else start
    return set(VERSIONS[start : end + 1])


@cache
def classes(version: str) -> dict[str, Class]:
    """All classes of a version, by the last part of their names.

    Raises:
        BadFile: a line is none, or names what is not there.
    """
    found: dict[str, Class] = {}
    current: Class | None = None
    for number, line in enumerate(_FILE.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = (_FIELD if line.startswith(" ") else _HEAD).fullmatch(line)
        if match is None:
            raise BadFile(f"line {number} is neither a class nor a field: {line!r}")
        if line.startswith(" "):
            if current is not None and version in _span(match):
                many, needed = match["many"] or "", bool(match["needed"])
                current.fields.append(Field(match["name"], match["type"], many, needed))
            continue
        current = None
        if version in _span(match):
            values = (match["values"] or "").split()
            current = Class(
                match["sort"], match["name"], match["base"] or "", bool(match["open"]), values
            )
            name = current.full_name.rpartition(".")[2]
            if found.setdefault(name, current) is not current:
                raise BadFile(f"line {number}: {name} is there twice in {version}")
    for one in found.values():
        for named in [one.base, *(each.type for each in one.fields)]:
            if named and named not in found and named not in _VALUES:
                raise BadFile(f"{one.full_name} names {named}, which {version} does not have")
    return found


def _ancestors(name: str, known: dict[str, Class]) -> list[str]:
    """A class and all that it extends."""
    names = []
    while name:
        names.append(name)
        name = known[name].base
    return names


def _of_field(one: Field) -> dict[str, Any]:
    value = _VALUES.get(one.type, {"$ref": f"#/$defs/{one.type}"})
    if one.many == "[]":
        value = {"type": "array", "items": value}
    elif one.many == "{}":
        value = {"type": "object", "additionalProperties": value}
    if one.needed or (not one.many and one.type in _NEVER_NULL):
        return value
    # Not as anyOf: what is wrong within would not be named.
    return {"if": {"type": "null"}, "else": value}


def _of_class(name: str, known: dict[str, Class]) -> dict[str, Any]:
    """The schema of an object of just this class."""
    one = known[name]
    lineage = [known[each] for each in _ancestors(name, known)]
    own = [each for ancestor in lineage for each in ancestor.fields]
    properties = {each.name: _of_field(each) for each in own}
    required = [each.name for each in own if each.needed]
    if one.sort == "class":
        properties["clazz"] = {"const": _PACKAGE + one.full_name}
        required.append("clazz")
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": any(each.is_open for each in lineage),
    }


def _concrete(bases: Sequence[str], known: dict[str, Class]) -> dict[str, str]:
    return {
        name: _PACKAGE + one.full_name
        for name, one in known.items()
        if one.sort == "class" and not set(bases).isdisjoint(_ancestors(name, known))
    }


def concrete(version: str, bases: Sequence[str]) -> dict[str, str]:
    """The classes of a version that are sent, and are or extend one of `bases`, with full names."""
    return _concrete(bases, classes(version))


def fields(version: str, name: str) -> list[Field]:
    """All fields of a class, those that it inherits too."""
    known = classes(version)
    return [one for ancestor in _ancestors(name, known) for one in known[ancestor].fields]


def _told_apart(bases: Sequence[str], known: dict[str, Class]) -> dict[str, Any]:
    """The schema of an object of any class that is, or extends, one of `bases`; by its `clazz`."""
    found = _concrete(bases, known)
    if not found:
        return {"not": {}}
    return {
        "type": "object",
        "required": ["clazz"],
        "properties": {"clazz": {"enum": sorted(found.values())}},
        "allOf": [
            {
                "if": {"properties": {"clazz": {"const": clazz}}},
                "then": {"$ref": f"#/$defs/exactly:{name}"},
            }
            for name, clazz in found.items()
        ],
    }


@cache
def schema(version: str, root: str = "") -> dict[str, Any]:
    """The JSON Schema of a class and all that extend it; of all messages when none is named.

    Raises:
        BadFile: `classes.txt` is none.
    """
    known = classes(version)
    definitions: dict[str, Any] = {}
    for name, one in known.items():
        if one.sort == "enum":
            definitions[name] = {"enum": one.values}
        elif one.sort == "object":
            definitions[name] = _of_class(name, known)
        else:
            definitions[name] = _told_apart([name], known)
            if one.sort == "class":
                definitions[f"exactly:{name}"] = _of_class(name, known)
    whole = {"$ref": f"#/$defs/{root}"} if root else _told_apart(ROOTS, known)
    return {**whole, "$defs": definitions}


@cache
def _validator(version: str, root: str) -> Any:
    return jsonschema_rs.Draft202012Validator(schema(version, root))


def has(version: str, clazz: str) -> bool:
    """Whether a version has a class of this full name."""
    return any(_PACKAGE + one.full_name == clazz for one in classes(version).values())


def faults(version: str, message: object, root: str = "") -> list[str]:
    """What keeps OpenKilda's classes of `version` from reading a message; nothing when they can.

    Args:
        message: as decoded from JSON.
        root: the class that it must be, or extend; any message when none is named.
    """
    return [
        f"{'/'.join(map(str, error.instance_path)) or 'the message'}: {error.message}"
        for error in _validator(version, root).iter_errors(message)
    ]


def unreadable(version: str, messages: Iterable[dict[str, Any]]) -> list[str]:
    """What OpenKilda's classes could not read of what FLs answer and report, in either envelope.

    Looked at are messages of kinds that the version has: tests make up kinds of their own. Commands
    that are sent back are as their requesters wrote them, and chains of the older form are of a
    time before all of these versions.
    """
    found = []
    for message in messages:
        clazz = str((message.get("payload") or message).get("clazz"))
        own = not str(message.get("clazz")).endswith(".command.CommandMessage")
        if own and "next_request_id" not in message and has(version, clazz):
            found += [f"{clazz}: {fault}" for fault in faults(version, message)]
    return found
