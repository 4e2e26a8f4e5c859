"""`python -m flrouter.speaker`: one simulated FL."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flrouter.speaker.connection import BadTopics
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.simulated import FloodlightOptions, Latency, numbered, run


def parse(
    arguments: Sequence[str] | None = None, login: Mapping[str, Any] | None = None
) -> tuple[FloodlightOptions, str]:
    """The options and the log level that the command line asks for."""
    plain = SpeakerOptions(id="")
    parser = argparse.ArgumentParser(
        prog="python -m flrouter.speaker",
        description="A simulated FL. Takes JSON lines on stdin, says JSON lines on stdout.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--id", required=True, help="the FL's id")
    add("--broker", default=plain.broker, help="tansu://host:port or kafka://host:port,…")
    add("--region", default="", help="the region in its messages; its id when empty")
    add("--switches", type=int, default=1, help="how many switches it has at first")
    add("--first-switch", type=lambda text: int(text, 0), default=1, help="their first number")
    add("--switch", action="append", default=[], help="one more switch, by its id (repeatable)")
    add("--read-only", action="append", default=[], help="one more, connected read-only")
    add("--ports", type=int, default=2, help="ports of each switch")
    add("--latency-ms", type=Latency.parse, default="0", help="5, or 1-20 for evenly spread")
    add("--seed", type=int, default=0, help="of the latencies")
    add("--partitions", type=int, default=plain.partitions, help="of topics that it has to make")
    add("--read-topic", default=plain.read_topic, help="{fl} stands for the id")
    add("--write-topic", default=plain.write_topic, help="{fl} stands for the id")
    add("--expire-after-ms", type=int, default=plain.expire_after_ms)
    add("--write-timeout-ms", type=int, default=plain.write_timeout_ms)
    add("--traces-url", default="", help="an OpenTelemetry collector, OTLP over HTTP")
    add("--log-level", default="WARNING", help="of the log on stderr")
    given = parser.parse_args(arguments)
    options = FloodlightOptions(
        speaker=SpeakerOptions(
            id=given.id,
            broker=given.broker,
            region=given.region,
            read_topic=given.read_topic,
            write_topic=given.write_topic,
            partitions=given.partitions,
            expire_after_ms=given.expire_after_ms,
            write_timeout_ms=given.write_timeout_ms,
            traces_url=given.traces_url,
            client=login or {},
        ),
        switches=(*numbered(given.switches, given.first_switch), *given.switch),
        read_only=tuple(given.read_only),
        ports=given.ports,
        latency=given.latency_ms,
        seed=given.seed,
    )
    return options, given.log_level


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


def main(arguments: Sequence[str] | None = None, login: Mapping[str, Any] | None = None) -> int:
    """Run until told to stop; the result is the exit status.

    Args:
        arguments: the command line's.
        login: arguments for aiokafka's clients that say how to log in.
    """
    options, level = parse(arguments, login)
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(name)s %(message)s")
    if level.upper() in ("WARNING", "ERROR"):
        # In an outage it says ten times a second what our own log says once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # Remembered requests are many and long-lived: with the default threshold, looking through
    # them for garbage takes a fifth of the time under load.
    gc.set_threshold(50_000, 20, 100)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run(options))
    except BadTopics as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
