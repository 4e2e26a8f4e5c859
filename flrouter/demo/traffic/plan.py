"""The size of the demo: workers, FLs, switches and commands, and the settings that it runs with."""

from __future__ import annotations

import dataclasses
import uuid

from flrouter.messages.switch_id import canonical

#: the topic for the answer that the sample of a dump names.
REPLY_TOPIC = "kilda.topo.eng"

#: s; far shorter than in production, so that a short demo shows their effect.
TIMEOUTS = {
    "ack_timeout": 2.0,
    "response_timeout": 5.0,
    "alive_interval": 1.0,
    "alive_timeout": 3.0,
    "sync_timeout": 3.0,
    "blacklist_ttl": 60.0,
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much of everything."""

    #: how long commands are sent; None: until the demo is stopped.
    seconds: float | None
    workers: int
    floodlights: int
    switches_each: int
    #: commands per second.
    rate: float
    #: the profile of FLs and requesters: one of flrouter's own.
    profile: str = "plain"
    app_id: str = dataclasses.field(default_factory=lambda: f"flrouter-demo-{uuid.uuid4().hex[:8]}")

    @property
    def floodlight_ids(self) -> list[str]:
        """The FLs."""
        return [f"fl-{number}" for number in range(1, self.floodlights + 1)]

    def first_switch(self, floodlight: str) -> int:
        """The number of an FL's first switch; the FL's other switches have the numbers after it."""
        return self.floodlight_ids.index(floodlight) * self.switches_each + 1

    def homes(self) -> dict[str, tuple[str, ...]]:
        """Switch → the FLs that hold it."""
        return {
            canonical(f"{self.first_switch(floodlight) + at:x}"): (floodlight,)
            for floodlight in self.floodlight_ids
            for at in range(self.switches_each)
        }

    def settings(self, broker: str) -> dict[str, str]:
        """The settings of the workers, by their names."""
        return {
            "broker": broker,
            "app_id": self.app_id,
            "profile": self.profile,
            "floodlights": ",".join(self.floodlight_ids),
            **{name: str(value) for name, value in TIMEOUTS.items()},
        }
