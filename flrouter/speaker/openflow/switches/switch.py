"""A switch that is connected now: who it is, its ports, and what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.messages.switch_id import canonical
from flrouter.speaker.answers import CommandFailed
from flrouter.speaker.openflow.switches import errors, ports
from flrouter.speaker.openflow.switches.connection import PATIENCE_S, UNANSWERED, Connection
from flrouter.speaker.openflow.switches.ports import Port
from flrouter.speaker.openflow.switches.roles import Election
from flrouter.speaker.openflow.switches.wire import DESC, messages
from flrouter.speaker.sync import Mode, SwitchRecord
from flrouter.speaker.sync import Port as SyncPort


class Switch:
    """One switch over one connection; when it connects again it is another one of these."""

    def __init__(self, dpid: int, connection: Connection) -> None:
        self.id = canonical(f"{dpid:016x}")
        self.connection = connection
        self.ports: dict[int, Port] = {}
        self.mode = Mode.READ_WRITE

    @classmethod
    async def greet(cls, connection: Connection, election: Election) -> Switch:
        """Find out who has connected, take a role, and ask for its ports.

        Raises:
            UNANSWERED: it does not do what a switch does.
        """
        (features,) = await connection.ask(messages.OFPFeaturesRequest(DESC))
        switch = cls(features.datapath_id, connection)
        switch.mode = await election.take()
        switch.ports = await switch.ask_ports()
        return switch

    async def ask_ports(self) -> dict[int, Port]:
        """Its ports, as it says now.

        Raises:
            UNANSWERED: it does not say.
        """
        while True:
            news = self.connection.port_news
            parts = await self.connection.ask(ports.request())
            if news == self.connection.port_news:
                return ports.read_all(parts)
            # A port has changed meanwhile: this may be older than what is known of it.

    def record(self) -> SwitchRecord:
        """As a sync chain and an event list it."""
        return SwitchRecord(
            datapath=self.id,
            ports=tuple(SyncPort(port.number, port.state) for port in self.ports.values()),
            switch_socket=self.connection.peer,
            writable=self.mode is Mode.READ_WRITE,
        )

    def port(self, number: int) -> Port:
        """Its port of this number.

        Raises:
            CommandFailed: it has none (NOT_FOUND).
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
        """The answer to a request, in its parts.

        Raises:
            CommandFailed: there was none.
        """
        try:
            return await self.connection.ask(request, PATIENCE_S)
        except UNANSWERED as error:
            raise errors.not_answered(error, self.id) from error

    async def carry_out(self, mods: Sequence[Any]) -> dict[int, Any]:
        """Change it, and wait until it has confirmed: what it refused, by the index in `mods`.

        Raises:
            CommandFailed: it did not confirm, so what became of it is not known.
        """
        try:
            return await self.connection.carry_out(mods)
        except UNANSWERED as error:
            raise errors.unknown_outcome(error, self.id) from error

    async def change(self, mod: Any, action: str, otherwise: ErrorType) -> None:
        """Change one thing, and wait until it has confirmed.

        Raises:
            CommandFailed: it refused, or did not confirm.
        """
        refused = await self.carry_out([mod])
        if refused:
            raise errors.refusal(refused[0], f"{action} of switch {self.id}", otherwise)
