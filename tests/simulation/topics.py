"""Topics as lists in memory, and the one clock behind all others."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from zlib import crc32

from flrouter.core.values.effects import Headers
from flrouter.core.values.home import partition_for
from flrouter.core.values.inputs import Input
from tests.core.world import Record

#: ms since the epoch, when a run begins.
BEGINNING = 100_000_000

_place = lru_cache(maxsize=1 << 14)(partition_for)


class Log(list[Record]):
    """One partition of a topic, and how far its reader has come."""

    __slots__ = ("committed", "owner", "read", "reader", "safe")

    def __init__(self) -> None:
        super().__init__()
        #: the next offset to read, and where reading begins anew after a crash.
        self.read = 0
        self.committed = 0
        #: how far its shard's last checkpoint goes, beyond which nothing may be committed.
        self.safe = 0
        #: the router's side: who reads it, and how.
        self.owner: object = None
        self.reader: Callable[[Record], Input] | None = None

    @property
    def waiting(self) -> int:
        """How many records were not read."""
        return len(self) - self.read


class Topics:
    """Everything that is written, and when."""

    def __init__(self, partitions: int, others: dict[str, int]) -> None:
        """Args:
        partitions: of every topic that `others` does not name.
        others: topic → partitions.
        """
        self.partitions = partitions
        self._others = others
        self.logs: dict[tuple[str, int], Log] = {}
        self.now = BEGINNING
        #: of every record written so far: two runs with one seed must agree in it.
        self.digest = 0
        #: what happened, a line each, when somebody wants to read it.
        self.story: list[str] | None = None

    def say(self, line: str) -> None:
        """Add a line to the story."""
        if self.story is not None:
            self.story.append(f"{self.now - BEGINNING:>7} ms  {line}")

    def log(self, topic: str, partition: int) -> Log:
        """One partition of a topic."""
        log = self.logs.get((topic, partition))
        if log is None:
            log = self.logs[topic, partition] = Log()
        return log

    def place(self, topic: str, key: bytes | None) -> int:
        """The partition that Kafka's default partitioner chooses."""
        return _place(key, self._others.get(topic, self.partitions))

    def write(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        partition: int | None = None,
        headers: Headers = (),
    ) -> Record:
        """Put a record where Kafka would."""
        if partition is None:
            partition = self.place(topic, key)
        log = self.logs.get((topic, partition))
        if log is None:
            log = self.logs[topic, partition] = Log()
        record = Record(topic, partition, len(log), key, value, tuple(headers), self.now)
        log.append(record)
        self.digest = crc32(value, self.digest ^ partition)
        return record
