"""Commands that came too late are not executed."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from flrouter.messages.forms import build
from flrouter.speaker import Speaker
from flrouter.speaker.kafka.reader import CatchUp
from flrouter.speaker.serving.expiry import Expiry

from .stand_in import Recorder, Router, around, command, now_ms, options, run, switch

#: by another clock than this machine's.
T = 1_000_000


@pytest.mark.broker
def test_what_came_while_the_fl_was_dead_is_executed_unless_expired(broker_url: str) -> None:
    """A restarted FL goes on where it stopped, and judges by the newest AliveRequest alone.

    That lies last in another partition, long after today's clock or the envelope's 42.
    """

    async def test() -> None:
        told = options(broker_url, expire_after_ms=5_000)
        handler = Recorder()
        async with around(Speaker(told, handler)) as router:
            done = await router.command(switch(1), at=T)
            await router.answered(done)
        async with Router(told) as router:
            old = await router.command(switch(1), at=T + 10_000)
            fresh = await router.command(switch(1), at=T + 16_000)
            await router.send(build.alive_request("alive", 0), 3, T + 20_000)
            speaker = Speaker(told, handler)
            async with speaker:
                await router.answered(fresh)
                await router.fence()
                assert not router.about(old)
                assert speaker.counts.expired == 1
        assert [each.correlation_id for each in handler.acted[:2]] == [done, fresh]

    run(test())


@pytest.mark.broker
def test_nothing_expires_before_the_first_alive_request(broker_url: str) -> None:
    """Without a router's clock an old record is no reason to refuse."""

    async def test() -> None:
        async with around(Speaker(options(broker_url), Recorder())) as router:
            await router.answered(await router.command(switch(1), at=T))

    run(test())


@pytest.mark.broker
def test_a_live_fl_judges_too(broker_url: str) -> None:
    """A command whose record is older than allowed is neither acked nor executed."""

    async def test() -> None:
        handler = Recorder()
        async with around(Speaker(options(broker_url, expire_after_ms=5_000), handler)) as router:
            await router.alive()
            late = await router.command(switch(1), at=now_ms() - 60_000)
            await router.fence()
            assert not router.about(late)
            assert len(handler.acted) == 1

    run(test())


def test_the_bound_of_expiry() -> None:
    """Older than the limit, not as old; and an older AliveRequest does not turn the clock back."""
    expiry = Expiry(1000)
    assert not expiry.expired(0)
    expiry.tick(5000, now_s=0)
    expiry.tick(3000, now_s=0)
    assert not expiry.expired(4000)
    assert expiry.expired(3999)


def test_the_clock_is_stale_after_a_gap() -> None:
    """When no AliveRequest came for as long as commands live, a newer one may lie unread."""
    expiry = Expiry(1000)
    assert not expiry.stale(99.0)
    expiry.tick(5000, now_s=10.0)
    assert not expiry.stale(11.0)
    assert expiry.stale(11.1)
    expiry.confirm(12.0)
    assert not expiry.stale(13.0)
    assert expiry.stale(13.1)


class FakeReader:
    """Reads nothing; remembers whether it was asked to catch up."""

    def __init__(self) -> None:
        self.catching_up = False

    def catch_up(self) -> None:
        """Begin."""
        self.catching_up = True


class FakeWriter:
    """Keeps what is sent."""

    failures = 0

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, _key: bytes, value: bytes, _partition: int, **_: Any) -> None:
        """Keep it."""
        self.sent.append(value)

    def reporter(self) -> None:
        """Nobody to tell."""


def record(value: bytes, partition: int, timestamp: int) -> Any:
    """What aiokafka hands over."""
    return SimpleNamespace(
        topic="t", offset=0, value=value, partition=partition, timestamp=timestamp, headers=()
    )


def test_after_a_gap_commands_wait_until_all_that_lay_there_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest AliveRequest of another partition judges a command that was read before it."""
    clock = 0.0
    times = SimpleNamespace(time=time.time, monotonic=lambda: clock)
    monkeypatch.setattr("flrouter.speaker.serving.speaker.time", times)

    async def test() -> None:
        nonlocal clock
        handler = Recorder()
        speaker = Speaker(options("tansu://nowhere:1", expire_after_ms=5_000), handler)
        reader = speaker.reader = FakeReader()
        speaker.writer = FakeWriter()
        speaker.receive([record(build.alive_request("a", 0), 0, T)])
        speaker.receive([record(command("in time", switch(1)), 1, T)])
        clock = 60.0
        speaker.receive([record(command("late", switch(1)), 1, T + 1_000)])
        speaker.receive([record(command("just sent", switch(1)), 1, T + 60_000)])
        assert reader.catching_up
        assert [each.correlation_id for each in handler.acted] == ["in time"]
        speaker.receive([record(build.alive_request("b", 0), 0, T + 60_000)])
        reader.catching_up = False
        speaker.receive([])
        assert [each.correlation_id for each in handler.acted] == ["in time", "just sent"]
        assert speaker.counts.expired == 1

    run(test())


class FakeConsumer:
    """A consumer whose fetches are told."""

    def __init__(self) -> None:
        self.ends: dict[str, tuple[int, int]] = {}
        self.positions = {"a": 0, "b": 0}

    def last_poll_timestamp(self, partition: str) -> int | None:
        """When a fetch of it last came."""
        return self.ends[partition][0] if partition in self.ends else None

    def highwater(self, partition: str) -> int:
        """The end that this fetch told."""
        return self.ends[partition][1]

    async def position(self, partition: str) -> int:
        """What was handed over."""
        return self.positions[partition]


def test_catching_up_ends_when_every_partition_was_read_to_the_end_it_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ends count from fetches after the start; what is written later is not waited for."""

    async def test() -> None:
        monkeypatch.setattr("flrouter.speaker.kafka.reader.now_ms", lambda: 100)
        consumer = FakeConsumer()
        consumer.ends = {"a": (99, 0), "b": (99, 0)}
        catch_up = CatchUp(consumer, ["a", "b"], stable=False)
        assert not await catch_up.done()
        consumer.ends = {"a": (100, 5), "b": (101, 0)}
        assert not await catch_up.done()
        consumer.ends["a"] = (200, 50)
        consumer.positions["a"] = 5
        assert await catch_up.done()

    run(test())
