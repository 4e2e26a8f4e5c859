"""Whether a worker notices that no broker answers; with a real one in
tests/integration/test_a_broker_that_is_away.py.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from flrouter.kafka.cluster import contact
from flrouter.kafka.cluster.contact import ANSWER_TIMEOUT_S, INTERVAL_S, Contact
from flrouter.kafka.cluster.login import within
from flrouter.settings.model import Settings
from tests.support.patience import HOPE


def test_it_is_known_within_5_s() -> None:
    """Also of a broker that is frozen, and on whose old connection nothing is heard first."""
    assert INTERVAL_S + 2 * ANSWER_TIMEOUT_S < 5


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take what comes, and answer nothing."""
    while await reader.read(1 << 16):
        pass
    writer.close()


def test_a_broker_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named with the setting, the address, the error and since when; in one line, not many.

    One that accepts connections and says nothing is as far away as one that does not.
    """
    monkeypatch.setattr(contact, "INTERVAL_S", 0.01)
    monkeypatch.setattr(contact, "ANSWER_TIMEOUT_S", 0.05)

    async def look() -> tuple[str, str, str]:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        watch = Contact(Settings(broker=f"kafka://127.0.0.1:{port}"))
        before = watch.trouble
        async with watch, asyncio.timeout(30 * HOPE):
            while "no answer" not in watch.trouble:
                await asyncio.sleep(0.01)
            frozen = watch.trouble
            server.close()
            while "refused" not in watch.trouble:
                await asyncio.sleep(0.01)
            return before, frozen, watch.trouble

    before, *texts = asyncio.run(look())
    assert not before
    for text in texts:
        assert text.startswith(
            "cannot connect to the broker (FLROUTER_BROKER is kafka://127.0.0.1:"
        )
        assert text.endswith(" UTC")
    assert texts[0].rpartition(", since ")[2] == texts[1].rpartition(", since ")[2]
    assert len(caplog.messages) == 1


def test_a_worker_that_stood_still_has_not_waited() -> None:
    """What came meanwhile is heard when it goes on."""

    async def wait() -> str:
        answer = asyncio.get_running_loop().create_future()

        async def come() -> str:
            return str(await answer)

        asyncio.get_running_loop().call_later(0.01, time.sleep, 0.5)
        asyncio.get_running_loop().call_later(0.02, answer.set_result, "here")
        return await within(0.1, come())

    assert asyncio.run(wait()) == "here"


def test_nobody_waits_for_ever() -> None:
    """And what was waited for is given up."""

    async def wait() -> bool:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with pytest.raises(TimeoutError):
            await within(0.05, answer)
        return answer.cancelled()

    assert asyncio.run(wait())
