"""The options of an FL for OpenFlow switches."""

from __future__ import annotations

from dataclasses import dataclass, field

from flrouter.speaker.openflow.switches.roles import Role
from flrouter.speaker.options import SpeakerOptions


@dataclass(frozen=True, kw_only=True)
class OpenFlowOptions:
    """An FL for OpenFlow switches: its connection to Kafka, and how it treats switches."""

    speaker: SpeakerOptions
    #: where switches connect; port 0 is any that is free.
    port: int = 6653
    host: str = "0.0.0.0"
    #: the role to request from each switch.
    role: Role = Role.EQUAL
    #: how often a switch is asked for its role, as a sign of life. A switch that sends nothing for
    #: as long again is gone.
    echo_s: float = 5.0
    #: between two discovery packets of a port.
    discovery_s: float = 3.0
    #: all FLs sign discovery packets with this key; if empty, every packet is believed.
    discovery_key: bytes = field(default=b"", repr=False)
    #: between two reports of all ports' counters.
    stats_s: float = 60.0
    #: until so long after the FL's start, a sync waits for switches that are still connecting. Open
    #: vSwitch retries at least every eight seconds, and a sync may take ten.
    settle_s: float = 8.0
