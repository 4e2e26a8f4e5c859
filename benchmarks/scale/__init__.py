"""How cost grows: with switches, FLs and their topics, pending requests, partitions and workers.

And what a switch costs in a command for many, and how long a takeover takes.

Switches, FLs, topics, partitions and workers are measured end to end. A million pending requests
are measured in the core alone: to have them end to end, the FLs would have to be silent, and then
it would be timeouts that are measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from benchmarks.broker import Broker
from benchmarks.progress import Progress
from benchmarks.scale import deployments
from benchmarks.stage import ROOT, Fault
from flrouter.core.state.table import TABLES

#: (switches, FLs, pending) of which the core's cost is measured, by name.
CORES = {
    "10 switches": (10, 4, 100),
    "1,000 switches": (1_000, 4, 100),
    "100,000 switches": (100_000, 4, 100),
    "2 FLs": (1_000, 2, 100),
    "64 FLs": (1_000, 64, 100),
    "100 pending": (1_000, 4, 100),
    "10,000 pending": (1_000, 4, 10_000),
    "1,000,000 pending": (1_000, 4, 1_000_000),
}
#: how often each; a million pending take half a minute.
CORE_ROUNDS = 2
ENTRIES = 1_000_000
#: switches of one command.
GATHERED = 1_000
PARTITIONS = 8


def measure(broker: Broker, folder: Path, progress: Progress) -> dict[str, Any]:
    """All of it: `curves` for the reader, `figures` for the thresholds."""
    progress.say("how cost grows in the core")
    core = _cores()
    for name, found in core.items():
        progress.say(f"  {name}: {found['cpu_us']:.1f} µs per command")
    curves: dict[str, Any] = {"core": core}
    figures: dict[str, float | None] = {
        "scale/pending": core["1,000,000 pending"]["cpu_us"] / core["100 pending"]["cpu_us"],
        "scale/bytes_per_pending": core["1,000,000 pending"]["bytes_per_pending"],
        "scale/bytes_per_switch": core["100,000 switches"]["bytes_per_switch"],
    }
    progress.say(f"a command for {GATHERED:,} switches, against as many commands")
    curves["gather"] = gathered = _python("gather", GATHERED)
    figures["scale/gather"] = gathered["gathered_us"] / gathered["single_us"]
    progress.say(f"  {figures['scale/gather']:.2f} times the CPU per switch")
    for what in deployments.PAIRS:
        progress.say(f"how cost grows with {what}")
        try:
            grown = deployments.compare(what, broker, folder, progress)
        except Fault as fault:
            curves[what] = {"missing": str(fault)}
            progress.say(f"  not measured: {fault}")
        else:
            curves[what] = grown
            figures[f"scale/{what}"] = grown["large"]["cpu_us"] / grown["small"]["cpu_us"]
    progress.say(f"restoring {ENTRIES:,} table entries")
    curves["restore"] = restored = _restore(broker)
    figures["scale/restored_per_second"] = restored["entries"] / restored["seconds"]
    progress.say(f"  {figures['scale/restored_per_second']:,.0f} a second")
    return {"curves": curves, "figures": figures}


def _cores() -> dict[str, dict[str, float]]:
    """What the core costs by name, in turns; the fastest shared its core with nobody."""
    runs: dict[tuple[int, int, int], list[dict[str, float]]] = {each: [] for each in CORES.values()}
    for _ in range(CORE_ROUNDS):
        for sizes, found in runs.items():
            found.append(_python("core", *sizes))
    best = {sizes: min(found, key=lambda each: each["cpu_us"]) for sizes, found in runs.items()}
    return {name: best[sizes] for name, sizes in CORES.items()}


def _restore(broker: Broker) -> dict[str, float]:
    app_id = f"bench-{uuid.uuid4().hex[:8]}"
    changelogs = {f"{app_id}-{table}-changelog": PARTITIONS for table in TABLES}
    broker.create(changelogs, compacted=True)
    found = _python("restore", f"{broker.scheme}://{broker.bootstrap}", app_id, PARTITIONS, ENTRIES)
    if found["entries"] != ENTRIES:
        raise RuntimeError(f"{found['entries']:,} of {ENTRIES:,} entries were restored")
    return found


def _python(module: str, *arguments: object) -> dict[str, float]:
    """Run one of the programs beside this one; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.scale.{module}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found
