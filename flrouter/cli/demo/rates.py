"""Rates: how fast counters grow."""

from __future__ import annotations

from collections import deque

#: s; over which a rate is taken.
WINDOW_S = 2.0


class Rates:
    """Counters by name, and how much each grew per second of late."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, float]]] = {}

    def of(self, name: str, count: float, now: float) -> float:
        """Note that the counter `name` stands at `count` at `now` (s); its rate."""
        seen = self._seen.setdefault(name, deque())
        seen.append((now, count))
        while len(seen) > 2 and seen[1][0] <= now - WINDOW_S:
            seen.popleft()
        since, before = seen[0]
        return (count - before) / (now - since) if now > since else 0.0
