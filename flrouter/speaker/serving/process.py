"""An FL as a process: from its start to a signal, with its reports on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from flrouter.speaker.serving.speaker import Speaker


async def run(
    floodlight: Speaker,
    facts: Callable[[], dict[str, Any]],
    started: Callable[[asyncio.Event], None] = lambda _stop: None,
) -> None:
    """Run an FL until SIGTERM, SIGINT or a `stop` request.

    Says `{"ready": true, …}` on stdout when it has started, and `{"summary": {…}}` (see `Counts`)
    when it has stopped.

    Args:
        facts: what else to say when it is ready.
        started: called when it is ready, with an event; setting the event ends the process.

    Raises:
        BadTopics: the FL's topics cannot be used.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # A signal while it still waits for the broker ends it too.
    starting = asyncio.ensure_future(floodlight.start())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
    try:
        if starting.done():
            starting.result()
            say({"ready": True, "id": floodlight.options.id, **facts()})
            started(stop)
            crashed = asyncio.ensure_future(floodlight.wait_until_stopped())
            await asyncio.wait([crashed, stopping], return_when=asyncio.FIRST_COMPLETED)
            crashed.cancel()
    finally:
        starting.cancel()
        stopping.cancel()
        await floodlight.stop()
    say({"summary": {"id": floodlight.options.id, **floodlight.counts.as_dict()}})
    if floodlight.crash_reason is not None:
        raise floodlight.crash_reason


def say(message: dict[str, Any]) -> None:
    """Write a line to stdout; a closed pipe is no error."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
        sys.stdout.buffer.flush()
