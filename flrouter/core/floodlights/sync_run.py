"""One sync of one FL: its number, who gets its chain, and how far that has come."""

from __future__ import annotations

from typing import NamedTuple

from flrouter.core.values import peers
from flrouter.core.values.inputs import Report
from flrouter.core.values.request import read_number
from flrouter.messages.envelope import Envelope

_PREFIX = "sync."


def sync_number(attempt: int, floodlight: str) -> str:
    """Stands where a request number does in the correlation id of a SyncRequest."""
    return f"{_PREFIX}{attempt}.{floodlight}"


def read_sync_number(number: str) -> tuple[int, str] | None:
    """The attempt and the FL that :func:`sync_number` wrote; None for a request number."""
    if not number.startswith(_PREFIX):
        return None
    text, _, floodlight = number[len(_PREFIX) :].partition(".")
    attempt = read_number(text)
    if attempt is None or not floodlight:
        return None
    return attempt, floodlight


class Sync:
    """One sync of one FL, in its home. Not kept: after a restart the next attempt begins."""

    __slots__ = (
        "ahead",
        "asked",
        "due",
        "end",
        "links",
        "next_index",
        "requesters",
        "retries",
        "total",
        "waiting",
        "waiting_for",
    )

    def __init__(self, requesters: list[str], retries: int, waiting_for: set[int]) -> None:
        #: the correlation ids under which its chain goes out.
        self.requesters = requesters
        #: those of who came too late for it: the next one is for them.
        self.waiting: list[str] = []
        self.retries = retries
        #: shards whose receipt is not here yet; the FL is asked when all are.
        self.waiting_for = waiting_for
        #: ms: when the next link is overdue; 0 before the FL was asked.
        self.due = 0
        #: the token with which the FL's write topic is being read before the sync ends.
        self.asked = 0
        #: the marker that ends a dump, kept until all that the FL wrote before it was read.
        self.end: tuple[Report, Envelope] | None = None
        #: how many have come.
        self.links = 0
        self.total = -1
        self.next_index = 0
        self.ahead: list[int] = []

    @property
    def everybody(self) -> list[str]:
        """The ids of all who are to get a chain: this one or the next."""
        requesters = self.requesters
        for requester in self.waiting:
            requesters = and_also(requesters, requester)
        return requesters


class Plan(NamedTuple):
    """A sync that is to begin."""

    #: ms.
    when: int
    #: how often the FL was asked before.
    retries: int
    #: the correlation ids under which its chain goes out.
    requesters: list[str]


def and_also(requesters: list[str], correlation_id: str) -> list[str]:
    """These and one more, each once; the router itself reads along with any of them."""
    asked = [requester for requester in requesters if requester != peers.OWN_SYNC]
    if correlation_id != peers.OWN_SYNC and correlation_id not in asked:
        asked.append(correlation_id)
    return asked or [peers.OWN_SYNC]
