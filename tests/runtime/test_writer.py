"""The writer: order, durability, and what no broker takes."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    TopicAuthorizationFailedError,
)
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import Sender
from msgspec.structs import replace

from flrouter import embedded
from flrouter.core.values.effects import Send
from flrouter.core.values.home import partition_for
from flrouter.kafka import batches as sizes
from flrouter.kafka import writer as module
from flrouter.kafka.cluster import directory as directories
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.cluster.topics import Wanted, provide
from flrouter.kafka.producer import Link
from flrouter.kafka.replay import replay
from flrouter.kafka.writer import Writer
from flrouter.ports import OffsetRange, Partition, Record, Written
from flrouter.runtime.durability.changelog import Changelog
from flrouter.settings.model import Settings
from tests.runtime.broker import settings
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.broker


class _Topics:
    """One topic with four partitions is there, and no other."""

    def __init__(self, topic: str, hidden: int = 0) -> None:
        """Nobody is shown the topic until he has asked `hidden` times."""
        self._topic = topic
        self._hidden = hidden

    def known(self, topic: str) -> int | None:
        return 4 if topic == self._topic and not self._hidden else None

    async def look(self) -> None:
        pass

    async def look_again(self) -> None:
        self._hidden = max(self._hidden - 1, 0)


def _run(
    broker_url: str,
    body: Callable[[Writer, str], Awaitable[None]],
    *,
    own: bool = False,
    hidden: int = 0,
    **more: Any,
) -> Settings:
    mine = settings(broker_url, **more)
    provide(mine, [Wanted(mine.shards_topic, exact=True)])

    async def main() -> None:
        async with _writer(mine, _Topics(mine.shards_topic, hidden), own=own) as writer:
            await body(writer, mine.shards_topic)

    asyncio.run(main())
    return mine


@asynccontextmanager
async def _writer(mine: Settings, topics: Any, *, own: bool = False) -> AsyncIterator[Writer]:
    """A writer that leaves nothing behind: no task, and nothing that asyncio complains of."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, complaint: complaints.append(complaint))
    # aiokafka itself: a sender that dies tells a transaction, and an idempotent producer has none.
    own_bug = "Sender._fail_all"
    before = asyncio.all_tasks()
    writer = Writer(mine, topics, lambda topic: own)
    writer.start()
    try:
        yield writer
    finally:
        await writer.stop()
    assert asyncio.all_tasks() <= before
    del writer
    gc.collect()
    await asyncio.sleep(0)
    assert not [complaint for complaint in complaints if own_bug not in complaint["message"]]


async def _written(writer: Writer, sends: Sequence[Send]) -> Written:
    done: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
    writer.write(sends, done.set_result)
    assert not done.done()  # never from within the call
    async with asyncio.timeout(20 * PATIENCE):
        return await done


def _rows(mine: Settings, number: int, end: int) -> list[Record]:
    rows: list[Record] = []
    at = Partition(mine.shards_topic, number)
    assert replay(mine, {at: 0}, {at: end}, lambda _, more: rows.extend(more))
    return rows


def test_what_was_told_is_there_and_where_it_lies(broker_url: str) -> None:
    """With keys, null values, headers, several partitions and several writes under way."""
    headers = (("flrouter-what", b"peer"), ("odd-\u00e9", None))

    async def body(writer: Writer, topic: str) -> None:
        first = [Send(topic, at % 2, b"k%d" % at, b"v%d" % at, headers) for at in range(500)]
        second = [Send(topic, 0, b"k", None)]
        one, two = await asyncio.gather(_written(writer, first), _written(writer, second))
        assert not one.refused
        assert one.ranges == {
            Partition(topic, 0): OffsetRange(0, 250, 250),
            Partition(topic, 1): OffsetRange(0, 250, 250),
        }
        assert two.ranges == {Partition(topic, 0): OffsetRange(250, 251, 1)}

    mine = _run(broker_url, body)
    rows = _rows(mine, 0, 251)
    assert [row.key for row in rows[:-1]] == [b"k%d" % at for at in range(0, 500, 2)]
    assert tuple(map(tuple, rows[0].headers)) == headers
    assert (rows[-1].key, rows[-1].value) == (b"k", None)


def test_each_record_of_a_write_has_its_own_headers(broker_url: str) -> None:
    """Also where those before it have others, or none."""
    given = [(), (("a", b"1"),), (("b", b"2"),), (), (("a", b"1"),)]

    async def body(writer: Writer, topic: str) -> None:
        await _written(writer, [Send(topic, 0, b"k", b"v", headers) for headers in given])

    rows = _rows(_run(broker_url, body), 0, len(given))
    assert [tuple(map(tuple, row.headers)) for row in rows] == given


