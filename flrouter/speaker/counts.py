"""Counters of what an FL has done since its start, for people and for the summary at the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counts:
    """Plain counters; each says what is counted."""

    #: records read from the read topic.
    read: int = 0
    #: records that are no message, or no command.
    unreadable: int = 0
    #: commands that were too old to be executed.
    expired: int = 0
    #: commands that were seen before, and not acted on again.
    repeated: int = 0
    #: commands handed to the handler.
    handled: int = 0
    acks: int = 0
    #: messages of answers, each link of a chain counted.
    answers: int = 0
    #: commands answered by an error.
    errors: int = 0
    syncs: int = 0
    alive_requests: int = 0
    events: int = 0
    #: records that Kafka has confirmed.
    written: int = 0
    #: records whose write failed at least once.
    write_failures: int = 0
    #: records that were given up.
    lost: int = 0

    def as_dict(self) -> dict[str, int]:
        """All of them by name."""
        return asdict(self)
