"""Writes that fail: counted until reported, held when they are events, and always in order."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    MessageSizeTooLargeError,
    ProducerClosed,
    UnknownTopicOrPartitionError,
)
from aiokafka.producer.sender import Sender

from flrouter import embedded
from flrouter.core.values.home import partition_for
from flrouter.ports import Partition
from flrouter.speaker import Counts, PortState, Speaker, SpeakerOptions
from flrouter.speaker.kafka.connection import Connection
from flrouter.speaker.kafka.writer import Writer

from .stand_in import PARTITIONS, Recorder, around, options, run, switch, when


@pytest.mark.broker
def test_failed_writes_are_reported_once(broker_url: str) -> None:
    """The next AliveResponse counts them, and the one after it none."""

    async def test() -> None:
        speaker = Speaker(options(broker_url), Recorder())
        async with around(speaker) as router:
            assert await router.failed_messages() == 0
            speaker.writer.cut()
            events = [speaker.switch_event(switch(number), "ACTIVATED") for number in range(5)]
            await when(lambda: speaker.writer.failures == 5)
            speaker.writer.restore()
            assert await asyncio.gather(*events) == [True] * 5
            assert await router.failed_messages() == 5
            assert await router.failed_messages() == 0
            assert speaker.counts.write_failures == 5
            assert speaker.counts.lost == 0

    run(test())


@pytest.mark.broker
def test_failures_are_kept_until_a_report_of_them_was_delivered(broker_url: str) -> None:
    """An AliveResponse that is lost itself reports nothing, and is one failure more."""

    async def test() -> None:
        speaker = Speaker(options(broker_url), Recorder())
        async with around(speaker) as router:
            speaker.writer.cut()
            event = speaker.switch_event(switch(1), "ACTIVATED")
            await when(lambda: speaker.writer.failures == 1)
            lost = asyncio.create_task(router.alive())
            await when(lambda: speaker.writer.failures == 2)
            lost.cancel()
            speaker.writer.restore()
            assert await event
            assert await router.failed_messages() == 2
            assert await router.failed_messages() == 0

    run(test())


@pytest.mark.broker
def test_answers_that_fail_are_given_up(broker_url: str) -> None:
    """Their requesters have been told otherwise; but a duplicate of the request gets the answer."""

    async def test() -> None:
        handler = Recorder()
        speaker = Speaker(options(broker_url), handler)
        async with around(speaker) as router:
            speaker.writer.cut()
            cid = await router.command(switch(1))
            await when(lambda: speaker.counts.lost == 2)
            speaker.writer.restore()
            await router.fence()
            assert not router.about(cid)
            await router.command(switch(1), cid=cid)
            await router.answered(cid)
            assert len(handler.acted) == 2  # the command and the fence
            assert await router.failed_messages() == 2

    run(test())


@pytest.mark.broker
def test_events_of_a_cut_arrive_after_it_in_order_and_at_home(broker_url: str) -> None:
    """Each switch's events keep their order, in the partition of the default partitioner."""

    async def test() -> None:
        speaker = Speaker(options(broker_url), Recorder())
        async with around(speaker) as router:
            speaker.writer.cut()
            for _ in range(10):
                for number in range(8):
                    speaker.switch_event(switch(number), "ACTIVATED")
                    speaker.port_event(switch(number), 1, PortState.DOWN)
                    delivered = speaker.switch_event(switch(number), "DEACTIVATED")
                await asyncio.sleep(0)
            await when(lambda: speaker.writer.failures > 0)
            speaker.writer.restore()
            assert await delivered
            await router.wait(lambda: len(router.seen) == 8 * 30, "all events")
            for number in range(8):
                own = [each for each in router.seen if each.key == switch(number).encode()]
                assert [each.payload["state"] for each in own] == [
                    "ACTIVATED",
                    "DOWN",
                    "DEACTIVATED",
                ] * 10
                home = partition_for(switch(number).encode(), PARTITIONS)
                assert {each.partition for each in own} == {home}

    run(test())


