"""Catching up with an FL that has several write topics."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flrouter.ports import Partition
from flrouter.runtime.ownership.catch_ups import ASK_AGAIN_S, CatchUps
from tests.core.world import SHARDS, rules


class _Clock:
    """A test sets it."""

    s = 1_000.0

    def now_ms(self) -> int:
        return round(self.s * 1_000)

    def steady_s(self) -> float:
        return self.s


class _Kafka:
    """Both ports; a test says how far the group has read."""

    def __init__(self, ends: dict[Partition, int]) -> None:
        self._ends = ends
        self.committed_offsets: dict[Partition, int] = {}

    def ends(self, partitions: Collection[Partition], done: Any) -> None:
        done({at: self._ends.get(at, 0) for at in partitions})

    def committed(self, partitions: Collection[Partition], done: Any) -> None:
        offsets = self.committed_offsets
        done({at: offsets[at] for at in partitions if at in offsets})


def _catch_ups(kafka: Any, progress: Any, *topics: str) -> CatchUps:
    """With three partitions of each topic that an FL writes."""
    return CatchUps(kafka, kafka, rules(fl_write_topics=topics), progress, lambda _: 3, _Clock())


def test_all_write_topics_are_read_before_a_deadline() -> None:
    """Whichever of them is the last."""
    answer, statistics = Partition("a.fl-1", 2), Partition("b.fl-1", 0)
    for first, last in ((answer, statistics), (statistics, answer)):
        kafka: Any = _Kafka({answer: 5, statistics: 3})
        catch_ups = _catch_ups(kafka, {}.get, "a.{fl}", "b.{fl}")
        reached: list[str] = []
        catch_ups.ask(1, "fl-1", lambda reached=reached: reached.append("caught up"))
        kafka.committed_offsets[first] = 5
        catch_ups.tick()
        assert not reached
        kafka.committed_offsets[last] = 5
        catch_ups.tick()
        assert reached == ["caught up"]


def test_what_other_shards_passed_on_is_read_too() -> None:
    """As far as it lay there when all that the FL had written was read."""
    written, passed = Partition("a.fl-1", 0), Partition(SHARDS, 1)
    ends = {written: 1, passed: 8}
    own_progress = {passed: 8}
    kafka: Any = _Kafka(ends)
    catch_ups = _catch_ups(kafka, own_progress.get, "a.{fl}")
    reached: list[str] = []
    catch_ups.ask(1, "fl-1", lambda: reached.append("caught up"))
    ends[passed] = 9
    kafka.committed_offsets[written] = 1
    catch_ups.tick()
    assert not reached
    own_progress[passed] = 9
    catch_ups.tick()
    assert reached == ["caught up"]


def test_who_asks_meanwhile_shares_the_next_look() -> None:
    """What an FL wrote after a look began is not in it."""
    written = Partition("a.fl-1", 0)
    ends = {written: 1}
    kafka: Any = _Kafka(ends)
    catch_ups = _catch_ups(kafka, {}.get, "a.{fl}", "b.{fl}")
    reached: list[str] = []
    catch_ups.ask(1, "fl-1", lambda: reached.append("first"))
    ends[written] = 2
    for name in ("second", "third"):
        catch_ups.ask(1, "fl-1", lambda name=name: reached.append(name))
    kafka.committed_offsets[written] = 1
    catch_ups.tick()
    catch_ups.tick()
    assert reached == ["first"]
    kafka.committed_offsets[written] = 2
    catch_ups.tick()
    assert reached == ["first", "second", "third"]


def test_partitions_that_were_added_are_read_before_a_deadline_too() -> None:
    """And of an FL that is left out nothing is: its deadlines fire without."""
    added = Partition("a.fl-1", 5)
    count = {"a.fl-1": 6}
    kafka: Any = _Kafka({added: 1})
    catch_ups = CatchUps(
        kafka, kafka, rules(fl_write_topics=("a.{fl}",)), {}.get, count.__getitem__, _Clock()
    )
    reached: list[str] = []
    catch_ups.ask(1, "fl-1", lambda: reached.append("caught up"))
    catch_ups.tick()
    assert not reached
    count["a.fl-1"] = 0
    catch_ups.tick()
    assert reached == ["caught up"]


def test_a_topic_that_is_made_again_holds_no_deadline_up() -> None:
    """What lay in the one before is not there any more; what lies in the new one is read."""
    written = Partition("a.fl-1", 0)
    ends, own_progress, clock = {written: 1_000}, {written: 990}, _Clock()
    kafka: Any = _Kafka(ends)
    catch_ups = CatchUps(
        kafka, kafka, rules(fl_write_topics=("a.{fl}",)), own_progress.get, lambda _: 3, clock
    )
    reached: list[str] = []
    catch_ups.ask(1, "fl-1", lambda: reached.append("caught up"))
    ends[written], own_progress[written] = 2, 1
    clock.s += ASK_AGAIN_S + 1
    catch_ups.tick()
    assert not reached
    own_progress[written] = 2
    catch_ups.tick()
    assert reached == ["caught up"]


def test_how_long_deadlines_have_waited() -> None:
    """The oldest look under way; those that follow it have not begun."""
    written = Partition("a.fl-1", 0)
    kafka: Any = _Kafka({written: 1})
    clock = _Clock()
    catch_ups = CatchUps(
        kafka, kafka, rules(fl_write_topics=("a.{fl}",)), {}.get, lambda _: 3, clock
    )
    assert catch_ups.longest_s == 0
    catch_ups.ask(1, "fl-1", lambda: None)
    clock.s += 40
    catch_ups.ask(1, "fl-1", lambda: None)
    clock.s += 30
    assert catch_ups.longest_s == 70
    kafka.committed_offsets[written] = 1
    catch_ups.tick()
    assert catch_ups.longest_s == 0, "the next one begins now"
    catch_ups.tick()
    assert catch_ups.longest_s == 0
