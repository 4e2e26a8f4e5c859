"""The settings that decisions depend on, in the units that the core reckons in."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

#: all parts and copies of one command together, in multiples of the largest message: otherwise
#: one list of switches could fill a worker's memory.
MAX_GROWTH = 64
#: of a correlation id, which is kept with the request and becomes a record's key.
MAX_ID_BYTES = 4_096
#: a pending command of more bytes counts as several in `max_pending`.
BYTES_PER_PENDING = 1_000
#: switches that one shard knows: with more than that, an FL makes them up.
MAX_SWITCHES = 100_000


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """All durations are in ms, all sizes in bytes."""

    app_id: str
    partitions: int
    shards_topic: str
    dead_letter_topic: str
    #: where an FL reads what the router itself asks: a template with `{fl}`.
    fl_read_topic: str
    #: inbound topic → where an FL reads its commands, if that is another topic.
    fl_read_topics: Mapping[str, str] = {}
    fl_write_topics: tuple[str, ...]
    #: for every record that goes to an FL or a service, unless it has one of that name.
    headers: tuple[tuple[str, bytes], ...] = ()
    disco_topic: str
    #: a sync is whole once its FL has been quiet for so long; 0: the chain itself has an end.
    sync_quiet: int = 0
    #: whether a sync's records carry the `dump_id` of its request.
    sync_by_dump_id: bool = False
    #: how listeners are told which switches are there: a form in `core/switches/listeners.py`.
    listeners: str = "events"
    #: answers may not be sent to these: inbound topics and the router's own.
    reserved_topics: frozenset[str]
    ack_timeout: int
    response_timeout: int
    blacklist_ttl: int
    alive_interval: int
    alive_timeout: int
    sync_timeout: int
    sync_retries: int
    #: 0: no periodic sync.
    sync_interval: int
    #: how long an FL must have been up until switches that prefer it come back.
    settle_time: int
    max_message_bytes: int
    #: pending requests at which a shard takes no more from requesters.
    max_pending: int
    #: switches that one command may list, and how long its answer may take at most.
    max_gather: int
    gather_timeout: int
    #: whether commands whose trace is sampled become spans.
    traces: bool = False
    #: whether a history of all requests is written, and how many bytes of their payloads go there.
    history: bool = False
    history_payload_bytes: int = 0

    @property
    def dumps_by_master(self) -> bool:
        """Whether listeners get a sync's records of a switch from its master alone."""
        return self.listeners == "availability"

    @property
    def most_parts(self) -> int:
        """Parts that one command may have: its list of them must fit into one record."""
        return min(self.max_gather, self.max_message_bytes // 10)

    @property
    def max_scattered_bytes(self) -> int:
        """Bytes that all parts and copies of one command may have together (protocol.md, 4.2)."""
        return MAX_GROWTH * self.max_message_bytes

    @property
    def max_at_floodlight(self) -> int:
        """Pending requests of one FL, while others are up: a slow FL must not fill the shard."""
        return self.max_pending * 3 // 4

    @property
    def too_many_pending(self) -> int:
        """Pending requests at which a shard also refuses what other shards send."""
        return self.max_pending * 2

    @property
    def sync_patience_at_first(self) -> int:
        """How long to wait for a sync's first record: a large FL takes a while to begin."""
        return max(self.sync_quiet, self.sync_timeout)

    @property
    def sync_patience(self) -> int:
        """How long to wait for a sync's next record."""
        return self.sync_quiet or self.sync_timeout

    def read_topic(self, floodlight: str, inbound: str = "") -> str:
        """Where `floodlight` reads its commands (protocol.md, 3.1).

        Args:
            inbound: the topic that the command came from; empty if the router itself asks.
        """
        template = self.fl_read_topics.get(inbound, self.fl_read_topic)
        return template.replace("{fl}", floodlight)

    def write_topics(self, floodlight: str) -> list[str]:
        """What `floodlight` writes."""
        return [template.replace("{fl}", floodlight) for template in self.fl_write_topics]

    def may_be_floodlights(self, topic: str) -> bool:
        """Whether `topic` belongs to an FL, or would to one of that id (protocol.md, 4.2)."""
        reads = self.fl_read_topics.values()
        for template in (self.fl_read_topic, *reads, *self.fl_write_topics):
            start, end = template.split("{fl}")
            if len(topic) > len(start + end) and topic.startswith(start) and topic.endswith(end):
                return True
        return False
