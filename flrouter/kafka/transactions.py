"""Transactions of one owner: librdkafka's calls block, so each owner has a thread for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import (
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AclOperation, AdminClient  # type: ignore[attr-defined] # its __all__ lacks one

from flrouter.core.values.effects import Send
from flrouter.core.values.home import partition_for
from flrouter.kafka.librdkafka import Configuration, connection, writing
from flrouter.kafka.records import as_headers
from flrouter.kafka.topics import NO_TOPIC, TOO_LARGE, Topics, misplaced
from flrouter.ports import Answer, Partition, Refusal, Span, Written
from flrouter.retry import Backoff
from flrouter.settings.model import Settings

#: what brokers and librdkafka say of records that they do not take, whenever they are asked.
REFUSALS = TOO_LARGE | NO_TOPIC | {KafkaError.TOPIC_AUTHORIZATION_FAILED}
NO_MEMBER = "the group does not say that this worker is a member still"
#: s; how long a poll may wait for something to happen.
POLL_S = 0.05
#: s; so long nothing is written to a topic that the brokers did not let us write, unless it is own.
FORBIDDEN_FOR_S = 10.0

_T = TypeVar("_T")

log = logging.getLogger(__name__)


def configuration(settings: Settings, name: str) -> Configuration:
    """What a transactional producer is told."""
    session_ms = round(settings.session_timeout * 1_000)
    return writing(settings) | {
        "transactional.id": name,
        # A frozen worker stalls every read-committed reader for as long as this.
        "transaction.timeout.ms": session_ms,
        "message.timeout.ms": session_ms,
        "socket.timeout.ms": max(session_ms - 500, 1_000),
    }


class KafkaTransaction:
    """Writes records and commits offsets, all or nothing."""

    def __init__(
        self,
        settings: Settings,
        topics: Topics,
        is_own: Callable[[str], bool],
        name: str,
        group: Any,
        prove: Callable[[Answer], None],
    ) -> None:
        """Args:
        settings: where the brokers are.
        topics: which topics there are.
        is_own: whether a topic is the router's or an FL's: nothing for it is refused because
            brokers do not let us write. The transaction fails, and all is tried again.
        name: the transactional id.
        group: confluent-kafka's metadata of the consumer group, whose offsets are committed. It
            names no member: who may commit is decided by the transactional id.
        prove: asks whether this worker is a member of the group still.
        """
        self._settings = settings
        self._topics = topics
        self._is_own = is_own
        self._configuration = configuration(settings, name)
        self._group = group
        self._prove = prove
        self._patience_s = settings.session_timeout
        self._producer: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"flrouter-{name}")
        self._closed = False
        self._tasks: set[asyncio.Future[None]] = set()
        #: topic → until when (monotonic s) nothing is written to it.
        self._forbidden: dict[str, float] = {}

    # -- the port -----------------------------------------------------------------------------

    def open(self, done: Callable[[str | None], None]) -> None:
        """Fence whoever had the name before."""

        async def opened() -> str | None:
            return await self._in_thread(lambda: self._open(self._configuration))

        self._tell(opened, done)

    def commit(
        self,
        sends: Sequence[Send],
        offsets: Mapping[Partition, int],
        done: Callable[[Written | str], None],
    ) -> None:
        """Commit all of it."""

        async def committed() -> Written | str:
            unknown = {
                send.topic
                for send in sends
                if send.partition is None and self._topics.known(send.topic) is None
            }
            if unknown:
                await self._topics.look_again()
            outcome = await self._in_thread(lambda: self._commit(sends, offsets, careful=False))
            # Something was refused, and nobody said what: see what becomes of each alone.
            return outcome if outcome is not None else await self._find(sends, offsets)

        self._tell(committed, done)

    def close(self) -> None:
        """Let go of the name."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        self._thread.submit(self._drop)
        self._thread.shutdown(wait=False)

    # -- threads ------------------------------------------------------------------------------

    def _tell(self, work: Callable[[], Awaitable[_T]], done: Callable[[_T], None]) -> None:
        async def tell() -> None:
            outcome = await work()
            if not self._closed:
                done(outcome)

        if self._closed:
            return
        task = asyncio.ensure_future(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _find(self, sends: Sequence[Send], offsets: Mapping[Partition, int]) -> Written | str:
        """Write one by one, so that nothing is under way beside what is refused."""
        single = {"batch.num.messages": 1, "max.in.flight.requests.per.connection": 1}
        why = await self._take_again(self._configuration | single)
        if why is not None:
            return why
        outcome = await self._in_thread(lambda: self._commit(sends, offsets, careful=True))
        if isinstance(outcome, Written):
            why = await self._take_again(self._configuration)
        return why or outcome or "a transaction failed, nobody knows why"

    async def _take_again(self, configuration: Configuration) -> str | None:
        """Have another producer under the name; why not, or None.

        Who was frozen meanwhile must not: it would fence whoever owns the shard by now, and commit
        once more what that one has done.
        """
        if not await self._is_member():
            return NO_MEMBER
        why = await self._in_thread(lambda: self._open(configuration))
        if why is None and not await self._is_member():
            return NO_MEMBER
        return why

    async def _is_member(self) -> bool:
        proof: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._prove(partial(_set, proof))
        return bool(await proof)

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge(in_queue=True, in_flight=True, blocking=False)

    def _open(self, configuration: Configuration) -> str | None:
        """Have a producer that has the name; what another one left open is aborted first."""
        self._drop()
        until = time.monotonic() + self._patience_s
        backoff = Backoff(0.05, 0.5)
        try:
            self._producer = Producer(configuration)
            while True:
                try:
                    self._producer.init_transactions(self._patience_s)
                except KafkaException as error:
                    # As while the coordinator still writes the markers of what it aborted.
                    if not error.args[0].retriable() or time.monotonic() > until:
                        raise
                    time.sleep(backoff.next_s())
                else:
                    return None
        except KafkaException as error:
            return str(error)

    def _commit(
        self, sends: Sequence[Send], offsets: Mapping[Partition, int], *, careful: bool
    ) -> Written | str | None:
        try:
            return self._try(sends, offsets, careful=careful)
        except KafkaException as error:
            return str(error)

    def _try(
        self, sends: Sequence[Send], offsets: Mapping[Partition, int], *, careful: bool
    ) -> Written | None:
        """One transaction; None when something in it was refused and nobody knows what.

        Raises:
            KafkaException: nobody can tell what became of it.
        """
        producer, written = self._producer, Written()
        spans: dict[Partition, list[int]] = {}
        fate = _Fate()
        places = [self._place(send) for send in sends]
        last = {at: index for index, at in enumerate(places) if isinstance(at, Partition)}
        producer.begin_transaction()
        for index, (send, at) in enumerate(zip(sends, places, strict=True)):
            if isinstance(at, Refusal):
                written.refused.append(at)
                continue
            # The transaction proves that all is durable; the last one tells where it lies.
            is_told = careful or last[at] == index
            try:
                producer.produce(
                    at.topic,
                    send.value,
                    send.key,
                    at.number,
                    headers=as_headers(send.headers),
                    on_delivery=_Told(send, at, fate, self._refusal) if is_told else fate.heard,
                )
            except KafkaException as error:
                if error.args[0].code() == KafkaError._STATE:
                    break  # an earlier one has failed already: of that is heard in a moment
                refusal = self._refusal(send, error.args[0])
                if refusal is None:
                    raise
                written.refused.append(refusal)
                continue
            spans.setdefault(at, []).append(index)
        if written.refused:
            producer.abort_transaction(self._patience_s)
            return written
        try:
            self._wait(producer, fate)
            if offsets:
                producer.send_offsets_to_transaction(
                    [TopicPartition(*at, offset) for at, offset in offsets.items()],
                    self._group,
                    self._patience_s,
                )
            producer.commit_transaction(self._patience_s)
        except KafkaException as error:
            # The next producer's begin aborts it. This one's own abort could wait in vain, for
            # records that it sends again only when there is no error.
            self._drop()
            code = (fate.error or error.args[0]).code()
            if code not in REFUSALS:
                raise
            if not careful:
                return None
            if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                self._note_forbidden({send.topic for send in sends})
                places = [self._place(send) for send in sends]
                fate.refused = [place for place in places if isinstance(place, Refusal)]
            if not fate.refused:
                raise
            written.refused += fate.refused
            return written
        for at, indexes in spans.items():
            end = fate.ends[at]
            written.spans[at] = Span(end - len(indexes), end, len(indexes))
        return written

    def _wait(self, producer: Any, fate: _Fate) -> None:
        """Wait for the records, so that none fails within the commit.

        After one has failed librdkafka sends no others, and its commit waits for them in vain.

        Raises:
            KafkaException: one failed; the transaction is to be aborted.
        """
        until = time.monotonic() + self._patience_s
        while len(producer) and fate.error is None and time.monotonic() < until:
            producer.poll(POLL_S)
        if fate.error is not None:
            if fate.error.code() == KafkaError._PURGE_QUEUE:
                # None of them was sent, as the transaction itself has failed. Its end tells why.
                purged, fate.error = fate.error, None
                producer.commit_transaction(self._patience_s)
                raise KafkaException(purged)
            raise KafkaException(fate.error)

    def _note_forbidden(self, topics: Iterable[str]) -> None:
        """Find out which of these topics the brokers do not let us write: no error names them."""
        until = time.monotonic() + FORBIDDEN_FOR_S
        others = [topic for topic in topics if not self._is_own(topic)]
        if not others:
            return
        admin = AdminClient(connection(self._settings))  # what it is asked ends with it
        described = admin.describe_topics(
            TopicCollection(others),
            include_authorized_operations=True,
            request_timeout=self._patience_s,
        )
        for topic, description in described.items():
            if AclOperation.WRITE not in (description.result().authorized_operations or ()):
                self._forbidden[topic] = until

    def _place(self, send: Send) -> Partition | Refusal:
        """Where a record goes, or why it goes nowhere.

        Raises:
            KafkaException: nobody knows a topic of the router's now.
        """
        number = send.partition
        if self._forbidden.get(send.topic, 0.0) > time.monotonic():
            return Refusal(send, f"The router may not write to {send.topic}.", False)
        if number is None:
            count = self._topics.known(send.topic)
            if count is None:
                if self._is_own(send.topic):
                    raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC, send.topic))
                return Refusal(send, f"There is no topic {send.topic}.", False)
            number = partition_for(send.key, count)
        at = Partition(send.topic, number)
        why = misplaced(self._topics, at)
        return Refusal(send, why, False) if why else at

    def _refusal(self, send: Send, error: Any) -> Refusal | None:
        """What an error says of a record; None when it may be taken another time."""
        if error.code() in TOO_LARGE:
            return Refusal(send, f"{error.str()}.", True)
        own = self._is_own(send.topic)
        if error.code() in NO_TOPIC and not (own and self._topics.known(send.topic)):
            return Refusal(send, f"There is no topic {send.topic}.", False)
        return None


def _set(future: asyncio.Future[_T], outcome: _T) -> None:
    if not future.cancelled():
        future.set_result(outcome)


class _Fate:
    """What is heard of the records of a transaction."""

    __slots__ = ("ends", "error", "refused")

    def __init__(self) -> None:
        #: where the next record of a partition will lie.
        self.ends: dict[Partition, int] = {}
        self.refused: list[Refusal] = []
        #: of the first record that failed.
        self.error: Any = None

    def heard(self, error: Any, message: Any) -> None:
        """One of them is written, or not."""
        if self.error is None:
            self.error = error


class _Told:
    """Tells what became of one record, which one it was, and where it lies."""

    __slots__ = ("at", "fate", "refusal", "send")

    def __init__(
        self,
        send: Send,
        at: Partition,
        fate: _Fate,
        refusal: Callable[[Send, Any], Refusal | None],
    ) -> None:
        self.send = send
        self.at = at
        self.fate = fate
        self.refusal = refusal

    def __call__(self, error: Any, message: Any) -> None:
        self.fate.heard(error, message)
        if error is None:
            self.fate.ends[self.at] = message.offset() + 1
        elif (refusal := self.refusal(self.send, error)) is not None:
            self.fate.refused.append(refusal)
