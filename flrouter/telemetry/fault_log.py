"""The log of commands that failed: each with its correlation id, but never a flood."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from time import monotonic

from flrouter.core.values.effects import Fault

#: lines a second; an FL that dies may leave thousands of commands behind.
MAX_LINES_PER_S = 100

#: a requester's text must not begin a line of its own.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}

log = logging.getLogger(__name__)


class FaultLog:
    """Writes a line for each fault, up to `MAX_LINES_PER_S`, and counts the others."""

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
        """Begin a new second if one is over, and log how many lines it left out."""
        second = int(monotonic())
        if second == self._second:
            return
        if self._left_out:
            log.warning("%d more failed requests were not logged", self._left_out)
        self._second, self._written, self._left_out = second, 0, 0
