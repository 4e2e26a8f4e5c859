"""An FL for real switches: the SDK's speaker, and an OpenFlow 1.3 controller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Iterable
from typing import Any

from flrouter.clock import now_ms
from flrouter.speaker.answers import Answer
from flrouter.speaker.command import Command
from flrouter.speaker.dispatch import dispatch
from flrouter.speaker.openflow import commands
from flrouter.speaker.openflow.discovery import Discovery
from flrouter.speaker.openflow.flows import rules
from flrouter.speaker.openflow.options import OpenFlowOptions
from flrouter.speaker.openflow.switches import ports
from flrouter.speaker.openflow.switches.connection import PATIENCE_S, UNANSWERED, Connection, Silent
from flrouter.speaker.openflow.switches.ports import OpenFlowPort
from flrouter.speaker.openflow.switches.roles import Election
from flrouter.speaker.openflow.switches.switch import Switch
from flrouter.speaker.openflow.switches.wire import DESC, messages, of
from flrouter.speaker.serving.speaker import Speaker
from flrouter.speaker.sync import Mode, PortState, SwitchRecord

log = logging.getLogger(__name__)


class OpenFlowFloodlight(Speaker):
    """An FL whose switches connect to it. Its own handler."""

    def __init__(self, options: OpenFlowOptions, **kwargs: Any) -> None:
        self._openflow = options
        #: the switches that are connected now, by canonical id.
        self.connected: dict[str, Switch] = {}
        #: the port that the FL listens on, once it has started.
        self.port = options.port
        self._discovery = Discovery(self.isl_event, options.discovery_s, options.discovery_key)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._settled = 0.0
        super().__init__(options.speaker, self, **kwargs)

    # -- life

    async def on_start(self) -> None:
        """Begin to read commands, and let switches connect.

        Raises:
            OSError: the port is taken.
        """
        await super().on_start()
        self._server = await self.listen()
        self._settled = asyncio.get_running_loop().time() + self._openflow.settle_s
        self.add_future(self._discover())
        self.add_future(self._report_counters())

    async def listen(self) -> asyncio.Server:
        """Let switches connect, until the returned server is closed.

        Raises:
            OSError: the port is taken.
        """
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._made, self._heard, self._openflow.echo_s),
            self._openflow.host,
            self._openflow.port,
        )
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def on_stop(self) -> None:
        """Finish the commands that were read, then report that all switches have left this FL."""
        if self._server is not None:
            self._server.close()
            await self.reader.stop()
            await self._lanes.join(self.options.stop_timeout_s)
            for switch in list(self.connected.values()):
                self._lost(switch)
            for task in self._serving:
                task.cancel()
        await super().on_stop()

    # -- the handler

    def handle(self, command: Command) -> Answer | Awaitable[Answer]:
        """Carry out a command on its switch, and answer once the switch has confirmed it."""
        return dispatch(
            command,
            self.connected,
            lambda switch: commands.on_switch(command, switch, self._discovery.send_from),
        )

    async def switches(self) -> Iterable[SwitchRecord]:
        """All connected switches, with their ports; each switch is asked for them now."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._settled - loop.time()))
        await asyncio.gather(*map(self._look_at_ports, list(self.connected.values())))
        loop.call_soon(self._discovery.say_again)
        return [switch.record() for switch in self.connected.values()]

    # -- switches come and go

    def _made(self, connection: Connection) -> None:
        task = asyncio.create_task(self._serve(connection))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, connection: Connection) -> None:
        """Serve a switch from its greeting to its end."""
        switch = None
        try:
            async with asyncio.timeout(self._openflow.echo_s):
                await connection.greeted
            election = Election(connection, self._openflow.role, self._openflow.echo_s)
            switch = await Switch.greet(connection, election)
            self._came(switch)
            await self._watch(switch, election)
        except TimeoutError as error:
            connection.close(f"it says nothing that an OpenFlow switch says: {error}")
        except UNANSWERED as error:
            connection.close(f"{error}")
        finally:
            connection.close("this floodlight stops")
            if switch is not None:
                self._lost(switch)

    def _came(self, switch: Switch) -> None:
        before = self.connected.get(switch.id)
        if before is not None:
            # The switch reconnected before the loss of its old connection was noticed.
            self._discovery.switch_lost(switch.id)
            before.connection.close(f"{switch.id} has connected anew")
        self.connected[switch.id] = switch
        log.info("switch %s has connected from %s", switch.id, switch.connection.peer)
        if switch.mode is Mode.READ_WRITE:
            switch.connection.send(rules.discovery())
        self._report(switch)

    def _lost(self, switch: Switch) -> None:
        if self.connected.get(switch.id) is switch:
            del self.connected[switch.id]
            self._discovery.switch_lost(switch.id)
            log.info("switch %s is gone", switch.id)
            self.switch_event(switch.id, "DEACTIVATED")

    def _report(self, switch: Switch) -> None:
        address = switch.connection.peer.rpartition(":")[0]
        self.switch_event(switch.id, switch.mode, address=address, switch=switch.record())

    async def _watch(self, switch: Switch, election: Election) -> None:
        """Ask for the role again and again, as a sign of life, until the switch is gone.

        Raises:
            UNANSWERED: the switch is gone.
        """
        connection = switch.connection
        while True:
            await asyncio.wait([connection.closed], timeout=self._openflow.echo_s)
            asked = asyncio.get_running_loop().time()
            try:
                mode = await election.look(asked)
            except Silent:
                if connection.heard_at < asked:
                    raise
                continue  # the switch is slow, not gone
            if mode is not switch.mode:
                switch.mode = mode
                if mode is Mode.READ_WRITE:
                    connection.send(rules.discovery())
                else:  # only the master gets the switch's packets
                    self._discovery.switch_lost(switch.id)
                self._report(switch)

    # -- messages that switches send by themselves

    def _heard(self, connection: Connection, message: Any) -> None:
        switch = next(
            (known for known in self.connected.values() if known.connection is connection), None
        )
        if switch is None:
            return  # the switch has not listed its ports yet
        match message:
            case messages.OFPPacketIn():
                self._discovery.receive(switch, message)
            case messages.OFPPortStatus():
                port = ports.read(message.desc)
                if port is not None:
                    gone = message.reason == of.OFPPR_DELETE
                    self._port_is(switch, port.number, None if gone else port)

    def _port_is(self, switch: Switch, number: int, port: OpenFlowPort | None) -> None:
        """Note the present state of a port (None: it is gone), and report any change."""
        before = switch.ports.get(number)
        if port is None:
            switch.ports.pop(number, None)
        else:
            switch.ports[number] = port
        if port is None or port.state is PortState.DOWN:
            self._discovery.port_lost(switch.id, number)
        if port is None and before is not None:
            self.port_event(switch.id, number, "DELETE")
        elif port is not None and (before is None or before.state is not port.state):
            self.port_event(switch.id, number, port.state)
            if port.state is PortState.UP and switch.mode is Mode.READ_WRITE:
                self._discovery.send_from(switch, number)

    async def _look_at_ports(self, switch: Switch) -> None:
        """Ask a switch for its ports; a switch that sends nothing at all is gone."""
        asked = asyncio.get_running_loop().time()
        try:
            now = await switch.ask_ports()
        except UNANSWERED as error:
            if isinstance(error, Silent) and switch.connection.heard_at >= asked:
                return  # the switch is busy: keep the ports known so far
            switch.connection.close(f"it does not say what ports it has: {error}")
            self._lost(switch)
            return
        for number in switch.ports.keys() | now.keys():
            self._port_is(switch, number, now.get(number))

    # -- periodic work

    async def _discover(self) -> None:
        while not self.should_stop:
            self._discovery.send(self.connected.values())
            await self.sleep(self._openflow.discovery_s)
            self._discovery.expire()

    async def _report_counters(self) -> None:
        while not self.should_stop:
            await self.sleep(self._openflow.stats_s)
            await asyncio.gather(*map(self._counters_of, list(self.connected.values())))

    async def _counters_of(self, switch: Switch) -> None:
        with contextlib.suppress(*UNANSWERED):
            request = messages.OFPPortStatsRequest(DESC, 0, of.OFPP_ANY)
            parts = await switch.connection.ask(request, PATIENCE_S)
            self.event(ports.counters(switch.id, parts, now_ms()), switch.id)
