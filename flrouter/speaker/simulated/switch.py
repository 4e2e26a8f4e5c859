"""A switch of a simulated FL, and what it remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flrouter.speaker.sync import Mode, Port, PortState, SwitchRecord


class UnknownSwitch(LookupError):
    """The switch, or its port, is not connected."""


@dataclass(slots=True)
class Switch:
    """One switch: its ports, and what is installed on it."""

    id: str
    mode: Mode
    ports: dict[int, PortState]
    #: by flow id and cookie.
    flows: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    #: speaker data of the rule manager's: rules by cookie, meters and groups by their ids.
    rules: dict[int, dict[str, Any]] = field(default_factory=dict)
    meters: dict[int, dict[str, Any]] = field(default_factory=dict)
    groups: dict[int, dict[str, Any]] = field(default_factory=dict)
    #: how many flow commands were carried out, to compare with those sent.
    acted: int = 0

    def record(self) -> SwitchRecord:
        """As a sync chain and an event list it."""
        return SwitchRecord(
            datapath=self.id,
            ports=tuple(Port(number, state) for number, state in self.ports.items()),
            writable=self.mode is Mode.READ_WRITE,
        )
