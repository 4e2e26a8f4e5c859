"""What a simulated FL is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from flrouter.messages.switch_id import canonical
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.simulated.latency import Latency


@dataclass(frozen=True, kw_only=True)
class FloodlightOptions:
    """A simulated FL: its connection, and its switches when it starts."""

    speaker: SpeakerOptions
    #: ids in any form; see `numbered`.
    switches: tuple[str, ...] = ()
    #: those of them that are connected read-only, and so reported as ADDED.
    read_only: tuple[str, ...] = ()
    #: ports of each switch, numbered from 1, all UP.
    ports: int = 2
    #: how long each command takes at its switch.
    latency: Latency = field(default_factory=Latency)
    #: seed of all chance: latencies.
    seed: int = 0


def numbered(count: int, first: int = 1) -> tuple[str, ...]:
    """The ids of `count` switches with numbers from `first` on."""
    return tuple(canonical(f"{number:x}") for number in range(first, first + count))
