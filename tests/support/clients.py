"""Foreign clients: librdkafka reads and writes, kafka-python makes and deletes topics.

They are set up so that they also work with the embedded broker (docs/embedded-broker.md), which
knows no idempotent producers, does not wake a long-polling fetch, leaves gaps in fetches, and tells
a wrong end of a partition whose last batch holds several records: so what a gap left out is read
again, and ends are taken from fetches.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import NotCoordinatorError, TopicAlreadyExistsError

from tests.support.patience import HOPE
from tests.support.sockets import close_all_sockets

close_all_sockets()

#: bytes; the foreign clients' own limit of a record, far above the one that tests set for
#: the router.
MAX_RECORD_BYTES = 8 << 20
#: of each topic that tests make.
COPIES = int(os.environ.get("FLROUTER_TEST_REPLICATION", "1"))
#: addresses of embedded brokers, which leave gaps and wake no fetch; each deployment adds its own.
EMBEDDED: set[str] = set()
#: records that a reader hands on in one go.
MAX_POLL_RECORDS = 2000
#: what a reader is told in passing: it goes on by itself, or there is nothing more for the moment.
_PASSING = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._PARTITION_EOF,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError.UNKNOWN_TOPIC_OR_PART,  # a test deletes a topic that is read
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
}


@dataclass(frozen=True)
class Record:
    """One record as it lay in a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    #: when a test read it, by time.monotonic().
    at: float

    @property
    def place(self) -> str:
        """`<topic>/<partition>/<offset>`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @cached_property
    def message(self) -> dict[str, Any]:
        """The value as JSON; empty when it is no JSON object."""
        try:
            found = json.loads(self.value or b"")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def payload(self) -> dict[str, Any]:
        """The message's payload; empty when there is none."""
        found = self.message.get("payload")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Place:
    """Where a record came to lie."""

    topic: str
    partition: int
    offset: int


