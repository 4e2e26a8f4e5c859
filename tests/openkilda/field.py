"""A router with a profile of OpenKilda's, its FLs, and the services around it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flrouter import profiles
from flrouter.profiles import Profile
from tests.openkilda.schemas import faults
from tests.support.clients import Record
from tests.support.deployment import Deployment
from tests.support.plain import Requester, command, now_ms

#: what a profile of OpenKilda's names topics by; each test has a name of its own in its place.
ROOT = "kilda."


class Field(Deployment):
    """A router whose profile is one of OpenKilda's, with names of topics that no other test has."""

    def __init__(
        self,
        url: str,
        folder: Path,
        profile: str,
        version: str,
        regions: Iterable[str],
        **more: Any,
    ) -> None:
        """Args:
        version: of the classes that everything must be readable with.
        """
        # Errors are to come from what becomes of an FL, not from a busy machine.
        times = {"response_timeout": 60, **more}
        super().__init__(url, folder, floodlights=list(regions), **times)
        self.version = version
        for setting in ("inbound_topics", "fl_read_topic", "fl_write_topic"):
            del self.settings[setting]
        for role in profiles.ROLES:
            del self.settings[f"{role}_topic"]
        path = self.folder / "profile.toml"
        path.write_text(profiles.text_of(profile).replace(ROOT, f"{self.name}."), "utf-8")
        self.settings["profile"] = str(path)
        self.profile: Profile = profiles.load(str(path))

    @property
    def wires(self) -> list[str]:
        """As above: the profile has the topics."""
        return ["--profile", self.settings["profile"]]

    def write_topic(self, fl: str) -> str:
        """What FL `fl` writes, when it is one of flrouter's own."""
        return self.profile.write[0].replace("{fl}", fl)

    @property
    def answer_topics(self) -> list[str]:
        """All topics that services read."""
        return sorted(self.profile.kinds.requester_topics)

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """What OpenKilda's own writers put on every record."""
        return [(name, value.encode()) for name, value in self.profile.headers.items()]

    def has_headers(self, record: Record) -> bool:
        """Whether OpenKilda's readers look at a record at all."""
        return all(record.headers.get(name) == value for name, value in self.headers)

    def named(self, topic: str) -> str:
        """A topic of OpenKilda's, by the name that it has here."""
        return topic.replace(ROOT, f"{self.name}.", 1)

    def services(self) -> Services:
        """All services of OpenKilda's; a worker must have made the topics."""
        found = Services(self, self.answer_topics)
        self.on_close(found.close)
        found.start()
        return found


class Services(Requester):
    """They write to any of their topics, read all of them, and take only what their classes do."""

    def __init__(self, field: Field, topics: Iterable[str]) -> None:
        super().__init__(field.bootstrap, field.profile.inbound[0].topic, topics)
        self._field = field
        #: what no service can read: the record, and why.
        self.refused: list[tuple[Record, list[str]]] = []

    def on_record(self, record: Record) -> None:
        """Keep an answer or an event, and whether the classes take it."""
        super().on_record(record)
        context = record.message.get("message_context")
        if context is not None:
            self.by_id[context["correlation_id"]].append(record)
        found = faults(self._field.version, record.message)
        if not self._field.has_headers(record):
            found.append("it has not the header that it must have")
        if found:
            self.refused.append((record, found))

    def ask(self, inbound: str, clazz: str, **payload: Any) -> str:
        """Send a command to one of OpenKilda's topics; returns its correlation id."""
        correlation_id = uuid.uuid4().hex
        self.inbound = self._field.named(inbound)
        value = command({"clazz": f"org.openkilda.{clazz}", **payload}, correlation_id)
        self.send(value, headers=self._field.headers)
        return correlation_id

    def ask_abstract(self, inbound: str, clazz: str, **fields: Any) -> str:
        """Send a command of the second envelope; returns its correlation id."""
        correlation_id = uuid.uuid4().hex
        self.inbound = self._field.named(inbound)
        message = {
            "clazz": f"org.openkilda.floodlight.api.request.{clazz}",
            "message_context": {"correlation_id": correlation_id, "create_time": now_ms()},
            "command_id": str(uuid.uuid4()),
            **fields,
        }
        self.send(json.dumps(message).encode(), headers=self._field.headers)
        return correlation_id

    def wait_for_switch(self, switch: str) -> None:
        """Return when an event or a dump has told of a switch.

        An event that its FL writes before the router knows the FL is lost, and made up for by the
        dump that the router asks for then.
        """

        def tells(record: Record) -> bool:
            payload = record.payload
            dumped = payload.get("switch_record") or payload.get("speakerData") or {}
            return switch in (payload.get("switch_id"), dumped.get("datapath"))

        self.wait_where(tells)

    def answer(self, correlation_id: str) -> Record:
        """The one answer to a command."""
        (found,) = self.wait(correlation_id)
        return found

    def topic_of(self, record: Record) -> str:
        """The topic of a record, by OpenKilda's name."""
        return record.topic.replace(f"{self._field.name}.", ROOT, 1)
