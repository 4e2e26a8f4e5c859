"""Transactions of one owner: librdkafka's calls block, so each owner has a thread for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AclOperation, AdminClient  # type: ignore[attr-defined] # its __all__ lacks one

from flrouter.core.values.effects import Send
from flrouter.kafka.librdkafka import Configuration, connection, writing
from flrouter.kafka.records import as_headers
from flrouter.kafka.topics import (
    NO_TOPIC,
    TOO_LARGE,
    Topics,
    forbidden,
    no_topic,
    number_of,
    too_large,
)
from flrouter.ports import Answer, Offsets, Partition, Refusal, Span, Written
from flrouter.retry import Backoff
from flrouter.settings.model import Settings

#: errors that a record gets each time.
REFUSALS = TOO_LARGE | NO_TOPIC | {KafkaError.TOPIC_AUTHORIZATION_FAILED}
NO_MEMBER = "the group does not say that this worker is a member still"
#: how long a poll may wait for something to happen.
POLL_S = 0.05
#: how long it is believed that the brokers do not let us write to a requester's topic.
FORBIDDEN_FOR_S = 10.0

_T = TypeVar("_T")

log = logging.getLogger(__name__)


def configuration(settings: Settings, name: str) -> Configuration:
    """What a transactional producer is told."""
    session_ms = round(settings.session_timeout * 1_000)
    return writing(settings) | {
        "transactional.id": name,
        # A frozen worker stalls all read-committed readers for so long.
        "transaction.timeout.ms": session_ms,
        "message.timeout.ms": session_ms,
        "socket.timeout.ms": max(session_ms - 500, 1_000),
    }


@dataclass(eq=False)
class KafkaTransaction:
    """Writes records and commits offsets, all or nothing."""

    _settings: Settings
    _topics: Topics
    #: whether a topic is the router's or an FL's. Nothing for it is refused because brokers do not
    #: let us write: the transaction fails, and all is tried again.
    _is_own: Callable[[str], bool]
    #: the transactional id. It decides who may commit.
    _name: str
    #: confluent-kafka's metadata of the consumer group whose offsets are committed, without member.
    _group: Any
    _prove: Callable[[Answer], None]
    _producer: Any = None
    _closed: bool = False
    _tasks: set[asyncio.Future[None]] = field(default_factory=set)
    #: topic → until when (monotonic s) nothing is written to it.
    _forbidden: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._configuration = configuration(self._settings, self._name)
        self._patience_s = self._settings.session_timeout
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"flrouter-{self._name}")

    def open(self, done: Callable[[str | None], None]) -> None:
        """Fence whoever had the name before."""
        self._tell(lambda: self._in_thread(lambda: self._open(self._configuration)), done)

    def commit(
        self, sends: Sequence[Send], offsets: Offsets, done: Callable[[Written | str], None]
    ) -> None:
        """Commit all of it."""

        async def committed() -> Written | str:
            if any(number_of(self._topics, send) is None for send in sends):
                await self._topics.look_again()
            outcome = await self._in_thread(lambda: self._commit(sends, offsets, careful=False))
            # Something was refused, and it is not known what: write each alone.
            return outcome if outcome is not None else await self._find(sends, offsets)

        self._tell(committed, done)

    def close(self) -> None:
        """Let go of the name."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        self._thread.submit(self._drop)
        self._thread.shutdown(wait=False)

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

    async def _in_thread(self, work: Callable[[], _T]) -> _T | str:
        """What `work` returns; or, as text, why that is not known."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except KafkaException as error:
            return str(error)

    async def _find(self, sends: Sequence[Send], offsets: Offsets) -> Written | str:
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

        A worker that was frozen meanwhile must not: it would fence the shard's next owner, and
        commit again what that one has done.
        """
        if not await self._is_member():
            return NO_MEMBER
        why = await self._in_thread(lambda: self._open(configuration))
        return why or (None if await self._is_member() else NO_MEMBER)

    async def _is_member(self) -> bool:
        proof: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._prove(lambda answer: None if proof.done() else proof.set_result(answer))
        return bool(await proof)

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge(in_queue=True, in_flight=True, blocking=False)

    def _open(self, configuration: Configuration) -> None:
        """Have a producer that has the name; what another one left open is aborted first."""
        self._drop()
        until = time.monotonic() + self._patience_s
        backoff = Backoff(0.05, 0.5)
        self._producer = Producer(configuration)
        while True:
            try:
                self._producer.init_transactions(self._patience_s)
                return
            except KafkaException as error:
                # As while the coordinator still writes the markers of what it aborted.
                if not error.args[0].retriable() or time.monotonic() > until:
                    raise
            time.sleep(backoff.next_s())

    def _commit(self, sends: Sequence[Send], offsets: Offsets, *, careful: bool) -> Written | None:
        """One transaction; None when something in it was refused, and it is not known what.

        Raises:
            KafkaException: it is not known what became of the transaction.
        """
        producer, written, fate = self._producer, Written(), _Fate(self._refusal)
        places = [self._place(send) for send in sends]
        producer.begin_transaction()
        counts = self._produce(sends, places, written.refused, fate, careful=careful)
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
            # The next producer aborts it. This one's own abort could wait in vain: with an error it
            # sends no record again.
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
        for at, count in counts.items():
            end = fate.ends[at]
            written.spans[at] = Span(end - count, end, count, marked=True)
        return written

    def _produce(
        self,
        sends: Sequence[Send],
        places: Sequence[Partition | Refusal],
        refused: list[Refusal],
        fate: _Fate,
        *,
        careful: bool,
    ) -> Counter[Partition]:
        """Give records to the producer; returns how many each partition gets."""
        counts: Counter[Partition] = Counter()
        last = {at: index for index, at in enumerate(places) if isinstance(at, Partition)}
        for index, (send, at) in enumerate(zip(sends, places, strict=True)):
            if isinstance(at, Refusal):
                refused.append(at)
                continue
            # The commit proves that all are durable; the last one tells where they lie.
            is_told = careful or last[at] == index
            try:
                self._producer.produce(
                    at.topic,
                    send.value,
                    send.key,
                    at.number,
                    headers=as_headers(send.headers),
                    on_delivery=partial(fate.told, send, at) if is_told else fate.heard,
                )
            except KafkaException as error:
                if error.args[0].code() == KafkaError._STATE:
                    break  # an earlier one has failed: its callback comes in a moment
                refusal = self._refusal(send, error.args[0])
                if refusal is None:
                    raise
                refused.append(refusal)
            else:
                counts[at] += 1
        return counts

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
                # None was sent, as the transaction itself has failed. The commit tells why.
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
        admin = AdminClient(connection(self._settings))  # its futures end with it
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
        if self._forbidden.get(send.topic, 0.0) > time.monotonic():
            return forbidden(send)
        number = number_of(self._topics, send)
        if isinstance(number, Refusal):
            return number
        if number is not None:
            return Partition(send.topic, number)
        if self._is_own(send.topic):
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC, send.topic))
        return no_topic(send)

    def _refusal(self, send: Send, error: Any) -> Refusal | None:
        """What an error says of a record; None when it may be taken another time."""
        if error.code() in TOO_LARGE:
            return too_large(send, error)
        own = self._is_own(send.topic)
        if error.code() in NO_TOPIC and not (own and self._topics.known(send.topic)):
            return no_topic(send)
        return None


@dataclass
class _Fate:
    """What is heard of the records of a transaction."""

    _refusal: Callable[[Send, Any], Refusal | None]
    #: where the next record of a partition will lie.
    ends: dict[Partition, int] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    #: of the first record that failed.
    error: Any = None

    def heard(self, error: Any, _message: Any) -> None:
        """One of them is written, or not."""
        if self.error is None:
            self.error = error

    def told(self, send: Send, at: Partition, error: Any, message: Any) -> None:
        """This one is written, and lies there, or is not."""
        self.heard(error, message)
        if error is None:
            self.ends[at] = message.offset() + 1
        elif (refusal := self._refusal(send, error)) is not None:
            self.refused.append(refusal)
