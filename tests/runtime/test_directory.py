"""Which topics the directory looks at, and when it tells of them."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from flrouter.kafka.cluster.directory import Directory
from tests.runtime.broker import settings
from tests.support.clients import create_topics
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.broker


def test_watched_topics_are_told_of_when_they_come(broker_url: str) -> None:
    """Others are known once somebody asks for them."""
    mine = settings(broker_url)
    watched, other = f"watched-{uuid4().hex}", f"other-{uuid4().hex}"

    async def main() -> None:
        changes: asyncio.Queue[tuple[str, int, int]] = asyncio.Queue()
        directory = Directory(mine, lambda *change: changes.put_nowait(change), lambda: [watched])
        async with directory:
            assert directory.known(watched) is None
            counts = {other: 3, watched: 2}
            await asyncio.to_thread(create_topics, mine.bootstrap_servers, counts)
            assert await asyncio.wait_for(changes.get(), 30 * PATIENCE) == (watched, 0, 2)
            assert (directory.known(watched), directory.known(other)) == (2, None)
            assert await directory.partitions(other) == 3
            assert directory.known(watched) == 2

    asyncio.run(main())
