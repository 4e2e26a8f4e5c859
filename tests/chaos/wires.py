"""The topics of a profile, as the requester and the account need them."""

from __future__ import annotations

from flrouter import profiles

INSTALL = "org.openkilda.messaging.command.flow.InstallTransitFlow"
DUMP = "org.openkilda.messaging.command.switches.DumpRulesRequest"


class Wires:
    """Where commands go in, where answers come out, and what FLs read and write."""

    def __init__(self, profile: str) -> None:
        """Args:
        profile: the name of one of flrouter's own.
        """
        self.profile = profile
        found = profiles.load(profile)
        catalog = found.kinds
        entries = {kind: catalog.command(kind) for kind in (INSTALL, DUMP)}
        #: kind → where requesters write it.
        self.inbound = {
            kind: entry.inbound or found.inbound[0].topic for kind, entry in entries.items()
        }
        #: where the answers come, each once.
        self.answers = sorted(
            {catalog.answer_topic(entries[kind], topic) for kind, topic in self.inbound.items()}
        )
        self._reads, self._writes = found.reads, found.write
        self._others = {one.topic for one in found.inbound} | catalog.requester_topics

    def reads(self, floodlight: str) -> list[str]:
        """The topics that an FL reads."""
        return [template.replace("{fl}", floodlight) for template in self._reads]

    def writes(self, floodlight: str) -> list[str]:
        """The topics that an FL writes."""
        return [template.replace("{fl}", floodlight) for template in self._writes]

    def all(self, floodlights: tuple[str, ...]) -> list[str]:
        """All of them, each once."""
        own = [
            topic
            for floodlight in floodlights
            for topic in (*self.reads(floodlight), *self.writes(floodlight))
        ]
        return [*sorted(self._others), *own]


PLAIN = Wires("plain")
