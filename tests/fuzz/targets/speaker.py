"""The SDK: records of an FL's read topic, as a whole FL takes them."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from flrouter.messages import names
from flrouter.messages.envelope import COMMANDS, decode
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.simulated.floodlight import SimulatedFloodlight
from flrouter.speaker.simulated.options import FloodlightOptions, numbered
from tests.fuzz import script


class _Writer:
    """Keeps what the FL writes."""

    failures = 0

    def __init__(self) -> None:
        self.written: list[tuple[bytes, bytes]] = []

    def send(self, key: bytes, value: bytes, *_: Any, **__: Any) -> None:
        """Note a record."""
        self.written.append((key, value))

    def reporter(self) -> None:
        """Nobody counts failures here."""


class _Reader:
    """Is never behind."""

    catching_up = False

    def catch_up(self) -> None:
        """Nothing lies anywhere."""


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def speaker(data: bytes) -> None:
    """Each part is a record. Each command is acknowledged and answered, each question whether the
    FL is alive too, and all that is written can be read.
    """
    records = [
        part.record("kilda.fl.fl-1.read", 0, offset, 1_700_000_000_000 + part.number(1, 60_000))
        for offset, part in enumerate(script.read(data))
    ]
    _loop().run_until_complete(_receive(records))


async def _receive(records: list[script.Record]) -> None:
    floodlight = SimulatedFloodlight(
        FloodlightOptions(
            speaker=SpeakerOptions(id="fl-1", max_message_bytes=20_000), switches=numbered(3)
        )
    )
    writer = floodlight.writer = _Writer()  # type: ignore[assignment]
    floodlight.reader = _Reader()  # type: ignore[assignment]
    for record in records:
        writer.written.clear()
        unreadable, expired = floodlight.counts.unreadable, floodlight.counts.expired
        floodlight.receive([record])
        await floodlight._lanes.join(1.0)
        written = [decode(value) for _, value in writer.written]
        assert all(key for key, _ in writer.written)
        if floodlight.counts.unreadable > unreadable:
            assert not written
            continue
        message = decode(record.value or b"")
        if message.kind == names.ALIVE_REQUEST:
            assert len(written) <= 1  # an old one is left alone
            continue
        assert message.form in COMMANDS
        if floodlight.counts.expired > expired:
            assert not written
            continue
        assert written[0].kind == names.ACK
        assert len(written) > 1
        if message.correlation_id:
            assert all(each.correlation_id == message.correlation_id for each in written)
