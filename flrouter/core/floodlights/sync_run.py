"""One sync of one FL: its number, who gets its chain, and how far that has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from flrouter.core.values import peers
from flrouter.core.values.inputs import Report
from flrouter.core.values.request import read_number
from flrouter.messages.chains import Link
from flrouter.messages.envelope import Envelope

_PREFIX = "sync."


def sync_number(attempt: int, floodlight: str) -> str:
    """What a SyncRequest's correlation id has in place of a request number."""
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


@dataclass(slots=True, eq=False)
class Sync:
    """One sync of one FL, in its home. Not kept: a restart begins the next attempt."""

    #: the correlation ids under which its chain goes out.
    requesters: list[str]
    retries: int
    #: shards whose receipt is not here yet; the FL is asked when all are.
    waiting_for: set[int]
    #: the correlation ids of those who came too late, and get the next sync's chain.
    waiting: list[str] = field(default_factory=list)
    #: ms: when the next link is overdue; 0 before the FL was asked.
    due: int = 0
    #: the token of the catch-up before the sync ends; 0: none.
    asked: int = 0
    #: whether the marker that begins a dump has come; the FL may have failed to write it.
    begun: bool = False
    #: the marker that ends a dump, kept until all that the FL wrote before it is read.
    end: tuple[Report, Envelope] | None = None
    #: how many links have come.
    links: int = 0
    #: index of a link that has come → the switch that it lists.
    switches: dict[int, str | None] = field(default_factory=dict)
    #: how far the chain has come, as `Progress` says.
    total: int = -1
    next_index: int = 0
    ahead: list[int] = field(default_factory=list)

    def begins_anew(self, link: Link, switch: str | None) -> bool:
        """Note which switch a link lists; True if those before it are of another chain.

        The FL was killed then, and answers anew: of which chain a link is nobody can tell.
        """
        other = self.switches.setdefault(link.index, switch) != switch
        return other or self.total not in (-1, link.total)

    @property
    def everybody(self) -> list[str]:
        """The correlation ids of all who are to get this chain or the next."""
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


class SyncStatus(msgspec.Struct, frozen=True):
    """The syncs of one FL, since the owner of its home took that over.

    Times are in ms since the epoch; 0: never.
    """

    floodlight: str
    running: bool
    #: when the running one, else the last one, began.
    began: int
    #: how often the FL was asked again.
    retries: int
    #: links of its chain that have come.
    links: int
    #: shards that have not noted yet that it begins.
    waiting_for: list[int]
    #: when the next one begins.
    planned: int
    #: when the last one ended, and whether its chain was whole.
    ended: int
    succeeded: bool


def and_also(requesters: list[str], correlation_id: str) -> list[str]:
    """These and one more, each once; the router's own id counts only if there is no other."""
    asked = [requester for requester in requesters if requester != peers.OWN_SYNC]
    if correlation_id != peers.OWN_SYNC and correlation_id not in asked:
        asked.append(correlation_id)
    return asked or [peers.OWN_SYNC]
