"""Record headers: the name of each that the router writes or reads (protocol.md, 3.3)."""

from __future__ import annotations

#: what the names of the router's own headers begin with.
PREFIX = "flrouter-"

# -- of records on the shards topic

#: how to read it: "peer", "command" or "report"; behind a slash, a later format.
WHAT = "flrouter-what"
#: where a command or a report was first read.
ORIGIN = "flrouter-origin"
#: the FL that wrote a report.
FLOODLIGHT = "flrouter-floodlight"
#: the request that a report is for, where its correlation id does not say so.
NUMBER = "flrouter-number"

# -- of answers

#: where the command was read that the router itself answers.
REQUEST = "flrouter-request"
#: of each link of a sync's chain: when the router began that sync (ms since the epoch). Whatever it
#: reported since then is newer than what the chain says.
SYNC_BEGAN = "flrouter-sync-began"
#: the W3C's trace context.
TRACE = "traceparent"

# -- of dead letters

#: why it is one.
REASON = "flrouter-reason"
#: where it was read; the topic alone: where it could not be written.
TOPIC = "flrouter-topic"
PARTITION = "flrouter-partition"
OFFSET = "flrouter-offset"
#: its size in bytes, when only its head is kept.
SIZE = "flrouter-size"
#: of a mark without a value: the dead letter that was replayed, as partition/offset.
REPLAYED = "flrouter-replayed"

# -- of rows of a changelog

#: the epoch and the format of a row.
ROW = "flrouter-row"


def is_own(name: str) -> bool:
    """Whether only the router says what a header of this name means."""
    return name.startswith(PREFIX)
