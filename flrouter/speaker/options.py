"""The settings of an FL: its name, its broker, and how long it remembers and waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flrouter import profiles


@dataclass(frozen=True, kw_only=True)
class SpeakerOptions:
    """The settings of one FL. Times are in the unit that their name ends in.

    The defaults fit the router's; only `id` has none.
    """

    #: the FL's id; it is part of the names of its topics and of the consumer group.
    id: str
    #: `tansu://host:port` (the embedded broker) or `kafka://host:port,host:port`.
    broker: str = "kafka://localhost:9092"
    #: the region that messages carry; the FL's id when empty.
    region: str = ""
    #: how the router speaks: the name of one of its profiles, or the path of one of yours.
    profile: str = "plain"
    #: record headers with other values than the profile's.
    headers: Mapping[str, str] = field(default_factory=dict)
    #: the topics, in which `{fl}` stands for the FL's id; empty: as the profile says.
    read_topic: str = ""
    write_topic: str = ""
    #: the partitions of topics that have to be made; topics that exist keep theirs.
    partitions: int = 8
    #: a command this much older than the newest AliveRequest is not executed.
    expire_after_ms: int = 30_000
    #: limits on remembered answered requests: their number, their age, and their size in all.
    remember_count: int = 100_000
    remember_s: float = 60.0
    remember_bytes: int = 64 << 20
    #: a write that Kafka has not confirmed after this time has failed.
    write_timeout_ms: int = 10_000
    #: how many records may wait for Kafka. Beyond it, reading stops and held events are given up.
    hold: int = 100_000
    #: the largest answer; a larger one becomes an error.
    max_message_bytes: int = 1_000_000
    #: how long a stop waits for commands being handled, and then for writes in flight.
    stop_timeout_s: float = 5.0
    #: an OpenTelemetry collector (OTLP over HTTP), which gets a span of each command whose trace is
    #: sampled. Empty: none. Needs `flrouter[tracing]`.
    traces_url: str = ""
    #: more arguments for aiokafka's clients, such as `security_protocol` and `ssl_context`.
    client: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def speaks(self) -> profiles.Profile:
        """The profile.

        Raises:
            BadProfile: there is none, or it is not valid.
        """
        return profiles.load(self.profile)

    @property
    def reads(self) -> list[str]:
        """The topics with this FL's commands."""
        templates = [self.read_topic] if self.read_topic else self.speaks.reads
        return [template.replace("{fl}", self.id) for template in templates]

    @property
    def writes(self) -> str:
        """The topic for all messages of this FL: the first of those that the router reads."""
        return (self.write_topic or self.speaks.write[0]).replace("{fl}", self.id)

    @property
    def record_headers(self) -> list[tuple[str, bytes]]:
        """The headers of every record that this FL writes."""
        values = {**self.speaks.headers, **self.headers}
        return [(name, value.encode()) for name, value in values.items()]
