"""Rows: what the shards' tables hold, as the API shows it."""

from __future__ import annotations

from flrouter.core.shard import Shard
from flrouter.core.values.effects import End
from flrouter.core.values.records import Barred, Gather, Mode, Pending, Stage
from flrouter.core.values.records import Switch as Held
from flrouter.web.calls.shapes import Holding, HoldingMode, Request, RequestState, Switch

_MODES: dict[Mode, HoldingMode] = {Mode.GONE: "GONE", Mode.RO: "RO", Mode.RW: "RW"}
_STATES: dict[Stage, RequestState] = {
    Stage.HELD: "held",
    Stage.SENT: "sent",
    Stage.ACKED: "acknowledged",
    Stage.PASSING: "passing",
}


def switch(shard: int, name: str, row: Held) -> Switch:
    """A row of the table `switches`."""
    return Switch(
        name,
        shard,
        row.active,
        [
            Holding(floodlight, _MODES[holder.mode], holder.since)
            for floodlight, holder in sorted(row.holders.items())
        ],
        row.unmanaged,
        row.pinned,
        row.region,
    )


def pending_state(row: Pending) -> RequestState:
    """How far a request has come."""
    return _STATES[row.stage]


def pending(shard: int, number: str, row: Pending) -> Request:
    """A row of the table `pending`."""
    return Request(
        number,
        row.correlation_id,
        _STATES[row.stage],
        shard,
        row.origin,
        row.switch,
        row.floodlight,
        row.reply_topic,
        row.received,
        row.due,
    )


def barred(shard: int, number: str, row: Barred) -> Request:
    """A row of the table `blacklist`."""
    return Request(
        number,
        row.correlation_id,
        "failed",
        shard,
        floodlight=row.floodlight,
        blacklisted=row.expires,
    )


def gather_state(row: Gather) -> RequestState:
    """Whether it waits for parts."""
    return "answered" if row.answered else "gathering"


def gather(shard: Shard, number: str, row: Gather) -> Request:
    """A command's row of the table `gathers`."""
    return Request(
        number,
        row.correlation_id,
        gather_state(row),
        shard.context.number,
        row.origin,
        reply_topic=row.reply_topic,
        received=row.received,
        due=0 if row.answered else row.due,
        parts=row.parts,
        parts_ended=shard.parts_ended(number),
    )


def ended(shard: int, end: End) -> Request:
    """A request that has had its answer."""
    return Request(
        end.number,
        end.correlation_id,
        "failed" if end.error else "answered",
        shard,
        end.origin,
        end.switch,
        end.floodlight,
        end.reply_topic,
        end.received,
        ended=end.ended,
        error=end.error,
    )