class Writer:
    """A producer that keeps order and waits for nothing; keys go where murmur2 says."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "linger.ms": 0,
                "max.in.flight.requests.per.connection": 1,
                "message.max.bytes": MAX_RECORD_BYTES,
                "partitioner": "murmur2_random",
                "log_level": 0,
            }
        )

    def send(
        self,
        topic: str,
        *,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Delivery:
        """Send a record without waiting for it."""
        delivery = Delivery(self._producer)
        self._producer.produce(
            topic,
            value,
            key,
            -1 if partition is None else partition,
            on_delivery=delivery.done,
            headers=list(headers),
        )
        self._producer.poll(0)
        return delivery

    def flush(self, timeout: float) -> None:
        """Wait until everything that was sent lies in its topic.

        Raises:
            TimeoutError: it does not after `timeout` seconds.
        """
        left = self._producer.flush(timeout * HOPE)
        if left:
            raise TimeoutError(f"{left} records not written after {timeout} s")

    def partitions_for(self, topic: str) -> set[int]:
        """The partitions of a topic."""
        return _partitions(self._producer, topic)

    def close(self) -> None:
        """Write what was sent, as far as the broker takes it."""
        self._producer.flush(10)


class Delivery:
    """What becomes of a record that was sent."""

    def __init__(self, sender: Producer) -> None:
        self._sender = sender
        self._place: Future[Place] = Future()

    def done(self, error: KafkaError | None, message: Message) -> None:
        """The producer knows."""
        if error is not None:
            self._place.set_exception(KafkaException(error))
        else:
            self._place.set_result(Place(message.topic(), message.partition(), message.offset()))

    def get(self, timeout: float) -> Place:
        """Where it lies.

        Raises:
            TimeoutError: nobody knows after `timeout` seconds.
            KafkaException: nowhere.
        """
        until = time.monotonic() + timeout * HOPE
        while not self._place.done():
            if time.monotonic() > until:
                raise TimeoutError(f"a record is not written after {timeout} s")
            self._sender.poll(0.05)
        return self._place.result()


class Reader:
    """Reads every partition of some topics, from the beginning or from `positions`."""

    def __init__(
        self,
        bootstrap: str,
        topics: Iterable[str],
        isolation: str = "read_uncommitted",
        positions: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self._leaves_gaps = bootstrap in EMBEDDED
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "a test",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": isolation,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "fetch.queue.backoff.ms": 10,
                "fetch.message.max.bytes": MAX_RECORD_BYTES,
                "log_level": 0,
            }
        )
        #: the next offset to read of each partition, as far as records were handed on.
        self.positions = dict(positions or {})
        #: where each partition ends, of those that were read to their end.
        self.ends: dict[tuple[str, int], int] = {}
        try:
            self.partitions = [
                (topic, number)
                for topic in topics
                for number in sorted(_partitions(self._consumer, topic))
            ]
        except LookupError:
            self.close()
            raise
        self._consumer.assign(
            [
                TopicPartition(topic, number, self.positions.get((topic, number), OFFSET_BEGINNING))
                for topic, number in self.partitions
            ]
        )

    def poll(self, timeout: float) -> Iterator[Record]:
        """What has arrived; waits up to `timeout` seconds for the first of it.

        Raises:
            KafkaException: it cannot be read.
        """
        first = self._consumer.poll(timeout)
        if first is None:
            return
        for message in (first, *self._consumer.consume(MAX_POLL_RECORDS, 0)):
            place = (message.topic(), message.partition())
            error = message.error()
            if error is None:
                if self._in_order(place, message.offset()):
                    yield _record(message)
                    self.positions[place] = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                if self._in_order(place, message.offset()):
                    self.ends[place] = self.positions[place] = message.offset()
            elif error.code() not in _PASSING:
                raise KafkaException(error)

    def _in_order(self, place: tuple[str, int], offset: int) -> bool:
        """Whether nothing was left out before `offset`; else it is read again from there.

        On Kafka a gap is what compaction or a transaction left.
        """
        expected = self.positions.get(place, 0)
        if not self._leaves_gaps or offset == expected:
            return True
        if offset > expected:
            self._consumer.seek(TopicPartition(*place, expected))
        return False

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()


def _partitions(client: Consumer | Producer, topic: str, timeout: float = 10.0) -> set[int]:
    """The partitions of a topic; each broker knows of a new one a moment after it was made."""
    until = time.monotonic() + timeout * HOPE
    while True:
        try:
            partitions = client.list_topics(topic, 1.0 * HOPE).topics[topic].partitions
        except KafkaException:  # no broker, or none that knows it
            partitions = {}
        if partitions:
            return set(partitions)
        if time.monotonic() > until:
            raise LookupError(f"there is no topic {topic}")
        time.sleep(0.05)


def create_topics(bootstrap: str, counts: Mapping[str, int]) -> None:
    """Create topics with these partition counts; those that exist are left alone."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        for topic, partitions in counts.items():
            try:
                admin.create_topics([NewTopic(topic, partitions, COPIES)])
            except TopicAlreadyExistsError:
                continue
    finally:
        admin.close()


def delete_topics(bootstrap: str, prefix: str) -> None:
    """Delete every topic whose name begins so."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.delete_topics([name for name in admin.list_topics() if name.startswith(prefix)])
    finally:
        admin.close()


def topics(bootstrap: str) -> set[str]:
    """The names of all topics that exist now."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        return set(admin.list_topics())
    finally:
        admin.close()


def committed(bootstrap: str, group: str, timeout: float = 30.0) -> dict[tuple[str, int], int]:
    """What a group has committed; brokers say so where it is coordinated, which moves with them."""
    until = time.monotonic() + timeout * HOPE
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        while True:
            try:
                [offsets] = admin.list_group_offsets([group]).values()
            except NotCoordinatorError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
                continue
            return {
                (at.topic, at.partition): entry.offset
                for at, entry in offsets.items()
                if entry.offset >= 0
            }
    finally:
        admin.close()


