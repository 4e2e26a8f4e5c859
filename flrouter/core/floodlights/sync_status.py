"""What people see of an FL's syncs."""

from __future__ import annotations

import msgspec


class SyncStatus(msgspec.Struct, frozen=True):
    """The syncs of one FL, since the owner of its home took that over.

    Times are in ms since the epoch; 0: never.
    """

    floodlight: str
    running: bool
    #: when the running one, else the last one, began.
    began: int
    #: how often the FL was asked again.
    retries: int
    #: links of its chain that have come.
    links: int
    #: shards that have not noted yet that it begins.
    waiting_for: list[int]
    #: when the next one begins.
    planned: int
    #: when the last one ended, and whether its chain was whole.
    ended: int
    succeeded: bool
