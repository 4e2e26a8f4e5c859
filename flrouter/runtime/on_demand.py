"""Fetching on demand: records are asked for when somebody wants them, and not before.

aiokafka asks for more as soon as it gave away what it had. What a broker answers then lies in the
client until it is wanted, and all that was written meanwhile waits for the fetch after it: under
load records came almost two rounds late (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class OnDemand:
    """Holds back the fetches of one aiokafka consumer."""

    def __init__(self, fetcher: Any) -> None:
        """Args:
        fetcher: the consumer's, which is running.
        """
        self._fetcher = fetcher
        self._wanted = False
        self._plan = fetcher._get_actions_per_node
        fetcher._get_actions_per_node = self._held_back

    def _held_back(self, assignment: Any) -> Any:
        if self._wanted:
            return self._plan(assignment)
        states = map(assignment.state_value, assignment.tps)
        if all(state.has_valid_position for state in states):
            # Nothing to do: a plan for hundreds of partitions is work.
            return [], {}, self._fetcher._fetcher_timeout, False, []
        return ([], *self._plan(assignment)[1:])

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Fetch while this lasts."""
        self._wanted = True
        self._fetcher._notify(self._fetcher._wait_consume_future)
        try:
            yield
        finally:
            self._wanted = False
