"""Events: what the shards, and who runs them, count for the metrics and the dashboard."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """What happened, with a label that says to what: an FL, a type of error, a topic, a kind."""

    # -- by FL

    #: a command was sent to it.
    COMMANDS = "commands"
    #: a message of an answer was passed on, or one of an answer to a part.
    ANSWERS = "answers"
    PART_ANSWERS = "part_answers"
    #: an event was passed on.
    EVENTS = "events"
    #: a late answer was dropped by the blacklist.
    LATE = "late"
    #: an answer to nothing that is known was dropped.
    STRAY = "stray"
    #: an FL answered that was not asked.
    FOREIGN = "foreign"
    #: an event came from an FL that is not the switch's active one.
    NOT_ACTIVE = "not_active"
    #: a link of a chain came again, and was dropped.
    DUPLICATE_LINKS = "duplicate_links"
    #: a record of no known FL.
    UNKNOWN_FLOODLIGHT = "unknown_floodlight"
    OUTAGES = "outages"
    RECOVERIES = "recoveries"
    #: a sync began; the chain of one was not whole.
    SYNCS = "syncs"
    SYNCS_FAILED = "syncs_failed"
    #: a switch came to it from another FL; a move to it was refused.
    MOVES = "moves"
    MOVES_REFUSED = "moves_refused"
    #: news of a switch beyond what a shard keeps.
    SWITCHES_REFUSED = "switches_refused"
    #: a switch was reported unmanaged, or offline.
    UNMANAGED = "unmanaged"
    OFFLINE = "offline"
    #: a message that the FL failed to write.
    WRITE_ERRORS = "write_errors"

    # -- by type of error

    #: the router answered with an error; a part ended with one.
    ERRORS = "errors"
    PART_ERRORS = "part_errors"

    # -- by topic

    #: a record was kept as a dead letter.
    DEAD_LETTERS = "dead_letters"
    #: a topic has another number of partitions.
    PARTITIONS_CHANGED = "partitions_changed"
    #: records of a partition were deleted before they were read.
    OFFSET_RESETS = "offset_resets"

    # -- by kind

    #: a record was sent on to its home.
    REKEYED = "rekeyed"

    # -- without a label

    #: a record of the router's own that Kafka will never take.
    OWN_REFUSED = "own_refused"
    #: a command was read again, and known.
    REDELIVERED = "redelivered"
    #: a command had to wait for a switch.
    HELD = "held"
    #: a command went to several switches or FLs; one was answered.
    GATHERS = "gathers"
    GATHERED = "gathered"
    #: a result of a part came for which nobody waits, or that came before.
    LATE_PARTS = "late_parts"
    DUPLICATE_PARTS = "duplicate_parts"
    #: a record of the history was written; one was not.
    HISTORY_WRITTEN = "history_written"
    HISTORY_LOST = "history_lost"
    #: a record was not handled because of a bug in the router.
    BUGS = "bugs"
