"""Real switches, and what goes wrong with them."""

from __future__ import annotations

import signal

from flrouter.demo.openvswitch import OpenVSwitch, patch_name

SWITCHING = "ovs-vswitchd"


class Switches(OpenVSwitch):
    """One Open vSwitch; its switches have ports to nowhere, and can be stopped and cut."""

    def add_ports(self, bridge: str, count: int) -> None:
        """Add ports 1, 2, … to nowhere."""
        orders: list[str] = []
        for number in range(1, count + 1):
            name = f"{bridge}-{number}"
            orders += ["--", "add-port", bridge, name, "--", "set", "interface", name]
            orders += [f"ofport_request={number}", "type=dummy"]
        self.vsctl(*orders[1:])

    def delete_bridge(self, name: str) -> None:
        """Take a switch away."""
        self.vsctl("del-br", name)

    def cut(self, bridge: str, number: int) -> None:
        """Cut a link at this end: the port is gone."""
        self.vsctl("del-port", bridge, patch_name(bridge, number))

    def restart_switching(self) -> None:
        """Kill the switches' own process and start it again: they lose their rules."""
        self.daemons[SWITCHING].kill()
        self.daemons[SWITCHING].wait()
        (self.folder / f"{SWITCHING}.ctl").unlink()
        self.start_switching()

    def freeze(self) -> None:
        """Let the switches do nothing until `thaw`; their connections stay."""
        self.daemons[SWITCHING].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a `freeze`."""
        self.daemons[SWITCHING].send_signal(signal.SIGCONT)

    def connected(self, bridge: str) -> int:
        """To how many of its controllers a switch is connected."""
        rows = self.vsctl("get", "bridge", bridge, "controller").strip("[]\n ")
        states = [
            self.vsctl("get", "controller", row, "is_connected")
            for row in (rows.split(", ") if rows else [])
        ]
        return sum(state.strip() == "true" for state in states)

    def appctl(self, *orders: str) -> str:
        """Run `ovs-appctl` on the switches' process, and return what it says."""
        return self.run("ovs-appctl", "-t", str(self.folder / f"{SWITCHING}.ctl"), *orders)
