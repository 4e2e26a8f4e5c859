"""The way to the broker: its URL, its kind, and the topics that must exist."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from flrouter.retry import Backoff, Reminder
from flrouter.speaker.options import SpeakerOptions

log = logging.getLogger(__name__)

T = TypeVar("T")

#: between retries: short, so that an FL is back soon after its broker.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 1.0
_TOPIC_EXISTS = 36
#: between looks whether the cluster has a controller.
_ELECTION_POLL_S = 0.25
#: between looks whether a topic that was created is there.
_APPEARANCE_POLL_S = 0.02


class BadTopics(RuntimeError):
    """The topics of this FL cannot be used; the text says why and what to do."""


async def insist(attempt: Callable[[], Awaitable[T]], trouble: str) -> T:
    """Try until it succeeds; returns its result. `trouble` is logged once a minute meanwhile."""
    backoff, reminder = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S), Reminder()
    while True:
        try:
            return await attempt()
        except (KafkaError, OSError) as error:
            if reminder.is_due():
                log.warning("%s: %r", trouble, error)
        await asyncio.sleep(backoff.next_s())


class Connection:
    """How to reach the broker of `options`."""

    def __init__(self, options: SpeakerOptions) -> None:
        scheme, separator, rest = options.broker.partition("://")
        if not separator:
            scheme, rest = "kafka", scheme
        self.servers = [server for server in rest.strip("/").replace(";", ",").split(",") if server]
        #: whether it is the embedded broker, which has neither idempotent producers nor
        #: transactions, and does not end a fetch's wait when data comes.
        self.embedded = scheme == "tansu"
        self._options = options

    @property
    def client(self) -> dict[str, Any]:
        """The arguments for all of aiokafka's clients."""
        return {
            "bootstrap_servers": self.servers,
            "client_id": f"flrouter-speaker-{self._options.id}",
            "request_timeout_ms": self._options.write_timeout_ms,
            **self._options.client,
        }

    @property
    def producer(self) -> dict[str, Any]:
        """The arguments of the one producer."""
        return {
            **self.client,
            "enable_idempotence": not self.embedded,
            "max_batch_size": 256 << 10,
        }

    @property
    def consumer(self) -> dict[str, Any]:
        """The arguments of the one consumer; its partitions are assigned by hand."""
        return {
            **self.client,
            "group_id": f"flrouter-speaker-{self._options.id}",
            "enable_auto_commit": False,
            # Commands sent before the first start expire by their age, like all others.
            "auto_offset_reset": "earliest",
            "fetch_max_wait_ms": 25 if self.embedded else 100,
            # A command of an aborted transaction does not count as sent.
            "isolation_level": "read_uncommitted" if self.embedded else "read_committed",
        }

    async def prepare(self) -> int:
        """Wait for the broker, create missing topics, and return how many partitions topics have.

        Raises:
            BadTopics: topics exist with different numbers of partitions.
        """
        return await insist(self._prepare, f"waiting for the broker {','.join(self.servers)}")

    async def _prepare(self) -> int:
        admin = AIOKafkaAdminClient(**self.client)
        try:
            await admin.start()
            return await self._topics(admin)
        finally:
            await admin.close()

    async def _topics(self, admin: Any) -> int:
        wanted = [*self._options.reads, self._options.writes]
        while True:
            counts = {
                topic["topic"]: len(topic["partitions"])
                for topic in await admin.describe_topics()
                if topic["topic"] in wanted
            }
            for one, other in itertools.pairwise(topic for topic in wanted if topic in counts):
                if counts[one] != counts[other]:
                    raise BadTopics(
                        f"{one} has {counts[one]} partitions and {other} has {counts[other]}:"
                        " answers go to the partition of their command, so both need the same"
                    )
            partitions = next(iter(counts.values()), self._options.partitions)
            missing = set(wanted) - counts.keys()
            if not missing:
                return partitions
            await self._create(admin, missing, partitions)

    async def _create(self, admin: Any, names: set[str], partitions: int) -> None:
        cluster = await admin.describe_cluster()
        if cluster["controller_id"] < 0:  # the controller is being elected
            await asyncio.sleep(_ELECTION_POLL_S)
            return
        brokers = len(cluster["brokers"])
        answer = await admin.create_topics(
            [NewTopic(name, partitions, min(3, max(1, brokers))) for name in sorted(names)]
        )
        for name, code, *_ in answer.topic_errors:
            if code not in (0, _TOPIC_EXISTS):  # exists: another client was faster
                raise BadTopics(f"the broker refused to create the topic {name}: error {code}")
        await asyncio.sleep(_APPEARANCE_POLL_S)
