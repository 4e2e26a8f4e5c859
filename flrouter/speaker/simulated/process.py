"""A simulated FL as a process: `python -m flrouter.speaker`."""

from __future__ import annotations

import asyncio

from flrouter.speaker import process
from flrouter.speaker.simulated.control import Control, listen
from flrouter.speaker.simulated.floodlight import SimulatedFloodlight
from flrouter.speaker.simulated.options import FloodlightOptions


async def run(options: FloodlightOptions, *, control: bool = True) -> None:
    """Run a simulated FL until SIGTERM, SIGINT or a `stop` request.

    Is ready when it reads commands and Kafka has its switches' events. With `control` it also
    takes requests from stdin (see the module `control`).

    Raises:
        BadTopics: its topics cannot be used.
    """
    floodlight = SimulatedFloodlight(options)

    def started(stop: asyncio.Event) -> None:
        if control:
            listen(Control(floodlight, process.say, stop.set).line)

    await process.run(floodlight, lambda: {"switches": len(floodlight.network.switches)}, started)
