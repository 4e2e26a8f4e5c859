"""The FL side: an SDK for controllers written in Python, and a simulated FL on top of it.

A controller implements :class:`Handler` and runs a :class:`Speaker`::

    speaker = Speaker(SpeakerOptions(id="fl-1", broker="kafka://localhost:9092"), handler)
    async with speaker:
        await speaker.switch_event("00:00:00:00:00:00:00:01", "ACTIVATED")
        await speaker.wait_until_stopped()
"""

from __future__ import annotations

from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import (
    DONE,
    Answer,
    Chain,
    CommandFailed,
    Done,
    Each,
    Info,
    Payload,
    Written,
)
from flrouter.speaker.command import Command
from flrouter.speaker.counts import Counts
from flrouter.speaker.kafka.connection import BadTopics
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.serving.speaker import Handler, Speaker
from flrouter.speaker.sync import Port, PortState, SwitchRecord

__all__ = [
    "DONE",
    "Answer",
    "BadTopics",
    "Chain",
    "Command",
    "CommandFailed",
    "Counts",
    "Done",
    "Each",
    "ErrorType",
    "Handler",
    "Info",
    "Payload",
    "Port",
    "PortState",
    "Speaker",
    "SpeakerOptions",
    "SwitchRecord",
    "Written",
]
