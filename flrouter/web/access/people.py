"""People, and what each may do."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from flrouter.settings.model import Settings


class Role(StrEnum):
    """What somebody may do."""

    #: neither read nor change anything.
    NOBODY = "nobody"
    READER = "reader"
    #: read, and change things.
    OPERATOR = "operator"


class Person(NamedTuple):
    """Who makes a request."""

    name: str
    role: Role


def member(name: str, groups: Iterable[str], settings: Settings) -> Person:
    """Somebody who is in these groups."""
    known = set(groups)
    if known.intersection(settings.operator_groups):
        return Person(name, Role.OPERATOR)
    return Person(name, Role.READER if known.intersection(settings.reader_groups) else Role.NOBODY)
