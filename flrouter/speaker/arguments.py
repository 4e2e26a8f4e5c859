"""The command line's arguments that every FL has, whatever its switches are."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from flrouter.speaker.options import SpeakerOptions


def add_to(parser: argparse.ArgumentParser) -> None:
    """Have `parser` read them."""
    plain = SpeakerOptions(id="")
    add = parser.add_argument
    add("--id", required=True, help="the FL's id")
    add("--broker", default=plain.broker, help="tansu://host:port or kafka://host:port,…")
    add("--region", default="", help="the region in its messages; its id when empty")
    add("--partitions", type=int, default=plain.partitions, help="of topics that it has to make")
    add("--read-topic", default=plain.read_topic, help="{fl} stands for the id")
    add("--write-topic", default=plain.write_topic, help="{fl} stands for the id")
    add("--expire-after-ms", type=int, default=plain.expire_after_ms)
    add("--write-timeout-ms", type=int, default=plain.write_timeout_ms)
    add("--traces-url", default="", help="an OpenTelemetry collector, OTLP over HTTP")
    add("--log-level", default="WARNING", help="of the log on stderr")


def options(given: argparse.Namespace, login: Mapping[str, Any] | None = None) -> SpeakerOptions:
    """What they say; `login` are arguments for aiokafka's clients."""
    return SpeakerOptions(
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
    )
