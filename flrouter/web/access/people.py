"""People, and what each may do."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from flrouter.settings.model import Settings


class Role(StrEnum):
    """What somebody may do."""

    #: nothing, whoever it is.
    NOBODY = "nobody"
    READER = "reader"
    #: read, and change things.
    OPERATOR = "operator"


class Person(NamedTuple):
    """Who makes a request."""

    #: empty for whoever shows a token of the settings, or none.
    name: str
    role: Role


def member(name: str, groups: Iterable[str], settings: Settings) -> Person:
    """Somebody who is in these groups."""
    of = set(groups)
    if of.intersection(settings.operator_groups):
        return Person(name, Role.OPERATOR)
    return Person(name, Role.READER if of.intersection(settings.reader_groups) else Role.NOBODY)
