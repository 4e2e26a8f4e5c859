"""What an FL side can be told: its name, its broker, and how long it remembers and waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SpeakerOptions:
    """The settings of one FL. Times are in the unit that their name ends in.

    The defaults fit the router's; only `id` has none.
    """

    #: the FL's id: it names the two topics, and the consumer group that remembers the position.
    id: str
    #: `tansu://host:port` (the embedded broker) or `kafka://host:port,host:port`.
    broker: str = "kafka://localhost:9092"
    #: the region that messages carry; the FL's id when empty.
    region: str = ""
    #: the topics; `{fl}` stands for the FL's id.
    read_topic: str = "kilda.fl.{fl}.read"
    write_topic: str = "kilda.fl.{fl}.write"
    #: the partitions of topics that have to be made; topics that exist keep theirs.
    partitions: int = 8
    #: a command this much older than the newest AliveRequest is not executed.
    expire_after_ms: int = 30_000
    #: answered requests that are remembered: at most so many, so long, so large in all.
    remember_count: int = 100_000
    remember_s: float = 60.0
    remember_bytes: int = 64 << 20
    #: a write that Kafka has not confirmed after this time has failed.
    write_timeout_ms: int = 10_000
    #: records that wait for Kafka; beyond it, reading stops and held events are dropped.
    hold: int = 100_000
    #: the largest answer; a larger one becomes an error.
    max_message_bytes: int = 1_000_000
    #: how long a stop waits for commands being handled, and then for writes on their way.
    stop_timeout_s: float = 5.0
    #: an OpenTelemetry collector (OTLP over HTTP) that gets a span of each command whose trace is
    #: sampled; none when empty. Needs `flrouter[tracing]`.
    traces_url: str = ""
    #: more arguments for aiokafka's clients, such as `security_protocol` and `ssl_context`.
    client: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reads(self) -> str:
        """The topic with this FL's commands."""
        return self.read_topic.format(fl=self.id)

    @property
    def writes(self) -> str:
        """The topic for all that this FL says."""
        return self.write_topic.format(fl=self.id)

    @property
    def region_name(self) -> str:
        """The region that messages carry."""
        return self.region or self.id
