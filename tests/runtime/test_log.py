"""What a worker's log hands to its event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from flrouter.kafka import replay
from flrouter.kafka.cluster.directory import Directory
from flrouter.ports import Partition, Record
from flrouter.runtime import log as log_module
from flrouter.runtime.log import MAX_PIECES, MAX_ROWS, KafkaLog
from tests.runtime.broker import settings
from tests.support.patience import HOPE

AT = Partition("changelog", 0)
ROWS = [Record(offset, b"key", None, ()) for offset in range(40 * MAX_ROWS + 1)]


def test_a_replay_leaves_the_loop_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It brings all that was fetched at once; shards that serve have their turns in between."""

    def read(_settings: object, _starts: object, _ends: object, take: Callable, *_: object) -> bool:
        take(AT, ROWS)
        return True

    monkeypatch.setattr(replay, "replay", read)

    async def main() -> None:
        mine = settings("tansu://nowhere:1")
        directory = Directory(mine, lambda *_: None, list)
        log = KafkaLog(mine, directory, lambda _: None, lambda *_: None, lambda _: True)
        log._loop = asyncio.get_running_loop()
        done = asyncio.Event()
        taken: list[Record] = []
        at_once = [0]

        def take(_at: Partition, rows: Sequence[Record]) -> None:
            taken.extend(rows)
            at_once[-1] += len(rows)

        def end(complete: bool) -> None:
            assert complete
            done.set()

        log.replay({AT: 0}, {AT: len(ROWS)}, take, end)
        while not done.is_set():
            at_once.append(0)
            await asyncio.sleep(0)
        assert taken == ROWS
        assert max(at_once) <= 2 * MAX_PIECES * MAX_ROWS

    asyncio.run(main())


def test_a_loop_that_is_closed_ends_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker ends in the middle of a takeover: no thread waits for it without end."""
    ended = threading.Event()

    def read(_settings: object, _starts: object, _ends: object, take: Callable, *_: object) -> bool:
        try:
            take(AT, ROWS)
        except RuntimeError:  # as of a loop that is closed
            ended.set()
        return False

    monkeypatch.setattr(replay, "replay", read)
    monkeypatch.setattr(log_module, "WAIT_S", 0.01)
    mine = settings("tansu://nowhere:1")
    loop = asyncio.new_event_loop()

    async def begin() -> None:
        directory = Directory(mine, lambda *_: None, list)
        log = KafkaLog(mine, directory, lambda _: None, lambda *_: None, lambda _: True)
        log._loop = loop
        log.replay({AT: 0}, {AT: len(ROWS)}, lambda *_: None, lambda _: None)

    loop.run_until_complete(begin())
    # The thread may not have begun; what it hands over now is not taken.
    loop.run_until_complete(asyncio.sleep(0))
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert ended.wait(20 * HOPE)
