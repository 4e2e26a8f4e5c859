"""The settings that decisions depend on, in the core's units."""

from __future__ import annotations

from flrouter.core.state.rules import Rules
from flrouter.core.state.table import TABLES
from flrouter.kafka.cluster.topics import changelog
from flrouter.settings.model import Settings


def rules_of(settings: Settings) -> Rules:
    """What the core must know of the settings."""

    def ms(seconds: float) -> int:
        return round(seconds * 1000)

    return Rules(
        app_id=settings.app_id,
        partitions=settings.partitions,
        shards_topic=settings.shards_topic,
        dead_letter_topic=settings.dead_letters,
        fl_read_topic=settings.fl_read_topic,
        fl_read_topics=settings.fl_topics.by_inbound,
        fl_write_topics=tuple(settings.fl_topics.written),
        headers=tuple(settings.record_headers.items()),
        disco_topic=settings.disco_topic,
        sync_quiet=ms(settings.speaks.sync.quiet_s),
        sync_by_dump_id=settings.speaks.sync.by_dump_id,
        listeners=settings.speaks.listeners or "events",
        reserved_topics=frozenset(
            {
                *settings.inbound_topics,
                settings.shards_topic,
                settings.dead_letters,
                settings.history_topic,
                *(changelog(settings, table) for table in TABLES),
            }
        ),
        ack_timeout=ms(settings.ack_timeout),
        response_timeout=ms(settings.response_timeout),
        blacklist_ttl=ms(settings.blacklist_ttl),
        alive_interval=ms(settings.alive_interval),
        alive_timeout=ms(settings.alive_timeout),
        sync_timeout=ms(settings.sync_timeout),
        sync_retries=settings.sync_retries,
        sync_interval=ms(settings.sync_interval),
        settle_time=ms(settings.settle_time),
        max_message_bytes=settings.max_message_bytes,
        max_pending=settings.max_pending,
        max_gather=settings.max_gather,
        gather_timeout=ms(settings.gather_timeout),
        traces=bool(settings.traces_url),
        history=settings.history,
        history_payload_bytes=settings.history_payload_bytes,
    )
