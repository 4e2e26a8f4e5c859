"""Routers whose listeners see every outage and every sync, and none that nothing called for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.support.clients import Record
from tests.support.deployment import Deployment
from tests.support.patience import PATIENCE

#: s; long enough that an FL on a busy machine is never silent for so long.
ALIVE_TIMEOUT = 4 * PATIENCE
ALIVE_INTERVAL = 0.5 * PATIENCE
SYNC_TIMEOUT = 5 * PATIENCE


def deployed(url: str, folder: Path, *floodlights: str) -> Deployment:
    """A router with these FLs, before anything was started.

    It has no periodic sync, which could make good what somebody forgot to do.
    """
    deployment = Deployment(
        url,
        folder,
        floodlights=floodlights,
        alive_interval=ALIVE_INTERVAL,
        alive_timeout=ALIVE_TIMEOUT,
        sync_timeout=SYNC_TIMEOUT,
        sync_interval=0,
    )
    deployment.create_topics()
    return deployment


def told(records: list[Record], kind: str, state: str | None = None) -> Counter[str]:
    """How often listeners were told this of each switch."""
    return Counter(
        record.payload["switch_id"]
        for record in list(records)
        if str(record.payload.get("clazz")).endswith(kind) and record.payload.get("state") == state
    )


def unmanaged(records: list[Record]) -> Counter[str]:
    """How often each switch was reported unmanaged."""
    return told(records, "UnmanagedSwitchNotification")
