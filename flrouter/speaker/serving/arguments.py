"""The command line's arguments that all kinds of FL share."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from typing import Any

from flrouter import profiles
from flrouter.speaker.options import SpeakerOptions


def add_to(parser: argparse.ArgumentParser, plain: SpeakerOptions) -> None:
    """Add the arguments to `parser`, with defaults from `plain`."""
    add = parser.add_argument
    add("--id", required=True, help="the FL's id")
    add("--broker", default=plain.broker, help="tansu://host:port or kafka://host:port,…")
    add("--region", default="", help="the region in its messages; its id when empty")
    add("--partitions", type=int, default=plain.partitions, help="of topics that it has to make")
    add("--profile", type=_profile, default=plain.profile, help="how the router speaks")
    headers = [*plain.headers.items()]
    add("--header", type=_header, action="append", default=headers, help="name=value (repeatable)")
    topic = "the profile's when empty; {fl} stands for the id"
    add("--read-topic", default=plain.read_topic, help=topic)
    add("--write-topic", default=plain.write_topic, help="the same of what it writes")
    add("--expire-after-ms", type=int, default=plain.expire_after_ms)
    add("--write-timeout-ms", type=int, default=plain.write_timeout_ms)
    collector = "an OpenTelemetry collector, OTLP over HTTP"
    add("--traces-url", default=plain.traces_url, help=collector)
    add("--log-level", default="WARNING", help="of the log on stderr")


def options(given: argparse.Namespace, plain: SpeakerOptions) -> SpeakerOptions:
    """`plain`, changed by the given arguments."""
    return replace(plain, **fields_of(plain, given), headers=dict(given.header))


def fields_of(options: Any, given: argparse.Namespace) -> dict[str, Any]:
    """The given arguments that have the name of a field of `options`, a dataclass."""
    names = {field.name for field in fields(options)}
    return {
        name: value for name, value in vars(given).items() if name in names and value is not None
    }


def _profile(name: str) -> str:
    try:
        profiles.load(name)
    except profiles.BadProfile as error:
        raise argparse.ArgumentTypeError(f"profile {name}: {error}") from error
    return name


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no name=value")
    return name, value
