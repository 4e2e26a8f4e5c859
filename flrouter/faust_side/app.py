"""The Faust application class: where the framework's extension points are filled."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from typing import Any

from faust.types import TopicT

from flrouter.core.state.table import TABLES
from flrouter.faust_side.assignor import ShardAssignor
from flrouter.faust_side.base import BaseApp
from flrouter.faust_side.consumer import Transport
from flrouter.faust_side.tables import ShardTable, TableManager
from flrouter.kafka.cluster.contact import Contact
from flrouter.runtime.batch import BatchSchema
from flrouter.runtime.durability.formats import NewerFormat
from flrouter.runtime.history import History
from flrouter.runtime.membership import Membership
from flrouter.runtime.shards import Shards
from flrouter.settings.model import Settings

#: a rebalance waits for all members, and each hears of it with its next heartbeat.
HEARTBEAT_INTERVAL_S = 0.25


class RouterApp(BaseApp):
    """A Faust app whose data path is the shards'."""

    Transport = Transport

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings,
            settings.app_id,
            HEARTBEAT_INTERVAL_S,
            # A worker whose event loop stands still leaves the group, though heartbeats go on.
            broker_max_poll_interval=settings.session_timeout * 3,
            topic_partitions=settings.partitions,
            topic_allow_declare=False,  # topics are made and checked in one place: topics.py
            stream_buffer_maxsize=1024,  # looks, not records
            datadir=str(settings.data_path),
            Table=ShardTable,
            TableManager=TableManager,
            PartitionAssignor=ShardAssignor,
            web_tables_enabled=False,  # it builds whole tables: `web/` has pages of its own
            web_router_enabled=False,  # tables are looked up by shard, not by Faust's keys
        )
        self.contact = Contact(settings)
        self.membership = Membership(settings, lambda: self.shards, self.read_floodlights)
        self.history = History(settings, lambda: str(self.conf.canonical_url))
        self.shards = Shards(
            *(settings, lambda: self.consumer.member, self.membership, self.history, self.give_up)
        )
        for name in TABLES:
            self.Table(name, partitions=settings.partitions)
        self.commands_topic = self._batches(list(settings.inbound_topics))
        self.shards_topic = self._batches([settings.shards_topic])
        reports = self._written_by(floodlight.id for floodlight in settings.floodlights)
        self.reports_topic = self._batches(reports or [settings.shards_topic])

    def _written_by(self, floodlights: Iterable[str]) -> list[str]:
        written_by = self.settings.fl_topics.written_by
        return [topic for floodlight in floodlights for topic in written_by(floodlight)]

    def _batches(self, names: list[str]) -> TopicT[Any]:
        return self.topic(*names, schema=BatchSchema(), partitions=self.settings.partitions)

    def warnings(self) -> list[str]:
        """What people should see to, as sentences."""
        assignor = self.assignor
        told = filter(None, [assignor.shared_url, assignor.unentitled])
        return [*told, *self.shards.warnings()]

    def give_up(self, why: str) -> None:
        """End this process as if somebody had asked it to, and with `why` as its last line."""
        if not self.given_up:
            self.given_up = why
            signal.raise_signal(signal.SIGTERM)

    async def read_floodlights(self, floodlights: Iterable[str]) -> None:
        """Read the write topics of these FLs."""
        while self.rebalancing and not self.should_stop:
            await self.sleep(0.05)
        self._follow(floodlights)
        await self.consumer.subscribe(await self.topics._update_indices())

    def _follow(self, floodlights: Iterable[str]) -> None:
        """Have the reports' agent follow these FLs, as soon as the consumer subscribes."""
        names = self._written_by(sorted(floodlights))
        schema = self.reports_topic.schema
        for topic in (self.reports_topic, *self.topics):
            if topic.schema is schema:  # the agent's own copies of it
                topic.topics = names

    async def on_start(self) -> None:
        """Make the topics and find the FLs before anything is read."""
        if not (self.client_only or self.producer_only):
            try:
                floodlights = await self.membership.prepare()
            except NewerFormat as why:
                self.give_up(str(why))
                await asyncio.Event().wait()  # until the process ends
                return
            self._follow(floodlights)
        await super().on_start()

    def on_init_dependencies(self) -> Iterable[Any]:
        """The shards run before the consumer reads."""
        upstream: Iterable[Any] = super().on_init_dependencies()
        if self.client_only or self.producer_only:
            return upstream
        return [self.contact, self.history, self.shards, self.membership, *upstream]

    async def on_started(self) -> None:
        """Tell the homes of the FLs that the settings name, if there never was any."""
        await super().on_started()
        await self.membership.seed()
