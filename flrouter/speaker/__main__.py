"""`python -m flrouter.speaker`: one FL, simulated or for OpenFlow switches."""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from flrouter.speaker.kafka.connection import BadTopics
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.serving import arguments
from flrouter.speaker.simulated import FloodlightOptions, Latency, numbered, run

#: defaults of the command line's options.
_PLAIN = SpeakerOptions(id="")
_PROGRAM = "python -m flrouter.speaker"


def parse(
    given: Sequence[str], plain: SpeakerOptions = _PLAIN, program: str = _PROGRAM
) -> tuple[FloodlightOptions, str]:
    """The options of a simulated FL, and the log level, from the command line.

    The arguments are those of `main`.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description="A simulated FL. Takes JSON lines on stdin, says JSON lines on stdout.",
        epilog="With --openflow PORT it is one for real switches: add --help to see its options.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    arguments.add_to(parser, plain)
    add = parser.add_argument
    add("--switches", type=int, default=1, help="how many switches it has at first")
    add("--first-switch", type=lambda text: int(text, 0), default=1, help="their first number")
    add("--switch", action="append", default=[], help="one more switch, by its id (repeatable)")
    add("--read-only", action="append", default=[], help="one more, connected read-only")
    add("--ports", type=int, default=2, help="ports of each switch")
    add("--latency-ms", type=Latency.parse, default="0", help="5, or 1-20 for evenly spread")
    add("--seed", type=int, default=0, help="of the latencies")
    arguments_given = parser.parse_args(given)
    options = FloodlightOptions(
        speaker=arguments.options(arguments_given, plain),
        switches=(
            *numbered(arguments_given.switches, arguments_given.first_switch),
            *arguments_given.switch,
        ),
        read_only=tuple(arguments_given.read_only),
        ports=arguments_given.ports,
        latency=arguments_given.latency_ms,
        seed=arguments_given.seed,
    )
    return options, arguments_given.log_level


def _read(
    given: Sequence[str], plain: SpeakerOptions, program: str
) -> tuple[Callable[[], Coroutine[Any, Any, None]], str]:
    """What to run, and the log level."""
    if not any(argument.partition("=")[0] == "--openflow" for argument in given):
        simulated, level = parse(given, plain, program)
        return lambda: run(simulated), level
    try:
        from flrouter.speaker.openflow import process
    except ImportError as error:
        sys.exit(f"--openflow needs the package os-ken: pip install 'flrouter[openflow]' ({error})")
    options, level = process.parse(given, plain, program)
    return lambda: process.run(options), level


def main(given: Sequence[str], plain: SpeakerOptions = _PLAIN, program: str = _PROGRAM) -> int:
    """Run until told to stop; the result is the exit status.

    Args:
        given: the command line's arguments.
        plain: defaults for options that are not given, and how to log in.
        program: the name of the program in its help.
    """
    work, level = _read(given, plain, program)
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(name)s %(message)s")
    if level.upper() in ("WARNING", "ERROR"):
        # In an outage, aiokafka logs ten times a second what our own log says once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # Remembered requests are many and long-lived. With the default thresholds, garbage collections
    # that visit them take a fifth of the time under load.
    gc.set_threshold(50_000, 20, 100)
    try:
        asyncio.run(work())
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
    raise SystemExit(main(sys.argv[1:]))
