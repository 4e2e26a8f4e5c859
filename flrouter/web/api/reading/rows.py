"""Rows of the shards' tables, as the API shows them."""

from __future__ import annotations

from typing import Any

from flrouter.core.shard import Shard
from flrouter.core.values.effects import End
from flrouter.core.values.records import Barred, Gather, Mode, Pending, Stage
from flrouter.core.values.records import Switch as SwitchRow
from flrouter.web.calls.shapes import Holding, HoldingMode, Request, RequestState, Switch

_MODES: dict[Mode, HoldingMode] = {Mode.GONE: "GONE", Mode.RO: "RO", Mode.RW: "RW"}
#: of a request without an answer.
STATES: dict[Stage, RequestState] = {
    Stage.HELD: "held",
    Stage.SENT: "sent",
    Stage.ACKED: "acknowledged",
    Stage.PASSING: "passing",
}


def switch(shard: Shard, name: str, row: SwitchRow) -> Switch:
    """A row of the table `switches`."""
    holders = [
        Holding(floodlight, _MODES[holder.mode], holder.since)
        for floodlight, holder in sorted(row.holders.items())
    ]
    number = shard.context.number
    return Switch(name, number, row.active, holders, row.unmanaged, row.pinned, row.region)


def _request(
    number: str, row: Pending | Gather | End, state: RequestState, shard: int, **more: Any
) -> Request:
    """What all rows of requests say, but those of the blacklist."""
    return Request(
        number,
        row.correlation_id,
        state,
        shard,
        row.origin,
        row.switch,
        row.floodlight,
        row.reply_topic,
        row.received,
        **more,
    )


def pending(shard: Shard, number: str, row: Pending) -> Request:
    """A row of the table `pending`."""
    return _request(number, row, STATES[row.stage], shard.context.number, due=row.due)


def barred(shard: Shard, number: str, row: Barred) -> Request:
    """A row of the table `blacklist`."""
    return Request(
        number,
        row.correlation_id,
        "failed",
        shard.context.number,
        floodlight=row.floodlight,
        blacklisted=row.expires,
    )


def gather_state(row: Gather) -> RequestState:
    """Whether a command to several still waits for parts."""
    return "answered" if row.answered else "gathering"


def gather(shard: Shard, number: str, row: Gather) -> Request:
    """A row of the table `gathers` that is a command, and not one of its parts."""
    due, done = 0 if row.answered else row.due, shard.gathers.ended(number)
    parts = {"parts": row.parts, "parts_ended": done}
    return _request(number, row, gather_state(row), shard.context.number, due=due, **parts)


def ended(shard: int, end: End) -> Request:
    """A request that was answered."""
    state: RequestState = "failed" if end.error else "answered"
    return _request(end.number, end, state, shard, ended=end.ended, error=end.error)
