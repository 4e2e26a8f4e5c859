"""Rows of the shards' tables, as the API shows them."""

from __future__ import annotations

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


def pending(shard: Shard, number: str, row: Pending) -> Request:
    """A row of the table `pending`."""
    return Request(
        number,
        row.correlation_id,
        STATES[row.stage],
        shard.context.number,
        row.origin,
        row.switch,
        row.floodlight,
        row.reply_topic,
        row.received,
        row.due,
    )


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
    """A request that was answered."""
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
