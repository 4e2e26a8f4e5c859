"""Open vSwitch in a folder of its own: real switches, without a kernel module or root.

The demo and the tests need real switches and must not touch the machine's own Open vSwitch.
The bridges use the dummy datapath: rules process packets as usual, but no packet reaches a wire.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")

_PROGRAMS = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ovs-appctl")
#: PATH, with the folders of Debian's daemons, which some accounts' PATH lacks.
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
#: s; how long one of its programs may take.
_TIMEOUT_S = 30


class Missing(RuntimeError):
    """Open vSwitch is not installed; the text says how to install it."""


class Failed(RuntimeError):
    """A program of Open vSwitch failed; the text is the program's own."""


class OpenVSwitch:
    """One instance, with any number of bridges."""

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: for the database, sockets and logs; it is created.

        Raises:
            Missing: Open vSwitch is not installed.
        """
        missing = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
        if missing or not SCHEMA.exists():
            names = ", ".join(missing) or str(SCHEMA)
            raise Missing(f"{names} is missing: apt-get install openvswitch-switch")
        folder.mkdir(parents=True)
        self.folder = folder
        #: program's name → its process.
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        # Without these variables, `ovs-ctl` as root would use paths below /var and /etc.
        self._environment = os.environ | {
            **dict.fromkeys(("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"), str(folder)),
            "PATH": _PATH,
        }

    def start(self) -> None:
        """Start the daemons, and return when they take orders.

        Raises:
            Failed: a daemon did not start. None is left running.
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

    def stop(self) -> None:
        """Kill the daemons; no clean shutdown is needed."""
        for daemon in self.daemons.values():
            daemon.kill()
            daemon.wait()
        self.daemons.clear()

    def start_switching(self) -> None:
        """Start the process of the switches; it brings up the bridges in the database."""
        self._daemon("ovs-vswitchd", "unix:db.sock", "--disable-system", "--enable-dummy")
        self._wait_for(self.folder / "ovs-vswitchd.ctl", "ovs-vswitchd")

    def add_bridge(self, name: str, dpid: int) -> None:
        """Add a switch."""
        orders = ["add-br", name, "--", "set", "bridge", name, "datapath_type=dummy"]
        orders += ["fail-mode=secure", "protocols=OpenFlow13"]
        self.vsctl(*orders, f"other-config:datapath-id={dpid:016x}")

    def set_controllers(self, name: str, controllers: Sequence[int]) -> None:
        """Have a switch connect to these local ports, where its FLs listen."""
        orders: list[str] = []
        for number, port in enumerate(controllers):
            orders += [f"--id=@{number}", "create", "controller", f'target="tcp:127.0.0.1:{port}"']
            orders += ["connection_mode=out-of-band", "max_backoff=1000"]
            # The default limits the first packets of every flow. Here switches send up discovery
            # packets only, which are few.
            orders += ["controller_rate_limit=100000", "--"]
        rows = ",".join(f"@{number}" for number in range(len(controllers)))
        self.vsctl(*orders, "set", "bridge", name, f"controller=[{rows}]")

    def link(self, one: tuple[str, int], other: tuple[str, int]) -> None:
        """Connect a new port of one bridge with a new one of another."""
        orders: list[str] = []
        for (bridge, number), far in ((one, other), (other, one)):
            name = patch_name(bridge, number)
            orders += ["--", "add-port", bridge, name, "--", "set", "interface", name]
            orders += [f"ofport_request={number}", "type=patch"]
            orders += [f"options:peer={patch_name(*far)}"]
        self.vsctl(*orders[1:])

    def flows(self, bridge: str) -> dict[int, list[str]]:
        """Cookie → the rules as `ovs-ofctl dump-flows` shows them."""
        rules: dict[int, list[str]] = {}
        for line in self.ofctl("dump-flows", bridge).splitlines():
            cookie = re.search(r"cookie=(0x[0-9a-f]+)", line)
            if cookie is not None:
                rules.setdefault(int(cookie[1], 16), []).append(line.strip())
        return rules

    def vsctl(self, *orders: str) -> str:
        """Run `ovs-vsctl`, and return its output."""
        # The socket exists a moment before the server listens on it: hence `--retry`.
        how = ("--db=unix:db.sock", "--retry", "--timeout=20")
        return self.run("ovs-vsctl", *how, *orders)

    def ofctl(self, order: str, *more: str) -> str:
        """Run `ovs-ofctl`, and return its output."""
        return self.run("ovs-ofctl", "-O", "OpenFlow13", order, *more)

    def run(self, *command: str) -> str:
        """Run one of Open vSwitch's programs in the folder.

        Raises:
            Failed: the exit status is not 0.
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
        with (self.folder / f"{name}.out").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                [name, *arguments, control, "--log-file", "-vconsole:off"],
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
            if self.daemons[name].poll() is not None or time.monotonic() > until:
                raise Failed(f"{name} does not start: see {self.folder / name}.out")
            time.sleep(0.01)


def patch_name(bridge: str, number: int) -> str:
    """The name of a port that leads to another bridge."""
    return f"{bridge}-{number}"


def difference(wanted: Mapping[str, set[int]], actual: Mapping[str, set[int]]) -> dict[str, str]:
    """Switch → which cookies are missing and which are extra, for switches that differ."""
    return {
        switch: f"missing {sorted(wanted[switch] - actual[switch])},"
        f" too many {sorted(actual[switch] - wanted[switch])}"
        for switch in wanted
        if wanted[switch] != actual[switch]
    }
