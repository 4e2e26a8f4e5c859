"""Open vSwitch in a folder of its own: switches that are real, without a kernel module or root.

For the demo and the tests, which both need real switches and must not touch the machine's own.
Its bridges are on the dummy datapath: packets go through rules as anywhere, and to no wire.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")

_PROGRAMS = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ovs-appctl")
#: where Debian has the daemons; not every account's PATH has it.
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
#: s; how long one of its programs may take.
_TIMEOUT_S = 30


class Missing(RuntimeError):
    """Open vSwitch is not installed; the text says how to."""


class Failed(RuntimeError):
    """One of its programs did not do what it was told; the text is its own."""


def check() -> None:
    """Raises Missing when Open vSwitch is not installed."""
    missing = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    if missing or not SCHEMA.exists():
        names = ", ".join(missing) or str(SCHEMA)
        raise Missing(f"{names} is missing: apt-get install openvswitch-switch")


class OpenVSwitch:
    """One instance, with any number of bridges."""

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: for its database, sockets and logs; made here.

        Raises:
            Missing: it is not installed.
        """
        check()
        folder.mkdir(parents=True)
        self.folder = folder
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        # Under the root account `ovs-ctl` would choose these paths, all below /var and /etc.
        self._environment = os.environ | {
            **dict.fromkeys(("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"), str(folder)),
            "PATH": _PATH,
        }

    def start(self) -> None:
        """Start it; returns when it takes orders, or leaves nothing running.

        Raises:
            Failed: it does not start.
        """
        self.run("ovsdb-tool", "create", "conf.db", str(SCHEMA))
        try:
            self._daemon("ovsdb-server", "conf.db", "--remote=punix:db.sock")
            self._wait_for(self.folder / "db.sock", "ovsdb-server")
            self.vsctl("--no-wait", "init")
            self.start_switching()
        except BaseException:
            self.stop()
            raise

    def start_switching(self) -> None:
        """Start the switches' own process; bridges that are in the database come up with it."""
        self._daemon("ovs-vswitchd", "unix:db.sock", "--disable-system", "--enable-dummy")
        self._wait_for(self.folder / "ovs-vswitchd.ctl", "ovs-vswitchd")

    def restart_switching(self) -> None:
        """Kill the switches' own process and start it again: they lose their rules."""
        switching = self._daemons["ovs-vswitchd"]
        switching.kill()
        switching.wait()
        self.start_switching()

    def stop(self) -> None:
        """End it; nothing of it is worth a clean end."""
        for daemon in self._daemons.values():
            daemon.kill()
            daemon.wait()
        self._daemons.clear()

    def freeze(self) -> None:
        """Let the switches do nothing until `thaw`; their connections stay."""
        self._daemons["ovs-vswitchd"].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a `freeze`."""
        self._daemons["ovs-vswitchd"].send_signal(signal.SIGCONT)

    # -- bridges

    def add_bridge(self, name: str, dpid: int, controllers: Sequence[int], ports: int = 0) -> None:
        """Add a switch, with ports 1, 2, … to nowhere.

        Args:
            controllers: the ports of this machine where its FLs listen.
        """
        orders = ["add-br", name, "--", "set", "bridge", name, "datapath_type=dummy"]
        orders += ["fail-mode=secure", "protocols=OpenFlow13"]
        orders += [f"other-config:datapath-id={dpid:016x}"]
        for number in range(1, ports + 1):
            orders += self._port(name, f"{name}-{number}", number, "type=dummy")
        self.vsctl(*orders)
        self.set_controllers(name, controllers)

    def set_controllers(self, name: str, controllers: Sequence[int]) -> None:
        """Have a switch connect to these ports of this machine."""
        orders: list[str] = []
        for number, port in enumerate(controllers):
            orders += [f"--id=@{number}", "create", "controller", f'target="tcp:127.0.0.1:{port}"']
            orders += ["connection_mode=out-of-band", "max_backoff=1000"]
            # Of discovery packets, of which there are few; the default is for the first packets
            # of every flow.
            orders += ["controller_rate_limit=100000", "--"]
        rows = ",".join(f"@{number}" for number in range(len(controllers)))
        self.vsctl(*orders, "set", "bridge", name, f"controller=[{rows}]")

    def delete_bridge(self, name: str) -> None:
        """Take a switch away."""
        self.vsctl("del-br", name)

    def link(self, one: tuple[str, int], other: tuple[str, int]) -> None:
        """Connect a new port of one bridge with a new one of another."""
        orders: list[str] = []
        for (bridge, number), far in ((one, other), (other, one)):
            peer = f"options:peer={_patch(*far)}"
            orders += self._port(bridge, _patch(bridge, number), number, "type=patch", peer)
        self.vsctl(*orders[1:])

    def cut(self, bridge: str, number: int) -> None:
        """Cut a link at this end: the port is gone."""
        self.vsctl("del-port", bridge, _patch(bridge, number))

    @staticmethod
    def _port(bridge: str, name: str, number: int, *how: str) -> list[str]:
        orders = ["--", "add-port", bridge, name, "--", "set", "interface", name]
        return [*orders, f"ofport_request={number}", *how]

    # -- looking

    def flows(self, bridge: str) -> dict[int, list[str]]:
        """The rules of a switch as `ovs-ofctl dump-flows` shows them, by their cookies."""
        rules: dict[int, list[str]] = {}
        for line in self.ofctl("dump-flows", bridge).splitlines():
            cookie = re.search(r"cookie=(0x[0-9a-f]+)", line)
            if cookie is not None:
                rules.setdefault(int(cookie[1], 16), []).append(line.strip())
        return rules

    def connected(self, bridge: str) -> int:
        """How many of a switch's controllers it is connected to."""
        states = [
            self.vsctl("get", "controller", row, "is_connected")
            for row in self._controllers(bridge)
        ]
        return sum(state.strip() == "true" for state in states)

    def _controllers(self, bridge: str) -> list[str]:
        rows = self.vsctl("get", "bridge", bridge, "controller").strip("[]\n ")
        return rows.split(", ") if rows else []

    # -- its programs

    def vsctl(self, *orders: str) -> str:
        """Run `ovs-vsctl`, and return what it says."""
        # The socket is there a moment before somebody listens on it: hence `--retry`.
        how = ("--db=unix:db.sock", "--retry", "--timeout=20")
        return self.run("ovs-vsctl", *how, *orders)

    def ofctl(self, order: str, *more: str) -> str:
        """Run `ovs-ofctl`, and return what it says."""
        return self.run("ovs-ofctl", "-O", "OpenFlow13", order, *more)

    def appctl(self, *orders: str) -> str:
        """Run `ovs-appctl` on the switches' process, and return what it says."""
        return self.run("ovs-appctl", "-t", str(self.folder / "ovs-vswitchd.ctl"), *orders)

    def run(self, *command: str) -> str:
        """Run one of its programs in the folder.

        Raises:
            Failed: its status is not 0.
        """
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise Failed(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def _daemon(self, name: str, *arguments: str) -> None:
        control = f"--unixctl={self.folder / name}.ctl"
        with contextlib.suppress(FileNotFoundError):
            (self.folder / f"{name}.ctl").unlink()
        log = ["--log-file", "-vconsole:off"]
        with (self.folder / f"{name}.out").open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                [name, *arguments, control, *log],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _wait_for(self, path: Path, name: str) -> None:
        until = time.monotonic() + _TIMEOUT_S
        while not path.exists():
            if self._daemons[name].poll() is not None or time.monotonic() > until:
                raise Failed(f"{name} does not start: see {self.folder / name}.out")
            time.sleep(0.01)


def _patch(bridge: str, number: int) -> str:
    return f"{bridge}-{number}"


def difference(wanted: Mapping[str, set[int]], actual: Mapping[str, set[int]]) -> dict[str, str]:
    """For each switch whose rules are not those wanted, by cookie: what is missing, what more."""
    return {
        switch: f"missing {sorted(wanted[switch] - actual[switch])},"
        f" too many {sorted(actual[switch] - wanted[switch])}"
        for switch in wanted
        if wanted[switch] != actual[switch]
    }
