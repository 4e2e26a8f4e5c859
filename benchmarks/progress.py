"""Progress: a line for each step, with how long the run has taken so far."""

from __future__ import annotations

import sys
import time


class Progress:
    """Says what is going on, on stderr."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the run has taken (s)."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """One line."""
        sys.stderr.write(f"[{self.seconds:4.0f} s] {text}\n")
        sys.stderr.flush()
