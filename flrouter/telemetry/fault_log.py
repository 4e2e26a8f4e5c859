"""The log of commands that ended badly: each with its correlation id, but no flood of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from time import monotonic

from flrouter.core.values.effects import Fault

#: lines a second; an FL that dies may leave thousands of commands behind.
MAX_LINES_PER_S = 100

#: a requester's own text must not make lines of its own.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}

log = logging.getLogger(__name__)


class FaultLog:
    """Writes a line for each fault, and of those beyond `MAX_LINES_PER_S` how many they were."""

    def __init__(self) -> None:
        self._second = 0
        self._written = 0
        self._left_out = 0

    def take(self, shard: int, faults: Iterable[Fault]) -> None:
        """Log what became of records of `shard`."""
        self.tick()
        for fault in faults:
            level = logging.WARNING if fault.kept else logging.INFO
            if not log.isEnabledFor(level):
                continue
            if self._written == MAX_LINES_PER_S:
                self._left_out += 1
                continue
            self._written += 1
            log.log(
                level,
                "%s: %s (%s)",
                "dead letter" if fault.kept else "answered with an error",
                fault.text.translate(_CONTROL),
                (fault.correlation_id or fault.origin).translate(_CONTROL),
                extra={
                    "shard": shard,
                    "correlation_id": fault.correlation_id,
                    "request": fault.origin,
                },
            )

    def tick(self) -> None:
        """Time has passed: a second that is over may have something left to tell."""
        second = int(monotonic())
        if second == self._second:
            return
        if self._left_out:
            log.warning("%d more failed requests were not logged", self._left_out)
        self._second, self._written, self._left_out = second, 0, 0
