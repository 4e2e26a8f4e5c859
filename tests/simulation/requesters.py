"""Requesters: they send commands, good and bad, and some of them again."""

from __future__ import annotations

from typing import Any

from flrouter.core.request import Origin
from flrouter.messages import build, names
from flrouter.messages.catalog import Catalog
from tests.core.gathered import DUMP, MANY, O
from tests.core.world import FLOW, INBOUND, REPLIES, TOPICS

from .gathers import GatherPromises
from .promises import Asked
from .topics import Topics

#: an id like ours, repeated ones, an empty one and none.
IDS = ["op", "op-2", "op-3", "op-4", "op-5", "", None, "op~cba00342.1.907a348f.0.0"]
KINDS = [
    FLOW,
    "org.openkilda.messaging.command.switches.DumpRulesRequest",
    "org.openkilda.messaging.command.discovery.DiscoverIslCommandData",
    "a.kind.OfSomebody",
]
REPLY_TO = [None, None, None, None, REPLIES, REPLIES, "none", "kilda.fl.fl-1.read"]
BAD = [
    b"",
    b'{"correlation_id":"bad","clazz":',
    b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage"}',
    b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage",'
    b'"payload":{"clazz":"x.RemoveFlow"}}',
    b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage",'
    b'"payload":{"clazz":"x.RemoveFlow","switch_id":"zz"}}',
]


class Requesters:
    """All of them."""

    def __init__(self, topics: Topics, promises: GatherPromises, catalog: Catalog) -> None:
        self._topics = topics
        self._promises = promises
        self._catalog = catalog
        self._syncs = 0
        self._last: list[tuple[bytes, str | None, str, str]] = []

    def _send(
        self,
        data: bytes,
        correlation_id: str | None,
        topic: str,
        switch: str,
        inbound: str,
        partition: int | None,
    ) -> Asked:
        key = switch.encode() if switch else None
        record = self._topics.write(inbound, key, data, partition)
        origin = Origin(inbound, record.partition, record.offset)
        self._topics.say(f"command {origin} for {switch}, id {correlation_id}, to {topic}")
        return self._promises.asked(origin, correlation_id, topic, switch, self._topics.now)

    def ask(
        self,
        switch: str,
        correlation_id: str | None,
        *,
        kind: str = FLOW,
        reply_to: str | None = None,
        inbound: str = INBOUND,
        partition: int | None = None,
    ) -> Asked:
        """Send a command."""
        more: dict[str, Any] = {"reply_to": reply_to} if reply_to else {}
        payload = {"clazz": kind, "switch_id": switch}
        data = build.message(names.COMMAND, payload, correlation_id or "", self._topics.now, **more)
        if correlation_id is None:
            data = data.replace(b'"correlation_id":"",', b"")
        own = self._catalog.answer_topic(self._catalog.command(kind))
        topic = reply_to if reply_to == REPLIES else own
        self._last = [*self._last[-9:], (data, correlation_id, topic, switch)]
        return self._send(data, correlation_id, topic, switch, inbound, partition)

    def ask_again(self, which: int, inbound: str, partition: int | None) -> None:
        """Send a command once more, under its id: a new request."""
        if self._last:
            data, correlation_id, topic, switch = self._last[which % len(self._last)]
            self._send(data, correlation_id, topic, switch, inbound, partition)

    def ask_badly(self, which: int, inbound: str, partition: int) -> None:
        """Send something that is no good command."""
        data = BAD[which % len(BAD)]
        correlation_id = "bad" if data else None
        self._send(data, correlation_id, TOPICS["flow"], "", inbound, partition)

    def ask_many(
        self,
        switches: list[str] | None,
        correlation_id: str | None,
        *,
        reply_to: str | None = None,
        inbound: str = INBOUND,
        partition: int | None = None,
    ) -> None:
        """Send a command for these switches, of which those without colons are none, or for all
        FLs when there is no list.
        """
        payload: dict[str, Any] = {"clazz": f"{O}.command.switches.ConnectModeRequest"}
        if switches is not None:
            payload = {"clazz": MANY, "switch_ids": switches, "command": {"clazz": DUMP}}
        more = {"reply_to": reply_to} if reply_to else {}
        now = self._topics.now
        data = build.message(names.COMMAND, payload, correlation_id or "", now, **more)
        record = self._topics.write(inbound, None, data, partition)
        origin = Origin(inbound, record.partition, record.offset)
        topic = reply_to or TOPICS["northbound"]
        self._topics.say(f"command {origin} for {switches or 'all'}, id {correlation_id}")
        self._promises.asked_many(origin, correlation_id, topic, switches, now)

    def ask_for_sync(self) -> None:
        """Send a SyncRequest: its chains are no single answer, so none is expected here."""
        self._syncs += 1
        name = f"sync-please-{self._syncs}"
        payload = {"clazz": names.SYNC_REQUEST}
        data = build.message(names.COMMAND, payload, name, self._topics.now)
        self._send(data, name, TOPICS["disco"], "", INBOUND, None).free = True

    def probe(self, switch: str) -> Asked:
        """Send a command whose answer should come from an FL."""
        return self.ask(switch, f"probe-{switch}")
