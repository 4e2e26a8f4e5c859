"""The writer on librdkafka: order, durability, and what no broker takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from flrouter.core.values.effects import Send
from flrouter.kafka import writer as module
from flrouter.kafka.cluster import directory as directories
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.cluster.topics import Wanted, provide
from flrouter.kafka.replay import replay
from flrouter.kafka.writer import Writer
from flrouter.ports import Partition, Record, Span, Written
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
        topics = _Topics(mine.shards_topic, hidden)
        writer = Writer(mine, topics, lambda topic: own)
        writer.start()
        try:
            await body(writer, mine.shards_topic)
        finally:
            await writer.stop()

    asyncio.run(main())
    return mine


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
        assert one.spans == {
            Partition(topic, 0): Span(0, 250, 250),
            Partition(topic, 1): Span(0, 250, 250),
        }
        assert two.spans == {Partition(topic, 0): Span(250, 251, 1)}

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
    assert (changelog.fence, changelog.count) == (1, 1)


def test_a_key_goes_where_kafka_s_own_clients_send_it(broker_url: str) -> None:
    """As the directory knows how many partitions there are; a topic it does not know is refused."""

    async def body(writer: Writer, topic: str) -> None:
        outcome = await _written(
            writer, [Send(topic, None, b"sw-1", b"v"), Send("nowhere", None, b"sw-1", b"v")]
        )
        assert list(outcome.spans.values()) == [Span(0, 1, 1)]
        [refusal] = outcome.refused
        assert (refusal.why, refusal.topic_exists) == ("There is no topic nowhere.", False)

    _run(broker_url, body)


def test_nothing_to_write_is_told_too(broker_url: str) -> None:
    """Later, as everything is."""

    async def body(writer: Writer, topic: str) -> None:
        outcome = await _written(writer, [])
        assert (outcome.spans, outcome.refused) == ({}, [])

    _run(broker_url, body)


def test_a_record_that_is_too_large_is_refused_alone(broker_url: str) -> None:
    """Librdkafka says so at once; those around it are durable, in order."""

    async def body(writer: Writer, topic: str) -> None:
        large = Send(topic, 0, b"large", b"x" * 4_000_000)
        sends = [Send(topic, 0, b"a", b"1"), large, Send(topic, 0, b"b", b"2")]
        outcome = await _written(writer, sends)
        assert [refusal.send for refusal in outcome.refused] == [large]
        assert outcome.refused[0].topic_exists
        assert outcome.spans == {Partition(topic, 0): Span(0, 2, 2)}
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


def test_what_fails_is_sent_again_with_all_behind_it(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, by another producer: no later record before an earlier one."""
    real, failures = module._Attempt.delivered, [3]

    def delivered(self: Any, error: Any, message: Any) -> None:
        if failures and self.came == failures[0]:
            failures.pop()
            error = KafkaError(KafkaError._MSG_TIMED_OUT)
        real(self, error, message)

    monkeypatch.setattr(module._Attempt, "delivered", delivered)

    async def body(writer: Writer, topic: str) -> None:
        writes = [
            _written(writer, [Send(topic, 0, b"%d" % (10 * batch + at), b"v") for at in range(10)])
            for batch in range(5)
        ]
        await asyncio.gather(*writes)
        assert writer.replaced == 1
        last = await _written(writer, [Send(topic, 0, b"50", b"v")])
        ends.append(last.spans[Partition(topic, 0)].next)

    ends: list[int] = []
    mine = _run(broker_url, body)
    keys = [int(row.key or b"") for row in _rows(mine, 0, ends[0])]
    # All that is there was appended in order the first time; the repeats end with the last one.
    assert list(dict.fromkeys(keys)) == list(range(51))
    assert keys[-48:] == list(range(3, 51))


