"""A simulated FL: the SDK's speaker over simulated switches, with faults on demand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from typing import Any

from flrouter.messages.envelope import Envelope
from flrouter.messages.switch_id import canonical
from flrouter.speaker.answers import Answer
from flrouter.speaker.command import Command
from flrouter.speaker.requests import Message
from flrouter.speaker.serving.speaker import Speaker
from flrouter.speaker.simulated import responses
from flrouter.speaker.simulated.faults import WHOLE, BadFault, Faults
from flrouter.speaker.simulated.options import FloodlightOptions
from flrouter.speaker.simulated.switch import Switch, UnknownSwitch
from flrouter.speaker.sync import Mode, PortState, SwitchRecord


class SimulatedFloodlight(Speaker):
    """An FL with switches that exist only here. Its own handler."""

    def __init__(self, options: FloodlightOptions, **kwargs: Any) -> None:
        #: the switches that are connected now, by canonical id, in the order in which they came.
        self.connected: dict[str, Switch] = {}
        self.faults = Faults()
        self._floodlight = options
        self._chance = random.Random(options.seed)
        self._no_alive = False
        super().__init__(options.speaker, self, **kwargs)
        for switch in options.switches:
            self._add(switch, options.ports, Mode.READ_WRITE)
        for switch in options.read_only:
            self._add(switch, options.ports, Mode.READ_ONLY)

    async def on_start(self) -> None:
        """Begin to read, and report all switches; returns when Kafka has these reports."""
        await super().on_start()
        await asyncio.gather(
            *(
                self.switch_event(switch.id, switch.mode.value, switch=switch.record())
                for switch in self.connected.values()
            )
        )

    # -- the handler

    def handle(self, command: Command) -> Answer | Awaitable[Answer]:
        """Answer after the switch's latency, with the state that it has then."""
        delay = self._floodlight.latency.draw_s(self._chance)
        delay += self.faults.of(command.switch).slow / 1000
        if not delay:
            return responses.answer(self.connected, command)
        return self._handle_later(command, delay)

    async def _handle_later(self, command: Command, delay: float) -> Answer:
        await asyncio.sleep(delay)
        return responses.answer(self.connected, command)

    def switches(self) -> Iterable[SwitchRecord]:
        """All switches that are connected now."""
        return [switch.record() for switch in self.connected.values()]

    # -- changes at run time

    def connect(
        self, switch: str, ports: int | None = None, mode: Mode = Mode.READ_WRITE
    ) -> asyncio.Future[bool]:
        """Connect a switch, and report it. By default it has as many ports as the others.

        One that is connected already keeps its flows.

        Raises:
            BadSwitchId: `switch` is no switch id.
        """
        added = self._add(switch, self._floodlight.ports if ports is None else ports, mode)
        return self.switch_event(added.id, mode.value, switch=added.record())

    def disconnect(self, switch: str, state: str = "DEACTIVATED") -> asyncio.Future[bool]:
        """Disconnect a switch, and report it as `state` (DEACTIVATED or REMOVED).

        Raises:
            UnknownSwitch: the switch is not connected.
        """
        gone = self.switch(switch)
        del self.connected[gone.id]
        return self.switch_event(gone.id, state)

    def set_port(self, switch: str, number: int, state: PortState) -> asyncio.Future[bool]:
        """Bring a port's link up or down, and report it.

        Raises:
            UnknownSwitch: the switch is not connected, or has no such port.
        """
        held = self.switch(switch)
        if number not in held.ports:
            raise UnknownSwitch(f"the switch {held.id} has no port {number}")
        held.ports[number] = state
        return self.port_event(held.id, number, state)

    def switch(self, switch: str) -> Switch:
        """The switch of this id.

        Raises:
            UnknownSwitch: it is not connected.
            BadSwitchId: the text is no switch id.
        """
        held = self.connected.get(canonical(switch))
        if held is None:
            raise UnknownSwitch(f"the switch {switch} is not connected")
        return held

    def _add(self, switch: str, count: int, mode: Mode) -> Switch:
        switch, ports = canonical(switch), dict.fromkeys(range(1, count + 1), PortState.UP)
        before = self.connected.get(switch, Switch(switch, mode, ports))
        self.connected[switch] = added = replace(before, mode=mode, ports=ports)
        return added

    # -- faults

    def set_fault(self, fault: str, value: bool | float = True, switch: str | None = None) -> None:
        """Set a fault (see `Faults`), or one of the FL as a whole except `crash`.

        Raises:
            BadFault: there is no such fault, or not for one switch.
        """
        if fault not in WHOLE:
            self.faults.set(fault, value, switch)
            return
        if switch is not None:
            raise BadFault(f"{fault} is a fault of the whole floodlight, not of one switch")
        match fault:
            case "cut" if value:
                self.writer.cut()
                self.reader.cut()
            case "cut":
                self.writer.restore()
                self.reader.restore()
            case "null_keys":
                self.writer.scattered = bool(value)
            case "no_alive":
                self._no_alive = bool(value)
            case _:
                raise BadFault("crash cannot be set: await `abort()`, or end the process")

    def clear_faults(self, switch: str | None = None) -> None:
        """End every fault, or those of one switch."""
        self.faults.clear(switch)
        if switch is None:
            for fault in ("cut", "null_keys", "no_alive"):
                self.set_fault(fault, False)

    def report_alive(self, request: Envelope, partition: int) -> None:
        """Answer, unless told not to."""
        if not self._no_alive:
            super().report_alive(request, partition)

    def take(self, command: Command, now_s: float) -> None:
        """Take the command, unless told to be silent."""
        if not self.faults.of(command.switch).silent:
            super().take(command, now_s)

    def acknowledge(self, command: Command) -> None:
        """Ack, unless told not to."""
        if not self.faults.of(command.switch).no_ack:
            super().acknowledge(command)

    def reply(self, command: Command, partition: int, messages: list[Message]) -> None:
        """Answer, with the faults that are set."""
        behaviour = self.faults.of(command.switch)
        if behaviour.no_answer:
            return
        if behaviour.half_chain and len(messages) > 1:
            messages = messages[: len(messages) // 2]
        for _ in range(1 + behaviour.duplicates):
            super().reply(command, partition, messages)
