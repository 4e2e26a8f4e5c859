"""Parts of several workers are put together to one picture."""

from __future__ import annotations

import msgspec
import pytest

from flrouter.core.floodlights.sync_run import SyncStatus
from flrouter.telemetry.feed import MAX_HAPPENINGS, FeedItem
from flrouter.web.calls.shapes import Floodlight, Latency, ShardRow, Worker
from flrouter.web.dashboard.snapshot import Entry, Snapshot, merged


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


def happenings(worker: str, what: str, *began: int) -> list[Entry]:
    """What happened there, and when."""
    return [Entry(worker, FeedItem(at, at, at, what, "fl-1")) for at in began]


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


def test_who_reaches_the_brokers_is_believed() -> None:
    """Another worker knows no newer state of an FL, and cannot know whether it holds."""
    unknown = floodlight("fl-1", 3, state="unknown")
    for rows in ([unknown, floodlight("fl-1", 3)], [floodlight("fl-1", 3), unknown]):
        whole = merged([part(f"http://{at}", floodlights=[row]) for at, row in enumerate(rows)], [])
        assert [row.state for row in whole.floodlights] == ["up"]
    assert [row.state for row in merged([part("a", floodlights=[unknown])], []).floodlights] == [
        "unknown"
    ]


OUTAGE = "outage of floodlight fl-1: it does not answer"


def test_what_is_wrong_stays_on_top_until_it_is_over() -> None:
    """However much has happened since; an outage of long ago is another one."""
    feed = [
        Entry("http://a", FeedItem(at, at, at, "note", text))
        for at, text in [(1, OUTAGE), (2, "floodlight fl-1 answers again"), (3, OUTAGE)]
    ]
    feed += happenings("http://a", "unmanaged", 4) + happenings("http://a", "late", *range(5, 9))

    def told(**more: object) -> list[tuple[int, bool]]:
        whole = merged(
            [part("http://a", feed=feed, floodlights=[floodlight("fl-1", 1, **more)])], []
        )
        return [(each.happening.began, each.lasts) for each in whole.feed]

    late = [(at, False) for at in (8, 7, 6, 5)]
    assert told(state="outage") == [(4, True), (3, True), *late, (2, False), (1, False)]
    assert told() == [*late, *((at, False) for at in (4, 3, 2, 1))]


@pytest.mark.parametrize(("ended", "lasts"), [(5, True), (0, False)], ids=["failed", "again"])
def test_a_sync_that_failed_is_wrong_until_the_next_one(ended: int, lasts: bool) -> None:
    """While that runs nobody knows."""
    sync = SyncStatus("fl-1", not ended, 1, 0, 0, [], 0, ended, False)
    row = floodlight("fl-1", 1, sync=sync)
    feed = happenings("http://a", "syncs_failed", 1)
    [told] = merged([part("http://a", feed=feed, floodlights=[row])], []).feed
    assert told.lasts == lasts


@pytest.mark.parametrize(
    ("names", "about"),
    [(["fl-2", "fl-1", "fl-2"], "fl-1, fl-2"), ([f"fl-{n}" for n in range(9)], "9 floodlights")],
)
def test_routine_is_one_line(names: list[str], about: str) -> None:
    """The last one, as of the newest, from all workers."""
    parts = [
        part(f"http://{at}", feed=[Entry(f"http://{at}", FeedItem(1, at, at, "syncs", name, 2))])
        for at, name in enumerate(names)
    ]
    parts[0].feed += happenings("http://0", "late", 0)
    late, routine = merged(parts, []).feed
    assert late.happening.what == "late"
    assert (routine.happening.about, routine.happening.count) == (about, 2 * len(names))
    assert routine.happening.began == len(names) - 1


def test_the_newest_of_each_kind_is_told() -> None:
    """However much there is of another kind, and of whichever worker."""
    late = range(100, 100 + 2 * MAX_HAPPENINGS)
    whole = merged(
        [
            part("http://a", feed=happenings("http://a", "late", *late)),
            part("http://b", feed=happenings("http://b", "moves", 1)),
        ],
        [],
    )
    began = [told.happening.began for told in whole.feed]
    assert began == [*sorted(late, reverse=True)[:MAX_HAPPENINGS], 1]
