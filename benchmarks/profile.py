"""Where a worker spends its time under load: py-spy's samples, summed up per function.

make bench-profile                       # 15 s with 2,000 commands in flight
make bench-profile ARGS="--lines 40 --floodlights 64"
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.broker import broker
from benchmarks.contenders import ALL, OURS
from benchmarks.layout import Layout
from benchmarks.plan import FULL
from benchmarks.stage import Stage

#: s; so that the sampling lies within the load.
MARGIN = 2.0
#: what a thread does that waits, though py-spy takes some of it for work.
_WAITING = ("EpollSelector.select (", "_worker (concurrent/futures/")
#: what lies below everything, and tells nothing.
_BELOW = ("click/", "runpy", "faust/cli/", "mode/", "threading.py", "asyncio/", "flrouter/__main__")


class Share(NamedTuple):
    """One function's part of all samples, from 0 to 1."""

    name: str
    #: while it ran itself.
    alone: float
    #: while it, or something that it called, ran.
    whole: float


def shares(stacks: Iterable[str]) -> list[Share]:
    """Sum up samples, as py-spy writes them: `outer;inner count`, a line for each stack.

    Those of threads that wait are left out.
    """
    alone: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if frames[-1].startswith(_WAITING):
            continue
        alone[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    total = alone.total()
    found = (Share(name, alone[name] / total, whole[name] / total) for name in whole)
    return sorted(found, key=lambda each: (each.alone, each.whole), reverse=True)


def as_text(found: Sequence[Share], lines: int) -> str:
    """The functions that ran most, and those below which most was run."""
    told = [each for each in found if not any(part in each.name for part in _BELOW)]
    by_whole = sorted(told, key=lambda each: each.whole, reverse=True)
    parts = []
    for title, some in (("by itself", found[:lines]), ("with all it calls", by_whole[:lines])):
        rows = [f"{each.alone:7.1%} {each.whole:7.1%}  {each.name}" for each in some]
        parts.append("\n".join([f"-- {title}", "  itself   whole  function", *rows]))
    return "\n\n".join(parts) + "\n"


def record(pid: int, seconds: float, folder: Path) -> list[str]:
    """Sample a process for so long; its stacks, of those threads that held a processor."""
    raw = folder / "stacks"
    subprocess.run(
        [
            *("py-spy", "record", "--pid", str(pid), "--duration", str(round(seconds))),
            *("--rate", "200", "--format", "raw", "--function", "--output", str(raw)),
        ],
        capture_output=True,
        check=True,
        env={"PATH": str(Path(sys.executable).parent)},
    )
    return raw.read_text("utf-8").splitlines()


def main(arguments: Sequence[str]) -> None:
    """Load a worker, sample it, print what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--lines", type=int, default=25, help="functions in each list")
    parser.add_argument("--in-flight", type=int, default=FULL.in_flight)
    parser.add_argument("--floodlights", type=int, default=4)
    chosen = parser.parse_args(arguments)
    ours = next(each for each in ALL if each.name == OURS)
    with tempfile.TemporaryDirectory(prefix="flrouter-bench-") as scratch, broker() as found:
        name = f"bench-{uuid.uuid4().hex[:6]}"
        fls = chosen.floodlights
        layout = Layout(found.bootstrap, name, found.scheme, floodlights=fls)
        with Stage(ours, layout, found, Path(scratch)) as stage:
            stage.probe()
            seconds = chosen.seconds + 2 * MARGIN
            order = (chosen.in_flight, seconds)
            load = threading.Thread(target=lambda: results.append(stage.closed(*order)))
            results: list[dict[str, float]] = []
            load.start()
            stacks = record(stage.router_pids[0], chosen.seconds, Path(scratch))
            load.join()
    sys.stdout.write(as_text(shares(stacks), chosen.lines))
    answered, cpu = results[0]["answered"], results[0]["cpu"]
    sys.stdout.write(f"\n{answered:,} commands were answered, router's CPU {cpu}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
