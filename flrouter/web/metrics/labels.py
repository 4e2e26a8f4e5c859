"""Labels: so few different values that Prometheus can keep a series for each."""

from __future__ import annotations

#: different values of one label; what comes later is told under OTHER.
MOST = 100
OTHER = "other"


class Labels:
    """The values of one label, first come, first told: a counter keeps its label for good."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._told: set[str] = set()

    def shown(self, value: str) -> str:
        """Under which name to tell of `value`."""
        if value in self._told or len(self._told) < self._most:
            self._told.add(value)
            return value
        return OTHER