@pytest.mark.broker
def test_an_isl_event_goes_home_with_its_receiver(broker_url: str) -> None:
    """The last node of the path is the switch that this FL holds."""

    async def test() -> None:
        speaker = Speaker(options(broker_url), Recorder())
        async with around(speaker) as router:
            assert await speaker.isl_event(("1", 2), ("0x2", 3), latency_ns=5)
            path = [{"switch_id": "7"}, {"switch_id": "8"}]
            clazz = "org.openkilda.messaging.info.event.IslInfoData"
            assert await speaker.event({"clazz": clazz, "path": path})
            await router.wait(lambda: len(router.seen) == 2, "both")
            assert {each.key for each in router.seen} == {switch(2).encode(), switch(8).encode()}

    run(test())


@pytest.mark.broker
def test_held_events_are_bounded(broker_url: str) -> None:
    """During a long cut the oldest go, and whoever asks is told so."""

    async def test() -> None:
        speaker = Speaker(options(broker_url, hold=10), Recorder())
        async with around(speaker) as router:
            speaker.writer.cut()
            events = [speaker.switch_event(switch(1), "CHANGED", number=0)]
            await when(lambda: speaker.writer.failures == 1)
            events += [
                speaker.switch_event(switch(1), "CHANGED", number=number) for number in range(1, 15)
            ]
            speaker.writer.restore()
            assert await asyncio.gather(*events) == [False] * 5 + [True] * 10
            await router.wait(lambda: len(router.seen) == 10, "those that were held")
            assert [each.payload["number"] for each in router.seen] == list(range(5, 15))
            assert speaker.counts.lost == 5
            assert await router.failed_messages() >= 5

    run(test())


def test_a_broker_that_hangs_and_comes_back() -> None:
    """A real outage: writes time out and are counted, and events arrive once it is over."""

    async def test(url: str, broker: int) -> None:
        speaker = Speaker(options(url, write_timeout_ms=1500), Recorder())
        async with around(speaker) as router:
            assert await speaker.switch_event(switch(1), "ACTIVATED")
            os.kill(broker, signal.SIGSTOP)
            # Until it has stopped it may still take what comes.
            await asyncio.to_thread(os.waitid, os.P_PID, broker, os.WSTOPPED | os.WNOWAIT)
            try:
                events = [
                    speaker.switch_event(switch(1), state) for state in ("DEACTIVATED", "REMOVED")
                ]
                await when(lambda: speaker.writer.failures >= 1)
            finally:
                os.kill(broker, signal.SIGCONT)
            assert all(await asyncio.gather(*events))
            assert await router.failed_messages() >= 1
            while await router.failed_messages():
                pass  # on a machine under load one more write may have timed out
            states = [each.payload["state"] for each in router.events()]
            # What timed out may have arrived all the same, so an event may come twice.
            assert list(dict.fromkeys(states)) == ["ACTIVATED", "DEACTIVATED", "REMOVED"]

    port = embedded.free_port()
    process = embedded.start(port)
    try:
        run(test(f"tansu://127.0.0.1:{port}", process.pid))
    finally:
        process.kill()
        process.wait()


@pytest.mark.broker
def test_a_producer_that_dies_is_replaced(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the embedded broker too, where one that lost a batch has no gap, and stays."""
    real, requests = Sender._send_produce_req, itertools.count()

    async def send(self: Sender, node: int, batches: Any) -> None:
        if next(requests) == 1:
            self.sender_task.cancel()
        await real(self, node, batches)

    monkeypatch.setattr(Sender, "_send_produce_req", send)

    async def test() -> None:
        speaker = Speaker(options(broker_url), Recorder())
        async with around(speaker):
            for _ in range(3):
                assert await speaker.switch_event(switch(1), "ACTIVATED")

    run(test())


# -- the producer's own ways to fail, which the embedded broker does not have


class FakeBatch:
    """Takes at most four records."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(
        self, *, timestamp: None, key: bytes | None, value: bytes, headers: list[Any]
    ) -> object | None:
        """Add a record; None when full."""
        if len(self.values) == 4:
            return None
        self.values.append(value)
        return object()


