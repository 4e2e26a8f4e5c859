"""kafka-python's clients, set up so that they also work with the embedded broker.

Tansu knows no idempotent producers, does not wake a long-polling fetch, and tells a wrong end of
a partition whose last batch holds several records, so ends are taken from fetch answers.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from tests.support.patience import HOPE
from tests.support.sockets import close_all_sockets

close_all_sockets()

#: the foreign clients' own limit, far above the one that tests set for the router.
LARGEST = 8 << 20
#: of each topic that tests make.
COPIES = int(os.environ.get("FLROUTER_TEST_REPLICATION", "1"))
#: the broker that wakes a fetch when there is something to read: asked less often, it has time.
_WAKING = os.environ.get("FLROUTER_TEST_BROKER", "")


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


def producer(bootstrap: str) -> KafkaProducer:
    """A producer that keeps order and waits for nothing."""
    return KafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=False,
        acks="all",
        linger_ms=0,
        max_in_flight_requests_per_connection=1,
        max_request_size=LARGEST,
    )


def consumer(
    bootstrap: str, topics: Iterable[str], isolation: str = "read_uncommitted"
) -> KafkaConsumer:
    """A consumer without a group at the beginning of every partition of `topics`."""
    found = KafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level=isolation,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100 if bootstrap in _WAKING else 25,
        max_partition_fetch_bytes=LARGEST,
        max_poll_records=2000,
    )
    partitions = []
    try:
        for topic in topics:
            numbers = _partitions(found, topic)
            partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
    except LookupError:
        found.close()
        raise
    found.assign(partitions)
    found.seek_to_beginning()
    return found


def _partitions(reader: KafkaConsumer, topic: str, timeout: float = 10.0) -> set[int]:
    """The partitions of a topic; each broker knows of a new one a moment after it was made."""
    until = time.monotonic() + timeout * HOPE
    while not (numbers := reader.partitions_for_topic(topic)):
        if time.monotonic() > until:
            raise LookupError(f"there is no topic {topic}")
        time.sleep(0.05)
    return set(numbers)


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


def read_all(
    bootstrap: str,
    names: Iterable[str],
    timeout: float = 30.0,
    isolation: str = "read_uncommitted",
) -> list[Record]:
    """Every record that lies in the topics now, in order per partition."""
    reader = consumer(bootstrap, names, isolation)
    records: list[Record] = []
    until = time.monotonic() + timeout
    try:
        waiting = set(reader.assignment())
        while waiting:
            if time.monotonic() > until:
                raise TimeoutError(f"not read to the end after {timeout} s: {waiting}")
            for batch in reader.poll(50).values():
                records += map(_record, batch)
            waiting = {
                at
                for at in waiting
                if reader.highwater(at) is None or reader.position(at) < reader.highwater(at)
            }
    finally:
        reader.close()
    return records


def _record(raw: Any) -> Record:
    return Record(
        raw.topic,
        raw.partition,
        raw.offset,
        raw.key,
        raw.value,
        dict(raw.headers),
        time.monotonic(),
    )


class Reading:
    """A thread that reads topics from where it left off and hands on each record.

    An exception in it is kept and raised in whoever waits for its records next, or stops it.
    """

    #: `read_committed` where the router writes transactions.
    isolation = "read_uncommitted"

    def __init__(self, bootstrap: str, topics: Iterable[str]) -> None:
        self.bootstrap = bootstrap
        self._read_topics = list(topics)
        self._positions: dict[TopicPartition, int] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._changed = threading.Condition()

    def start(self) -> None:
        """Read on, in a thread of its own."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; what was not handed on stays for the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(20)
            self._thread = None
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
                if self._failure is not None:
                    raise self._failure
                found = what()
                if found:
                    return found
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"after {timeout} s still waiting for {doing}")
                self._changed.wait(min(left, 0.5))

    def _run(self) -> None:
        try:
            reader = consumer(self.bootstrap, self._read_topics, self.isolation)
            try:
                for at, position in self._positions.items():
                    reader.seek(at, position)
                self._poll(reader)
            finally:
                reader.close()
        except BaseException as failure:  # noqa: BLE001 (it is raised where somebody waits)
            with self._changed:
                self._failure = failure
                self._changed.notify_all()

    def _poll(self, reader: KafkaConsumer) -> None:
        patience = 0.0
        while not self._stop.is_set():
            for at, batch in reader.poll(int(patience * 1000)).items():
                with self._changed:
                    for raw in batch:
                        self.on_record(_record(raw))
                    self._changed.notify_all()
                self._positions[at] = batch[-1].offset + 1
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
