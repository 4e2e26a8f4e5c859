"""Membership: FLs come and go, and the topics that this worker reads follow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import aiokafka.errors
import kafka.errors
import msgspec
from mode import Service

from flrouter.core.values.effects import Send
from flrouter.core.values.peers import AddFloodlight, order
from flrouter.core.values.records import Floodlight
from flrouter.kafka.cluster.login import log_in, unreachable
from flrouter.kafka.cluster.preflight import require_transactions
from flrouter.kafka.cluster.topics import NoLeader, make, of_floodlight, of_router, provide
from flrouter.ports import Written
from flrouter.retry import Backoff, Reminder
from flrouter.runtime.state.reading import read_tables
from flrouter.settings.model import Settings

#: pauses between two tries to reach the brokers.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 2.0
#: how long they may be away at the start until a line says so.
FIRST_LINE_S = 5.0

_decode = msgspec.msgpack.Decoder(Floodlight).decode


class Heard(Protocol):
    """This worker's shards, as far as they know FLs."""

    def floodlights(self) -> Mapping[str, bool]:
        """The FLs that they have heard of, and whether each is known still."""

    async def write(self, sends: Sequence[Send]) -> Written:
        """Write what no shard says. Returns when all is durable or refused."""


class Membership(Service):
    """Keeps the subscription to the write topics of all known FLs."""

    def __init__(
        self,
        settings: Settings,
        shards: Callable[[], Heard],
        read: Callable[[set[str]], Awaitable[None]],
    ) -> None:
        """`read` has the write topics of these FLs read, and of no others."""
        super().__init__()
        self._settings = settings
        self._shards = shards
        self._read = read
        self._changed = asyncio.Event()
        #: the FLs whose write topics are read.
        self.subscribed: set[str] = set()
        #: FLs whose topics do not fit, and what is wrong with them: nothing of theirs is read.
        self.left_out: dict[str, str] = {}
        #: what is wrong with the router's own topics.
        self.faults: list[str] = []
        #: whose topics have changed since they were looked at: FLs', or the router's own ("").
        self._suspects: set[str] = set()
        self._seen_any = False

    def changed(self) -> None:
        """Shards know of FLs that came or went."""
        self._changed.set()

    @property
    def followed(self) -> list[str]:
        """The FLs that the router knows."""
        return [*self.subscribed, *self.left_out]

    def topics(self) -> dict[str, str]:
        """The router's own topics and all FLs', with the FL that has each; "" for the router."""
        topics = {wanted.name: "" for wanted in of_router(self._settings)}
        for name in self.followed:
            topics |= {wanted.name: name for wanted in of_floodlight(self._settings, name)}
        return topics

    def suspect(self, topic: str) -> None:
        """A topic came, went, or has another number of partitions than before."""
        owner = self.topics().get(topic)
        if owner is not None:
            self._suspects.add(owner)
            self._changed.set()

    async def prepare(self) -> list[str]:
        """Make the topics, and find out which FLs there are: those in the table, else those that
        the settings name. Returns their ids; waits for the brokers as long as it takes.

        Raises:
            BadTopic: a topic of the router's has the wrong number of partitions.
            LoginRefused, NoTransactions: the brokers do not let us, and waiting changes nothing.
        """
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        reminder = Reminder(FIRST_LINE_S)
        while True:
            try:
                return await self._prepare()
            except (kafka.errors.KafkaError, aiokafka.errors.KafkaError, TimeoutError) as error:
                if not getattr(error, "retriable", True):
                    raise
                if reminder.is_due():
                    if isinstance(error, NoLeader):
                        why = f"{error.args[0]}; waiting for them"
                    else:
                        why = f"{unreachable(self._settings, error)}; trying until it answers"
                    self.log.warning("%s", why)
                await asyncio.sleep(backoff.next_s())

    async def _prepare(self) -> list[str]:
        await log_in(self._settings)
        await require_transactions(self._settings)
        await asyncio.to_thread(provide, self._settings, of_router(self._settings))
        known = await self._in_table()
        names = known or {floodlight.id for floodlight in self._settings.floodlights}
        self.subscribed = await self._fitting(names)
        return sorted(self.subscribed)

    async def _fitting(self, floodlights: set[str]) -> set[str]:
        """Make the topics of these FLs; returns those FLs whose topics fit. Others are left out."""
        topics = {name: of_floodlight(self._settings, name) for name in sorted(floodlights)}
        wanted = [topic for own in topics.values() for topic in own]
        faults = await asyncio.to_thread(make, self._settings, wanted) if wanted else {}
        left_out = {
            name: faults[topic.name]
            for name, own in topics.items()
            for topic in own
            if topic.name in faults
        }
        for name, fault in left_out.items():
            if self.left_out.get(name) != fault:
                self.log.error("floodlight %s is left out: %s", name, fault)
        self.left_out = left_out
        return floodlights - left_out.keys()

    async def _in_table(self) -> set[str]:
        newest: dict[str, Floodlight] = {}

        def apply(_partition: int, key: str, value: bytes | None) -> None:
            if value is not None:
                state = _decode(value)
                if key not in newest or newest[key].number <= state.number:
                    newest[key] = state

        await asyncio.to_thread(read_tables, self._settings, {"floodlights": apply})
        self._seen_any = bool(newest)
        return {name for name, state in newest.items() if state.known}

    async def seed(self) -> None:
        """Tell the homes of the FLs that the settings name, if no FL was ever known.

        Raises:
            RuntimeError: the brokers refuse it.
        """
        if self._seen_any:
            return
        settings = self._settings
        orders = [
            order(
                settings.shards_topic,
                settings.partitions,
                floodlight.id,
                AddFloodlight(floodlight.id, settings.acknowledges(floodlight)),
            )
            for floodlight in settings.floodlights
        ]
        if not orders:
            return
        written = await self._shards().write(orders)
        if written.refused:
            raise RuntimeError(f"the floodlights are not known: {written.refused[0].why}")

    @Service.task
    async def _follow(self) -> None:
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        while not self.should_stop:
            await self._changed.wait()
            self._changed.clear()
            heard = self._shards().floodlights()
            known = {name for name, is_known in heard.items() if is_known}
            # An FL that no shard has heard of is not gone: it may be a moment old.
            wanted = known | {*self.followed} - heard.keys()
            suspects, self._suspects = self._suspects, set()
            settled = wanted & self.subscribed - suspects
            try:
                if "" in suspects:
                    await self._look_at_own()
                fitting = await self._fitting(wanted - settled)
            except (kafka.errors.KafkaError, TimeoutError) as error:
                self.log.warning("no topics for a floodlight yet, retrying: %r", error)
                self._suspects |= suspects
                await self.sleep(backoff.next_s())
                self._changed.set()
                continue
            backoff.reset()
            if settled | fitting != self.subscribed:
                self.subscribed = settled | fitting
                self.log.info("reading the floodlights %s", sorted(self.subscribed))
                await self._read(self.subscribed)

    async def _look_at_own(self) -> None:
        """Make those of the router's topics that somebody has deleted, and see whether all fit."""
        faults = await asyncio.to_thread(make, self._settings, of_router(self._settings))
        for fault in faults.values():
            if fault not in self.faults:
                self.log.error("%s", fault)
        self.faults = sorted(faults.values())
