"""What the dashboard costs with 64 FLs and 100,000 switches: `make bench-dashboard`.

A worker's CPU per command while somebody looks on, and while nobody does, in turns; then how much
of a page Chromium loads, and how soon it paints. It fails above `MARKS`.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.broker import broker
from benchmarks.figures import median
from benchmarks.scale.deployments import Deployment
from benchmarks.stage import Stage
from tests.browser.chromium import chromium
from tests.support.programs import CHROMIUM

#: measurements of each, in turns; seconds of one, and before the first.
ROUNDS = 7
SECONDS = 5.0
WARM_UP = 10.0
#: commands a second: a third of what a worker can do, or else a look would cost next to nothing.
RATE = 2_000
SIZE = Deployment(switches=100_000, floodlights=64)
#: at most: CPU per command with a viewer / without, ms until something is painted, bytes of a page.
MARKS = {"ratio": 1.1, "first_paint_ms": 1000.0, "page_bytes": 1_000_000.0}


def web_port(stage: Stage) -> int:
    """Where the router's worker serves its pages."""
    import psutil  # of the extra `bench`, which the tests of this file do without

    for pid in stage.router_pids:
        command = psutil.Process(pid).cmdline()
        if "--web-port" in command:
            return int(command[command.index("--web-port") + 1])
    raise LookupError("no worker with a --web-port")


@contextlib.contextmanager
def looked_at(port: int) -> Iterator[list[int]]:
    """Read the stream of snapshots as a browser does; the sizes of those that came."""
    sizes: list[int] = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/dashboard/events")
    answer = connection.getresponse()

    def read() -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            while line := answer.readline():
                if line.startswith(b"data:"):
                    sizes.append(len(line))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield sizes
    finally:
        if connection.sock is not None:
            connection.sock.shutdown(2)
        reader.join(5)
        connection.close()


def cost(stage: Stage) -> float:
    """CPU of the worker per command (µs)."""
    done = stage.open(RATE, 1.0, SECONDS)
    return float(done["cpu"]["router"] / done["answered"] * 1e6)


def painted(port: int) -> dict[str, float]:
    """Bytes that a page loads until the first snapshot is shown, and when it paints (ms)."""
    script = (
        "performance.getEntriesByName('first-contentful-paint')[0].startTime",
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType"
        "('navigation')).reduce((sum, each) => sum + each.transferSize, 0)",
    )
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/dashboard/")
        page.locator("#floodlights tr").nth(63).wait_for(timeout=30_000)
        paint, size = (float(page.evaluate(each)) for each in script)
        shown = float(page.evaluate("performance.now()"))
    return {"first_paint_ms": paint, "all_shown_ms": shown, "page_bytes": size}


def main() -> int:
    """Measure, print a JSON object, and say which marks are missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if CHROMIUM.path() is None:
        sys.stderr.write(f"not done {CHROMIUM.missing}\n")
        return 1
    runs: dict[str, list[float]] = {"closed": [], "open": []}
    snapshot: list[int] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as up:
        stage = up.enter_context(SIZE.stage(up.enter_context(broker()), Path(folder)))
        stage.probe()
        port = web_port(stage)
        stage.open(RATE, 1.0, WARM_UP)
        for _ in range(arguments.rounds):
            runs["closed"].append(cost(stage))
            with looked_at(port) as sizes:
                runs["open"].append(cost(stage))
            snapshot += sizes
        found: dict[str, Any] = {
            "cpu_us_closed": median(runs["closed"]),
            "cpu_us_open": median(runs["open"]),
            "ratio": median(runs["open"]) / median(runs["closed"]),
            "runs": runs,
            "commands_per_second": RATE,
            "snapshot_bytes": max(snapshot, default=0),
            **painted(port),
        }
    return judged(found, arguments.json)


def judged(found: dict[str, Any], path: Path | None) -> int:
    """Say what was found, and whether it misses a mark."""
    text = json.dumps(found, indent=2)
    if path is not None:
        path.write_text(text + "\n")
    sys.stdout.write(text + "\n")
    missed = [name for name, mark in MARKS.items() if found[name] > mark]
    for name in missed:
        sys.stderr.write(f"{name} is {found[name]:g}, at most {MARKS[name]:g}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
