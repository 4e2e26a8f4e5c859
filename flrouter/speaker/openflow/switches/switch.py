"""A connected switch: its id, its ports, and the messages to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.messages.switch_id import canonical
from flrouter.speaker.answers import CommandFailed
from flrouter.speaker.openflow.switches import errors, ports
from flrouter.speaker.openflow.switches.connection import PATIENCE_S, UNANSWERED, Connection
from flrouter.speaker.openflow.switches.ports import OpenFlowPort
from flrouter.speaker.openflow.switches.roles import Election
from flrouter.speaker.openflow.switches.wire import DESC, messages
from flrouter.speaker.sync import Mode, Port, SwitchRecord


class Switch:
    """One switch over one connection; a switch that reconnects gets a new object."""

    def __init__(self, dpid: int, connection: Connection) -> None:
        self.id = canonical(f"{dpid:016x}")
        self.connection = connection
        self.ports: dict[int, OpenFlowPort] = {}
        self.mode = Mode.READ_WRITE

    @classmethod
    async def greet(cls, connection: Connection, election: Election) -> Switch:
        """Learn which switch has connected, take a role, and ask for the ports.

        Raises:
            UNANSWERED: the other end does not answer as a switch does.
        """
        (features,) = await connection.ask(messages.OFPFeaturesRequest(DESC))
        switch = cls(features.datapath_id, connection)
        switch.mode = await election.take()
        switch.ports = await switch.ask_ports()
        return switch

    async def ask_ports(self) -> dict[int, OpenFlowPort]:
        """Ask the switch for its ports.

        Raises:
            UNANSWERED: the switch does not answer.
        """
        while True:
            news = self.connection.port_news
            parts = await self.connection.ask(messages.OFPPortDescStatsRequest(DESC, 0))
            if news == self.connection.port_news:
                described = [ports.read(port) for part in parts for port in part.body]
                return {port.number: port for port in described if port is not None}
            # A port has changed meanwhile, so this answer may be outdated: ask again.

    def record(self) -> SwitchRecord:
        """As a sync chain and an event list it."""
        return SwitchRecord(
            datapath=self.id,
            ports=tuple(Port(port.number, port.state) for port in self.ports.values()),
            switch_socket=self.connection.peer,
            writable=self.mode is Mode.READ_WRITE,
        )

    def port(self, number: int) -> OpenFlowPort:
        """The port of this number.

        Raises:
            CommandFailed: the switch has no such port (NOT_FOUND).
        """
        described = self.ports.get(number)
        if described is None:
            raise CommandFailed(
                ErrorType.NOT_FOUND,
                f"switch {self.id} has no port {number}",
                f"it has {', '.join(map(str, sorted(self.ports))) or 'none at all'}",
            )
        return described

    async def ask(self, request: Any) -> list[Any]:
        """Send a request; returns the parts of its answer.

        Raises:
            CommandFailed: there was no answer.
        """
        try:
            return await self.connection.ask(request, PATIENCE_S)
        except UNANSWERED as error:
            raise errors.not_answered(error, self.id) from error

    async def carry_out(self, mods: Sequence[Any]) -> dict[int, Any]:
        """Change the switch, and wait until it has confirmed; refusals by the index in `mods`.

        Raises:
            CommandFailed: the switch did not confirm, so the outcome is not known.
        """
        try:
            return await self.connection.carry_out(mods)
        except UNANSWERED as error:
            raise errors.unknown_outcome(error, self.id) from error

    async def change(self, mod: Any, action: str, otherwise: ErrorType) -> None:
        """Make one change, and wait until the switch has confirmed it.

        Raises:
            CommandFailed: the switch refused, or did not confirm.
        """
        refused = await self.carry_out([mod])
        if refused:
            raise errors.refusal(refused[0], f"{action} of switch {self.id}", otherwise)
