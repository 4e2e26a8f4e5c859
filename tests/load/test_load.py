"""Load and faults on Apache Kafka: nothing is lost, memory stays bounded, nobody waits for others.

Run by `make load`: it takes minutes, so CI does without.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.load.field import Field, switches_of, until


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test's body."""
    asyncio.run(body())


def test_broker_away_for_a_minute(tmp_path: Path) -> None:
    """500 commands a second go on all the time; nobody acts, and none is lost."""

    async def body() -> None:
        async with Field(tmp_path / "field") as field:
            traffic = field.traffic(50_000, rate=500)

            async def away() -> None:
                await until(lambda: len(traffic.answered) > 5_000, 60, "traffic")
                field.cluster.kill(1)
                await asyncio.sleep(60)  # being away is what is tested
                await asyncio.to_thread(field.cluster.start)

            await field.play(traffic, away)
            found = await field.account()
            assert found.commands >= 50_000

    run(body)


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """One of three brokers can write no file any more and goes; the others take over."""

    async def body() -> None:
        async with Field(tmp_path / "field", brokers=3) as field:
            traffic = field.traffic(15_000, rate=500)

            async def full() -> None:
                await until(lambda: len(traffic.answered) > 2_000, 60, "traffic")
                pid = field.cluster.pids[2]
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, 1))
                await until(lambda: _ended(pid), 60, "broker 2 to give up")

            await field.play(traffic, full)
            await field.account()

    run(body)


def _ended(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_every_answer_a_hundred_times(tmp_path: Path) -> None:
    """The first counts; the others cost no memory."""

    async def body() -> None:
        async with Field(tmp_path / "field") as field:
            for floodlight in field.stage.floodlights:
                floodlight.tell(fault="duplicates", value=99)
            await field.play(field.traffic(3_000))
            found = await field.account()
            assert not found.duplicates
            assert set(found.by) == {"an FL"}

    run(body)


def test_a_dead_floodlight(tmp_path: Path) -> None:
    """100,000 commands for it are answered at once, and it gets none of them when it is back."""

    async def body() -> None:
        async with Field(tmp_path / "field") as field:
            field.stage.floodlights[0].kill()
            await until(lambda: not field.stats()["floodlights"]["fl-1"]["up"], 60, "the outage")
            await field.play(field.traffic(100_000, at=switches_of(0)))
            assert field.stats()["pending"] == 0
            field.stage.floodlights[0].start()
            await until(lambda: field.stats()["floodlights"]["fl-1"]["up"], 60, "its return")
            found = await field.account()
            assert found.by["error NOT_FOUND"] == 100_000
            assert not found.duplicates
            assert found.late_dropped == 0

    run(body)


def test_a_flood(tmp_path: Path) -> None:
    """100,000 commands at once wait in Kafka, not in memory, and none is refused."""

    async def body() -> None:
        async with Field(tmp_path / "field", max_pending=10_000) as field:
            for floodlight in field.stage.floodlights:
                floodlight.tell(fault="slow", value=10)
            seen: set[str] = set()

            async def look() -> None:
                await until(lambda: seen.update(field.stats()["held_back"]) or seen, 120, "it")

            await field.play(field.traffic(100_000), look)
            found = await field.account()
            assert set(found.by) == {"an FL"}
            assert not found.duplicates

    run(body)


def test_a_slow_floodlight_slows_nobody_else(tmp_path: Path) -> None:
    """Commands for the others are answered while those for the slow one still wait.

    An FL does one command of a switch after the other, so 125 of each take 25 s.
    """

    async def body() -> None:
        async with Field(tmp_path / "field", response_timeout=300) as field:
            field.stage.floodlights[0].tell(fault="slow", value=200)
            slow = field.traffic(5_000, at=switches_of(0), first=10_000)
            fast = field.traffic(5_000, at=switches_of(1) + switches_of(2), first=20_000)
            waiting = asyncio.create_task(field.play(slow))
            await until(lambda: slow.sent == 5_000, 60, "5,000 commands for the slow one")
            await field.play(fast)
            assert not slow.names <= slow.answered
            await waiting
            found = await field.account()
            assert set(found.by) == {"an FL"}

    run(body)
