"""A transaction: what follows what, and what follows nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from flrouter.core.values.effects import Send
from flrouter.kafka.transactions import KafkaTransaction
from flrouter.ports import Partition, Written
from tests.runtime.broker import settings

TOPIC = "out"
IN = Partition("in", 0)


class _Topics:
    """All have four partitions."""

    def known(self, topic: str) -> int:
        return 4

    async def look(self) -> None:
        pass

    async def look_again(self) -> None:
        pass


class _Link:
    """Notes what it is asked for; some of it fails."""

    def __init__(self, fails: str) -> None:
        self._fails = fails
        self.steps: list[str] = []

    async def _step(self, name: str) -> None:
        self.steps.append(name)
        await asyncio.sleep(0)
        if name == self._fails:
            raise KafkaError(name)

    def batch(self) -> Any:
        class Batch:
            def append(self, **record: Any) -> object:
                return self

        return Batch()

    async def begin(self) -> None:
        await self._step("begin")

    async def deliver(self, batch: Any, at: Partition) -> int:
        await self._step(f"partition {at.number}")
        return 7

    async def add_offsets(self, offsets: Mapping[Partition, int], group: str) -> None:
        await self._step("offsets")

    async def commit(self) -> None:
        await self._step("commit")

    async def close(self, timeout_s: float) -> None:
        await self._step("close")


def _commit(link: _Link) -> Written | str:
    topics: Any = _Topics()

    async def main() -> Written | str:
        transaction = KafkaTransaction(
            settings("kafka://nowhere:9092"), topics, lambda topic: True, "name", lambda done: None
        )
        producer: Any = link
        transaction._link = producer
        outcome: asyncio.Future[Written | str] = asyncio.get_running_loop().create_future()
        sends = [Send(TOPIC, number, b"key", b"value") for number in (0, 1)]
        transaction.commit(sends, {IN: 3}, outcome.set_result)
        return await asyncio.wait_for(outcome, 30)

    return asyncio.run(main())


def test_offsets_follow_the_records() -> None:
    """The coordinator does not answer for records while it adds them."""
    link = _Link("")
    outcome = _commit(link)
    assert isinstance(outcome, Written)
    assert outcome.ranges.keys() == {Partition(TOPIC, 0), Partition(TOPIC, 1)}
    assert link.steps == ["begin", "partition 0", "partition 1", "offsets", "commit"]


@pytest.mark.parametrize("failing", ["partition 1", "offsets"])
def test_what_failed_is_not_committed(failing: str) -> None:
    """Nor is what was written beside it: it would come twice, or without what belongs to it."""
    link = _Link(failing)
    assert isinstance(_commit(link), str)
    assert "commit" not in link.steps
    assert link.steps[-1] == "close"
