"""`python -m tests.chaos`: real processes, a seeded schedule of faults, and an account of all."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flrouter import profiles
from tests.chaos.account import unexplained
from tests.chaos.ledger import settle
from tests.chaos.play import Play
from tests.chaos.schedule import TIMES, Fault, rolling_upgrade, schedule
from tests.chaos.stage import Stage
from tests.chaos.traffic import Traffic
from tests.chaos.wires import Wires
from tests.kafka.cluster import Cluster
from tests.kafka.jars import KafkaMissing
from tests.upgrade import release

UPGRADE_HELP = (
    f"from flrouter {release.VERSION} to this one and back, worker by worker;"
    " the faults are kills of workers"
)
WRONG = ("lost", "order_violations", "strangers")


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    add = parser.add_argument
    add("--commands", type=int, default=20_000)
    add("--seed", type=int, default=1)
    add("--guarantee", choices=("at_least_once", "exactly_once"), default="at_least_once")
    add("--profile", choices=profiles.OWN, default="plain")
    add("--workers", type=int, default=2)
    add("--in-flight", type=int, default=1_000, help="commands without an answer at a time")
    add("--faults", type=float, default=1.0, help="1: all of docs/guarantees.md; 0.1: a tenth")
    add("--upgrade", action="store_true", help=UPGRADE_HELP)
    add("--json", type=Path, help="where the account goes as well")
    add("--keep", action="store_true", help="leave the folder with all logs")
    chosen = parser.parse_args(arguments)
    if chosen.upgrade and chosen.profile != "plain":
        parser.error(f"flrouter {release.VERSION} knows no profiles")
    logging.basicConfig(level=logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="flrouter-chaos-"))
    try:
        with ExitStack() as exits:
            before = exits.enter_context(release.checkout()) if chosen.upgrade else None
            cluster = exits.enter_context(Cluster(3))
            found = asyncio.run(run(chosen, cluster, folder, before))
            text = json.dumps(found)
            say(text)
            if chosen.json:
                chosen.json.write_text(text + "\n")
    except (KafkaMissing, release.ReleaseMissing) as missing:
        say(str(missing))
        return 2
    wrong = [name for name in WRONG if found[name]]
    if found["duplicates"] if chosen.guarantee == "exactly_once" else found["unexplained"]:
        wrong.append("duplicates")
    if wrong:
        say(f"broken: {', '.join(wrong)}. Again, with all logs in {folder}: {command(chosen)}")
    elif not chosen.keep:
        shutil.rmtree(folder)
    return 1 if wrong else 0


def command(chosen: argparse.Namespace) -> str:
    """What runs the same schedule again."""
    return (
        f'make chaos ARGS="--commands {chosen.commands} --seed {chosen.seed}'
        f" --guarantee {chosen.guarantee} --profile {chosen.profile} --workers {chosen.workers}"
        f" --in-flight {chosen.in_flight} --faults {chosen.faults:g}"
        f'{" --upgrade" if chosen.upgrade else ""} --keep"'
    )


def faults_of(chosen: argparse.Namespace) -> list[Fault]:
    """The schedule."""
    if chosen.upgrade:
        kills = round(chosen.faults)
        return rolling_upgrade(chosen.seed, chosen.commands, chosen.workers, kills)
    times = {kind: round(count * chosen.faults) for kind, count in TIMES.items()}
    times["one worker less"] = times["one worker more"]
    return schedule(chosen.seed, chosen.commands, times)


async def run(
    chosen: argparse.Namespace, cluster: Cluster, folder: Path, before: Path | None
) -> dict[str, Any]:
    """Play one schedule, and settle up."""
    faults = faults_of(chosen)
    isolation = "read_committed" if chosen.guarantee == "exactly_once" else "read_uncommitted"
    wires = Wires(chosen.profile)
    stage = Stage(cluster, folder, chosen.guarantee, chosen.workers, wires, before)
    traffic = Traffic(cluster.bootstrap, isolation, chosen.commands, chosen.in_flight, wires)
    play = Play(stage, say)
    began = time.monotonic()
    try:
        await asyncio.to_thread(stage.open)
        say(f"seed {chosen.seed}, {chosen.guarantee}: {len(faults)} faults; logs in {folder}")
        began = time.monotonic()
        reading = asyncio.create_task(traffic.read())
        sending = asyncio.create_task(traffic.run())
        try:
            await play.run(faults, traffic, chosen.commands)
            await play.quiet(traffic, chosen.commands)
        finally:
            for task in (sending, reading):
                task.cancel()
            await asyncio.wait([sending, reading])
        stage.check()
        seconds = time.monotonic() - began
        say(f"{len(traffic.answered)} of {traffic.sent} answered after {seconds:.0f} s: settling")
        found = await settle(cluster.bootstrap, isolation, wires)
    finally:
        stage.close()
    return {
        "seed": chosen.seed,
        "guarantee": chosen.guarantee,
        "profile": chosen.profile,
        "upgrade_from": release.COMMIT if before else None,
        "seconds": round(seconds),
        "faults": dict(Counter(fault.kind for fault in faults)),
        **found.as_json(),
        "unexplained": unexplained(found.duplicates, play.troubles, stage.takeovers()),
        "troubles": play.troubles,
    }


def say(line: str) -> None:
    """Tell whoever watches."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
