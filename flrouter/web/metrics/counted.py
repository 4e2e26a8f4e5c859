"""What the shards count (`Effects.counts`), as metrics."""

from __future__ import annotations

from typing import NamedTuple


class Counted(NamedTuple):
    """One kind of event."""

    #: without `flrouter_` and `_total`.
    metric: str
    text: str
    #: what its label is; empty when it has none.
    label: str = ""


FLOODLIGHT = "floodlight"

COUNTED = {
    "commands": Counted("commands_sent", "Commands sent to FLs.", FLOODLIGHT),
    "answers": Counted("answer_messages", "Messages of FLs' answers passed on.", FLOODLIGHT),
    "part_answers": Counted("part_answers", "Messages of answers to parts.", FLOODLIGHT),
    "events": Counted("events", "Events of FLs passed on.", FLOODLIGHT),
    "late": Counted("blacklist_hits", "Late answers, dropped by the blacklist.", FLOODLIGHT),
    "stray": Counted("strays", "Answers to nothing that is known, dropped.", FLOODLIGHT),
    "foreign": Counted("foreign_answers", "Answers of FLs that were not asked.", FLOODLIGHT),
    "not_active": Counted("inactive_events", "Events of FLs that are not active.", FLOODLIGHT),
    "duplicate_links": Counted("duplicate_links", "Links that came again, dropped.", FLOODLIGHT),
    "unknown_floodlight": Counted("unknown_floodlight_records", "Of no known FL.", FLOODLIGHT),
    "outages": Counted("outages", "Outages of FLs.", FLOODLIGHT),
    "recoveries": Counted("recoveries", "Ends of outages.", FLOODLIGHT),
    "syncs": Counted("syncs", "Syncs begun.", FLOODLIGHT),
    "syncs_failed": Counted("syncs_failed", "Syncs whose chain was not whole.", FLOODLIGHT),
    "moves": Counted("moves", "Switches that came to this FL from another one.", FLOODLIGHT),
    "moves_refused": Counted("moves_refused", "Moves to this FL that were refused.", FLOODLIGHT),
    "switches_refused": Counted(
        "switches_refused", "News of switches beyond what a shard keeps.", FLOODLIGHT
    ),
    "unmanaged": Counted("switches_unmanaged", "Switches reported unmanaged.", FLOODLIGHT),
    "offline": Counted("switches_offline", "Switches reported offline.", FLOODLIGHT),
    "write_errors": Counted("write_errors", "Messages FLs failed to write.", FLOODLIGHT),
    "errors": Counted("errors", "Errors that the router answered with.", "type"),
    "part_errors": Counted("part_errors", "Parts that ended with an error.", "type"),
    "dead_letters": Counted("dead_letters", "Records kept as dead letters.", "topic"),
    "partitions_changed": Counted(
        "partitions_changed", "Changes of how many partitions a topic has.", "topic"
    ),
    "offset_resets": Counted(
        "offset_resets", "Partitions whose records were deleted before they were read.", "topic"
    ),
    "own_refused": Counted(
        "own_records_refused", "Records of the router's own that Kafka will never take."
    ),
    "rekeyed": Counted("rekeyed_records", "Records sent on to their home.", "kind"),
    "redelivered": Counted("redelivered_commands", "Commands read again, and known."),
    "held": Counted("held_commands", "Commands that had to wait for a switch."),
    "gathers": Counted("gathers", "Commands to several switches or FLs."),
    "gathered": Counted("gathers_answered", "Those that were answered."),
    "late_parts": Counted("late_parts", "Results of parts that nobody waits for."),
    "duplicate_parts": Counted("duplicate_parts", "Results of parts that came again."),
    "history_written": Counted("history_records", "Records of the history that were written."),
    "history_lost": Counted("history_records_lost", "Those that no broker took."),
    "bugs": Counted("bugs", "Records that were not handled because of a bug in the router."),
}
