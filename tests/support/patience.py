"""Patience: how much slower than a quiet machine the one is that tests run on."""

from __future__ import annotations

import os
import subprocess
import sys
import time

#: what tells `PATIENCE` to all processes of a run, and to a run how patient to be.
VARIABLE = "FLROUTER_TEST_PATIENCE"
#: on a quiet machine; 1 would do there.
LEAST_PATIENCE = 2.0
MOST_PATIENCE = 16.0
#: a second's work of one processor that nobody else uses, of the slowest machine that counts as quiet.
_WORK = "for _ in range(8_000_000): pass"
_QUIET_S = 0.5


def measure() -> float:
    """How patient tests have to be here and now: all processors are given work, and timed.

    One half of a processor, as where two others use it too, makes for twice the patience.
    """
    processors = os.cpu_count() or 1
    began = time.monotonic()
    work = [
        subprocess.Popen([sys.executable, "-I", "-S", "-c", _WORK]) for _ in range(processors)
    ]
    for process in work:
        process.wait()
    slowness = (time.monotonic() - began) / _QUIET_S
    return min(max(LEAST_PATIENCE * slowness, LEAST_PATIENCE), MOST_PATIENCE)


#: how many times longer the router's short timeouts are, past which something else happens; more
#: than `measure` says is needed where brokers share the machine (tests/kafka).
PATIENCE = float(os.environ.get(VARIABLE, LEAST_PATIENCE))
#: how many times longer than on a quiet machine a test waits until it fails. Where all is well that
#: costs nothing, so it is plenty: a machine that is busy is no fault of the router.
HOPE = 5 * PATIENCE
