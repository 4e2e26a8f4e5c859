"""The programs that some tests need and PyPI does not have.

`make test` runs this file first: what the system's packages have is installed where that may be
done. A test that needs what is still missing is skipped, by `needs` or `require` and by nothing
else, so that its reason says how to get it, and the run's last line counts it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
#: the folder of this Python's programs.
_OWN = Path(sys.executable).parent
#: where programs are looked for. The last two are not in every account's PATH.
_PATH = os.pathsep.join([str(_OWN), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


@dataclass(frozen=True)
class Program:
    """Something that tests need."""

    name: str
    #: what is tested with it.
    purpose: str
    #: the command that brings it.
    command: str
    #: names of its executable, or the path of a file; one is enough.
    files: tuple[str, ...]

    def path(self) -> str | None:
        """Where it is, or None."""
        places = (shutil.which(file, os.F_OK, _PATH) for file in self.files)
        return next((place for place in places if place), None)

    @property
    def missing(self) -> str:
        """Why a test is skipped."""
        return f"{WANT}{self.name}: {self.command}"


#: how the reason of every skip begins.
WANT = "for want of "

OPEN_VSWITCH = Program(
    "Open vSwitch", "real switches", "apt-get install openvswitch-switch", ("ovs-vswitchd",)
)
CHROMIUM = Program(
    "Chromium",
    "what people see in a browser",
    "apt-get install chromium",
    (os.environ.get("FLROUTER_TEST_CHROMIUM", "chromium"), "chromium-browser", "google-chrome"),
)
CURL = Program("curl", "commands of the docs", "apt-get install curl", ("curl",))
PROMTOOL = Program("promtool", "metrics and alerts", "apt-get install prometheus", ("promtool",))
POSTGRESQL = Program(
    "PostgreSQL",
    "a history in a database server",
    "apt-get install postgresql",
    # Where Debian puts each version; elsewhere in the PATH.
    (*(f"/usr/lib/postgresql/{version}/bin/initdb" for version in range(19, 12, -1)), "initdb"),
)
#: those that the system's packages have; `make docs` gets the others from PyPI.
PACKAGED = (OPEN_VSWITCH, CHROMIUM, CURL, PROMTOOL, POSTGRESQL)
NODE = Program("Node.js", "the AsyncAPI document", "make docs", ("node",))
SITE = Program(
    "the site", "the documentation as a site", "make docs", (str(_ROOT / "build/site/index.html"),)
)
NPM = Program("npm", "single packages of its registry", "make docs", ("npm",))


def needs(program: Program) -> pytest.MarkDecorator:
    """The mark of a test, or of a whole file, that is skipped where the program is missing."""
    return pytest.mark.skipif(program.path() is None, reason=program.missing)


def require(program: Program) -> str:
    """Where it is; a fixture or a test that asks for what is missing is skipped."""
    path = program.path()
    if path is None:
        pytest.skip(program.missing)
    return path


def install() -> None:
    """Install what is missing, where that may be done; say what was done and what was not."""
    missing = [program for program in PACKAGED if program.path() is None]
    as_root = _as_root()
    if missing and as_root is not None and shutil.which("apt-get"):
        _say(f"installing by apt-get: {', '.join(program.name for program in missing)}")
        _apt_get([*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"], missing)
    for program in missing:
        if program.path() is None:
            _say(
                f"no {program.name}: tests of {program.purpose} are skipped;"
                f" on Debian and its like: {program.command}"
            )


def _as_root() -> list[str] | None:
    """How a command begins that root runs; None: this account may not."""
    if os.geteuid() == 0:
        return []
    try:
        _run("sudo", "-n", "true")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None  # there is none, or it asks for a password
    return ["sudo", "-n"]


def _apt_get(apt_get: list[str], missing: list[Program]) -> None:
    with _failures_told():
        _run(*apt_get, "update")
    for program in missing:  # each on its own: not every distribution has all of them
        with _failures_told():
            if program is PROMTOOL:
                _fetch_promtool()
            else:
                package = program.command.split()[-1]
                _run(*apt_get, "install", "-y", "--no-install-recommends", package)


def _fetch_promtool() -> None:
    """Put it beside this Python: its package would also install and start a server."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # apt-get fetches as an account of its own
        _run("apt-get", "-qq", "download", "prometheus", folder=folder)
        (package,) = Path(folder).glob("*.deb")
        _run("dpkg-deb", "--extract", str(package), f"{folder}/all")
        shutil.copy(f"{folder}/all/usr/bin/promtool", _OWN)


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except subprocess.CalledProcessError as error:
        _say(f"{' '.join(error.cmd)}: {error.stderr.strip()}")


def _run(*command: str, folder: str | None = None) -> None:
    subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    install()
