"""The settings that decisions depend on, in the units that the core reckons in."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

#: bytes that all parts and copies of one command may have together, in multiples of the largest
#: message. Lists of switches would else let a requester fill any worker's memory.
MAX_GROWTH = 64
#: of a correlation id: it is kept with the request, and goes out in records' keys.
MAX_ID_BYTES = 4_096
#: what one command without an answer may take of the room of `max_pending`; one that takes more
#: counts as several.
BYTES_PER_PENDING = 1_000
#: that one shard knows: so many are no network, but an FL that makes them up.
MAX_SWITCHES = 100_000


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """All durations are in ms, all sizes in bytes."""

    app_id: str
    partitions: int
    shards_topic: str
    dead_letter_topic: str
    #: templates with `{fl}`: where an FL reads what the router itself asks, where it reads what
    #: came from an inbound topic, if not there too, and what it writes.
    fl_read_topic: str
    fl_read_topics: Mapping[str, str] = {}
    fl_write_topics: tuple[str, ...]
    #: on every record that goes to an FL or to a service, unless it has one of that name.
    headers: tuple[tuple[str, bytes], ...] = ()
    disco_topic: str
    #: ms: when nothing more of a sync's answer has come for so long, it is whole; 0: it says so
    #: itself, or it is incomplete.
    sync_quiet: int = 0
    #: whether a sync is asked for by a `dump_id`, which its records carry.
    sync_by_dump_id: bool = False
    #: how listeners are told which switches are there: one of the forms in
    #: `core/switches/listeners.py`.
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
    #: how long an FL must have been there until switches that prefer it come back to it.
    settle_time: int
    max_message_bytes: int
    #: requests that are pending in one shard when it takes no more from requesters.
    max_pending: int
    #: switches that one command may list, and how long its answer may take at most.
    max_gather: int
    gather_timeout: int
    #: whether spans are made of commands whose trace is sampled.
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
        """Parts that one command may have: what is kept of them has to go into one record."""
        return min(self.max_gather, self.max_message_bytes // 10)

    @property
    def max_scattered_bytes(self) -> int:
        """What all parts and copies of one command may have together."""
        return MAX_GROWTH * self.max_message_bytes

    @property
    def max_at_floodlight(self) -> int:
        """Of those, what one FL may hold while others are there: a slow one must not fill all."""
        return self.max_pending * 3 // 4

    @property
    def too_many_pending(self) -> int:
        """Beyond this all more are refused. Other shards, which are not full, send them here."""
        return self.max_pending * 2

    @property
    def sync_patience_at_first(self) -> int:
        """ms: how long the first record of a sync is waited for.

        Without one all switches of the FL count as gone, and a large FL takes a while to begin.
        """
        return max(self.sync_quiet, self.sync_timeout)

    @property
    def sync_patience(self) -> int:
        """ms: how long the next record of a sync is waited for."""
        return self.sync_quiet or self.sync_timeout

    def read_topic(self, floodlight: str, inbound: str = "") -> str:
        """Where `floodlight` reads its commands.

        Args:
            inbound: the topic that the command came from; empty when the router itself asks.
        """
        template = self.fl_read_topics.get(inbound, self.fl_read_topic)
        return template.replace("{fl}", floodlight)

    def write_topics(self, floodlight: str) -> list[str]:
        """What `floodlight` writes."""
        return [template.replace("{fl}", floodlight) for template in self.fl_write_topics]

    def may_be_floodlights(self, topic: str) -> bool:
        """Whether `topic` is an FL's, be it one that this shard has not heard of yet."""
        reads = self.fl_read_topics.values()
        for template in (self.fl_read_topic, *reads, *self.fl_write_topics):
            start, end = template.split("{fl}")
            if len(topic) > len(start + end) and topic.startswith(start) and topic.endswith(end):
                return True
        return False
