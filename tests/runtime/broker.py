"""The runtime's parts against a real broker, each under names of its own."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from flrouter.core.values.effects import Send
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.writer import Writer
from flrouter.ports import Written
from flrouter.settings.model import Settings


def settings(broker_url: str, **more: Any) -> Settings:
    """Settings for one test on the shared broker."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    values: dict[str, Any] = {
        "broker": broker_url,
        "app_id": name,
        "inbound_topics": (f"{name}.in",),
        "fl_read_topic": f"{name}.{{fl}}.read",
        "fl_write_topic": f"{name}.{{fl}}.write",
        "partitions": 4,
        "replication": int(os.environ.get("FLROUTER_TEST_REPLICATION", "1")),
    }
    values |= {
        f"{role}_topic": f"{name}.{role}"
        for role in ("flow", "northbound", "disco", "stats", "ping")
    }
    return Settings(**(values | more))


@asynccontextmanager
async def writing(mine: Settings) -> AsyncIterator[Callable[..., Awaitable[Written]]]:
    """Something that writes records, and returns when they are durable."""
    directory = Directory(mine, lambda *_: None, lambda: [mine.shards_topic])
    writer = Writer(mine, directory, lambda topic: False)

    async def write(*sends: Send) -> Written:
        done: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        writer.write(sends, done.set_result)
        return await done

    async with directory:
        writer.start()
        yield write
        await writer.stop()
