"""What ends a worker that could not go on: a bug, or a thread that is no more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from flrouter.runtime.ownership.runner import Runner, Share
from flrouter.runtime.shards import Shards
from flrouter.settings.model import load


def _shards(given_up: list[str]) -> Shards:
    nobody: Any = None
    membership: Any = SimpleNamespace(topics=list)
    return Shards(load({}), nobody, membership, nobody, given_up.append)


def test_a_bug_in_a_batch_that_was_put_off() -> None:
    """It ends the worker as any other does: the event loop would go on without the batch."""

    class Broken:
        def run(self) -> None:
            raise ZeroDivisionError

    async def main() -> None:
        shards = _shards([])
        runner: Any = Broken()
        shards.wake(runner)
        async with asyncio.timeout(30):
            while not shards.crashed:
                await asyncio.sleep(0)
        assert isinstance(shards.crash_reason, ZeroDivisionError)

    asyncio.run(main())


def test_what_is_to_run_later() -> None:
    """It runs then, once, and not before."""
    ran: list[float] = []

    async def main() -> None:
        shards = _shards([])
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        class Late:
            def run(self) -> None:
                ran.append(loop.time())
                over.set()

        runner: Any = Late()
        due = loop.time() + 0.02
        shards.wake(runner, 0.02)
        await asyncio.wait_for(over.wait(), 30)
        assert ran[0] >= due - 0.001
        await asyncio.sleep(0)
        assert len(ran) == 1

    asyncio.run(main())


def test_a_runner_that_wants_to_run_later() -> None:
    """Its worker is asked for it."""
    asked: list[tuple[Runner, float]] = []
    worker: Any = SimpleNamespace(wake=lambda runner, delay_s: asked.append((runner, delay_s)))
    nobody: Any = SimpleNamespace(steady_s=lambda: 0.0)
    share = Share(nobody, nobody, (), (), nobody)
    runner = Runner(0, share, worker, nobody, {}, nobody, nobody)
    runner.run_later(0.5)
    assert asked == [(runner, 0.5)]


def test_a_worker_that_has_crashed_does_not_let_go_for_ever() -> None:
    """Time passes for its shards, though none of its tasks runs any more."""

    class Stuck:
        """Lets go when its time is over."""

        def __init__(self, released: Callable[[], None]) -> None:
            self.released = released
            self.ticks = 0

        def revoked(self) -> None:
            pass

        def tick(self) -> None:
            self.ticks += 1
            if self.ticks == 3:
                self.released()

    async def main() -> None:
        shards = _shards([])
        ownership: Any = Stuck(shards.group.released)
        shards.ownership = ownership
        async with asyncio.timeout(30):
            await shards.let_go()

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would be read or written any more, and nobody would see it."""

    def end() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        given_up: list[str] = []
        shards = _shards(given_up)
        assert shards.loop is asyncio.get_running_loop()
        monkeypatch.setattr(threading, "excepthook", shards._thread_ended)
        for name in ("somebody-else", "flrouter-reader"):
            threading.Thread(target=end, name=name).start()
        async with asyncio.timeout(30):
            while not given_up:
                await asyncio.sleep(0.01)
        assert given_up == ["flrouter-reader ended: ZeroDivisionError()"]

    asyncio.run(main())
