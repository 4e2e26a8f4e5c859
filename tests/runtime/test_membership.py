"""The FLs that the settings name, when there never was one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from unittest.mock import AsyncMock, Mock

import pytest

from flrouter.core.values.effects import Send
from flrouter.ports import Refusal, Written
from flrouter.runtime.membership import Membership
from flrouter.settings.model import load


def test_a_router_that_cannot_tell_of_its_floodlights_does_not_run_without_them() -> None:
    """It ends, and says so."""

    async def write(sends: Sequence[Send]) -> Written:
        outcome = Written()
        outcome.refused.append(Refusal(sends[0], "Broker: Message size too large.", True))
        return outcome

    async def main() -> None:
        shards, read = Mock(write=write), AsyncMock()
        settings = load({"FLROUTER_FLOODLIGHTS": "fl-1"})
        await Membership(settings, lambda: shards, read).seed()

    with pytest.raises(RuntimeError, match=r"not known: .* too large"):
        asyncio.run(main())
