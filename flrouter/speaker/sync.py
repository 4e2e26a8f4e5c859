"""Sync: the messages that list an FL's switches and ports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from flrouter.messages import names
from flrouter.messages.forms import build
from flrouter.speaker.answers import info
from flrouter.speaker.command import Command
from flrouter.speaker.requests import Message

#: switches listed before other tasks of the loop may run: some 5 ms of work.
_SLICE_SWITCHES = 500


class PortState(StrEnum):
    """Whether a port's link is there."""

    UP = "UP"
    DOWN = "DOWN"


class Mode(StrEnum):
    """Whether an FL may change a switch; the values are the switch events that report it."""

    READ_WRITE = "ACTIVATED"
    READ_ONLY = "ADDED"


class Port(msgspec.Struct, frozen=True):
    """One port, as a sync chain lists it."""

    number: int
    state: PortState = PortState.UP


class SwitchRecord(msgspec.Struct, frozen=True):
    """One switch, as a sync chain lists it. Frozen, so a snapshot does not change."""

    #: the canonical switch id.
    datapath: str
    ports: tuple[Port, ...] = ()
    #: where the switch is connected from, as `host:port`.
    switch_socket: str = "127.0.0.1:6653"
    of_version: str = "OF_13"
    features: tuple[str, ...] = ()
    #: whether this FL may change the switch.
    writable: bool = True

    def shown(self, classes: str) -> dict[str, Any]:
        """The record in the form of a message.

        Args:
            classes: the version of OpenKilda whose classes read the message.
        """
        socket: Any = self.switch_socket
        if classes == "2025":
            address, _, port = self.switch_socket.rpartition(":")
            socket = {"address": address.strip("[]"), "port": int(port)}
        return {
            "datapath": self.datapath,
            "switch-socket": socket,
            "OF-version": self.of_version,
            "features": self.features,
            "ports": self.ports,
        }


async def listing(
    command: Command, snapshot: Sequence[SwitchRecord], region: str, now: int
) -> list[Message]:
    """The messages that list `snapshot`.

    They are a chain. In profiles with dump ids they carry the `dump_id` of the command instead, and
    none of them marks the end.
    """
    profile, id_, total = command.profile, command.correlation_id, len(snapshot)
    asked = command.envelope.payload
    if not snapshot and not profile.sync.by_dump_id:
        return [Message(command.key, build.chunk(None, id_, 0, 0, now, region=region))]
    messages: list[Message] = []
    for index, switch in enumerate(snapshot):
        shown = switch.shown(profile.classes)
        payload = {"clazz": names.DUMP_SWITCH, "timestamp": now, "switch_record": shown}
        if profile.sync.by_dump_id:
            payload["dump_id"] = asked.dump_id if asked is not None else None
            payload["write_mode"] = switch.writable
            messages.append(Message(switch.datapath.encode(), info(payload, id_, region, now)))
        else:
            link = build.chunk(payload, id_, index, total, now, region=region)
            messages.append(Message(command.key, link))
        if index % _SLICE_SWITCHES == _SLICE_SWITCHES - 1:
            await asyncio.sleep(0)
    return messages
