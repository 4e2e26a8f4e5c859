"""How Python itself is set for a worker (docs/performance.md tells what it gives)."""

from __future__ import annotations

import gc
import sys

#: s; how long one thread keeps another waiting: Kafka is read in a thread of its own.
SWITCH_INTERVAL = 0.001
#: objects that are made until they are searched for cycles; a look at all of them, which takes as
#: long as there are switches, comes after so many of those twice over.
COLLECT_AFTER = (50_000, 20, 50)


def tune() -> None:
    """Set it."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.set_threshold(*COLLECT_AFTER)
