"""`python -m flrouter.speaker`: one FL, simulated or for OpenFlow switches."""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import logging
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from flrouter.speaker import arguments
from flrouter.speaker.connection import BadTopics
from flrouter.speaker.simulated import FloodlightOptions, Latency, numbered, run


def parse(
    given: Sequence[str] | None = None, login: Mapping[str, Any] | None = None
) -> tuple[FloodlightOptions, str]:
    """The options of a simulated FL, and the log level, that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m flrouter.speaker",
        description="A simulated FL. Takes JSON lines on stdin, says JSON lines on stdout.",
        epilog="With --openflow PORT it is one for real switches: add --help to see its options.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    arguments.add_to(parser)
    add = parser.add_argument
    add("--switches", type=int, default=1, help="how many switches it has at first")
    add("--first-switch", type=lambda text: int(text, 0), default=1, help="their first number")
    add("--switch", action="append", default=[], help="one more switch, by its id (repeatable)")
    add("--read-only", action="append", default=[], help="one more, connected read-only")
    add("--ports", type=int, default=2, help="ports of each switch")
    add("--latency-ms", type=Latency.parse, default="0", help="5, or 1-20 for evenly spread")
    add("--seed", type=int, default=0, help="of the latencies")
    found = parser.parse_args(given)
    options = FloodlightOptions(
        speaker=arguments.options(found, login),
        switches=(*numbered(found.switches, found.first_switch), *found.switch),
        read_only=tuple(found.read_only),
        ports=found.ports,
        latency=found.latency_ms,
        seed=found.seed,
    )
    return options, found.log_level


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


def _read(
    given: Sequence[str], login: Mapping[str, Any] | None
) -> tuple[Callable[[], Coroutine[Any, Any, None]], str]:
    """What to run, and the log level."""
    if not any(each.partition("=")[0] == "--openflow" for each in given):
        simulated, level = parse(given, login)
        return lambda: run(simulated), level
    try:
        from flrouter.speaker.openflow import process
    except ImportError as error:
        sys.exit(f"--openflow needs the package os-ken: pip install 'flrouter[openflow]' ({error})")
    options, level = process.parse(given, login)
    return lambda: process.run(options), level


def main(given: Sequence[str] | None = None, login: Mapping[str, Any] | None = None) -> int:
    """Run until told to stop; the result is the exit status.

    Args:
        given: the command line's arguments.
        login: arguments for aiokafka's clients that say how to log in.
    """
    work, level = _read(sys.argv[1:] if given is None else given, login)
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(name)s %(message)s")
    if level.upper() in ("WARNING", "ERROR"):
        # In an outage it says ten times a second what our own log says once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # Remembered requests are many and long-lived: with the default threshold, looking through
    # them for garbage takes a fifth of the time under load.
    gc.set_threshold(50_000, 20, 100)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(work())
    except BadTopics as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.stderr.write(f"{error.strerror}: give --openflow another port\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
