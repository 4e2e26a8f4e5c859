"""Events: what the shards, and who runs them, count for the metrics and the dashboard."""

from __future__ import annotations

from enum import StrEnum

#: the label of what is counted for each FL.
FL = "floodlight"


class Event(StrEnum):
    """What happened, with a label that says to what. Each is a metric (docs/metrics.md)."""

    #: of the metric; what its label is, empty if it has none; its name without `flrouter_` and
    #: `_total`.
    text: str
    label: str
    metric: str

    def __new__(cls, name: str, text: str, label: str = "", metric: str = "") -> Event:
        """The metric has the name of the event, unless another one is given."""
        event = str.__new__(cls, name)
        event._value_ = name
        event.text, event.label, event.metric = text, label, metric or name
        return event

    COMMANDS = "commands", "Commands sent to FLs.", FL, "commands_sent"
    ANSWERS = "answers", "Messages of FLs' answers passed on.", FL, "answer_messages"
    PART_ANSWERS = "part_answers", "Messages of answers to parts.", FL
    EVENTS = "events", "Events of FLs passed on.", FL
    LATE = "late", "Late answers, dropped by the blacklist.", FL, "blacklist_hits"
    STRAY = "stray", "Answers to nothing that is known, dropped.", FL, "strays"
    FOREIGN = "foreign", "Answers of FLs that were not asked.", FL, "foreign_answers"
    NOT_ACTIVE = "not_active", "Events of FLs that are not active.", FL, "inactive_events"
    DUPLICATE_LINKS = "duplicate_links", "Links that came again, dropped.", FL
    UNKNOWN_FLOODLIGHT = (
        "unknown_floodlight",
        "Records of no known FL.",
        FL,
        "unknown_floodlight_records",
    )
    OUTAGES = "outages", "Outages of FLs.", FL
    RECOVERIES = "recoveries", "Ends of outages.", FL
    SYNCS = "syncs", "Syncs begun.", FL
    SYNCS_FAILED = "syncs_failed", "Syncs whose chain was not whole.", FL
    MOVES = "moves", "Switches that came to this FL from another one.", FL
    MOVES_REFUSED = "moves_refused", "Moves to this FL that were refused.", FL
    SWITCHES_REFUSED = "switches_refused", "News of switches beyond what a shard keeps.", FL
    UNMANAGED = "unmanaged", "Switches reported unmanaged.", FL, "switches_unmanaged"
    OFFLINE = "offline", "Switches reported offline.", FL, "switches_offline"
    WRITE_ERRORS = "write_errors", "Messages FLs failed to write.", FL
    ERRORS = "errors", "Errors that the router answered with.", "type"
    PART_ERRORS = "part_errors", "Parts that ended with an error.", "type"
    DEAD_LETTERS = "dead_letters", "Records kept as dead letters.", "topic"
    PARTITIONS_CHANGED = (
        "partitions_changed",
        "Changes of how many partitions a topic has.",
        "topic",
    )
    OFFSET_RESETS = (
        "offset_resets",
        "Partitions whose records were deleted before they were read.",
        "topic",
    )
    REKEYED = "rekeyed_records", "Records sent on to their home.", "kind"
    OWN_REFUSED = "own_records_refused", "Records of the router's own that Kafka will never take."
    REDELIVERED = "redelivered_commands", "Commands read again, and known."
    HELD = "held_commands", "Commands that had to wait for a switch."
    GATHERS = "gathers", "Commands to several switches or FLs."
    GATHERED = "gathers_answered", "Commands to several that were answered."
    LATE_PARTS = "late_parts", "Results of parts that came too late."
    DUPLICATE_PARTS = "duplicate_parts", "Results of parts that came again."
    HISTORY_WRITTEN = "history_records", "Records of the history that were written."
    HISTORY_LOST = "history_records_lost", "Records of the history that no broker took."
    BUGS = "bugs", "Records that were not handled because of a bug in the router."
