"""The clock that leases are measured with."""

from __future__ import annotations

import time

import pytest

from flrouter.clock import SystemClock

HOUR_S = 3_600.0


def test_time_goes_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux's monotonic clock does not; the group takes shards away all the same."""
    slept = 0.0

    def clock_gettime(clock: int) -> float:
        return 1_000.0 + (slept if clock == time.CLOCK_BOOTTIME else 0.0)

    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)  # only Linux has this clock
    monkeypatch.setattr(time, "clock_gettime", clock_gettime)
    before = SystemClock().steady_s()
    slept = HOUR_S
    assert SystemClock().steady_s() - before == HOUR_S