def test_a_fence_is_read_as_one(broker_url: str) -> None:
    """Its key is empty, which is not none."""

    async def body(writer: Writer, topic: str) -> None:
        changelog = Changelog("pending", Partition(topic, 0))
        await _written(writer, [changelog.row("a", b"1"), changelog.a_fence()])

    mine = _run(broker_url, body)
    changelog = Changelog("pending", Partition(mine.shards_topic, 0))
    changelog.replay(_rows(mine, 0, 2), lambda *_: None)
    changelog.settle(lambda *_: None)
    assert (changelog.fence, changelog.count) == (1, 1)


def test_a_key_goes_where_kafka_s_own_clients_send_it(broker_url: str) -> None:
    """As the directory knows how many partitions there are; a topic it does not know is refused."""

    async def body(writer: Writer, topic: str) -> None:
        outcome = await _written(
            writer, [Send(topic, None, b"sw-1", b"v"), Send("nowhere", None, b"sw-1", b"v")]
        )
        assert list(outcome.ranges.values()) == [OffsetRange(0, 1, 1)]
        [refusal] = outcome.refused
        assert (refusal.why, refusal.topic_exists) == ("There is no topic nowhere.", False)

    _run(broker_url, body)


def test_nothing_to_write_is_told_too(broker_url: str) -> None:
    """Later, as everything is."""

    async def body(writer: Writer, topic: str) -> None:
        outcome = await _written(writer, [])
        assert (outcome.ranges, outcome.refused) == ({}, [])

    _run(broker_url, body)


def test_a_record_that_is_too_large_is_refused_alone(broker_url: str) -> None:
    """Librdkafka says so at once; those around it are durable, in order."""

    async def body(writer: Writer, topic: str) -> None:
        large = Send(topic, 0, b"large", b"x" * 4_000_000)
        sends = [Send(topic, 0, b"a", b"1"), large, Send(topic, 0, b"b", b"2")]
        outcome = await _written(writer, sends)
        assert [refusal.send for refusal in outcome.refused] == [large]
        assert outcome.refused[0].topic_exists
        assert outcome.ranges == {Partition(topic, 0): OffsetRange(0, 2, 2)}
        alone = await _written(writer, [large])
        assert len(alone.refused) == 1

    mine = _run(broker_url, body)
    assert [row.key for row in _rows(mine, 0, 2)] == [b"a", b"b"]


def test_header_names_that_utf_8_cannot_say_are_mended(broker_url: str) -> None:
    """A lone surrogate would crash the process."""

    async def body(writer: Writer, topic: str) -> None:
        await _written(writer, [Send(topic, 0, b"k", b"v", (("a\ud800b", b"1"),))])

    mine = _run(broker_url, body)
    assert list(_rows(mine, 0, 1)[0].headers) == [("a?b", b"1")]


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("failing", [1, 2, 5])
def test_what_fails_is_written_again_with_all_behind_it(
    broker_url: str, monkeypatch: pytest.MonkeyPatch, failing: int, durable: bool
) -> None:
    """In order, by another producer, whether or not it was durable; each write hears where it
    lies. `failing`: which batch of a partition does.
    """
    monkeypatch.setattr(sizes, "BATCH_BYTES", 120)  # a write's records are several batches
    real, batches = Link.deliver, Counter[int]()

    async def deliver(self: Link, batch: Any, at: Partition) -> int:
        batches[at.number] += 1
        if (at.number, batches[at.number]) != (0, failing):
            return await real(self, batch, at)
        if durable:
            await real(self, batch, at)
        raise KafkaError

    monkeypatch.setattr(Link, "deliver", deliver)
    writes = [
        [Send("", number % 2, b"%d" % number, b"v") for number in range(at, at + 20)]
        for at in range(0, 100, 20)
    ]
    outcomes: list[Written] = []

    async def body(writer: Writer, topic: str) -> None:
        given = [[replace(send, topic=topic) for send in sends] for sends in writes]
        outcomes.extend(await asyncio.gather(*(_written(writer, sends) for sends in given)))
        assert writer.replaced == 1

    mine = _run(broker_url, body)
    assert batches[1] > 5
    for number in (0, 1):
        at = Partition(mine.shards_topic, number)
        keys = [int(row.key or b"") for row in _rows(mine, number, outcomes[-1].ranges[at].next)]
        assert list(dict.fromkeys(keys)) == list(range(number, 100, 2))
        repeats = len(keys) - 50
        assert bool(repeats) == (durable and not number)
        for outcome, sends in zip(outcomes, writes, strict=True):
            offset_range = outcome.ranges[at]
            assert offset_range.records == 10
            own_keys = [int(send.key or b"") for send in sends if send.partition == number]
            between = keys[offset_range.first : offset_range.next]
            assert (between[0], between[-1]) == (own_keys[0], own_keys[-1])
            assert [key for key in dict.fromkeys(between) if key in own_keys] == own_keys
            assert len(between) in (10, 10 + repeats)


