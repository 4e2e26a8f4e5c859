"""A router under load on one broker, with an eye on how much memory its worker takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.chaos.account import Account
from tests.chaos.ledger import settle
from tests.chaos.stage import SWITCHES, SWITCHES_EACH, Stage
from tests.chaos.traffic import Traffic
from tests.kafka.cluster import Cluster
from tests.support.stats import stats

#: bytes that a worker may grow by, whatever happens.
GROWTH = 300 << 20


def switches_of(floodlight: int) -> list[str]:
    """The switches of an FL, from 0."""
    return SWITCHES[floodlight * SWITCHES_EACH :][:SWITCHES_EACH]


class Field:
    """One worker, three FLs, and the requester's commands."""

    def __init__(self, folder: Path, brokers: int = 1, **settings: object) -> None:
        self.cluster = Cluster(brokers)
        folder.mkdir()
        self.stage = Stage(self.cluster, folder, "at_least_once", 1, **settings)
        self.largest = self.before = 0
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Field:
        await asyncio.to_thread(self.cluster.__enter__)
        await asyncio.to_thread(self.stage.open)
        first = Traffic(self.cluster.bootstrap, "read_uncommitted", len(SWITCHES) * 4, 10_000)
        await self.play(first)
        self.before = self._memory()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self.stage.close()
        await asyncio.to_thread(self.cluster.close)

    @property
    def worker_pid(self) -> int:
        """The process of the one worker."""
        return self.stage.workers[0].process.pid

    def _memory(self) -> int:
        """Bytes that the worker occupies."""
        status = Path(f"/proc/{self.worker_pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) << 10

    async def _watch(self) -> None:
        while True:
            self.largest = max(self.largest, self._memory())
            await asyncio.sleep(0.1)

    def stats(self) -> dict[str, Any]:
        """What the worker says of its own shards."""
        return stats(self.stage.workers[0].web_port)

    def traffic(
        self, commands: int, *, rate: float = 0.0, at: Sequence[str] = SWITCHES, first: int = 10_000
    ) -> Traffic:
        """Commands that are all sent, whether they are answered or not.

        Args:
            first: the number of the first one, so that names are not used twice.
        """
        return Traffic(
            self.cluster.bootstrap,
            "read_uncommitted",
            commands,
            10**9,
            rate=rate,
            switches=at,
            first=first,
        )

    async def play(
        self,
        traffic: Traffic,
        meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None,
        timeout: float = 400.0,
    ) -> None:
        """Send all, let something happen meanwhile, and wait until all are answered."""
        traffic.limit = 10**9
        reading = asyncio.create_task(traffic.read())
        sending = asyncio.create_task(traffic.run())
        try:
            if meanwhile is not None:
                await meanwhile()
            async with asyncio.timeout(timeout):
                await sending
                while len(traffic.answered & traffic.names) < len(traffic.names):
                    await asyncio.sleep(0.05)
        finally:
            for task in (sending, reading):
                task.cancel()
            await asyncio.wait([sending, reading])
        self.stage.check()

    async def account(self) -> Account:
        """What became of all commands so far; fails when memory grew beyond bounds."""
        grown = self.largest - self.before
        assert grown < GROWTH, f"the worker grew by {grown >> 20} MB"
        found = await settle(self.cluster.bootstrap, "read_uncommitted")
        assert not found.lost, f"{len(found.lost)} lost: {found.lost[:5]}"
        assert not found.order_violations
        assert not found.strangers
        return found


async def until(what: Callable[[], object], timeout: float, doing: str) -> None:
    """Wait until it is so. Raises TimeoutError."""
    end = time.monotonic() + timeout
    while not await asyncio.to_thread(what):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout:.0f} s in vain for {doing}")
        await asyncio.sleep(0.1)
