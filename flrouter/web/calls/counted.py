"""Metrics of the events that shards count (`Effects.counts`)."""

from __future__ import annotations

from typing import NamedTuple

from flrouter.core.values.events import Event


class Counted(NamedTuple):
    """One kind of event."""

    #: without `flrouter_` and `_total`.
    metric: str
    text: str
    #: what its label is; empty when it has none.
    label: str = ""


FLOODLIGHT = "floodlight"

COUNTED: dict[str, Counted] = {
    Event.COMMANDS: Counted("commands_sent", "Commands sent to FLs.", FLOODLIGHT),
    Event.ANSWERS: Counted("answer_messages", "Messages of FLs' answers passed on.", FLOODLIGHT),
    Event.PART_ANSWERS: Counted("part_answers", "Messages of answers to parts.", FLOODLIGHT),
    Event.EVENTS: Counted("events", "Events of FLs passed on.", FLOODLIGHT),
    Event.LATE: Counted("blacklist_hits", "Late answers, dropped by the blacklist.", FLOODLIGHT),
    Event.STRAY: Counted("strays", "Answers to nothing that is known, dropped.", FLOODLIGHT),
    Event.FOREIGN: Counted("foreign_answers", "Answers of FLs that were not asked.", FLOODLIGHT),
    Event.NOT_ACTIVE: Counted("inactive_events", "Events of FLs that are not active.", FLOODLIGHT),
    Event.DUPLICATE_LINKS: Counted(
        "duplicate_links", "Links that came again, dropped.", FLOODLIGHT
    ),
    Event.UNKNOWN_FLOODLIGHT: Counted(
        "unknown_floodlight_records", "Records of no known FL.", FLOODLIGHT
    ),
    Event.OUTAGES: Counted("outages", "Outages of FLs.", FLOODLIGHT),
    Event.RECOVERIES: Counted("recoveries", "Ends of outages.", FLOODLIGHT),
    Event.SYNCS: Counted("syncs", "Syncs begun.", FLOODLIGHT),
    Event.SYNCS_FAILED: Counted("syncs_failed", "Syncs whose chain was not whole.", FLOODLIGHT),
    Event.MOVES: Counted("moves", "Switches that came to this FL from another one.", FLOODLIGHT),
    Event.MOVES_REFUSED: Counted(
        "moves_refused", "Moves to this FL that were refused.", FLOODLIGHT
    ),
    Event.SWITCHES_REFUSED: Counted(
        "switches_refused", "News of switches beyond what a shard keeps.", FLOODLIGHT
    ),
    Event.UNMANAGED: Counted("switches_unmanaged", "Switches reported unmanaged.", FLOODLIGHT),
    Event.OFFLINE: Counted("switches_offline", "Switches reported offline.", FLOODLIGHT),
    Event.WRITE_ERRORS: Counted("write_errors", "Messages FLs failed to write.", FLOODLIGHT),
    Event.ERRORS: Counted("errors", "Errors that the router answered with.", "type"),
    Event.PART_ERRORS: Counted("part_errors", "Parts that ended with an error.", "type"),
    Event.DEAD_LETTERS: Counted("dead_letters", "Records kept as dead letters.", "topic"),
    Event.PARTITIONS_CHANGED: Counted(
        "partitions_changed", "Changes of how many partitions a topic has.", "topic"
    ),
    Event.OFFSET_RESETS: Counted(
        "offset_resets", "Partitions whose records were deleted before they were read.", "topic"
    ),
    Event.OWN_REFUSED: Counted(
        "own_records_refused", "Records of the router's own that Kafka will never take."
    ),
    Event.REKEYED: Counted("rekeyed_records", "Records sent on to their home.", "kind"),
    Event.REDELIVERED: Counted("redelivered_commands", "Commands read again, and known."),
    Event.HELD: Counted("held_commands", "Commands that had to wait for a switch."),
    Event.GATHERS: Counted("gathers", "Commands to several switches or FLs."),
    Event.GATHERED: Counted("gathers_answered", "Commands to several that were answered."),
    Event.LATE_PARTS: Counted("late_parts", "Results of parts that came too late."),
    Event.DUPLICATE_PARTS: Counted("duplicate_parts", "Results of parts that came again."),
    Event.HISTORY_WRITTEN: Counted("history_records", "Records of the history that were written."),
    Event.HISTORY_LOST: Counted(
        "history_records_lost", "Records of the history that no broker took."
    ),
    Event.BUGS: Counted("bugs", "Records that were not handled because of a bug in the router."),
}

#: events that are counted by FL.
BY_FLOODLIGHT = frozenset(
    event for event, counted in COUNTED.items() if counted.label == FLOODLIGHT
)
