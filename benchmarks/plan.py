"""How much is measured: the full run, and the quick one."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Plan:
    """Sizes and times of one run."""

    #: how often each contender has its turn; medians are taken over these.
    rounds: int
    #: s; of work before the first round that nobody measures: Java compiles itself.
    first_warm: float
    #: s; from the start of an open measurement until its latencies count.
    warm: float
    #: s; measured with a fixed number in flight, and at a fixed rate.
    closed_seconds: float
    open_seconds: float
    #: commands under way in the first of these.
    in_flight: int = 2_000
    #: of the peak in that turn; the rate of the second.
    share_of_peak: float = 0.5
    #: commands a second; at each of them the latency of flrouter and of both loops is measured.
    rates: tuple[int, ...] = (100, 2_000, 5_000)
    switches: int = 1_000
    floodlights: int = 4
    #: of every topic; flrouter's default.
    partitions: int = 8
    brokers: int = 1
    #: whether cost is also measured as it grows.
    scale: bool = True


FULL = Plan(rounds=3, first_warm=6.0, warm=1.0, closed_seconds=5.0, open_seconds=5.0)
QUICK = Plan(
    rounds=1, first_warm=2.0, warm=1.0, closed_seconds=2.5, open_seconds=2.5, rates=(), scale=False
)