def test_what_is_under_way_when_another_record_fails_is_written_once(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fate is waited for before the producer is replaced."""
    delivered, settled = module._Attempt.delivered, Writer._settled
    failures: list[module._Attempt] = []
    under_way: list[Callable[[], None]] = []

    def late(self: module._Attempt, error: Any, message: Any) -> None:
        if self.delivery.at.number == 0 and not failures:
            failures.append(self)
            delivered(self, KafkaError(KafkaError._MSG_TIMED_OUT), message)
        elif self.delivery.at.number == 1 and not under_way:
            under_way.append(lambda: delivered(self, error, message))
        else:
            delivered(self, error, message)

    async def arrive(self: Writer) -> None:
        line = self._line
        assert line is not None
        for arrival in under_way:
            arrival()
        asyncio.get_running_loop().call_soon(self._heard, line)
        await settled(self)

    monkeypatch.setattr(module._Attempt, "delivered", late)
    monkeypatch.setattr(Writer, "_settled", arrive)

    async def body(writer: Writer, topic: str) -> None:
        first = _written(writer, [Send(topic, 1, b"under way", b"v")])
        second = _written(writer, [Send(topic, 0, b"fails", b"v")])
        outcome, _ = await asyncio.gather(first, second)
        assert outcome.spans == {Partition(topic, 1): Span(0, 1, 1)}
        assert writer.replaced == 1

    _run(broker_url, body)


@pytest.mark.parametrize("own", [True, False])
def test_what_may_not_be_written_is_tried_again_where_it_must_not_be_lost(
    broker_url: str, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    """In the router's own topics and FLs', after a pause; what a requester may not have is
    refused.
    """
    real, failures = module._Attempt.delivered, [KafkaError.TOPIC_AUTHORIZATION_FAILED] * 2
    tries: list[float] = []

    def delivered(self: Any, error: Any, message: Any) -> None:
        if not self.came:
            tries.append(time.monotonic())
        real(self, KafkaError(failures.pop()) if failures else error, message)

    monkeypatch.setattr(module._Attempt, "delivered", delivered)

    async def body(writer: Writer, topic: str) -> None:
        outcome = await _written(writer, [Send(topic, 0, b"1", b"v"), Send(topic, 0, b"2", b"v")])
        assert len(outcome.refused) == (0 if own else 2)
        assert bool(outcome.spans) == bool(writer.replaced) == own
        assert len(tries) == 1 + own
        assert tries[-1] - tries[0] >= module.FIRST_PAUSE_S / 2 * own

    _run(broker_url, body, own=own)


@pytest.mark.parametrize("own", [True, False])
def test_a_topic_that_is_not_shown_is_waited_for_where_it_must_be(
    broker_url: str, own: bool
) -> None:
    """Brokers do not show what may not be described, and others' topics may never be there."""

    async def body(writer: Writer, topic: str) -> None:
        outcome = await _written(writer, [Send(topic, None, b"k", b"v")])
        assert bool(outcome.spans) == own
        assert [refusal.why for refusal in outcome.refused] == (
            [] if own else [f"There is no topic {topic}."]
        )

    _run(broker_url, body, own=own, hidden=3)


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
            writer = Writer(mine, directory)
            writer.start()
            await asyncio.to_thread(provide, mine, [Wanted(younger)])
            assert directory.known(younger) is None
            outcome = await _written(writer, [Send(younger, None, b"k", b"v")])
            await writer.stop()
        assert not outcome.refused
        assert len(outcome.spans) == 1

    asyncio.run(main())


def test_a_partition_that_is_not_there_is_refused_alone(broker_url: str) -> None:
    """Of a topic that has too few; nobody else waits for it."""

    async def body(writer: Writer, topic: str) -> None:
        sends = [Send(topic, 9, b"k", b"v"), Send(topic, 1, b"k", b"v")]
        outcome = await _written(writer, sends)
        assert [refusal.send for refusal in outcome.refused] == sends[:1]
        assert "has no partition 9, only 4" in outcome.refused[0].why
        assert outcome.spans.keys() == {Partition(topic, 1)}
        assert not writer.replaced
        alone = await _written(writer, sends[:1])
        assert len(alone.refused) == 1

    _run(broker_url, body)


def test_a_producer_that_does_not_come_forward_is_replaced(broker_url: str) -> None:
    """Long before librdkafka's own time-out, behind which later records could overtake."""

    async def body(writer: Writer, topic: str) -> None:
        await _written(writer, [Send(topic, 0, b"a", b"1")])
        line = writer._line
        assert line is not None
        real = line.producer

        class Deaf:
            """Takes all and sends nothing."""

            def produce(self, *args: Any, **more: Any) -> None:
                pass

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

        line.producer = Deaf()
        await _written(writer, [Send(topic, 0, b"b", b"2")])
        assert writer.replaced == 1

    mine = _run(broker_url, body, session_timeout=3.0)
    assert [row.key for row in _rows(mine, 0, 2)] == [b"a", b"b"]


def test_what_is_abandoned_is_not_told_of(broker_url: str) -> None:
    """And what is written after it is."""
    told: list[Written] = []

    async def body(writer: Writer, topic: str) -> None:
        writer.write([Send(topic, 0, b"a", b"1")], told.append)
        writer.abandon()
        await _written(writer, [Send(topic, 1, b"b", b"2")])
        assert not told

    _run(broker_url, body)


def test_a_producer_that_takes_nothing_is_replaced(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a fatal error: what it did not take goes to the next one."""

    async def body(writer: Writer, topic: str) -> None:
        line = writer._line
        assert line is not None
        real = line.producer

        class Broken:
            """Takes one record more."""

            left = 1

            def produce(self, *args: Any, **more: Any) -> None:
                if not self.left:
                    raise KafkaException(KafkaError(KafkaError._FATAL))
                self.left -= 1
                real.produce(*args, **more)

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

        line.producer = Broken()
        await _written(writer, [Send(topic, 0, b"%d" % at, b"v") for at in range(4)])
        assert writer.replaced == 1

    mine = _run(broker_url, body)
    keys = [row.key for row in _rows(mine, 0, 4)]
    assert keys[0] == b"0"
