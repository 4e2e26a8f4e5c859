"""Parts of several workers are put together to one picture."""

from __future__ import annotations

import msgspec

from flrouter.runtime.feed import MOST, Happening
from flrouter.web.api.shapes import Floodlight, Latency, ShardRow, Worker
from flrouter.web.dashboard.snapshot import Snapshot, Told, merged


def floodlight(name: str, number: int, **more: object) -> Floodlight:
    """An FL as one worker knows it."""
    row = Floodlight(
        name,
        "up",
        5,
        False,
        True,
        "",
        100,
        number,
        True,
        3,
        4,
        1,
        {"late": 2},
        Latency([1, 1], [1]),
    )
    return msgspec.structs.replace(row, **more)


def part(url: str, *shards: int, **more: object) -> Snapshot:
    """A worker's part."""
    rows = [ShardRow(shard, url, 1, 0, 0, 0, 0, False, 0) for shard in shards]
    worker = Worker(url, list(shards), True, True)
    made = Snapshot(9, url, [], [worker], rows, [], 4, {"answered": 1}, 2)
    return msgspec.structs.replace(made, **more)


def happenings(worker: str, what: str, *began: int) -> list[Told]:
    """What happened there, and when."""
    return [Told(worker, Happening(at, at, at, what, "fl-1")) for at in began]


def test_all_workers_together() -> None:
    """The newest state of an FL, what is counted of it by all, and removed ones not at all."""
    gone = floodlight("fl-2", 8, state="removed")
    whole = merged(
        [
            part("http://a", 0, 2, floodlights=[floodlight("fl-1", 3), gone]),
            part("http://b", 1, floodlights=[floodlight("fl-1", 7, state="outage")]),
        ],
        [Worker("http://c", [3], answering=False)],
    )
    [row] = whole.floodlights
    assert (row.id, row.state, row.switches, row.counts) == ("fl-1", "outage", 6, {"late": 4})
    assert [shard.shard for shard in whole.shards] == [0, 1, 2]
    assert whole.missing_shards == [3]
    assert [(each.url, each.answering) for each in whole.workers] == [
        ("http://a", True),
        ("http://b", True),
        ("http://c", False),
    ]
    assert (whole.ended, whole.dead_letters) == ({"answered": 2}, 4)


def test_the_newest_of_each_kind_is_told() -> None:
    """However much there is of another kind, and of whichever worker."""
    late = range(100, 100 + 2 * MOST)
    whole = merged(
        [
            part("http://a", feed=happenings("http://a", "late", *late)),
            part("http://b", feed=happenings("http://b", "moves", 1)),
        ],
        [],
    )
    began = [told.happening.began for told in whole.feed]
    assert began == [*sorted(late, reverse=True)[:MOST], 1]
