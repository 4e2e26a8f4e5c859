"""A simulated FL as a process: `python -m flrouter.speaker`."""

from __future__ import annotations

import asyncio
import signal

from flrouter.speaker.simulated.control import Control, listen, say
from flrouter.speaker.simulated.floodlight import SimulatedFloodlight
from flrouter.speaker.simulated.options import FloodlightOptions


async def run(options: FloodlightOptions, *, control: bool = True) -> None:
    """Run a simulated FL until SIGTERM, SIGINT or a `stop` request.

    Says `{"ready": true, …}` on stdout when it reads commands and Kafka has its switches'
    events, and `{"summary": {…}}` (see `Counts`) when it has stopped.

    With `control` it also takes requests from stdin (see the module `control`).

    Raises:
        BadTopics: its topics cannot be used.
    """
    floodlight = SimulatedFloodlight(options)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # A signal while it still waits for the broker ends it too.
    starting = asyncio.ensure_future(floodlight.start())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        try:
            starting.result()
        except BaseException:
            stopping.cancel()
            await floodlight.stop()
            raise
        say(
            {
                "ready": True,
                "id": options.speaker.id,
                "switches": len(floodlight.network.switches),
            }
        )
        if control:
            listen(Control(floodlight, say, stop.set).line)
        crashed = asyncio.ensure_future(floodlight.wait_until_stopped())
        await asyncio.wait([crashed, stopping], return_when=asyncio.FIRST_COMPLETED)
        crashed.cancel()
    else:
        starting.cancel()
    stopping.cancel()
    await floodlight.stop()
    say({"summary": {"id": options.speaker.id, **floodlight.counts.as_dict()}})
    if floodlight.crash_reason is not None:
        raise floodlight.crash_reason
