"""Orders of operators that Kafka does not take."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from flrouter.core.values import peers
from flrouter.core.values.effects import Send
from flrouter.ports import Refusal as Refused
from flrouter.ports import Written
from flrouter.web.api import changes
from flrouter.web.calls.call import Refusal


def test_an_order_that_is_refused_is_not_told_as_done() -> None:
    """503, with the broker's reason."""

    async def write(sends: list[Send]) -> Written:
        written = Written()
        written.refused.append(Refused(sends[0], "Broker: Message size too large.", True))
        return written

    settings = SimpleNamespace(shards_topic="a-shards", partitions=4)
    call: Any = SimpleNamespace(
        app=SimpleNamespace(settings=settings, shards=SimpleNamespace(write=write))
    )
    with pytest.raises(Refusal, match=r"Kafka refused it.* Message size too large") as told:
        asyncio.run(changes._order(call, {"1": peers.PlaceSwitch("1", "r")}))
    assert told.value.status == 503
