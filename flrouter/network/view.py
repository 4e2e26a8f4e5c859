"""What is known of a switch, and how news change it.

News come through several partitions, and some are read twice. A chain may arrive after events that
are newer than its contents. So every piece of news has a time, and the latest counts. The view is
the same in whatever order, and however often, the news are read.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """Whether a switch is there."""

    #: a floodlight holds the switch.
    ONLINE = "online"
    #: unknown: the floodlight that held the switch is out of reach.
    UNMANAGED = "unmanaged"
    #: the switch is known to be gone.
    OFFLINE = "offline"


class Link(StrEnum):
    """The state of the link at a port."""

    UP = "UP"
    DOWN = "DOWN"
    #: the port does not exist any more.
    GONE = "GONE"


class News(msgspec.Struct, omit_defaults=True):
    """One report about one switch. What the report does not mention stays unchanged."""

    #: ms since the epoch, by the router's clock: when it was reported. For a chain: when its sync
    #: began, so that whatever was reported during the sync is newer than the chain.
    at: int
    state: State | None = None
    ports: dict[int, Link] = {}
    #: whether `ports` are all ports of the switch.
    all_ports: bool = False
    #: whether the news come from a sync's chain.
    listed: bool = False


class Port(msgspec.Struct):
    """One port, and the time of its last news (ms)."""

    link: Link
    at: int


class Switch(msgspec.Struct):
    """One switch, as the table keeps it."""

    state: State = State.ONLINE
    #: ms: the times of `state`'s last news, and of the newest list of all ports.
    state_at: int = -1
    ports_at: int = -1
    ports: dict[int, Port] = {}

    def hear(self, news: News) -> None:
        """Apply what is newer than the known state (protocol.md, 7.4). In the same ms, an event
        beats a chain.
        """
        if news.state is not None and self._newer(news, self.state_at):
            self.state, self.state_at = news.state, news.at
        for number, link in news.ports.items():
            known = self.ports.get(number)
            if self._newer(news, known.at if known is not None else self.ports_at):
                self.ports[number] = Port(link, news.at)
        if news.all_ports and self._newer(news, self.ports_at):
            self.ports_at = news.at
            for number in self.ports.keys() - news.ports.keys():
                if self._newer(news, self.ports[number].at):
                    del self.ports[number]

    @staticmethod
    def _newer(news: News, at: int) -> bool:
        return news.at > at or (news.at == at and not news.listed)

    def as_json(self) -> dict[str, object]:
        """The form that the pages show: the state, and the link at each port."""
        return {
            "state": self.state,
            "ports": {
                str(number): port.link
                for number, port in sorted(self.ports.items())
                if port.link is not Link.GONE
            },
        }
