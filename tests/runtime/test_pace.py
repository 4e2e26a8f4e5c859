"""The pace of a reader: who sends little is answered at once, and a flood comes in large looks."""

from __future__ import annotations

from itertools import pairwise

import pytest

from flrouter.pace import Pace

#: s; the longest pause, and the records a second from which on it is that long.
MAX_PAUSE_S = 0.02
BUSY_RATE = 2_000.0


def pauses(rate: float, seconds: float = 2.0) -> list[float]:
    """The pauses of a reader to whom records come at a steady rate (records a second)."""
    pace, now, looked = Pace(MAX_PAUSE_S, BUSY_RATE), 1_000.0, 1_000.0
    times = []
    while now < 1_000.0 + seconds:
        came = int(now * rate) - int(looked * rate)
        looked = now
        if came:
            times.append(pace.next_at(now, came) - now)
        now = max(now + 1 / rate, now + (times[-1] if times else 0.0))
    return times


@pytest.mark.parametrize("rate", [2_000, 20_000, 200_000])
def test_a_flood_is_read_in_large_looks(rate: float) -> None:
    assert pauses(rate)[-1] == pytest.approx(MAX_PAUSE_S, rel=0.1)


def test_who_sends_little_hardly_waits() -> None:
    assert max(pauses(100)) <= MAX_PAUSE_S / 20 * 1.1


def test_more_records_mean_longer_pauses() -> None:
    ends = [pauses(rate)[-1] for rate in (50, 200, 500, 1_000, 1_900)]
    assert all(before < after for before, after in pairwise(ends))


def test_after_a_flood_the_first_command_hardly_waits() -> None:
    pace = Pace(MAX_PAUSE_S, BUSY_RATE)
    for number in range(100):
        pace.next_at(number * 0.01, 500)
    assert pace.next_at(2.0, 1) - 2.0 < MAX_PAUSE_S / 100
