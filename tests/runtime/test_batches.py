"""How large records may be is learned of each topic."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flrouter.core.values.effects import Send
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
