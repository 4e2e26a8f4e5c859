"""Where a record goes, and how it is said that it fits nowhere."""

from __future__ import annotations

from flrouter.core.values.effects import Send
from flrouter.core.values.home import partition_for
from flrouter.kafka.cluster.directory import Directory
from flrouter.ports import Partition, Refusal


def number_of(directory: Directory, send: Send) -> int | Refusal | None:
    """Which partition a record goes to, or that there is none; None: nobody knows its topic."""
    number, count = send.partition, directory.known(send.topic)
    if number is None:
        return partition_for(send.key, count) if count is not None else None
    if count is not None and number >= count:
        return Refusal(send, _too_few(send.topic, number, count), False)
    return number


def no_place(directory: Directory, at: Partition) -> str:
    """Why nothing can be written there, as far as is known; nothing when it can."""
    count = directory.known(at.topic)
    if count is None:
        return f"There is no topic {at.topic}."
    return "" if at.number < count else _too_few(*at, count)


def _too_few(topic: str, number: int, count: int) -> str:
    return f"Topic {topic} has no partition {number}, only {count} in all."


def no_topic(send: Send) -> Refusal:
    """Of a record whose topic is not there."""
    return Refusal(send, f"There is no topic {send.topic}.", False)


def forbidden(send: Send) -> Refusal:
    """Of a record whose topic the brokers do not let us write."""
    return Refusal(send, f"The router may not write to {send.topic}.", False)


def too_large(send: Send) -> Refusal:
    """Of a record that is more than a broker takes."""
    return Refusal(send, f"The record is too large for {send.topic}.", True)
