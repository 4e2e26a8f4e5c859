"""What a worker remembers of requests that have ended."""

from __future__ import annotations

import time

from flrouter.core.values.effects import End
from flrouter.telemetry import ended


def end(number: int, took: int = 3, error: str = "", floodlight: str = "fl-1") -> End:
    """A request that took so many ms."""
    cid = f"op-{number}"
    return End(str(number), cid, "in/0/1", "", floodlight, "topic", 1_000, 1_000 + took, error)


def ends(found: ended.EndedRequests) -> list[End]:
    """All that are remembered."""
    return [end for chunk in found.last() for end in chunk.ends()]


def test_only_the_last_are_kept() -> None:
    """Memory stays bounded."""
    found = ended.EndedRequests()
    for start in range(0, ended.MAX_ENDED_REQUESTS + 1_000, 500):
        found.take(3, [end(number) for number in range(start, start + 500)])
    kept = ends(found)
    assert len(kept) == ended.MAX_ENDED_REQUESTS
    assert kept[-1] == end(ended.MAX_ENDED_REQUESTS + 999)
    assert kept[0].number == "1000"
    assert {chunk.shard for chunk in found.last()} == {3}


def test_those_that_failed_are_kept_longer() -> None:
    """However many are answered after them; people look for these."""
    found = ended.EndedRequests()
    found.take(3, [end(1), end(2, error="NOT_FOUND: x"), end(3, floodlight="")])
    assert [each.number for each in ends(found)] == ["1", "3", "2"]
    found.take(4, [end(number) for number in range(10, 10 + ended.MAX_ENDED_REQUESTS)])
    kept = ends(found)
    assert len(kept) == ended.MAX_ENDED_REQUESTS + 1
    assert kept[-1] == end(2, error="NOT_FOUND: x")


def test_they_are_found_by_their_correlation_id() -> None:
    """By all of it, and not where it stands in another field."""
    found = ended.EndedRequests()
    found.take(1, [end(1), end(12), end(1, took=5)])
    [chunk] = found.last()
    assert chunk.about("correlation_id", "op-1") == [end(1), end(1, took=5)]
    assert chunk.about("correlation_id", "op") == []
    assert chunk.about("correlation_id", "topic") == []


def test_it_says_how_far_back_it_remembers() -> None:
    """To its beginning, until the first is forgotten."""
    before = time.time_ns() // 1_000_000
    found = ended.EndedRequests()
    found.take(0, [end(1)])
    answered, failed = found.since()
    assert before <= answered <= failed <= time.time_ns() // 1_000_000
    found.take(0, [end(number) for number in range(2, 2 + ended.MAX_ENDED_REQUESTS)])
    assert found.since() == (1_003, failed)


def test_answers_of_floodlights_are_timed() -> None:
    """In the first bucket that is long enough; errors and commands of no FL are not counted."""
    found = ended.EndedRequests()
    found.take(0, [end(1, 5), end(2, 6), end(3, 100_000), end(4, -7)])
    found.take(0, [end(5, error="NOT_FOUND: x"), end(6, floodlight="")])
    [histogram] = found.latencies.values()
    assert (histogram.counts[0], histogram.counts[1], histogram.counts[-1]) == (2, 1, 1)
    assert sum(histogram.counts) == 4
    assert histogram.total == 100_011  # a clock that was set back takes nothing away
