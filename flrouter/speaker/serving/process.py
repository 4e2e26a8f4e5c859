"""An FL as a process: from its start to a signal, with its reports on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click
import msgspec

from flrouter.speaker.kafka.connection import BadTopics
from flrouter.speaker.serving.speaker import Speaker

Options = TypeVar("Options")


def serve(
    run: Callable[[Options], Coroutine[Any, Any, None]], options: Options, log_level: str
) -> None:
    """Be the process of an FL, with the log on stderr; returns when it has stopped.

    Raises:
        ClickException: its topics or its port cannot be used.
    """
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(name)s %(message)s")
    if log_level.upper() in ("WARNING", "ERROR"):
        # In an outage, aiokafka logs ten times a second what our own log says once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # Remembered requests are many and long-lived. With the default thresholds, garbage collections
    # that visit them take a fifth of the time under load.
    gc.set_threshold(50_000, 20, 100)
    try:
        asyncio.run(run(options))
    except BadTopics as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise click.ClickException(f"{error.strerror}: give --openflow another port") from error


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
