"""Patterns of class names, as the catalog's entries have them."""

from __future__ import annotations


class Pattern:
    """A class name in which `*` stands for any text; matched in linear time."""

    __slots__ = ("_parts", "_whole")

    def __init__(self, pattern: str) -> None:
        self._whole = "." in pattern
        self._parts = pattern.split("*")

    def matches(self, kind: str) -> bool:
        """Whether the pattern covers a payload's class."""
        name = kind if self._whole else kind.rpartition(".")[2]
        first, *middle = self._parts
        if not middle:
            return name == first
        last = middle.pop()
        at, end = len(first), len(name) - len(last)
        if at > end or not (name.startswith(first) and name.endswith(last)):
            return False
        for part in middle:
            start = name.find(part, at, end)
            if start < 0:
                return False
            at = start + len(part)
        return True
