"""A server of PostgreSQL that a test starts, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from flrouter.embedded import free_port
from tests.support.patience import HOPE
from tests.support.programs import POSTGRESQL, require

#: the account that Debian's package makes: the server refuses to be root's.
ACCOUNT = "postgres"


@contextmanager
def server(**options: str) -> Iterator[str]:
    """Its address, as HISTORY_DATABASE takes it.

    Args:
        options: of the server, beside those that make it quick.
    """
    programs = Path(require(POSTGRESQL)).parent
    folder = Path(tempfile.mkdtemp(prefix="flrouter-postgresql-"))
    user = ACCOUNT if os.geteuid() == 0 else None
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    data, port = folder / "data", free_port()
    quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    settings = {
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
        **quick,
        **options,
    }
    try:
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "flrouter", "-A", "trust", "-E", "UTF8"],
            user=user,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *given],
                user=user,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            address = f"postgresql://flrouter@127.0.0.1:{port}/postgres"
            _wait(address, process, folder / "log")
            yield address
        finally:
            process.terminate()  # waits for those who are connected
            process.send_signal(2)  # SIGINT: does not
            process.wait(30 * HOPE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30 * HOPE
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


def empty_database(address: str, name: str) -> str:
    """The address of a new database of a server."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{address.rpartition('/')[0]}/{name}"
