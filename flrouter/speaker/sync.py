"""Sync: the chain that lists an FL's switches and ports, or the dump that does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from flrouter.messages import names
from flrouter.speaker.answers import info, link
from flrouter.speaker.command import Command
from flrouter.speaker.requests import Message

#: links written before the loop gets a turn: some 5 ms of work.
_SLICE_LINKS = 500


class PortState(StrEnum):
    """Whether a port's link is there."""

    UP = "UP"
    DOWN = "DOWN"


class Port(msgspec.Struct, frozen=True):
    """One port, as a sync chain lists it."""

    number: int
    state: PortState = PortState.UP


class SwitchRecord(msgspec.Struct, frozen=True):
    """One switch, as a sync chain lists it. Frozen, so a snapshot stays what it was."""

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
        """The record as a message has it.

        Args:
            classes: those of which version of OpenKilda's are to read it.
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


async def chain(
    command: Command, snapshot: Sequence[SwitchRecord], region: str, now: int
) -> list[Message]:
    """The links for `snapshot`, made a slice at a time so that acks and events go on meanwhile."""
    total = len(snapshot)
    if not total:
        return [Message(command.key, link(None, command.correlation_id, 0, 0, region, now))]
    links: list[Message] = []
    for index, record in enumerate(snapshot):
        payload = _payload(command, record, now)
        links.append(
            Message(command.key, link(payload, command.correlation_id, index, total, region, now))
        )
        if index % _SLICE_LINKS == _SLICE_LINKS - 1:
            await asyncio.sleep(0)
    return links


async def dump(
    command: Command, snapshot: Sequence[SwitchRecord], region: str, now: int
) -> list[Message]:
    """The same without a chain, for whoever tells the records by the `dump_id` that they asked
    with; nothing says where it ends.
    """
    asked = command.envelope.payload
    dump_id = asked.dump_id if asked is not None else None
    records: list[Message] = []
    for index, record in enumerate(snapshot, 1):
        payload = {
            **_payload(command, record, now),
            "dump_id": dump_id,
            "write_mode": record.writable,
        }
        key = record.datapath.encode()
        records.append(Message(key, info(payload, command.correlation_id, region, now)))
        if index % _SLICE_LINKS == 0:
            await asyncio.sleep(0)
    return records


def _payload(command: Command, record: SwitchRecord, now: int) -> dict[str, Any]:
    shown = record.shown(command.profile.classes)
    return {"clazz": names.DUMP_SWITCH, "timestamp": now, "switch_record": shown}