class FakeLink:
    """Delivers as the test's `take` says."""

    made: int = 0
    closed: int = 0
    is_closed = False
    take: Callable[[list[bytes]], Awaitable[None]]

    def __init__(self, **_: Any) -> None:
        type(self).made += 1

    async def open(self) -> None:
        """Connected."""

    async def close(self, _: float) -> None:
        """Closed."""
        self.is_closed = True
        type(self).closed += 1

    def batch(self) -> FakeBatch:
        """An empty one."""
        return FakeBatch()

    async def deliver(self, batch: FakeBatch, _: Partition) -> None:
        """Send it."""
        if self.is_closed:
            raise ProducerClosed
        await type(self).take(batch.values)


async def with_fake(
    monkeypatch: pytest.MonkeyPatch,
    take: Callable[[list[bytes]], Awaitable[None]],
    **more: Any,
) -> tuple[Writer, type[FakeLink]]:
    """A writer on a Kafka that is not embedded, with a producer of its own kind."""
    kind = type("Link", (FakeLink,), {"take": staticmethod(take)})
    monkeypatch.setattr("flrouter.speaker.kafka.writer.Link", kind)
    told = SpeakerOptions(id="fl", broker="kafka://nowhere:1", **more)
    writer = Writer(told, Connection(told), PARTITIONS, Counts())
    await writer.start()
    return writer, kind


def test_an_idempotent_producer_that_lost_a_batch_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events go out again by the new one, before those that came later; answers do not."""

    async def test() -> None:
        arrived: list[bytes] = []
        attempts = itertools.count()

        async def deliver(values: list[bytes]) -> None:
            if next(attempts) == 0:
                raise KafkaConnectionError
            arrived.extend(values)

        writer, kind = await with_fake(monkeypatch, deliver)
        for number in range(6):
            writer.send(b"k", b"%d" % number, 0, event=number != 1)
        await writer.at_most(0)
        assert arrived == [b"0", b"2", b"3", b"4", b"5"]
        assert writer.failures == 4
        assert kind.made == 2
        await writer.stop()
        assert kind.closed == 2

    run(test())


def test_a_record_that_the_broker_refuses_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its batch is sent again one by one, and it alone is given up, though an event."""

    async def test() -> None:
        arrived: list[bytes] = []

        async def deliver(values: list[bytes]) -> None:
            if b"2" in values:
                raise MessageSizeTooLargeError
            arrived.extend(values)

        writer, _ = await with_fake(monkeypatch, deliver)
        told: dict[int, bool] = {}
        for number in range(6):
            writer.send(
                b"k",
                b"%d" % number,
                0,
                event=True,
                told=lambda delivered, number=number: told.update({number: delivered}),
            )
        await writer.at_most(0)
        assert arrived == [b"0", b"1", b"3", b"4", b"5"]
        assert [number for number, delivered in told.items() if not delivered] == [2]
        assert writer.failures == 1
        await writer.stop()

    run(test())


