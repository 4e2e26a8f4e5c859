"""The options of a simulated FL, and the latency of its switches."""

from __future__ import annotations

import random
from dataclasses import dataclass

from flrouter.messages.switch_id import canonical
from flrouter.speaker.options import SpeakerOptions


class BadLatency(ValueError):
    """The text names no latency."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Evenly spread between two bounds, in ms; fixed when they are the same."""

    low_ms: float = 0.0
    high_ms: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.low_ms <= self.high_ms:
            raise BadLatency(f"a latency from {self.low_ms} to {self.high_ms} ms cannot be")

    @classmethod
    def parse(cls, text: str) -> Latency:
        """From `"5"` (always 5 ms) or `"1-20"` (evenly spread), as on the command line.

        Raises:
            BadLatency: it is neither.
        """
        low, dash, high = text.partition("-")
        try:
            return cls(float(low), float(high if dash else low))
        except ValueError as error:
            raise BadLatency(f"{text!r} is no latency: expected ms, like 5 or 1-20") from error

    def draw_s(self, chance: random.Random) -> float:
        """The next latency, in seconds."""
        return chance.uniform(self.low_ms, self.high_ms) / 1000


@dataclass(frozen=True, kw_only=True)
class FloodlightOptions:
    """A simulated FL: its connection, and its switches when it starts."""

    speaker: SpeakerOptions
    #: ids in any form; see `numbered`.
    switches: tuple[str, ...] = ()
    #: the switches of these that are connected read-only, and so reported as ADDED.
    read_only: tuple[str, ...] = ()
    #: ports of each switch, numbered from 1, all UP.
    ports: int = 2
    #: how long each command takes at its switch.
    latency: Latency = Latency()
    #: seed of all chance: latencies.
    seed: int = 0


def numbered(count: int, first: int = 1) -> tuple[str, ...]:
    """The ids of `count` switches with numbers from `first` on."""
    return tuple(canonical(f"{number:x}") for number in range(first, first + count))
