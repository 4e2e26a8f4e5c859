"""The switches that a simulated FL holds, and what they remember."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from flrouter.messages.switch_id import canonical
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


class Network:
    """The connected switches, by canonical id, in the order in which they came."""

    def __init__(self) -> None:
        self.switches: dict[str, Switch] = {}

    def connect(self, switch: str, ports: int, mode: Mode) -> Switch:
        """Add a switch; one that is connected already keeps its flows.

        Raises:
            BadSwitchId: `switch` is none.
        """
        switch = canonical(switch)
        before = self.switches.get(switch)
        added = Switch(switch, mode, dict.fromkeys(range(1, ports + 1), PortState.UP))
        if before is not None:
            added = replace(before, mode=mode, ports=added.ports)
        self.switches[switch] = added
        return added

    def disconnect(self, switch: str) -> Switch:
        """Take a switch away.

        Raises:
            UnknownSwitch: it is not connected.
        """
        gone = self.switch(switch)
        del self.switches[gone.id]
        return gone

    def switch(self, switch: str | None) -> Switch:
        """The switch of this id.

        Raises:
            UnknownSwitch: it is not connected.
            BadSwitchId: the text is no switch id.
        """
        held = self.switches.get(canonical(switch))
        if held is None:
            raise UnknownSwitch(f"the switch {switch} is not connected")
        return held
