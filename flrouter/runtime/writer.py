"""The writer: records go out as ready-made batches.

A batch per topic and partition, built in one go, costs a fraction of what one `send` per record
does (docs/performance.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any

import aiokafka
from aiokafka.errors import (
    IllegalOperation,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from mode import Service

from flrouter.core.effects import Send
from flrouter.core.home import partition_for
from flrouter.runtime.checkpoint import Positions
from flrouter.runtime.clients import connection
from flrouter.runtime.directory import Directory
from flrouter.runtime.gate import Gate
from flrouter.settings import Settings

#: bytes in one batch; brokers take about 1 MB by default.
BATCH_BYTES = 512 * 1024

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_HOPELESS = (*_TOO_LARGE, InvalidTopicError, TopicAuthorizationFailedError)

Group = tuple[str, int, list[Send]]


class Outcome:
    """What became of the records of one write."""

    __slots__ = ("failed", "positions", "reason", "refused", "too_large")

    def __init__(self) -> None:
        #: not written, or nobody can tell: to be written again.
        self.failed: list[Send] = []
        self.reason: BaseException | None = None
        #: never to be written: the record, why, and whether its topic exists.
        self.refused: list[tuple[Send, str, bool]] = []
        #: in a transaction: where one of several records is too large, nobody knows which.
        self.too_large: set[tuple[str, int]] = set()
        self.positions: Positions = {}


class Writer(Service):
    """Writes records and knows when they are durable."""

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        transactional_id: str | None = None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        """Args:
        transactional_id: every write is part of a transaction of this id; None: of none.
        may_write: asked before anything goes out; what may not has failed.
        """
        super().__init__()
        self._settings = settings
        self._directory = directory
        self._transactional_id = transactional_id
        self._may_write = may_write
        self._producer: Any = None
        self._gate: Gate | None = None
        self._replacing = asyncio.Lock()

    async def on_start(self) -> None:
        """Connect; with a transactional id this fences whoever had it before."""
        self._producer = await self._connect()

    async def on_stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def _connect(self) -> Any:
        settings = self._settings
        transactional: dict[str, Any] = {}
        if self._transactional_id is not None:
            transactional = {
                "transactional_id": self._transactional_id,
                # A frozen worker stalls every read-committed reader for as long as this.
                "transaction_timeout_ms": round(settings.session_timeout * 1000),
            }
        producer = aiokafka.AIOKafkaProducer(
            **connection(settings),
            **transactional,
            acks="all",
            # The embedded broker cannot: docs/embedded-broker.md.
            enable_idempotence=not settings.embedded,
            max_batch_size=BATCH_BYTES,
            max_request_size=settings.max_message_bytes + BATCH_BYTES,
            request_timeout_ms=15_000,
        )
        await producer.start()
        self._gate = Gate(producer, self._may_write)
        return producer

    async def replace(self, broken: Any) -> None:
        """Start over with a new producer: after a failure an idempotent one has a gap.

        Args:
            broken: the one that failed; nothing happens when it was replaced already.
        """
        async with self._replacing:
            if self._producer is broken:
                self.abandon()
                old, self._producer = self._producer, await self._connect()
                if old is not None:
                    self.add_future(old.stop())

    def abandon(self) -> None:
        """Whatever the producer holds must not go out any more; all that it is given fails."""
        if self._gate is not None:
            self._gate.shut()

    @property
    def producer(self) -> Any:
        """Whoever writes now."""
        return self._producer

    async def write(
        self, sends: Sequence[Send], apart: Collection[tuple[str, int]] = ()
    ) -> Outcome:
        """Write records, in order per partition; returns when the fate of all is known.

        Args:
            sends: the records.
            apart: where each record goes out in a batch of its own.
        """
        outcome = Outcome()
        groups: list[Group] = []
        for group in await self._grouped(sends, outcome):
            if (group[0], group[1]) in apart:
                groups += _singly(group)
            else:
                groups.append(group)
        for group, error in zip(groups, await self._deliver(groups, outcome), strict=True):
            if not isinstance(error, _TOO_LARGE) or len(group[2]) == 1:
                _sort(group, error, outcome)
            elif self._transactional_id is not None:
                outcome.too_large.add((group[0], group[1]))
            else:
                for single in _singly(group):
                    _sort(single, (await self._deliver([single], outcome))[0], outcome)
        if outcome.failed:
            # A topic may be gone, or be another one by now: whoever tries again must know.
            await self._directory.look()
        return outcome

    async def _grouped(self, sends: Sequence[Send], outcome: Outcome) -> list[Group]:
        """Sort records by where they go, in order."""
        groups: dict[tuple[str, int], list[Send]] = {}
        for send in sends:
            partition = send.partition
            if partition is None:
                count = self._directory.known(send.topic)
                if count is None:
                    count = await self._directory.partitions(send.topic)
                if count is None:
                    outcome.refused.append((send, f"There is no topic {send.topic}.", False))
                    continue
                partition = partition_for(send.key, count)
            group = groups.get((send.topic, partition))
            if group is None:
                groups[send.topic, partition] = [send]
            else:
                group.append(send)
        return [(topic, partition, group) for (topic, partition), group in groups.items()]

    async def _deliver(
        self, groups: Sequence[Group], outcome: Outcome
    ) -> list[BaseException | None]:
        """Send groups side by side; the error of each that was not taken."""
        if not groups:
            return []
        submitted = [await self._submit(*group) for group in groups]
        for future in (future for parts in submitted for future, _ in parts):
            # Most are done by one response: waiting for all together would cost more than that.
            if not future.done():
                await asyncio.wait([future])
        errors = []
        for (topic, partition, _), parts in zip(groups, submitted, strict=True):
            error = next((error for part, _ in parts if (error := part.exception())), None)
            if error is None:
                last, count = parts[-1]
                outcome.positions[topic, partition] = last.result().offset + count
            errors.append(error)
        return errors

    async def _submit(
        self, topic: str, partition: int, sends: Sequence[Send]
    ) -> list[tuple[asyncio.Future[Any], int]]:
        """Give records to the producer in as few batches as they fit in: (delivery, records)."""
        parts: list[tuple[asyncio.Future[Any], int]] = []
        rest = list(sends)
        try:
            while rest:
                batch = self._producer.create_batch()
                taken = _fill(batch, rest)
                batch.close()
                delivery = await self._producer.send_batch(batch, topic, partition=partition)
                parts.append((delivery, taken))
                del rest[:taken]
        # A fenced producer is in no transaction any more, which is no KafkaError.
        except (TimeoutError, KafkaError, IllegalOperation, AssertionError) as error:
            failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            parts.append((failed, 0))
        return parts


def _fill(batch: Any, sends: Sequence[Send]) -> int:
    """Put as many records into `batch` as it takes; returns how many."""
    append = batch.append
    for at, send in enumerate(sends):
        headers = list(send.headers)
        if append(timestamp=None, key=send.key, value=send.value, headers=headers) is None:
            return at
    return len(sends)


def _singly(group: Group) -> list[Group]:
    topic, partition, sends = group
    return [(topic, partition, [send]) for send in sends]


def _sort(group: Group, error: BaseException | None, outcome: Outcome) -> None:
    if isinstance(error, _HOPELESS):
        outcome.refused += [(send, f"{error}.", True) for send in group[2]]
    elif error is not None:
        outcome.failed += group[2]
        outcome.reason = error
