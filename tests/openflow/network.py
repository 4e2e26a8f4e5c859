"""A router, its FLs as processes, and the real switches that they drive."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flrouter.embedded import free_port
from tests.openflow.switches import Switches
from tests.support.clients import Record
from tests.support.deployment import Deployment
from tests.support.patience import HOPE, PATIENCE
from tests.support.plain import Once, Requester, command, error_type, switch_id
from tests.support.simulated import SimulatedFloodlight

SAMPLES = Path(__file__).parent.parent / "samples"
FLOWS = "org.openkilda.messaging.command.flow"

#: what a floodlight installs on its own.
OWN = {0x8000000000000001, 0x8000000000000002}


class OpenFlowFloodlight(SimulatedFloodlight):
    """One `python -m flrouter.speaker --openflow PORT`; the port stays when it starts again."""

    def __init__(self, deployment: Deployment, name: str) -> None:
        super().__init__(deployment, name)
        self.port = free_port()
        del self._fixed[-2:]  # --switches: it simulates none
        self._fixed += ["--openflow", str(self.port), "--host", "127.0.0.1"]

    def begin(self, **options: object) -> None:
        """Start it, with intervals that fit a test."""
        self.start(**{"discovery_s": 0.3, "echo_s": 1 * PATIENCE, "settle_s": 2.5, **options})


class Network:
    """Everything, and how to see that it has come to something."""

    def __init__(self, ovs: Switches, deployment: Deployment) -> None:
        self.ovs = ovs
        self.deployment = deployment
        self.floodlights = {
            name: OpenFlowFloodlight(deployment, name) for name in deployment.floodlights
        }
        self.requester: Requester = deployment.requester()
        self.once = Once()
        #: bridge → its FLs.
        self.controllers: dict[str, tuple[str, ...]] = {}
        self._dpids = itertools.count(0x100)

    def bridge(self, name: str, *floodlights: str, ports: int = 4, dpid: int | None = None) -> str:
        """Add a switch with these FLs as its controllers; its id."""
        number = next(self._dpids) if dpid is None else dpid
        self.controllers[name] = floodlights
        listening = [self.floodlights[each].port for each in floodlights]
        self.ovs.add_bridge(name, number)
        self.ovs.add_ports(name, ports)
        self.ovs.set_controllers(name, listening)
        return switch_id(number)

    def start(self, *floodlights: str, **options: object) -> None:
        """Start FLs, all if none is named, and a worker of the router."""
        for name in floodlights or tuple(self.floodlights):
            self.floodlights[name].begin(**options)
        self.deployment.start_worker()

    def speaks_for_most(self) -> str:
        """The FL to which most commands go: whoever connected first to a switch has it."""
        found = self.deployment.workers[0].stats()["floodlights"]
        return max(found, key=lambda name: int(found[name]["switches"]))

    # -- commands

    def send(self, payload: dict[str, Any], name: str | None = None) -> str:
        """Send a command to its switch; its correlation id."""
        name = name or self.once.id()
        self.requester.send(command(payload, name), payload["switch_id"])
        return name

    def send_acknowledged(self, floodlight: str, payload: dict[str, Any]) -> str:
        """The same, and wait until this FL has said that it has the command."""
        said = self.deployment.tap(self.deployment.write_topic(floodlight))
        name = self.send(payload)
        said.wait_for(
            lambda record: (
                str(record.message.get("correlation_id")).startswith(f"{name}~")
                and str(record.payload.get("clazz")).endswith("FlReceiveAck")
            )
        )
        return name

    def answer(self, name: str, timeout: float = 40.0) -> Record:
        """The one answer to it."""
        return self.requester.wait(name, timeout=timeout)[0]

    def ask(self, payload: dict[str, Any]) -> Record:
        """Send a command, and return its answer."""
        return self.answer(self.send(payload))

    def wait_served(self, *switches: str, timeout: float = 40.0) -> None:
        """Wait until each of these switches answers through the router."""
        for switch in switches:
            payload = {
                "clazz": "org.openkilda.messaging.command.switches.DumpRulesRequest",
                "switch_id": switch,
            }

            def answers(payload: dict[str, Any] = payload) -> bool:
                return error_type(self.ask(payload)) is None

            eventually(answers, f"{switch} answers", timeout)

    # -- what listeners are told

    def events(self, kind: str, **fields: object) -> list[dict[str, Any]]:
        """The payloads of this kind, with these fields, that reached listeners so far."""
        return [
            record.payload
            for record in list(self.requester.answers)
            if str(record.payload.get("clazz")).endswith(kind)
            and all(record.payload.get(name) == value for name, value in fields.items())
        ]

    def wait_event(self, kind: str, timeout: float = 20.0, **fields: object) -> dict[str, Any]:
        """The first of them, as soon as there is one."""
        self.requester.until(lambda: self.events(kind, **fields), timeout, f"{kind} {fields}")
        return self.events(kind, **fields)[0]


def eventually(what: Callable[[], Any], doing: str, timeout: float = 20.0) -> Any:
    """What `what()` is, as soon as it is true: of things outside of Kafka, which tell nobody."""
    until = time.monotonic() + timeout * HOPE
    while not (found := what()):
        if time.monotonic() > until:
            raise TimeoutError(f"after {timeout} s still waiting until {doing}")
        time.sleep(0.05)
    return found


def sample(name: str, switch: str) -> dict[str, Any]:
    """The payload of a sample, for this switch."""
    (path,) = SAMPLES.glob(f"{name}-*.json")
    text = path.read_text().replace("00:00:00:00:00:00:00:09", switch)
    text = text.replace("0x0000000000000001", switch).replace("00:00:00:00:00:00:00:01", switch)
    payload: dict[str, Any] = json.loads(text)["payload"]
    return payload


def transit(switch: str, cookie: int, **fields: object) -> dict[str, Any]:
    """An InstallTransitFlow whose match depends on its cookie."""
    return {
        "clazz": f"{FLOWS}.InstallTransitFlow",
        "flowid": f"flow-{cookie}",
        "cookie": cookie,
        "switch_id": switch,
        "input_port": 1 + cookie // 4000,
        "output_port": 3,
        "transit_vlan_id": 1 + cookie % 4000,
        **fields,
    }


def removal(switch: str, cookie: int) -> dict[str, Any]:
    """A RemoveFlow."""
    return {
        "clazz": f"{FLOWS}.RemoveFlow",
        "flowid": f"flow-{cookie}",
        "cookie": cookie,
        "switch_id": switch,
    }
