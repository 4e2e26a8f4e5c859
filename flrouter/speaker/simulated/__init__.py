"""A simulated FL: any number of switches, latencies, and faults on demand."""

from __future__ import annotations

from flrouter.speaker.simulated.control import run
from flrouter.speaker.simulated.faults import BadFault, Behaviour, Faults
from flrouter.speaker.simulated.floodlight import SimulatedFloodlight
from flrouter.speaker.simulated.options import BadLatency, FloodlightOptions, Latency, numbered
from flrouter.speaker.simulated.switch import UnknownSwitch
from flrouter.speaker.sync import Mode

__all__ = [
    "BadFault",
    "BadLatency",
    "Behaviour",
    "Faults",
    "FloodlightOptions",
    "Latency",
    "Mode",
    "SimulatedFloodlight",
    "UnknownSwitch",
    "numbered",
    "run",
]
