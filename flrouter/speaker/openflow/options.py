"""What an FL for OpenFlow switches is made of."""

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
    #: what to ask each switch for.
    role: Role = Role.EQUAL
    #: a switch is asked for a sign of life, and its role, this often, and is gone when there is
    #: none for as long again.
    echo_s: float = 5.0
    #: between two discovery packets of a port.
    discovery_s: float = 3.0
    #: all FLs sign discovery packets with it; when empty, every packet is believed.
    discovery_key: bytes = field(default=b"", repr=False)
    #: between two reports of all ports' counters.
    stats_s: float = 60.0
    #: after its start, a sync waits so long for switches that are still connecting: Open vSwitch
    #: tries again every eight seconds at worst, and a sync may take ten.
    settle_s: float = 8.0