def test_a_write_that_takes_too_long_is_a_failure_though_it_may_still_arrive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An idempotent producer retries forever; the router hears of it, and nothing overtakes."""

    async def test() -> None:
        arrived: list[bytes] = []
        gate = asyncio.Event()

        async def deliver(values: list[bytes]) -> None:
            await gate.wait()
            arrived.extend(values)

        writer, _ = await with_fake(monkeypatch, deliver, write_timeout_ms=20)
        for number in range(6):
            writer.send(b"k", b"%d" % number, 0)
        await when(lambda: writer.failures == 4)
        assert not arrived
        gate.set()
        await writer.at_most(0)
        assert arrived == [b"%d" % number for number in range(6)]
        await writer.stop()

    run(test())


def test_events_are_bounded_while_a_write_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an outage an idempotent producer never fails; the oldest events go all the same."""

    async def test() -> None:
        arrived: list[bytes] = []
        gate = asyncio.Event()

        async def deliver(values: list[bytes]) -> None:
            await gate.wait()
            arrived.extend(values)

        writer, _ = await with_fake(monkeypatch, deliver, write_timeout_ms=20, hold=10)
        writer.send(b"k", b"first", 0, event=True)
        await when(lambda: writer.failures == 1)
        for number in range(15):
            writer.send(b"k", b"%d" % number, 0, event=True)
        gate.set()
        await writer.at_most(0)
        assert arrived == [b"first", *(b"%d" % number for number in range(6, 15))]
        await writer.stop()

    run(test())


def test_a_partition_without_a_leader_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brokers elect another one in a moment: no answer is given up meanwhile."""

    async def test() -> None:
        attempts = itertools.count(1)

        async def take(_: list[bytes]) -> None:
            if next(attempts) < 3:
                raise UnknownTopicOrPartitionError

        writer, kind = await with_fake(monkeypatch, take)
        told: list[bool] = []
        writer.send(b"k", b"answer", 0, told=told.append)
        await writer.at_most(0)
        assert told == [True]
        assert writer.failures == 0
        assert kind.made == 1
        await writer.stop()

    run(test())


def test_a_partition_without_a_leader_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing was sent there, so the producer has no gap, and stays."""

    async def test() -> None:
        async def take(values: list[bytes]) -> None:
            if values == [b"no leader"]:
                raise UnknownTopicOrPartitionError

        writer, kind = await with_fake(monkeypatch, take, write_timeout_ms=20)
        told: list[bool] = []
        writer.send(b"k", b"no leader", 0, told=told.append)
        await writer.at_most(0)
        writer.send(b"k", b"answer", 1, told=told.append)
        await writer.at_most(0)
        assert told == [False, True]
        assert kind.made == 1
        await writer.stop()

    run(test())


def test_an_answer_waits_while_a_producer_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another partition's batch was lost: what was not sent yet is for the next producer, be it new
    or waiting for a leader.
    """

    async def test() -> None:
        connecting, connected = asyncio.Event(), asyncio.Event()
        attempts = itertools.count()

        async def take(values: list[bytes]) -> None:
            if values == [b"waits"] and next(attempts) == 0:
                raise UnknownTopicOrPartitionError
            if values == [b"lost"]:
                raise KafkaConnectionError

        async def open_later(_: FakeLink) -> None:
            connecting.set()
            await connected.wait()

        writer, kind = await with_fake(monkeypatch, take)
        told: dict[str, bool] = {}

        def send(text: str, partition: int) -> None:
            writer.send(
                *(b"k", text.encode(), partition),
                told=lambda delivered: told.update({text: delivered}),
            )

        monkeypatch.setattr(kind, "open", open_later)
        send("waits", 0)
        send("lost", 1)
        await connecting.wait()
        send("new", 2)
        connected.set()
        await writer.at_most(0)
        assert told == {"waits": True, "lost": False, "new": True}
        assert kind.made == 2
        await writer.stop()

    run(test())


def test_a_full_queue_stops_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is room again when enough has been written."""

    async def test() -> None:
        gate = asyncio.Event()

        async def deliver(_: list[bytes]) -> None:
            await gate.wait()

        writer, _ = await with_fake(monkeypatch, deliver, hold=10)
        for number in range(11):
            writer.send(b"k", b"%d" % number, 0)
        room = asyncio.create_task(writer.at_most(10))
        done, _waiting = await asyncio.wait([room], timeout=0.05)
        assert not done
        gate.set()
        await room
        await writer.stop()

    run(test())
