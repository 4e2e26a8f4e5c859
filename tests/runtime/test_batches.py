"""How large records may be is learned of each topic."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flrouter.core.values.effects import Send
from flrouter.kafka import batches
from flrouter.kafka.batches import Limits
from flrouter.settings.model import Settings


@pytest.mark.parametrize(
    "large",
    [
        Send("t", 0, b"k", b"x" * 5_000),
        Send("t", 0, b"k" * 5_000, b"v"),
        Send("t", 0, b"k", b"v", (("h", b"x" * 5_000),)),
        Send("t", 0, b"k" * 5_000, None),
    ],
    ids=["value", "key", "header", "no value"],
)
def test_only_records_as_large_as_the_one_that_was_refused_are_refused(large: Send) -> None:
    """Whatever of it was large; and those of other topics are not."""

    async def main() -> None:
        limits = Limits(Settings())
        batch: Any = None  # of one record its size does not matter
        assert not limits.refuses(large)
        assert limits.note("t", batch, [large]) is large
        assert limits.refuses(large)
        assert not limits.refuses(Send("t", 0, b"k", b"an answer", (("h", b"1"),)))
        assert not limits.refuses(Send("other", large.partition, large.key, large.value))

    asyncio.run(main())


def test_a_limit_is_remembered_for_a_minute_since_it_was_learned_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end of the first minute does not take away what was learned within it."""

    async def main() -> None:
        loop, limits = asyncio.get_running_loop(), Limits(Settings())
        batch: Any = None
        large, smaller = (Send("t", 0, b"k", b"x" * size) for size in (5_000, 4_000))

        async def first_minute() -> None:
            over = asyncio.Event()
            loop.call_later(batches.LIMIT_S, over.set)
            await over.wait()

        monkeypatch.setattr(batches, "LIMIT_S", 0.01)
        limits.note("t", batch, [large])
        await first_minute()
        assert not limits.refuses(large)
        limits.note("t", batch, [large])
        ending = asyncio.ensure_future(first_minute())
        await asyncio.sleep(0)
        monkeypatch.setattr(batches, "LIMIT_S", 60.0)
        limits.note("t", batch, [smaller])
        await ending
        assert limits.refuses(smaller)

    asyncio.run(main())
