"""Requesters: they send commands, good and bad, and some of them again."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from flrouter.core.values.request import Origin
from flrouter.messages import names
from flrouter.messages.forms import build
from flrouter.messages.kinds.catalog import ENDS_WHEN_SENT, Done
from tests.core.gathered import DUMP, MANY, O
from tests.core.world import REPLIES
from tests.messages.test_abstract_messages import COMMAND_ID, METADATA, PARTS

from .gathers import GatherPromises
from .populations import Population
from .promises import Asked
from .speech import Kind, Speech
from .topics import Topics

#: an id like ours, repeated ones, an empty one and none.
IDS = ["op", "op-2", "op-3", "op-4", "op-5", "", None, "op~cba00342.1.907a348f.0.0"]
#: an FL's topic, which is not for answers.
FLOODLIGHTS_TOPIC = "a floodlight's"
REPLY_TO = [None, None, None, None, REPLIES, REPLIES, "none", FLOODLIGHTS_TOPIC]
BAD = [
    b"",
    b'{"correlation_id":"bad","clazz":',
    b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage"}',
    b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage",'
    b'"payload":{"clazz":"x.RemoveFlow"}}',
    b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage",'
    b'"payload":{"clazz":"x.RemoveFlow","switch_id":"zz"}}',
]


class Sent(NamedTuple):
    """A command that was sent, and may be sent again."""

    data: bytes
    correlation_id: str | None
    topic: str
    switch: str
    kind: Kind


class Requesters:
    """All of them."""

    def __init__(self, topics: Topics, promises: GatherPromises, speech: Speech) -> None:
        self._topics = topics
        self._promises = promises
        self._speech = speech
        self._syncs = 0
        #: the last ones.
        self.sent: list[Sent] = []

    def _answer_topic(self, clazz: str, inbound: str) -> str:
        catalog = self._speech.catalog
        return catalog.answer_topic(catalog.command(clazz, inbound), inbound)

    def _send(self, sent: Sent, inbound: str, partition: int | None) -> Asked:
        key = sent.switch.encode() if sent.switch else None
        record = self._topics.write(inbound, key, sent.data, partition)
        origin = Origin(inbound, record.partition, record.offset)
        self._topics.say(
            f"command {origin} for {sent.switch}, id {sent.correlation_id}, to {sent.topic}"
        )
        asked = self._promises.asked(
            origin, sent.correlation_id, sent.topic, sent.switch, self._topics.now
        )
        entry = self._speech.catalog.command(sent.kind.clazz, inbound)
        asked.unanswered, asked.form = entry.done in ENDS_WHEN_SENT, entry.error
        asked.events = entry.done is Done.EVENTS
        return asked

    def _command(
        self, kind: Kind, correlation_id: str | None, payload: dict[str, Any], **more: Any
    ) -> bytes:
        """A command in the envelope of its kind."""
        now = self._topics.now
        if kind.abstract:
            context = {"create_time": now, "correlation_id": correlation_id}
            if correlation_id is None:
                del context["correlation_id"]
            said = {"clazz": kind.clazz, "message_context": context, "command_id": COMMAND_ID}
            if kind.clazz.endswith("CommandsRequest"):
                said["command_data"] = [{"data": {"uuid": uuid}} for uuid in PARTS]
            else:
                said["metadata"] = METADATA
            return msgspec.json.encode({**said, **payload})
        payload = {"clazz": kind.clazz, **payload}
        data = build.message(names.COMMAND, payload, correlation_id or "", now, **more)
        return data.replace(b'"correlation_id":"",', b"") if correlation_id is None else data

    def ask(
        self,
        kind: Kind,
        switch: str,
        correlation_id: str | None,
        inbound: str,
        partition: int | None = None,
        reply_to: str | None = None,
    ) -> Asked:
        """Send a command."""
        if reply_to == FLOODLIGHTS_TOPIC:
            reply_to = self._speech.rules.read_topic("fl-1", inbound)
        if kind.abstract:
            reply_to = None  # its envelope has no such field
        more = {"reply_to": reply_to} if reply_to else {}
        data = self._command(kind, correlation_id, {"switch_id": switch}, **more)
        own = self._answer_topic(kind.clazz, inbound)
        topic = reply_to if reply_to == REPLIES else own
        sent = Sent(data, correlation_id, topic, switch, kind)
        self.sent = [*self.sent[-9:], sent]
        return self._send(sent, inbound, partition)

    def ask_again(self, sent: Sent, inbound: str, partition: int | None) -> None:
        """Send a command once more, under its id: a new request."""
        self._send(sent, inbound, partition)

    def ask_badly(self, which: int, inbound: str, partition: int) -> None:
        """Send something that is no good command."""
        data = BAD[which % len(BAD)]
        correlation_id, kind = "bad" if data else None, Kind("x.RemoveFlow")
        topic = self._answer_topic(kind.clazz, inbound)
        self._send(Sent(data, correlation_id, topic, "", kind), inbound, partition)

    def ask_many(
        self,
        switches: list[str] | None,
        correlation_id: str | None,
        inbound: str,
        partition: int | None,
        reply_to: str | None,
    ) -> None:
        """Send a command for these switches, of which those without colons are none, or for all
        FLs when there is no list.
        """
        kind, payload = Kind(f"{O}.command.switches.ConnectModeRequest"), dict[str, Any]()
        if switches is not None:
            kind, payload = Kind(MANY), {"switch_ids": switches, "command": {"clazz": DUMP}}
        more = {"reply_to": reply_to} if reply_to else {}
        now = self._topics.now
        data = self._command(kind, correlation_id or "", payload, **more)
        record = self._topics.write(inbound, None, data, partition)
        origin = Origin(inbound, record.partition, record.offset)
        topic = reply_to or self._answer_topic(kind.clazz, inbound)
        self._topics.say(f"command {origin} for {switches or 'all'}, id {correlation_id}")
        self._promises.asked_many(origin, correlation_id, topic, switches, now)

    def ask_all(
        self, kind: Kind, correlation_id: str | None, inbound: str, partition: int | None = None
    ) -> Population:
        """Send a command for all switches."""
        data = self._command(kind, correlation_id, {"requester": "somebody"})
        record = self._topics.write(inbound, None, data, partition)
        origin = Origin(inbound, record.partition, record.offset)
        self._topics.say(f"command {origin} for all switches, id {correlation_id}")
        topic = self._answer_topic(kind.clazz, inbound)
        asked = self._promises.asked_all(origin, correlation_id, topic, self._topics.now)
        asked.events = self._speech.catalog.command(kind.clazz, inbound).done is Done.EVENTS
        return asked

    def ask_for_sync(self) -> str:
        """Send a SyncRequest; its correlation id. Its chains are no single answer, so none is
        expected here.
        """
        self._syncs += 1
        name = f"sync-please-{self._syncs}"
        kind = self._speech.sync
        data = self._command(kind, name, {})
        inbound, _ = self._speech.inbound_of(kind, other=False)
        topic = self._answer_topic(kind.clazz, inbound)
        self._send(Sent(data, name, topic, "", kind), inbound, None).free = True
        return name

    def probe(self, switch: str) -> Asked:
        """Send a command whose answer should come from an FL."""
        kind = self._speech.kinds[0]
        inbound, _ = self._speech.inbound_of(kind, other=False)
        return self.ask(kind, switch, f"probe-{switch}", inbound)
