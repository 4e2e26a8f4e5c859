"""The demo on real switches: six Open vSwitch bridges in a ring, each held by two of the FLs.

Every command installs a rule. An FL dies and comes back. The demo retries commands that ended in an
error, as a requester would. At the end it compares each switch's table with the commanded rules.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flrouter import embedded
from flrouter.clock import now_ms
from flrouter.demo.openvswitch import OpenVSwitch, difference
from flrouter.demo.result import Result, Tables
from flrouter.demo.story import DRAIN_TIMEOUT_S, Story
from flrouter.demo.traffic.commands import DemoCommand, ExpectedAnswer
from flrouter.demo.traffic.plan import Plan
from flrouter.messages import names
from flrouter.messages.forms import build
from flrouter.messages.switch_id import canonical

_COMMANDS = "org.openkilda.messaging.command"

SWITCHES = 6
#: the ports of each switch to its neighbours in the ring.
NEXT, BEFORE = 1, 2
#: cookies of the rules that FLs install for themselves on each switch.
OWN = {0x8000000000000001, 0x8000000000000002}
#: VLANs that a rule can match, at each of a switch's two ports.
_VLANS = 4_000
#: how many rules with different matches are possible.
MAX_RULES = SWITCHES * 2 * _VLANS
#: characters that are shown of a table's differences.
MAX_TEXT_CHARACTERS = 200
#: s; by then, every retried command must have been carried out.
SETTLE_TIMEOUT_S = 60.0


@dataclasses.dataclass(frozen=True)
class RealPlan(Plan):
    """How much of everything; a switch has two FLs, one after the other."""

    @property
    def rules(self) -> int:
        """How many rules are commanded."""
        return round(self.rate * (self.seconds or 0))

    @property
    def bridges(self) -> dict[str, str]:
        """Bridge → its switch's id."""
        return {f"s{number}": canonical(f"{number:x}") for number in range(1, SWITCHES + 1)}

    def homes(self) -> dict[str, tuple[str, ...]]:
        """Switch → the FLs that hold it."""
        ids = self.floodlight_ids
        return {
            switch: (ids[at % len(ids)], ids[(at + 1) % len(ids)])
            for at, switch in enumerate(self.bridges.values())
        }


class RuleCommands:
    """Commands that install rules, on one switch after the other."""

    def __init__(self, switches: Sequence[str], prefix: str) -> None:
        self._switches = switches
        self._prefix = prefix
        self._ids = itertools.count(1)
        #: switch → the cookies of the rules that were commanded.
        self.commanded: dict[str, set[int]] = {switch: set() for switch in switches}
        self._cookies: dict[str, int] = {}

    def at(self, elapsed: float) -> DemoCommand:
        """The next rule."""
        number = sum(map(len, self.commanded.values()))
        return self._install(self._switches[number % len(self._switches)], number + 1)

    def again(self, command: DemoCommand) -> DemoCommand:
        """The same rule once more, under a new correlation id."""
        assert command.switch is not None
        return self._install(command.switch, self._cookies[command.correlation_id])

    def probe(self, switch: str) -> DemoCommand:
        """A harmless command for `switch`."""
        return self._command(
            switch, {"clazz": f"{_COMMANDS}.switches.DumpRulesRequest", "switch_id": switch}
        )

    def _install(self, switch: str, cookie: int) -> DemoCommand:
        self.commanded[switch].add(cookie)
        port, vlan = divmod((cookie - 1) // len(self._switches), _VLANS)
        one, other = (NEXT, BEFORE) if port % 2 else (BEFORE, NEXT)
        command = self._command(
            switch,
            {
                "clazz": f"{_COMMANDS}.flow.InstallTransitFlow",
                "flowid": f"flow-{cookie}",
                "cookie": cookie,
                "switch_id": switch,
                "input_port": one,
                "output_port": other,
                "transit_vlan_id": 1 + vlan,
            },
        )
        self._cookies[command.correlation_id] = cookie
        return command

    def _command(self, switch: str, payload: dict[str, Any]) -> DemoCommand:
        correlation_id = f"{self._prefix}-{next(self._ids)}"
        message = build.message(
            names.COMMAND, payload, correlation_id, now_ms(), destination="CONTROLLER"
        )
        return DemoCommand(correlation_id, ExpectedAnswer.ONCE, switch, message)


class RealStory(Story):
    """One run on real switches."""

    _plan: RealPlan
    _commands: RuleCommands

    def __init__(self, plan: RealPlan, folder: Path) -> None:
        super().__init__(plan, folder)
        self._switches = OpenVSwitch(folder / "ovs")
        names = plan.floodlight_ids
        self._listening = dict(zip(names, embedded.free_ports(len(names)), strict=True))
        self._again = 0
        self._differences: dict[str, str] = {}

    async def play(self) -> Result:
        """Play it to its end."""
        try:
            await asyncio.to_thread(self._connect)
            return await super().play()
        finally:
            self._switches.stop()

    def _connect(self) -> None:
        """Start the switches; they try to connect until the FLs are there."""
        self._switches.start()
        names = list(self._plan.bridges)
        for name, switch in self._plan.bridges.items():
            listening = [self._listening[floodlight] for floodlight in self._homes[switch]]
            self._switches.add_bridge(name, int(switch.replace(":", ""), 16))
            self._switches.set_controllers(name, listening)
        for one, other in zip(names, [*names[1:], names[0]], strict=True):
            self._switches.link((one, NEXT), (other, BEFORE))

    def _draw(self, prefix: str) -> RuleCommands:
        return RuleCommands(list(self._homes), prefix)

    def _floodlight(self, name: str) -> list[str]:
        port = str(self._listening[name])
        return ["--openflow", port, "--host", "127.0.0.1", "--settle-s", "2"]

    def _held(self) -> bool:
        return sum(map(self._router.switches, self._plan.floodlight_ids)) == SWITCHES

    def _victim(self, number: int) -> str:
        """The FL that is active for the most switches; each of them has a second FL."""
        return max(self._plan.floodlight_ids, key=self._router.switches)

    async def _send(self) -> None:
        await super()._send()
        self._view.say("sending what ended in an error again")
        until = time.monotonic() + SETTLE_TIMEOUT_S
        excused = self._ledger.excused
        while excused and time.monotonic() < until:
            # An FL that is back has no switches until they have connected again.
            await self._requester.probe(self._commands, self._homes)
            for _ in range(len(excused)):
                self._again += 1
                self._requester.send(self._commands.again(excused.popleft()), self._ledger)
            await self._requester.answered(self._ledger, DRAIN_TIMEOUT_S)
        self._differences = await asyncio.to_thread(self._compare)

    def _compare(self) -> dict[str, str]:
        """How the switches' tables differ from what was commanded."""
        tables = {
            switch: set(self._switches.flows(name)) - OWN
            for name, switch in self._plan.bridges.items()
        }
        differences = difference(self._commands.commanded, tables)
        return {switch: text[:MAX_TEXT_CHARACTERS] for switch, text in differences.items()}

    def _tables(self) -> Tables:
        rules = sum(map(len, self._commands.commanded.values()))
        return Tables(SWITCHES, rules, self._again, self._differences)
