"""Runs a cluster in the foreground, or a command on one: `python -m tests.kafka --help`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from tests.kafka.cluster import Cluster
from tests.kafka.jars import KafkaMissing
from tests.support.patience import PATIENCE


def main(arguments: Sequence[str]) -> int:
    """The exit code of the command, or 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.kafka", description=__doc__)
    parser.add_argument("--brokers", type=int, default=3, help="how many; 3 by default")
    parser.add_argument("--heap", default="256m", help="each broker's memory for objects")
    parser.add_argument("command", nargs="*", help="what to run, after --; nothing: until Ctrl-C")
    chosen = parser.parse_args(arguments)

    given = os.environ.get("FLROUTER_TEST_BROKER")
    if given and chosen.command:
        _say(f"running on {given}, which FLROUTER_TEST_BROKER names")
        return subprocess.call(chosen.command)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    began = time.monotonic()
    try:
        cluster = Cluster(chosen.brokers, heap=chosen.heap)
    except KafkaMissing as missing:
        _say(str(missing))
        return 2
    with cluster:
        _say(f"{chosen.brokers} brokers ready after {time.monotonic() - began:.1f} s")
        environ = {
            "FLROUTER_TEST_BROKER": cluster.url,
            "FLROUTER_TEST_REPLICATION": str(min(3, chosen.brokers)),
            # Brokers and tests share one machine.
            "FLROUTER_TEST_PATIENCE": f"{PATIENCE * min(2, chosen.brokers)}",
        }
        return _run(cluster, environ, chosen.command)


def _run(cluster: Cluster, environ: Mapping[str, str], command: Sequence[str]) -> int:
    try:
        if command:
            return subprocess.call(command, env={**os.environ, **environ})
        _say(f"logs and data in {cluster.folder} until Ctrl-C; pids {cluster.pids}")
        for name, value in environ.items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.flush()
        signal.pause()
    except KeyboardInterrupt:
        pass
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"kafka: {line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
