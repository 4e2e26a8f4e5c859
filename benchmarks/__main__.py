"""`make bench`: measures, writes down what came out, and fails below a threshold."""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import report, summary, thresholds
from benchmarks.broker import broker
from benchmarks.contenders import ALL, DIRECT
from benchmarks.peers import Peers
from benchmarks.plan import FULL, QUICK
from benchmarks.progress import Progress
from benchmarks.scale import measure


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 when a figure of a full run on Kafka is below its mark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 2 minutes; nothing is kept")
    parser.add_argument("--only", default="", help="names of contenders, with commas between")
    parser.add_argument("--brokers", type=int, default=FULL.brokers, help="of Apache Kafka")
    parser.add_argument("--rounds", type=int, help="turns of each contender")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--no-scale", action="store_true", help="not how cost grows")
    parts.add_argument("--scale", action="store_true", help="nothing but how cost grows")
    chosen = parser.parse_args(arguments)
    plan = QUICK if chosen.quick else FULL
    if chosen.rounds:
        plan = dataclasses.replace(plan, rounds=chosen.rounds)
    # Asked to stop, it ends what it has started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    progress = Progress()
    result: dict[str, Any] = {
        "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "full": plan.rounds >= FULL.rounds and not (chosen.quick or chosen.only),
        "plan": dataclasses.asdict(plan),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python"
        f" {platform.python_version()}",
        "load": [round(os.getloadavg()[0], 2)],
    }
    with (
        tempfile.TemporaryDirectory(prefix="flrouter-bench-") as scratch,
        broker(chosen.brokers) as found,
    ):
        progress.say(f"on {found.title}")
        result["broker"] = found.title
        result["kafka"] = found.scheme == "kafka"
        if not chosen.scale:
            peers = Peers(
                plan, found, Path(scratch), progress, chosen.only.split(",") if chosen.only else ()
            )
            peers.run()
            result["turns"], result["missing"] = peers.turns, peers.missing
            result["latencies"] = summary.latencies(peers.latencies)
        if chosen.scale or (plan.scale and not chosen.no_scale):
            result["scale"] = measure(found, Path(scratch), progress)
    result["load"].append(round(os.getloadavg()[0], 2))
    result["seconds"] = round(progress.seconds)
    return finish(result)


def finish(result: dict[str, Any]) -> int:
    """Work the figures out, write them down and judge them."""
    turns = result.get("turns", {})
    direct = turns.get(DIRECT, [])
    result["figures"] = {name: summary.of_turns(each, direct) for name, each in turns.items()}
    ceiling = result["figures"].get(DIRECT, {}).get("throughput")
    result["limited_by"] = {
        contender.name: summary.limited_by(
            result["figures"][contender.name], ceiling, os.cpu_count() or 1
        )
        for contender in ALL
        if result["figures"].get(contender.name)
    }
    result["ratios"] = summary.ratios(result["figures"])
    grown = result.get("scale", {}).get("figures", {})
    at_rates = summary.added(result.get("latencies", {}))
    judged = thresholds.judge(thresholds.load(), {**result["ratios"], **at_rates, **grown})
    text = report.as_markdown(result, judged)
    report.write(result, judged, text)
    sys.stdout.write(text)
    below = thresholds.failed(judged)
    for each in below:
        kind = "at least" if each.row.more else "at most"
        sys.stderr.write(f"bench: {each.row.text}: {each.value:.3g}, {kind} {each.row.mark:g}\n")
    if below and not (result["full"] and result["kafka"]):
        sys.stderr.write("bench: not judged, as only a full run on Apache Kafka is\n")
        return 0
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
