"""An FL that lost its broker tries again by the project's one policy: flrouter.retry."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError

from flrouter.speaker import Counts, SpeakerOptions
from flrouter.speaker.kafka.connection import Connection
from flrouter.speaker.kafka.reader import Reader
from flrouter.speaker.kafka.writer import Writer

from .stand_in import run, when

OPTIONS = SpeakerOptions(id="fl", broker="kafka://nowhere:1", partitions=1)


class Noted:
    """A Backoff that pauses for no time, and notes what it is told."""

    notes: list[str]

    def __init__(self, first_s: float, longest_s: float) -> None:
        assert first_s <= 0.25
        assert longest_s == 1

    def next_s(self) -> float:
        """It failed."""
        self.notes.append("failed")
        return 0

    def reset(self) -> None:
        """It worked."""
        self.notes.append("worked")


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What every Backoff of an FL's clients is told."""
    noted: list[str] = []
    kind = type("Backoff", (Noted,), {"notes": noted})
    for module in ("connection", "reader", "writer"):
        monkeypatch.setattr(f"flrouter.speaker.kafka.{module}.Backoff", kind)
    return noted


def outcomes(*errors: KafkaError | None) -> Callable[..., None]:
    """Raises these errors, one a call, and nothing for None and from then on."""
    left: Iterator[KafkaError | None] = itertools.chain(errors, itertools.repeat(None))

    def call(*_: Any, **__: Any) -> None:
        error = next(left)
        if error is not None:
            raise error

    return call


class FakeClient:
    """A client of Kafka whose calls fail as the test says."""

    start_outcome = staticmethod(outcomes())
    send_outcome = staticmethod(outcomes())
    poll_outcome = staticmethod(outcomes())

    def __init__(self, **_: Any) -> None:
        """With any settings."""

    async def start(self) -> None:
        """Connect."""
        self.start_outcome()

    async def stop(self, *_: Any) -> None:
        """Disconnect."""

    close = stop

    # -- as an admin

    async def describe_topics(self) -> list[dict[str, Any]]:
        """All that the FL wants."""
        wanted = [*OPTIONS.reads, OPTIONS.writes]
        return [{"topic": name, "partitions": [0]} for name in wanted]

    # -- as a consumer

    def assign(self, _: Any) -> None:
        """To read from there."""

    async def commit(self) -> None:
        """Keep the position."""

    async def position(self, _: Any) -> int:
        """The end."""
        return 0

    def last_poll_timestamp(self, _: Any) -> int:
        """Long after the start."""
        return 1 << 62

    def highwater(self, _: Any) -> int:
        """Nothing is there."""
        return 0

    last_stable_offset = highwater

    async def getmany(self, **_: Any) -> dict[Any, Any]:
        """Nothing."""
        await asyncio.sleep(0)
        self.poll_outcome()
        return {}

    # -- as a producer

    open = start

    def batch(self) -> FakeClient:
        """One without an end."""
        return self

    def append(self, **_: Any) -> object:
        """There is room."""
        return object()

    async def deliver(self, *_: Any) -> None:
        """Send it."""
        await asyncio.sleep(0)
        self.send_outcome()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> type[FakeClient]:
    """The kind of all clients that an FL makes."""
    kind = type("Client", (FakeClient,), {})
    monkeypatch.setattr("flrouter.speaker.kafka.connection.AIOKafkaAdminClient", kind)
    monkeypatch.setattr("flrouter.speaker.kafka.reader.AIOKafkaConsumer", kind)
    monkeypatch.setattr("flrouter.speaker.kafka.writer.Link", kind)
    return kind


def fail(*errors: KafkaError | None) -> Any:
    """An outcome of FakeClient."""
    return staticmethod(outcomes(*errors))


AWAY = KafkaConnectionError()


def test_waiting_for_the_broker_says_so_once(
    notes: list[str], client: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each attempt pauses; the line comes once a minute at most."""
    client.start_outcome = fail(AWAY, AWAY, AWAY)
    assert asyncio.run(Connection(OPTIONS).prepare()) == 1
    assert notes == ["failed"] * 3
    assert len(caplog.records) == 1


def test_a_reader_whose_reading_fails_begins_anew_with_a_short_pause(
    notes: list[str], client: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """As it starts, and later: what it reads in between ends the long pauses."""

    async def test() -> None:
        client.start_outcome = fail(AWAY, AWAY)
        client.poll_outcome = fail(AWAY, AWAY, None, AWAY)

        async def room() -> None:
            """There is."""

        reader = Reader(Connection(OPTIONS), OPTIONS.reads, 1, lambda _: None, room)
        await reader.start()
        assert notes == ["failed"] * 2
        await when(lambda: notes.count("failed") == 5)
        await reader.stop()
        assert notes[2:6] == ["failed", "failed", "worked", "failed"]

    run(test())
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "cannot read from kilda.fl.fl.read",
        "reading from kilda.fl.fl.read failed",
    ]


async def started() -> Writer:
    """A running writer."""
    writer = Writer(OPTIONS, Connection(OPTIONS), 1, Counts())
    await writer.start()
    return writer


def test_a_writer_that_cannot_connect_says_so_once(
    notes: list[str], client: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each attempt pauses."""

    async def test() -> None:
        client.start_outcome = fail(AWAY, AWAY, AWAY)
        await (await started()).stop()

    run(test())
    assert notes == ["failed"] * 3
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AWAY, ["failed", "failed", "worked"]),
        # The broker is there: the next failure is a first one.
        (MessageSizeTooLargeError(), ["worked", "failed", "worked", "failed", "worked"]),
    ],
    ids=["the broker is away", "the broker refuses a record"],
)
def test_a_writer_pauses_longer_only_while_the_broker_is_away(
    notes: list[str], client: type[Any], error: KafkaError, expected: list[str]
) -> None:
    """A record that arrives ends the long pauses, and so does one that the broker refuses."""

    async def test() -> None:
        client.send_outcome = fail(error, error)
        writer = await started()
        for _ in range(3):
            writer.send(b"k", b"value", 0, event=True)
            await writer.at_most(0)
        await writer.stop()

    run(test())
    assert notes[: len(expected)] == expected


def test_the_end_of_a_cut_ends_no_later_pause(
    client: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cut is a fault that tests make: once it is over, a real outage is met as any other."""

    async def test() -> None:
        attempts = 0

        def send(*_: Any) -> None:
            nonlocal attempts
            attempts += 1
            raise AWAY

        monkeypatch.setattr("flrouter.speaker.kafka.writer._FIRST_PAUSE_S", 3600.0)
        client.send_outcome = send
        writer = await started()
        writer.cut()
        writer.send(b"k", b"value", 0, event=True)
        await when(lambda: writer.failures == 1)
        writer.restore()
        await when(lambda: attempts > 0)
        for _ in range(100):  # turns of the loop, each enough for another attempt
            await asyncio.sleep(0)
        assert attempts == 1
        await writer.stop()

    run(test())
