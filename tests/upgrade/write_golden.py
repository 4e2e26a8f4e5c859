"""Writes golden files with the code of release 0.1.0: its simulation, and all that this writes::

    PYTHONPATH=<a worktree of it> python tests/upgrade/write_golden.py tests/upgrade/golden

Later releases have another simulation, which keeps its changelogs elsewhere, and rows with headers.

`release.json` has the fields of everything that is written, in order, and the rules that the
simulated router had. `samples.json` has rows of each table and records between shards, each in its
bytes and in words. `shards.json` has the changelogs of whole shards with requests under way.
"""

from __future__ import annotations

import base64
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec

from flrouter.core import peers, records
from tests.core.world import SHARDS, TABLES
from tests.simulation import actions
from tests.simulation.dice import Dice
from tests.simulation.episode import Episode, words_of

#: of each sort.
MAX_SAMPLES = 4
SEEDS, STEPS = range(1, 80), 1_500


def main(folder: Path) -> None:
    """Play, and keep the richest of what was written."""
    samples: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    whole: list[dict[str, Any]] = []
    for seed in SEEDS:
        scene, words = words_of(seed, STEPS)
        episode = Episode(scene)
        table = actions.table(scene)
        dice = Dice()
        for step, word in enumerate(words):
            dice.word = word >> 8
            table[word & 255](episode, dice)
            if step % 50 == 0:
                rows(episode, samples)
        between(episode, samples)
        if len(whole) < MAX_SAMPLES:
            whole += under_way(episode)
    for name in (*TABLES, "command", "report", *(kind.__name__ for kind in get_args(peers.Peer))):
        if not samples[name]:
            sys.stderr.write(f"nothing of {name}\n")
    write(
        folder / "samples.json",
        {name: list(samples[name].values()) for name in sorted(samples)},
    )
    write(folder / "shards.json", whole)
    rules = msgspec.to_builtins(episode.rules, builtin_types=())
    write(folder / "release.json", {"fields": fields(), "rules": {"app_id": rules["app_id"]}})


def write(path: Path, found: object) -> None:
    """One file."""
    path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")


def fields() -> dict[str, list[str]]:
    """The fields of all that is written, in order."""
    kinds: list[Any] = [*get_args(peers.Peer), records.Holder]
    for kind in TABLES.values():
        kinds += get_args(kind) or [kind]
    return {kind.__name__: list(kind.__struct_fields__) for kind in kinds}


def keep(
    samples: dict[str, dict[str, dict[str, Any]]], name: str, shape: str, make: Callable[[], Any]
) -> None:
    """Keep what has another shape than all that is there."""
    if shape not in samples[name] and len(samples[name]) < MAX_SAMPLES:
        samples[name][shape] = make()


def shape_of(value: Any) -> str:
    """Which of its fields say something, and of what sort the numbers are."""
    return ".".join(name for name in value.__struct_fields__ if getattr(value, name))


def rows(episode: Episode, samples: dict[str, dict[str, dict[str, Any]]]) -> None:
    """What the changelogs hold now."""
    for runner in episode.workers.runners:
        for table, kept in runner.kept.items():
            for key, value in kept.items():
                row = msgspec.msgpack.decode(value, type=TABLES[table])
                shape = f"{type(row).__name__} {shape_of(row)}"
                keep(
                    samples,
                    table,
                    shape,
                    lambda key=key, value=value, row=row: {
                        "key": key,
                        "value": text(value),
                        "says": said(row),
                    },
                )


def between(episode: Episode, samples: dict[str, dict[str, dict[str, Any]]]) -> None:
    """What shards wrote for each other."""
    for (topic, _), log in episode.topics.logs.items():
        for record in log if topic == SHARDS else ():
            headers = [[name, value.decode()] for name, value in record.headers]
            what = dict(map(tuple, headers))["flrouter-what"]
            entry: dict[str, Any] = {"headers": headers, "value": text(record.value)}
            if what != "peer":
                keep(samples, what, str(sorted(dict(map(tuple, headers)))), lambda e=entry: e)
                continue
            note = peers.decode(record.value)
            keep(
                samples,
                type(note).__name__,
                shape_of(note),
                lambda entry=entry, note=note: entry | {"says": said(note)},
            )


def under_way(episode: Episode) -> Iterator[dict[str, Any]]:
    """Shards that an FL owes something."""
    for runner in episode.workers.runners:
        pending = [
            msgspec.msgpack.decode(value, type=records.Pending)
            for value in runner.kept["pending"].values()
        ]
        sent = [each for each in pending if each.floodlight and each.gather < 0 and each.switch]
        if sent and len(pending) < 8:
            yield {
                "number": runner.number,
                "partitions": episode.rules.partitions,
                "now": episode.topics.now,
                "rows": {
                    table: {key: text(value) for key, value in kept.items()}
                    for table, kept in runner.kept.items()
                },
            }


def said(value: Any) -> dict[str, Any]:
    """A record in words."""
    found: dict[str, Any] = {"kind": type(value).__name__}
    for name in value.__struct_fields__:
        found[name] = msgspec.to_builtins(getattr(value, name), str_keys=True)
    return found


def text(data: bytes) -> str:
    """Bytes, for JSON."""
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
