"""A message of every class and version, with every field that it has, made of `classes.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.openkilda import schemas
from tests.openkilda.schemas import Class

_VALUES: dict[str, Any] = {
    "any": {},
    "String": "text",
    "SwitchId": "00:00:00:00:00:00:00:09",
    "UUID": "8c1b3a0e-1f57-4d0c-9a80-2f0b0a3b7c11",
    "HostAndPort": "10.0.0.9:6653",
    "Instant": 1564.25,
    "int": 7,
    "Integer": 7,
    "long": 7,
    "Long": 7,
    "boolean": True,
    "Boolean": True,
}


def full(version: str, name: str, depth: int = 4) -> dict[str, Any]:
    """An object of a class with all its fields; deeper than `depth`, with those that it needs."""
    known = schemas.classes(version)
    one = known[name]
    found: dict[str, Any] = {}
    if one.sort == "class":
        found["clazz"] = f"org.openkilda.{one.full_name}"
    for each in schemas.fields(version, name):
        if depth > 0 or each.needed:
            value = _value(version, each.type, depth - 1)
            if value is not None:
                found[each.name] = {"": value, "[]": [value], "{}": {"key": value}}[each.many]
    return found


def _value(version: str, type_: str, depth: int) -> Any:
    """One value of a type; None when no class of it can be sent."""
    if type_ in _VALUES:
        return _VALUES[type_]
    known = schemas.classes(version)
    one: Class = known[type_]
    if one.sort == "enum":
        return one.values[0]
    if one.sort == "abstract":
        some = schemas.concrete(version, [type_])
        return full(version, next(iter(some)), depth) if some else None
    return full(version, type_, depth)


def messages(version: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, message) of every class of a version that is sent, in its envelope."""
    for name in schemas.concrete(version, schemas.ROOTS):
        yield name, full(version, name)
    for base, envelope in (("CommandData", "CommandMessage"), ("InfoData", "InfoMessage")):
        for name in schemas.concrete(version, [base]):
            yield name, {**full(version, envelope), "payload": full(version, name)}