def read_all(
    bootstrap: str,
    names: Iterable[str],
    timeout: float = 30.0,
    isolation: str = "read_uncommitted",
) -> list[Record]:
    """Every record that lies in the topics now, in order per partition."""
    until = time.monotonic() + timeout * HOPE
    with closing(Reader(bootstrap, names, isolation)) as reader:
        records: list[Record] = []
        while missing := set(reader.partitions) - reader.ends.keys():
            if time.monotonic() > until:
                raise TimeoutError(f"not read to the end after {timeout} s: {missing}")
            records += reader.poll(0.05)
        return records


def ends(bootstrap: str, topic: str) -> dict[tuple[str, int], int]:
    """Where each partition of a topic ends now."""
    with closing(Reader(bootstrap, [topic])) as reader:
        while set(reader.partitions) - reader.ends.keys():
            for _ in reader.poll(0.05):
                pass
        return reader.ends


def _record(message: Message) -> Record:
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        dict(message.headers() or ()),
        time.monotonic(),
    )


class Reading:
    """A thread that reads topics from where it left off and hands on each record.

    An exception in it is kept and raised in whoever stops it, or waits next, for whatever: that may
    be what its thread was to bring about.
    """

    #: those that were started, and are not stopped.
    _running: ClassVar[dict[Reading, None]] = {}

    #: `read_committed` where the router writes transactions.
    isolation = "read_uncommitted"

    def __init__(self, bootstrap: str, topics: Iterable[str]) -> None:
        self.bootstrap = bootstrap
        self._read_topics = list(topics)
        self._positions: dict[tuple[str, int], int] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._changed = threading.Condition()

    def start(self) -> None:
        """Read on, in a thread of its own."""
        self._stop.clear()
        Reading._running[self] = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; what was not handed on stays for the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(20)
            self._thread = None
        Reading._running.pop(self, None)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def on_record(self, record: Record) -> None:
        """Take one record; called in the thread, inside the lock of `until`."""
        raise NotImplementedError

    def on_turn(self) -> float:
        """Do what is due; says how many seconds the next poll may last."""
        return 0.05

    def until(self, what: Callable[[], Any], timeout: float, doing: str) -> Any:
        """Wait until `what()` is true and return it; it is asked again after each batch read.

        Raises:
            TimeoutError: it was not after `timeout` seconds; `doing` says what was awaited.
        """
        deadline = time.monotonic() + timeout * HOPE
        with self._changed:
            while True:
                for reading in list(Reading._running):
                    if reading._failure is not None:
                        raise reading._failure
                found = what()
                if found:
                    return found
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"after {timeout} s still waiting for {doing}")
                self._changed.wait(min(left, 0.5))

    def _run(self) -> None:
        try:
            reader = Reader(self.bootstrap, self._read_topics, self.isolation, self._positions)
            self._positions = reader.positions
            with closing(reader):
                self._poll(reader)
        except BaseException as failure:  # noqa: BLE001 (it is raised where somebody waits)
            with self._changed:
                self._failure = failure
                self._changed.notify_all()

    def _poll(self, reader: Reader) -> None:
        patience = 0.0
        while not self._stop.is_set():
            records = reader.poll(patience)
            first = next(records, None)
            if first is not None:
                with self._changed:
                    self.on_record(first)
                    for record in records:
                        self.on_record(record)
                    self._changed.notify_all()
            patience = self.on_turn()


class Tap(Reading):
    """Keeps every record of some topics, in the order in which they were read."""

    def __init__(self, bootstrap: str, topics: Iterable[str]) -> None:
        super().__init__(bootstrap, topics)
        self.records: list[Record] = []

    def on_record(self, record: Record) -> None:
        """Keep it."""
        self.records.append(record)

    def wait_for(
        self, wanted: Callable[[Record], bool], count: int = 1, timeout: float = 10.0
    ) -> list[Record]:
        """The records for which `wanted` is true, as soon as there are `count` of them."""
        found: list[Record] = []
        seen = 0

        def enough() -> bool:
            nonlocal seen
            found.extend(filter(wanted, self.records[seen:]))
            seen = len(self.records)
            return len(found) >= count

        self.until(enough, timeout, f"{count} records, have {len(found)}")
        return found
