"""Transactions of one owner: all that it says, and how far it has read, or nothing of both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aiokafka.errors import KafkaError, ProducerClosed, TopicAuthorizationFailedError

from flrouter.core.values.effects import Send
from flrouter.kafka.batches import TOO_LARGE, Limits, fill, producing
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.producer import Link
from flrouter.kafka.topics import forbidden, no_place, no_topic, number_of, too_large
from flrouter.ports import Answer, OffsetRange, Offsets, Partition, Refusal, Written
from flrouter.settings.model import Settings

NO_MEMBER = "the group does not say that this worker is a member still"
#: between requests for a transaction while the broker still writes the markers of the last one.
RETRY_MS = 20
#: after how long it is asked whether the topics of a transaction are there still.
LOOK_AFTER_S = 1.0
#: how long it is believed that the brokers do not let us write to a requester's topic.
FORBIDDEN_FOR_S = 10.0

_T = TypeVar("_T")


class _Gone(Exception):
    """A topic of a requester is not there any more, and brokers would be asked without end."""


class _TooLarge(Exception):
    """A batch is more than its topic takes."""

    def __init__(self, alone: Send | None) -> None:
        super().__init__()
        #: the record, if it is known which.
        self.alone = alone


@dataclass(eq=False)
class KafkaTransaction:
    """Writes records and commits offsets, all or nothing."""

    _settings: Settings
    _directory: Directory
    #: whether a topic is the router's or an FL's. Nothing for it is refused because brokers do not
    #: let us write: the transaction fails, and all is tried again.
    _is_own: Callable[[str], bool]
    #: the transactional id. It decides who may commit.
    _name: str
    _prove: Callable[[Answer], None]
    _link: Link | None = None
    _closed: bool = False
    _tasks: set[asyncio.Future[None]] = field(default_factory=set)
    #: topic → until when (monotonic s) nothing is written to it.
    _forbidden: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._patience_s = self._settings.session_timeout
        self._limits = Limits(self._settings)

    def open(self, done: Callable[[str | None], None]) -> None:
        """Fence whoever had the name before."""
        self._tell(self._open, done)

    def commit(
        self, sends: Sequence[Send], offsets: Offsets, done: Callable[[Written | str], None]
    ) -> None:
        """Commit all of it."""
        self._tell(lambda: self._commit(sends, offsets), done)

    def close(self) -> None:
        """Let go of the name."""
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        self._tell(self._drop, lambda _: None)

    async def disconnected(self) -> None:
        """Wait until its connections are closed, or are given up."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _tell(self, work: Callable[[], Awaitable[_T]], done: Callable[[_T], None]) -> None:
        async def tell() -> None:
            outcome = await work()
            if not self._closed:
                done(outcome)

        task = asyncio.ensure_future(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close(0.0)

    async def _open(self) -> str | None:
        """Have a producer that has the name; what another one left open is aborted first."""
        await self._drop()
        link = Link(
            **producing(self._settings),
            transactional_id=self._name,
            # For so long a frozen worker stalls all that read what is committed.
            transaction_timeout_ms=round(self._settings.session_timeout * 1_000),
            retry_backoff_ms=RETRY_MS,
        )
        try:
            async with asyncio.timeout(self._patience_s):
                await link.open()
        except (KafkaError, TimeoutError) as error:
            return f"the transactions {self._name} cannot be had: {error!r}"
        self._link = link
        return None

    async def _take_again(self) -> str | None:
        """Have another producer under the name; why not, or None.

        A worker that was frozen meanwhile must not: it would fence the shard's next owner, and
        commit again what that one has done.
        """
        if not await self._is_member():
            return NO_MEMBER
        why = await self._open()
        return why or (None if await self._is_member() else NO_MEMBER)

    async def _is_member(self) -> bool:
        proof: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._prove(lambda answer: None if proof.done() else proof.set_result(answer))
        return bool(await proof)

    async def _commit(self, sends: Sequence[Send], offsets: Offsets) -> Written | str:
        """What became of it; as text, why that is not known."""
        while True:
            outcome = await self._attempt(sends, offsets)
            if isinstance(outcome, Written) and not outcome.refused:
                return outcome
            if isinstance(outcome, str):
                await self._drop()  # the next producer aborts what this one has begun
                return outcome
            if self._link is None and (why := await self._take_again()) is not None:
                return why
            if outcome is not None:
                return outcome

    async def _attempt(self, sends: Sequence[Send], offsets: Offsets) -> Written | str | None:
        """One transaction.

        Returns:
            Where all lies; or what is refused, and then nothing is written; or why it is not known
            what is written; or None when another attempt tells more. It may leave no producer.
        """
        if any(number_of(self._directory, send) is None for send in sends):
            await self._directory.look_again()
        lots: dict[Partition, list[Send]] = {}
        refused: list[Refusal] = []
        for send in sends:
            place = self._place(send)
            if isinstance(place, Partition):
                lots.setdefault(place, []).append(send)
            elif isinstance(place, Refusal):
                refused.append(place)
            else:
                return place
        if refused:
            return Written(refused=refused)
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._transact(lots, offsets)
        except _TooLarge as error:
            outcome = Written(refused=[too_large(error.alone)]) if error.alone else None
        except TopicAuthorizationFailedError as error:
            named = error.args[0] if error.args else ()
            topics = {named} if isinstance(named, str) else set(named)
            if not topics or any(map(self._is_own, topics)):
                return repr(error)
            until = time.monotonic() + FORBIDDEN_FOR_S
            self._forbidden |= dict.fromkeys(topics, until)
            outcome = None
        except _Gone:
            outcome = None
        except Exception as error:  # noqa: BLE001 - whoever waits for it would wait without end
            return f"a transaction failed: {error!r}"
        # What was written is aborted by the next producer.
        await self._drop()
        return outcome

    async def _transact(self, lots: Mapping[Partition, list[Send]], offsets: Offsets) -> Written:
        link = self._link
        if link is None:
            raise ProducerClosed
        await link.begin()
        work = asyncio.ensure_future(self._write_all(link, lots, offsets))
        try:
            while not (await asyncio.wait({work}, timeout=LOOK_AFTER_S))[0]:
                await self._directory.look()
                others = (at for at in lots if not self._is_own(at.topic))
                if any(no_place(self._directory, at) for at in others):
                    raise _Gone
        finally:
            work.cancel()
        ranges = work.result()  # raises what failed: none of it may be committed
        await link.commit()
        return Written(ranges)

    async def _write_all(
        self, link: Link, lots: Mapping[Partition, list[Send]], offsets: Offsets
    ) -> dict[Partition, OffsetRange]:
        """Write all records, and only then the offsets.

        Brokers ask the transaction's coordinator about each batch. While that adds the group's
        offsets it does not say, and the batch would have to come again, `RETRY_MS` later.
        """
        ranges = await asyncio.gather(*(self._write(link, at, lots[at]) for at in lots))
        await link.add_offsets(offsets, self._settings.app_id)
        return dict(zip(lots, ranges, strict=True))

    async def _write(self, link: Link, at: Partition, sends: Sequence[Send]) -> OffsetRange:
        """Write the records of one partition, one batch after the other."""
        first, end, left = -1, -1, sends
        while left:
            batch = link.batch()
            taken = fill(batch, left, self._limits.batch(at.topic))
            try:
                offset = await link.deliver(batch, at)
            except TOO_LARGE as error:
                raise _TooLarge(self._limits.note(at.topic, batch, left[:taken])) from error
            first, end = (offset if first < 0 else first), offset + taken
            left = left[taken:]
        return OffsetRange(first, end, len(sends), marked=True)

    def _place(self, send: Send) -> Partition | Refusal | str:
        """Where a record goes; or why it goes nowhere; or, as text, why nobody knows that."""
        if self._forbidden.get(send.topic, 0.0) > time.monotonic():
            return forbidden(send)
        if self._limits.refuses(send):
            return too_large(send)
        number = number_of(self._directory, send)
        if number is None:
            if self._is_own(send.topic):
                return f"nobody knows the topic {send.topic}"
            return no_topic(send)
        return number if isinstance(number, Refusal) else Partition(send.topic, number)