def test_what_is_under_way_when_another_record_fails_is_written_once(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fate is waited for before the producer is given up."""
    real, tries = Link.deliver, Counter[int]()
    under_way = asyncio.Event()

    async def deliver(self: Link, batch: Any, at: Partition) -> int:
        tries[at.number] += 1
        if at.number:
            under_way.set()
        elif tries[0] == 2:
            await under_way.wait()
            raise KafkaError
        return await real(self, batch, at)

    async def body(writer: Writer, topic: str) -> None:
        # From now on the producer knows both partitions.
        await _written(writer, [Send(topic, at, b"before", b"v") for at in range(2)])
        monkeypatch.setattr(Link, "deliver", deliver)
        tries[0] = 1
        fails = _written(writer, [Send(topic, 0, b"fails", b"v")])
        outcome, _ = await asyncio.gather(
            _written(writer, [Send(topic, 1, b"under way", b"v")]), fails
        )
        assert outcome.ranges == {Partition(topic, 1): OffsetRange(1, 2, 1)}
        assert (writer.replaced, tries) == (1, {0: 3, 1: 1})

    _run(broker_url, body)


@pytest.mark.parametrize("own", [True, False])
def test_what_may_not_be_written_is_tried_again_where_it_must_not_be_lost(
    broker_url: str, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    """In the router's own topics and FLs', after a pause; what a requester may not have is
    refused.
    """
    real, tries = Link.deliver, list[float]()

    async def deliver(self: Link, batch: Any, at: Partition) -> int:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise TopicAuthorizationFailedError(at.topic)
        return await real(self, batch, at)

    monkeypatch.setattr(Link, "deliver", deliver)

    async def body(writer: Writer, topic: str) -> None:
        outcome = await _written(writer, [Send(topic, 0, b"1", b"v"), Send(topic, 0, b"2", b"v")])
        assert [refusal.why for refusal in outcome.refused] == (
            [] if own else [f"The router may not write to {topic}."] * 2
        )
        assert bool(outcome.ranges) == own
        assert len(tries) == 1 + own
        assert tries[-1] - tries[0] >= module.FIRST_PAUSE_S / 2 * own
        after = await _written(writer, [Send(topic, 0, b"3", b"v")])
        assert list(after.ranges) == [Partition(topic, 0)]

    _run(broker_url, body, own=own)


def test_what_the_broker_finds_too_large_is_refused_alone(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches get smaller until it is known which record it is. The rest gets through, in order;
    and soon no such record is tried any more.
    """
    real, limit_bytes, tries = Link.deliver, 400, Counter[bool]()

    async def deliver(self: Link, batch: Any, at: Partition) -> int:
        tries[batch.size() > limit_bytes] += 1
        if batch.size() > limit_bytes:
            raise MessageSizeTooLargeError
        return await real(self, batch, at)

    monkeypatch.setattr(Link, "deliver", deliver)
    ends: list[int] = []

    async def body(writer: Writer, topic: str) -> None:
        large = Send(topic, 0, b"large", b"x" * 500)
        small = [Send(topic, 0, b"%d" % at, b"v" * 50) for at in range(60)]
        outcome = await _written(writer, [*small[:20], large, *small[20:40]])
        assert [refusal.send for refusal in outcome.refused] == [large]
        assert outcome.refused[0].topic_exists
        assert outcome.ranges == {Partition(topic, 0): OffsetRange(0, 40, 40)}
        refused = tries[True]
        again = await _written(writer, [large, *small[40:]])
        assert [refusal.send for refusal in again.refused] == [large]
        assert again.ranges == {Partition(topic, 0): OffsetRange(40, 60, 20)}
        assert tries[True] == refused
        ends.append(60)

    mine = _run(broker_url, body)
    assert [row.key for row in _rows(mine, 0, ends[0])] == [b"%d" % at for at in range(60)]


@pytest.mark.parametrize("own", [True, False])
def test_a_topic_that_is_not_shown_is_waited_for_where_it_must_be(
    broker_url: str, own: bool
) -> None:
    """Brokers do not show what may not be described, and others' topics may never be there."""

    async def body(writer: Writer, topic: str) -> None:
        outcome = await _written(writer, [Send(topic, None, b"k", b"v")])
        assert bool(outcome.ranges) == own
        assert [refusal.why for refusal in outcome.refused] == (
            [] if own else [f"There is no topic {topic}."]
        )

    _run(broker_url, body, own=own, hidden=3)


def test_what_waits_for_a_look_is_written_before_what_comes_after_it(broker_url: str) -> None:
    """Also when somebody else has seen the topic before that look is over."""
    mine = settings(broker_url)
    provide(mine, [Wanted(mine.shards_topic, exact=True)])
    topic, key = mine.shards_topic, b"k"
    there = Partition(topic, partition_for(key, 4))

    async def main() -> None:
        topics, answered = _Topics(topic, hidden=1), asyncio.Event()
        look_again = topics.look_again
        topics.look_again = answered.wait  # type: ignore[assignment, method-assign]
        async with _writer(mine, topics) as writer:
            first = asyncio.create_task(_written(writer, [Send(topic, None, key, b"1")]))
            await asyncio.sleep(0)
            await look_again()
            assert topics.known(topic) == 4
            second = asyncio.create_task(_written(writer, [Send(topic, None, key, b"2")]))
            await asyncio.sleep(0)
            answered.set()
            assert (await first).ranges == {there: OffsetRange(0, 1, 1)}
            assert (await second).ranges == {there: OffsetRange(1, 2, 1)}

    asyncio.run(main())


def test_a_topic_may_be_younger_than_the_last_look(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a requester's own for its answers: another worker has seen it when the command came."""
    # That look is always a moment ago.
    monkeypatch.setattr(directories, "BELIEVED_ABSENT_S", 3_600.0)
    mine = settings(broker_url)
    younger = f"{mine.app_id}.younger"

    async def main() -> None:
        async with Directory(mine, lambda *_: None, list) as directory:
            writer = Writer(mine, directory, lambda topic: False)
            writer.start()
            await asyncio.to_thread(provide, mine, [Wanted(younger)])
            assert directory.known(younger) is None
            outcome = await _written(writer, [Send(younger, None, b"k", b"v")])
            await writer.stop()
        assert not outcome.refused
        assert len(outcome.ranges) == 1

    asyncio.run(main())


def test_a_partition_that_is_not_there_is_refused_alone(broker_url: str) -> None:
    """Of a topic that has too few; nobody else waits for it."""

    async def body(writer: Writer, topic: str) -> None:
        sends = [Send(topic, 9, b"k", b"v"), Send(topic, 1, b"k", b"v")]
        outcome = await _written(writer, sends)
        assert [refusal.send for refusal in outcome.refused] == sends[:1]
        assert "has no partition 9, only 4" in outcome.refused[0].why
        assert outcome.ranges.keys() == {Partition(topic, 1)}
        assert not writer.replaced
        alone = await _written(writer, sends[:1])
        assert len(alone.refused) == 1

    _run(broker_url, body)


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_producer_that_dies_is_replaced(
    broker_url: str, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    """Whatever becomes of its sender: an error that is fatal, or a task that is no more."""
    real, requests = Sender._send_produce_req, 0

    async def send(self: Sender, node: int, batches: Any) -> None:
        nonlocal requests
        requests += 1
        if requests != 2:
            await real(self, node, batches)
        elif cancelled:
            self.sender_task.cancel()
        else:
            raise OutOfOrderSequenceNumber

    monkeypatch.setattr(Sender, "_send_produce_req", send)

    async def body(writer: Writer, topic: str) -> None:
        for at in range(4):
            await _written(writer, [Send(topic, 0, b"%d" % at, b"v")])
        assert writer.replaced == 1

    mine = _run(broker_url, body)
    assert [row.key for row in _rows(mine, 0, 4)] == [b"0", b"1", b"2", b"3"]


def test_a_lane_goes_on_whatever_is_raised(
    broker_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also what aiokafka should not raise, when it fills a batch or delivers it, and connects."""
    steps = {"fills": BatchBuilder, "delivers": Link, "connects": AIOKafkaClient}
    names = {"fills": "append", "delivers": "deliver", "connects": "bootstrap"}

    def break_once(step: str) -> None:
        real, errors = getattr(steps[step], names[step]), iter([ZeroDivisionError(step)])

        def broken(*arguments: Any, **more: Any) -> Any:
            if (error := next(errors, None)) is not None:
                raise error
            return real(*arguments, **more)

        monkeypatch.setattr(steps[step], names[step], broken)

    for step in steps:
        break_once(step)

    async def body(writer: Writer, topic: str) -> None:
        for at in range(3):
            outcome = await _written(writer, [Send(topic, 0, b"%d" % at, b"v")])
            assert outcome.ranges == {Partition(topic, 0): OffsetRange(at, at + 1, 1)}

    _run(broker_url, body)
    assert [step for step in steps if step in caplog.text] == list(steps)


def test_what_is_told_may_raise(broker_url: str) -> None:
    """Others of the same partition are told all the same, and more is written to it."""
    raised: list[dict[str, Any]] = []

    async def body(writer: Writer, topic: str) -> None:
        loop = asyncio.get_running_loop()
        handler = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, complaint: raised.append(complaint))
        sends = [Send(topic, 0, b"k", b"v")]
        writer.write(sends, lambda _: 1 // 0)  # type: ignore[arg-type,return-value]
        await _written(writer, sends)
        await _written(writer, sends)
        loop.set_exception_handler(handler)

    _run(broker_url, body)
    assert [type(complaint["exception"]) for complaint in raised] == [ZeroDivisionError]


def test_what_is_abandoned_is_not_told_of(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not written later, and what is written after it is."""
    real, tries = Link.deliver, 0
    begun = asyncio.Event()

    async def deliver(self: Link, batch: Any, at: Partition) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            begun.set()
            await asyncio.Event().wait()
        return await real(self, batch, at)

    monkeypatch.setattr(Link, "deliver", deliver)
    told: list[Written] = []

    async def body(writer: Writer, topic: str) -> None:
        writer.write([Send(topic, 0, b"under way", b"1")], told.append)
        await begun.wait()
        writer.write([Send(topic, 0, b"waiting", b"1")], told.append)
        writer.write([Send("nowhere", None, b"k", b"1")], told.append)
        writer.write([], told.append)
        writer.abandon()
        outcome = await _written(writer, [Send(topic, 0, b"after", b"2")])
        assert outcome.ranges == {Partition(topic, 0): OffsetRange(0, 1, 1)}
        assert writer.replaced == 1
        assert not told

    mine = _run(broker_url, body)
    assert [row.key for row in _rows(mine, 0, 1)] == [b"after"]


def test_who_is_told_may_abandon_the_rest(broker_url: str) -> None:
    """And write to the same partition at once: nothing that was abandoned is told of."""
    told: list[str] = []

    async def body(writer: Writer, topic: str) -> None:
        ended: asyncio.Future[Written] = asyncio.get_running_loop().create_future()

        def first(_: Written) -> None:
            told.append("first")
            writer.abandon()
            writer.write([Send(topic, 0, b"third", b"v")], ended.set_result)

        writer.write([Send(topic, 0, b"first", b"v")], first)
        writer.write([Send(topic, 0, b"second", b"v")], lambda _: told.append("second"))
        async with asyncio.timeout(20 * PATIENCE):
            await ended
        await _written(writer, [Send(topic, 0, b"fourth", b"v")])
        assert told == ["first"]

    mine = _run(broker_url, body)
    assert [row.key for row in _rows(mine, 0, 4)] == [b"first", b"second", b"third", b"fourth"]


def test_a_record_may_have_neither_key_nor_value(broker_url: str) -> None:
    """Kafka takes it; aiokafka's own `send` does not."""

    async def body(writer: Writer, topic: str) -> None:
        await _written(writer, [Send(topic, 0, None, None)])

    [row] = _rows(_run(broker_url, body), 0, 1)
    assert (row.key, row.value) == (None, None)


def _away(port: int) -> Settings:
    return settings(f"tansu://127.0.0.1:{port}", session_timeout=6.0)


@contextmanager
def _broker(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A broker of one test alone."""
    process = embedded.start(port)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_broker_that_is_away_at_first_is_waited_for() -> None:
    """What was written meanwhile is told of, but not what was abandoned."""
    port = embedded.free_port()
    mine = _away(port)
    at = Partition(mine.shards_topic, 0)
    told: list[Written] = []

    async def main() -> None:
        async with _writer(mine, _Topics(at.topic), own=True) as writer:
            writer.write([Send(*at, b"abandoned", b"v")], told.append)
            await asyncio.sleep(0)
            writer.abandon()
            writing = asyncio.ensure_future(_written(writer, [Send(*at, b"k", b"v")]))
            await asyncio.sleep(0)
            with _broker(port):
                await asyncio.to_thread(provide, mine, [Wanted(at.topic, exact=True)])
                assert (await writing).ranges == {at: OffsetRange(0, 1, 1)}

    asyncio.run(main())
    assert not told


@pytest.mark.parametrize("abandoned", [True, False])
@pytest.mark.parametrize("trouble", ["none", "killed", "frozen", "never there", "silent"])
def test_a_writer_stops_at_once_whatever_brokers_do(trouble: str, abandoned: bool) -> None:
    """And leaves nothing behind, though records are under way to several partitions."""
    port = embedded.free_port()
    mine = _away(port)
    told: list[Written] = []

    async def main() -> None:
        async with _writer(mine, _Topics(mine.shards_topic), own=True) as writer:
            sends = [Send(mine.shards_topic, at, b"k", b"x" * 100_000) for at in range(4)]
            if trouble == "silent":
                server = await asyncio.start_server(_silent, "127.0.0.1", port)
            elif trouble != "never there":
                with _broker(port) as broker:
                    provide(mine, [Wanted(mine.shards_topic, exact=True)])
                    await _written(writer, sends)
                    if trouble == "frozen":
                        await _freeze(broker)
                    if trouble != "killed":
                        await end(writer, sends)
                        return
            await end(writer, sends)
            if trouble == "silent":
                server.close()

    async def end(writer: Writer, sends: list[Send]) -> None:
        writer.write(sends, told.append)
        writer.write([Send("another", None, b"k", b"v")], told.append)
        # Long enough for what fails to be waiting for its next try.
        await asyncio.sleep(0 if trouble == "none" else 0.7)
        if abandoned:
            writer.abandon()
        began = time.monotonic()
        await writer.stop()
        assert time.monotonic() - began < 2 * module.SETTLE_S * PATIENCE

    asyncio.run(main())
    assert not told


async def _freeze(broker: subprocess.Popen[bytes]) -> None:
    """Until it has stopped it may still take what comes."""
    broker.send_signal(signal.SIGSTOP)
    stopped = os.WSTOPPED | os.WNOWAIT
    await asyncio.to_thread(os.waitid, os.P_PID, broker.pid, stopped)


def test_a_producer_disconnects_though_nobody_waits_for_its_close() -> None:
    """An FL that stops ends the close of a producer that it has replaced."""
    port = embedded.free_port()
    mine = _away(port)
    at = Partition(mine.shards_topic, 0)

    async def main() -> None:
        provide(mine, [Wanted(at.topic, exact=True)])
        before = asyncio.all_tasks()
        link = Link(**sizes.producing(mine))
        await link.open()
        batch = link.batch()
        batch.append(timestamp=None, key=b"k", value=b"v")
        await _freeze(broker)
        delivery = asyncio.ensure_future(link.deliver(batch, at))
        while not link._under_way:
            await asyncio.sleep(0)
        close = asyncio.ensure_future(link.close(60.0))
        await asyncio.sleep(0)
        close.cancel()
        ended = await asyncio.gather(delivery, close, return_exceptions=True)
        assert [type(error) for error in ended] == [ProducerClosed, asyncio.CancelledError]
        assert asyncio.all_tasks() == before

    with _broker(port) as broker:
        asyncio.run(main())


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1 << 16):
        pass
    writer.close()


def test_an_opening_that_is_given_up_leaves_no_connection(broker_url: str) -> None:
    """Whenever that is: nobody else would close it."""
    moments = 20

    async def opened(turns: int | None) -> int:
        """Open a link, and give that up after so many turns of the loop; how many it took."""
        taken = 0
        link = Link(**sizes.producing(settings(broker_url)))
        opening = asyncio.ensure_future(link.open())
        while not opening.done() and taken != turns:
            await asyncio.sleep(0)
            taken += 1
        opening.cancel()
        await asyncio.wait({opening})
        if not opening.cancelled():
            await link.close(0.0)
        return taken

    async def body() -> None:
        whole = await opened(None)
        for moment in range(1, moments):
            await opened(max(whole * moment // moments, 1))
        for _ in range(3):
            await asyncio.sleep(0)  # what is closed is gone in the next turns

    asyncio.run(body())
    gc.collect()  # what was left complains
