"""Record headers: the name of each that the router writes or reads (protocol.md, 3.3)."""

from __future__ import annotations

#: what the names of the router's own headers begin with.
PREFIX = "flrouter-"

# -- of records on the shards topic

#: how to read it: "peer", "command" or "report"; a later format stands behind a slash.
WHAT = "flrouter-what"
#: where a command or a report was first read.
ORIGIN = "flrouter-origin"
#: the FL that wrote a report.
FLOODLIGHT = "flrouter-floodlight"
#: the request that a report is for, if its correlation id does not say.
NUMBER = "flrouter-number"

# -- of answers

#: in answers of the router's own: where the command was read.
REQUEST = "flrouter-request"
#: in each link of a sync's chain: when the router began that sync (ms since the epoch). What it
#: reported since then is newer than the chain.
SYNC_BEGAN = "flrouter-sync-began"
#: the W3C's trace context.
TRACE = "traceparent"

# -- of dead letters

#: why the record was not used.
REASON = "flrouter-reason"
#: where the record was read; the topic alone: where it could not be written.
TOPIC = "flrouter-topic"
PARTITION = "flrouter-partition"
OFFSET = "flrouter-offset"
#: the record's size in bytes, if only its head is kept.
SIZE = "flrouter-size"
#: in a mark without a value: the dead letter that was replayed, as partition/offset.
REPLAYED = "flrouter-replayed"

# -- of rows of a changelog

#: the epoch and the format of a row.
ROW = "flrouter-row"
#: up to where each of a shard's changelogs counts.
SEAL = "flrouter-seal"


def is_own(name: str) -> bool:
    """Whether this is one of the router's own headers."""
    return name.startswith(PREFIX)
