"""What is known of a switch, and how news change it.

News come through several partitions, some are read twice, and a chain tells what was so before
the events that overtook it. So every piece of news has a time, the later one counts, and it does
not matter in which order they are read: repeat them, shuffle them, the view is the same.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """Whether a switch is there."""

    #: a floodlight holds it.
    ONLINE = "online"
    #: nobody knows: the floodlight that held it is out of reach.
    UNMANAGED = "unmanaged"
    #: it is known to be gone.
    OFFLINE = "offline"


class Link(StrEnum):
    """What is at a port."""

    UP = "UP"
    DOWN = "DOWN"
    #: there is no such port any more.
    GONE = "GONE"


class News(msgspec.Struct, omit_defaults=True):
    """What somebody says of one switch. What it does not mention stays as it is."""

    #: ms since the epoch, by the router's clock: when it was reported; of a chain, when its sync
    #: began. What was reported since then is newer than what a chain says.
    at: int
    state: State | None = None
    ports: dict[int, Link] = {}
    #: `ports` are all that there are.
    all_ports: bool = False
    #: from a sync's chain.
    listed: bool = False


class Port(msgspec.Struct):
    """One port, and as of when (ms)."""

    link: Link
    at: int


class Switch(msgspec.Struct):
    """One switch, as the table keeps it."""

    state: State = State.ONLINE
    #: as of when (ms): its state, and the newest list of all its ports.
    state_at: int = -1
    ports_at: int = -1
    ports: dict[int, Port] = {}

    def hear(self, news: News) -> None:
        """Take what is newer than what is known. At the same ms, an event is newer than a chain."""
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
        """As the pages show it: the state, and what is at each port."""
        return {
            "state": self.state,
            "ports": {
                str(number): port.link
                for number, port in sorted(self.ports.items())
                if port.link is not Link.GONE
            },
        }
