"""What is shown of an FL's syncs."""

from __future__ import annotations

import msgspec


class SyncStatus(msgspec.Struct, frozen=True):
    """How far the syncs of one FL are, as its home knows since it took the shard over.

    Times are in ms since the epoch; 0 is never.
    """

    floodlight: str
    running: bool
    #: when the one that runs, or else the last one, began.
    began: int
    #: how often the FL was asked again.
    retries: int
    #: how many links of its chain have come.
    links: int
    #: the shards that have not noted yet that it begins.
    waiting_for: list[int]
    #: when the next one is to begin.
    planned: int
    #: when the last one ended, and whether its chain was whole.
    ended: int
    succeeded: bool
