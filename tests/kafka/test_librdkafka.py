"""What `flrouter/kafka` makes of its clients, where the embedded broker cannot show it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kafka import TopicPartition as KafkaPartition
from kafka.admin import KafkaAdminClient, NewTopic

from flrouter.core.values.effects import Send
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.offsets import Committed
from flrouter.kafka.reader import Batch
from flrouter.ports import Answer, OffsetRange, Partition, Record, Start, Transaction, Written
from flrouter.runtime.log import KafkaLog
from flrouter.settings.model import Settings
from tests.kafka.cluster import Cluster
from tests.runtime.broker import settings
from tests.support.clients import committed
from tests.support.patience import HOPE

#: bytes; the largest batch that the topic of the same name takes.
SMALL = 5_000


class _World:
    """A log, and what it told."""

    def __init__(self, mine: Settings) -> None:
        self.settings = mine
        self.directory = Directory(mine, lambda *_: None, lambda: [mine.shards_topic])
        self.log = KafkaLog(mine, self.directory, self._take, self._gone, lambda topic: False)
        self.batches: list[Batch] = []
        self.gone: list[tuple[Partition, int, int, int]] = []
        self._more = asyncio.Event()

    def _take(self, batches: Sequence[Batch]) -> None:
        self.batches += batches
        for batch in batches:
            self.log.taken(batch.at, len(batch.records))
        self._more.set()

    def _gone(self, at: Partition, expected: int, first: int, term: int) -> None:
        self.gone.append((at, expected, first, term))
        self._more.set()

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(60 * HOPE):
            while not so():
                self._more.clear()
                await self._more.wait()

    def read(self, at: Partition) -> list[bytes | None]:
        return [
            record.value for batch in self.batches if batch.at == at for record in batch.records
        ]

    def position(self, at: Partition) -> int:
        return max((batch.next_offset for batch in self.batches if batch.at == at), default=0)

    def transaction(self, prove: Callable[[Answer], None] = lambda done: done(True)) -> Transaction:
        return self.log.transaction(f"{self.settings.app_id}-0", prove)

    async def write(self, sends: Sequence[Send]) -> Written:
        return await _told(lambda done: self.log.write(sends, done))

    async def rows(self, at: Partition, end: int) -> list[Record]:
        rows: list[Record] = []
        assert await _told(
            lambda done: self.log.replay(
                {at: 0}, {at: end}, lambda _, more: rows.extend(more), done
            )
        )
        return rows

    async def ends(self, at: Partition) -> int:
        found: Mapping[Partition, int] | None = await _told(lambda done: self.log.ends([at], done))
        assert found is not None
        return found[at]


async def _told(ask: Callable[[Callable[[Any], None]], None]) -> Any:
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    ask(done.set_result)
    return await asyncio.wait_for(done, 60 * HOPE)


async def _commit(
    transaction: Transaction, sends: Sequence[Send], offsets: Mapping[Partition, int]
) -> Written | str:
    outcome: Written | str = await _told(lambda done: transaction.commit(sends, offsets, done))
    return outcome


@asynccontextmanager
async def _world(mine: Settings) -> AsyncIterator[_World]:
    world = _World(mine)
    async with world.directory:
        world.log.start()
        try:
            yield world
        finally:
            await world.log.stop()


def _run(cluster: Cluster, body: Callable[[_World, str], Awaitable[None]], **more: Any) -> Settings:
    mine = settings(cluster.url, replication=3, **more)
    topic = mine.shards_topic
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    admin.create_topics(
        [
            NewTopic(topic, 4, 3),
            NewTopic(f"{topic}.small", 4, 3, topic_configs={"max.message.bytes": str(SMALL)}),
        ]
    )
    admin.close()

    async def main() -> None:
        async with _world(mine) as world:
            await body(world, topic)

    asyncio.run(main())
    return mine


def test_a_record_that_the_broker_refuses_is_refused_alone(cluster: Cluster) -> None:
    """Though it travels with others, of which it says nothing; and soon none is tried any more."""

    async def body(world: _World, topic: str) -> None:
        small = f"{topic}.small"
        large = Send(small, 0, b"large", b"x" * 3 * SMALL)
        sends = [Send(small, 0, b"%d" % at, b"v") for at in range(20)]
        outcome = await world.write([*sends[:10], large, *sends[10:]])
        assert [refusal.send for refusal in outcome.refused] == [large]
        replaced = world.log._writer.replaced
        again = await world.write([large, Send(topic, 0, b"elsewhere", large.value)])
        assert [refusal.send for refusal in again.refused] == [large]
        end = await world.ends(Partition(small, 0))
        keys = [row.key for row in await world.rows(Partition(small, 0), end)]
        assert list(dict.fromkeys(keys)) == [send.key for send in sends]
        # The next large record was known for what it is.
        assert world.log._writer.replaced == replaced

    _run(cluster, body)


def test_records_that_are_too_large_together_travel_apart(cluster: Cluster) -> None:
    """All get through, in order, and others are not kept from it."""

    async def body(world: _World, topic: str) -> None:
        at, other = Partition(f"{topic}.small", 0), Partition(topic, 0)
        sends = [Send(*at, b"%d" % number, b"x" * 100) for number in range(300)]
        outcome, others = await asyncio.gather(
            world.write(sends), world.write([Send(*other, b"k", b"v") for _ in range(300)])
        )
        assert (outcome.ranges, outcome.refused) == ({at: OffsetRange(0, 300, 300)}, [])
        assert others.ranges == {other: OffsetRange(0, 300, 300)}
        rows = await world.rows(at, 300)
        assert [row.key for row in rows] == [send.key for send in sends]

    _run(cluster, body)


def test_nothing_is_lost_and_order_kept_when_a_leader_goes(cluster: Cluster) -> None:
    """Whatever is written twice: every record comes after all earlier ones of its partition."""

    async def body(world: _World, topic: str) -> None:
        writes = []
        for batch in range(60):
            sends = [Send(topic, at % 4, b"%d" % (batch * 20 + at), b"v") for at in range(20)]
            writes.append(asyncio.ensure_future(world.write(sends)))
            await asyncio.sleep(0.02)
            if batch == 20:
                await asyncio.to_thread(cluster.kill, cluster.ids[0])
        outcomes = await asyncio.gather(*writes)
        assert not any(outcome.refused for outcome in outcomes)
        for number in range(4):
            at = Partition(topic, number)
            rows = await world.rows(at, await world.ends(at))
            firsts = list(dict.fromkeys(int(row.key or b"") for row in rows))
            assert firsts == [key for key in range(1_200) if key % 20 % 4 == number]

    try:
        _run(cluster, body, session_timeout=6.0)
    finally:
        cluster.restart(cluster.ids[0])


def test_nothing_overtakes_while_the_event_loop_stands_still(cluster: Cluster) -> None:
    """A busy machine may keep it for longer than a session timeout, while no broker answers."""
    session_s = 15.0

    async def body(world: _World, topic: str) -> None:
        await world.write([Send(topic, 0, b"0", b"v")])
        await asyncio.to_thread(cluster.kill_all)
        writes = [asyncio.ensure_future(world.write([Send(topic, 0, b"1", b"v")]))]
        await asyncio.sleep(session_s / 3)
        writes.append(asyncio.ensure_future(world.write([Send(topic, 0, b"2", b"v")])))
        await asyncio.sleep(0)
        time.sleep(session_s / 4)  # noqa: ASYNC251 - it stands still
        cluster.start(wait=False)
        time.sleep(session_s)  # noqa: ASYNC251 - it stands still
        await asyncio.gather(*writes)
        at = Partition(topic, 0)
        rows = await world.rows(at, await world.ends(at))
        assert list(dict.fromkeys(row.key for row in rows)) == [b"0", b"1", b"2"]

    try:
        _run(cluster, body, session_timeout=session_s)
    finally:
        cluster.wait_ready()


def test_records_that_are_gone_are_told_of(cluster: Cluster) -> None:
    """And their partition is read on from where it begins now; others go on meanwhile."""

    async def body(world: _World, topic: str) -> None:
        at, other = Partition(topic, 2), Partition(topic, 3)
        await world.write([Send(topic, 2, None, b"the first"), Send(topic, 2, None, b"the next")])
        admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        await asyncio.to_thread(admin.delete_records, {KafkaPartition(*at): 1})
        admin.close()
        world.log.read({at: Start(0, 5), other: Start(0, 5)})
        await world.until(lambda: bool(world.gone))
        assert world.gone == [(at, 0, 1, 5)]
        await world.write([Send(topic, 3, None, b"others go on")])
        await world.until(lambda: world.read(other) == [b"others go on"])
        await world.until(lambda: world.read(at) == [b"the next"])
        world.log.read({at: Start(1_000, 6)})  # as after a topic that was made anew
        await world.until(lambda: len(world.gone) == 2)
        assert world.gone[1] == (at, 1_000, 1, 6)
        await world.until(lambda: world.read(at) == [b"the next", b"the next"])

    _run(cluster, body)


def test_a_topic_that_vanished_refuses_what_was_for_it(cluster: Cluster) -> None:
    """And nothing else."""

    async def body(world: _World, topic: str) -> None:
        small = f"{topic}.small"
        await world.write([Send(small, 1, b"k", b"v")])
        admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        await asyncio.to_thread(admin.delete_topics, [small])
        admin.close()
        lost, kept = Send(small, 1, b"k", b"v"), Send(topic, 1, b"k", b"v")
        outcome, writes = await world.write([lost, kept]), 1
        while not outcome.refused:  # the leader may hear of the deletion a little later
            outcome, writes = await world.write([lost, kept]), writes + 1
        [refusal] = outcome.refused
        assert refusal.send is lost
        assert not refusal.topic_exists
        assert outcome.ranges == {Partition(topic, 1): OffsetRange(writes - 1, writes, 1)}

    _run(cluster, body, session_timeout=6.0)


def test_a_transaction_is_whole_and_its_markers_are_passed(cluster: Cluster) -> None:
    """Records and offsets; readers come to rest behind the marker, and replays end before it."""

    async def body(world: _World, topic: str) -> None:
        at, read = Partition(topic, 0), Partition(topic, 3)
        transaction = world.transaction()
        assert await _told(transaction.open) is None
        first = await _commit(
            transaction, [Send(topic, 0, b"a", b"1"), Send(topic, 0, b"b", b"2")], {}
        )
        second = await _commit(transaction, [Send(topic, 0, b"c", b"3")], {read: 7})
        assert isinstance(first, Written)
        assert isinstance(second, Written)
        assert first.ranges == {at: OffsetRange(0, 2, 2, marked=True)}
        assert second.ranges == {at: OffsetRange(3, 4, 1, marked=True)}
        assert [row.key for row in await world.rows(at, 4)] == [b"a", b"b", b"c"]
        world.log.read({at: Start(0, 1)})
        await world.until(lambda: world.position(at) == 5)
        assert world.read(at) == [b"1", b"2", b"3"]
        transaction.close()

    mine = _run(cluster, body, guarantee="exactly_once")
    assert committed(cluster.bootstrap, mine.app_id) == {(mine.shards_topic, 3): 7}


def test_who_opens_a_transaction_fences_its_former_owner(cluster: Cluster) -> None:
    """Which then writes nothing more, and hears why."""

    async def body(world: _World, topic: str) -> None:
        first, second = world.transaction(), world.transaction()
        assert await _told(first.open) is None
        assert isinstance(await _commit(first, [Send(topic, 0, b"a", b"1")], {}), Written)
        assert await _told(second.open) is None
        outcome = await _commit(first, [Send(topic, 0, b"late", b"1")], {})
        assert isinstance(outcome, str)
        after = await _commit(second, [Send(topic, 0, b"b", b"2")], {})
        assert isinstance(after, Written)
        at = Partition(topic, 0)
        rows = await world.rows(at, after.ranges[at].next)
        assert [row.key for row in rows] == [b"a", b"b"]
        first.close()
        second.close()

    _run(cluster, body, guarantee="exactly_once")


@pytest.mark.parametrize("known", [1, 0])
def test_who_is_no_member_any_more_commits_nothing_beside_what_is_refused(
    cluster: Cluster, known: int
) -> None:
    """Its shard has another owner by then, as after it was frozen; that one is not fenced if it
    can be helped. `known`: so often the group says that it is a member still.
    """

    async def body(world: _World, topic: str) -> None:
        second = world.transaction()
        proofs: list[asyncio.Future[None]] = []

        def prove(done: Callable[[bool | None], None]) -> None:
            async def answer() -> None:
                if proofs[0] is asyncio.current_task():
                    assert await _told(second.open) is None
                done(len(proofs) <= known)

            proofs.append(asyncio.ensure_future(answer()))

        first = world.transaction(prove)
        assert await _told(first.open) is None
        sends = [
            Send(f"{topic}.small", 0, b"large", b"x" * 3 * SMALL),
            Send(topic, 0, b"late", b"1"),
        ]
        assert isinstance(await _commit(first, sends, {}), str)
        if known:
            assert await _told(second.open) is None
        after = await _commit(second, [Send(topic, 0, b"b", b"2")], {})
        assert isinstance(after, Written), after
        rows = await world.rows(Partition(topic, 0), after.ranges[Partition(topic, 0)].next)
        assert [row.key for row in rows] == [b"b"]
        first.close()
        second.close()

    _run(cluster, body, guarantee="exactly_once")


@pytest.mark.parametrize("bytes_", [3 * SMALL, 4_000_000])
def test_a_transaction_tells_what_is_refused_and_writes_nothing(
    cluster: Cluster, bytes_: int
) -> None:
    """By the broker, or by librdkafka at once; without it all is written."""

    async def body(world: _World, topic: str) -> None:
        small = f"{topic}.small"
        transaction = world.transaction()
        assert await _told(transaction.open) is None
        large = Send(small, 0, b"large", b"x" * bytes_)
        sends = [Send(small, 0, b"a", b"1"), Send(topic, 0, b"b", b"2")]
        outcome = await _commit(transaction, [sends[0], large, sends[1]], {})
        assert isinstance(outcome, Written)
        assert [refusal.send for refusal in outcome.refused] == [large]
        again = await _commit(transaction, sends, {})
        assert isinstance(again, Written)
        assert not again.refused
        at = Partition(small, 0)
        rows = await world.rows(at, again.ranges[at].next)
        assert [row.key for row in rows] == [b"a"]
        transaction.close()

    _run(cluster, body, guarantee="exactly_once")


def test_a_transaction_is_told_of_what_is_refused_among_many(cluster: Cluster) -> None:
    """Whatever is under way behind it, in other requests: at once, and nobody is fenced."""

    async def body(world: _World, topic: str) -> None:
        small = f"{topic}.small"
        transaction = world.transaction()
        assert await _told(transaction.open) is None
        large = Send(small, 0, b"large", b"x" * 3 * SMALL)
        sends = [Send(small, 0, b"%d" % at, b"v" * (SMALL // 2)) for at in range(1_000)]
        outcome = await _commit(transaction, [sends[0], large, *sends[1:]], {})
        assert isinstance(outcome, Written), outcome
        assert [refusal.send for refusal in outcome.refused] == [large]
        transaction.close()

    _run(cluster, body, guarantee="exactly_once")


def test_a_transaction_tells_what_has_no_place(cluster: Cluster) -> None:
    """A topic that nobody knows, and a partition that its topic does not have."""

    async def body(world: _World, topic: str) -> None:
        transaction = world.transaction()
        assert await _told(transaction.open) is None
        await world.directory.partitions(topic)
        fits = Send(topic, 0, b"a", b"1")
        lost = [Send(f"{topic}.nowhere", None, b"b", b"2"), Send(topic, 9, b"c", b"3")]
        outcome = await _commit(transaction, [lost[0], fits, lost[1]], {})
        assert isinstance(outcome, Written)
        assert [refusal.send for refusal in outcome.refused] == lost
        again = await _commit(transaction, [fits], {})
        assert isinstance(again, Written)
        assert again.ranges.keys() == {Partition(topic, 0)}
        transaction.close()

    _run(cluster, body, guarantee="exactly_once")


def test_what_is_committed_waits_for_transactions_that_are_undecided(cluster: Cluster) -> None:
    """A new owner must not read again what the transaction of the last one is about to settle."""

    async def body(world: _World, topic: str) -> None:
        at, other = Partition(topic, 0), Partition(topic, 1)
        offsets = Committed(world.settings)
        assert await asyncio.to_thread(offsets.ask, [at, other]) == {}
        transaction = world.transaction()
        assert await _told(transaction.open) is None
        assert isinstance(
            await _commit(transaction, [Send(topic, 0, b"a", b"1")], {at: 7}), Written
        )
        assert await asyncio.to_thread(offsets.ask, [at, other]) == {at: 7}
        link = transaction._link  # type: ignore[attr-defined]
        await link.begin()
        await link.add_offsets({at: 9}, world.settings.app_id)
        asked = asyncio.ensure_future(asyncio.to_thread(offsets.ask, [at]))
        assert not (await asyncio.wait([asked], timeout=1.0))[0]
        await link.commit()
        assert await asked == {at: 9}
        offsets.close()
        transaction.close()

    _run(cluster, body, guarantee="exactly_once")
