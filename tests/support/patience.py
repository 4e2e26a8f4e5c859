"""Patience: how much slower than a quiet machine the one is that tests run on.

`python -m tests.support.patience` measures it, for the make targets that run tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

#: on a quiet machine; 1 would do there.
LEAST_PATIENCE = 2.0
#: tests that wait for a timeout take that much longer, so there is an end to it.
MOST_PATIENCE = 8.0
#: what a processor that nobody else uses is busy with for half a second.
_WORK = "for _ in range(8_000_000): pass"
_QUIET_S = 0.5


def measure() -> float:
    """How patient tests have to be here and now: all processors are given work, which is timed.

    Where others use all processors too, each test gets half of one, and twice the patience.
    """
    processors = os.cpu_count() or 1
    command = [sys.executable, "-I", "-S", "-c", _WORK]
    began = time.monotonic()
    work = [subprocess.Popen(command) for _ in range(processors)]
    for process in work:
        process.wait()
    slowness = (time.monotonic() - began) / _QUIET_S
    return min(max(LEAST_PATIENCE * slowness, LEAST_PATIENCE), MOST_PATIENCE)


#: how many times longer the router's short timeouts are, past which something else happens.
PATIENCE = float(os.environ.get("FLROUTER_TEST_PATIENCE", LEAST_PATIENCE))
#: how many times longer than on a quiet machine a test waits until it fails. Where all is well that
#: costs nothing, so it is plenty: a machine that is busy is no fault of the router.
HOPE = 5 * PATIENCE

if __name__ == "__main__":
    sys.stdout.write(f"{measure():.1f}\n")
