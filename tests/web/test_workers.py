"""What workers ask each other."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from msgspec.structs import replace

from flrouter.web.calls.queries import (
    Floodlights,
    Gathers,
    Listing,
    Pending,
    Query,
    Switches,
    Syncs,
)
from flrouter.web.calls.workers import parameters


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Listing(limit=1, after="a&b=c"),
        Floodlights(state="outage"),
        Switches(unmanaged=False),
        Switches(unmanaged=True, region="north"),
        Pending(state="held", since=0),
        Gathers(since=5),
        Syncs(running=False),
        Syncs(),
    ],
)
def test_others_are_asked_for_the_same(query: Query) -> None:
    """Each filter comes to them as it was given, also "no"; and they ask nobody else."""
    read = dict(parse_qsl(urlencode(parameters(replace(query, local=True))), strict_parsing=True))
    asked = msgspec.convert(read, type(query), strict=False)
    assert asked == replace(query, local=True)
