"""What a deployment needs, from what the benchmarks measured: `python -m benchmarks.model --help`.

Every figure but those marked as assumptions comes from `results/latest.json`, so a new run of
`make bench` calibrates the model anew. What one machine cannot show is in docs/growth.md.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "latest.json"
#: assumption: a worker is planned to be this busy at most, so that it catches up after a takeover.
BUSY = 0.6
#: records in Kafka per command: it, forwarded, acknowledgement, answer, answer passed on.
RECORDS = 5
#: assumption: bytes a record in the log; as the benchmarks' messages, 300 and Kafka's own.
RECORD_BYTES = 400
#: assumption: bytes a second of writing that one broker takes, copies among them.
BROKER_BYTES = 150e6
#: assumption: a compacted changelog is at worst this many times what it keeps.
UNCOMPACTED = 2.0


@dataclass(frozen=True)
class Measured:
    """The benchmarks' figures that the model stands on."""

    commands_per_cpu: float  # of one worker, four FLs, eight partitions
    floodlight_growth: float  # CPU of a command at 64 FLs over that at 2
    partition_growth: float  # CPU of a command at 64 partitions over that at 1
    bytes_per_switch: float
    bytes_per_pending: float
    restored_per_second: float
    base_memory: float

    @classmethod
    def of(cls, results: dict[str, Any]) -> Measured:
        """From what `make bench` wrote. Raises KeyError for a run without its parts."""
        scale, flrouter = results["scale"]["figures"], results["figures"]["flrouter"]
        return cls(
            flrouter["per_cpu_second"],
            scale["scale/floodlights"],
            scale["scale/partitions"],
            scale["scale/bytes_per_switch"],
            scale["scale/bytes_per_pending"],
            scale["scale/restored_per_second"],
            flrouter["memory"],
        )


@dataclass(frozen=True)
class Wanted:
    """A deployment: its size, and what it is asked for."""

    floodlights: int = 4
    switches: int = 1000
    commands: float = 1000.0  # per second
    answer: float = 0.05  # seconds until an FL has answered
    replication: int = 3


@dataclass(frozen=True)
class Needed:
    """What that takes."""

    workers: int
    partitions: int  # of each topic of the router and the FLs
    topic_partitions: int  # of all FLs' topics, each with its copies to be counted by `replication`
    worker_memory: float  # bytes
    brokers: int
    records: float  # per second, into Kafka, without copies
    broker_bytes: float  # per second, of all brokers, copies among them
    changelog_bytes: float
    restore_seconds: float  # of one worker's share
    breaks_first: str


def needed(wanted: Wanted, measured: Measured) -> Needed:
    """The model: costs grow with the logarithm of FLs and partitions, as measured to 64 of each."""
    partitions = workers = 1
    while True:  # more partitions cost more, which may need more workers, which need partitions
        grown = _grown(measured.floodlight_growth, wanted.floodlights, 4, 64 / 2)
        grown *= _grown(measured.partition_growth, partitions / workers, 8, 64)
        workers = max(2, math.ceil(wanted.commands * grown / measured.commands_per_cpu / BUSY))
        enough = 1 << math.ceil(math.log2(4 * workers))
        if partitions >= enough:
            break
        partitions = enough
    pending = wanted.commands * wanted.answer
    records = wanted.commands * RECORDS
    written = records * RECORD_BYTES * wanted.replication
    share = 1 / workers
    rows = wanted.switches + pending
    kept = wanted.switches * measured.bytes_per_switch + pending * measured.bytes_per_pending
    topics = 2 * wanted.floodlights * partitions
    return Needed(
        workers,
        partitions,
        topics,
        measured.base_memory + kept * share,
        max(wanted.replication, math.ceil(written / BROKER_BYTES)),
        records,
        written,
        kept * UNCOMPACTED,
        rows * share / measured.restored_per_second,
        _first(wanted, workers, partitions, topics),
    )


def _grown(ratio: float, value: float, base: float, range_: float) -> float:
    """How much dearer a command is at `value` than where it was measured, at `base`."""
    return float(max(1.0, 1 + (ratio - 1) * math.log(max(value, 1) / base) / math.log(range_)))


def _first(wanted: Wanted, workers: int, partitions: int, topics: int) -> str:
    if partitions > 1024:
        return "PARTITIONS: at most 1024"
    if topics * wanted.replication > 200_000:  # what a KRaft cluster is known to carry
        return "the number of partitions that Kafka carries: two topics for each FL"
    per_fetch = topics / workers
    if per_fetch > 512:  # measured: 64 FLs with 8 partitions on one worker
        return f"fetching: each worker reads some {per_fetch:.0f} partitions"
    if wanted.commands / wanted.floodlights > 10_000:
        return "the FLs: over 10,000 commands a second each"
    return "the workers' processors"


def table(wanted: Wanted, found: Needed) -> str:
    """As Markdown."""
    rows = (
        ("workers (a core each)", f"{found.workers:,}"),
        ("`PARTITIONS`", f"{found.partitions:,}"),
        ("partitions of all FLs' topics", f"{found.topic_partitions:,}"),
        ("memory of a worker", f"{found.worker_memory / 1e6:,.0f} MB"),
        ("records a second into Kafka", f"{found.records:,.0f}"),
        ("bytes a second, copies among them", f"{found.broker_bytes / 1e6:,.1f} MB"),
        ("brokers", f"{found.brokers:,}"),
        ("changelogs, one copy", f"{found.changelog_bytes / 1e6:,.1f} MB"),
        ("restore of a worker's share", f"{found.restore_seconds:,.2f} s"),
        ("what breaks first", found.breaks_first),
    )
    head = (
        f"| {wanted.floodlights:,} FLs, {wanted.switches:,} switches,"
        f" {wanted.commands:,.0f} commands/s | needs |"
    )
    return "\n".join((head, "|---|---|", *(f"| {name} | {value} |" for name, value in rows)))


def main(arguments: Sequence[str] | None = None) -> int:
    """The calculator."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model")
    add = parser.add_argument
    add("--floodlights", type=int, default=Wanted.floodlights)
    add("--switches", type=int, default=Wanted.switches)
    add("--commands", type=float, default=Wanted.commands, help="a second")
    add("--answer", type=float, default=Wanted.answer, help="seconds until an FL has answered")
    add("--replication", type=int, default=Wanted.replication)
    wanted = Wanted(**vars(parser.parse_args(arguments)))
    if min(wanted.floodlights, wanted.switches, wanted.commands, wanted.replication) <= 0:
        parser.error("all figures have to be over 0")
    measured = Measured.of(json.loads(RESULTS.read_text("utf-8")))
    sys.stdout.write(table(wanted, needed(wanted, measured)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
