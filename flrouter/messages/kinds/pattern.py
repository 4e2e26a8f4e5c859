"""Patterns of class names, as the catalog's entries have them."""

from __future__ import annotations

import re
from fnmatch import translate

#: only `*` is special here.
_LITERAL = str.maketrans({"?": "[?]", "[": "[[]"})


class Pattern:
    """A class name in which `*` stands for any text; matched in linear time."""

    __slots__ = ("_match", "_whole")

    def __init__(self, pattern: str) -> None:
        self._whole = "." in pattern
        self._match = re.compile(translate(pattern.translate(_LITERAL))).match

    def matches(self, kind: str) -> bool:
        """Whether the pattern covers a payload's class."""
        return self._match(kind if self._whole else kind.rpartition(".")[2]) is not None
