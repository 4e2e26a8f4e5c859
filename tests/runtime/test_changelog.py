"""What counts in a changelog that a former owner still writes to; of seals see `test_seals.py`."""

from __future__ import annotations

import msgspec
import pytest

from flrouter.core.values.effects import Send
from flrouter.messages import headers
from flrouter.ports import OffsetRange, Partition, Record
from flrouter.runtime.durability.changelog import FENCE_KEY, FORMAT, Changelog, Fenced
from flrouter.runtime.durability.formats import NewerFormat

AT = Partition("flrouter-pending-changelog", 3)


class _Log:
    """A partition: what is appended gets the next offset."""

    def __init__(self) -> None:
        self.rows: list[Record] = []

    def append(self, send: Send) -> OffsetRange:
        assert (send.topic, send.partition) == AT
        self.rows.append(Record(len(self.rows), send.key, send.value, send.headers))
        return OffsetRange(len(self.rows) - 1, len(self.rows), 1)


def _restored(log: _Log) -> tuple[Changelog, dict[bytes, bytes]]:
    changelog, table = Changelog("pending", AT), dict[bytes, bytes]()

    def apply(_table: str, key: bytes, value: bytes | None) -> None:
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value

    changelog.replay(log.rows, apply)
    changelog.settle(apply)
    return changelog, table


def _owner(log: _Log) -> Changelog:
    """Somebody who takes the shard over now."""
    changelog, _ = _restored(log)
    changelog.fenced(log.append(changelog.a_fence()))
    changelog.position = len(log.rows)
    return changelog


def test_rows_of_a_former_owner_behind_the_fence_do_not_count() -> None:
    """Neither what it sets nor what it drops; those before the fence do."""
    log = _Log()
    first = _owner(log)
    log.append(first.row("a", b"1"))
    log.append(first.row("b", b"1"))
    second = _owner(log)
    log.append(second.row("c", b"2"))
    log.append(first.row("a", b"late"))
    log.append(first.row("c", None))
    restored, table = _restored(log)
    assert table == {b"a": b"1", b"b": b"1", b"c": b"2"}
    assert restored.foreign == {b"a", b"c"}


def test_foreign_rows_around_a_transaction_s_marker_are_looked_for() -> None:
    """The marker itself is none, wherever in between another worker's row lies."""
    for others in ([], ["before"], ["after"]):
        log = _Log()
        former, owner = _owner(log), _owner(log)
        offset_range = log.append(owner.row("a", b"1"))
        assert owner.written(offset_range._replace(marked=True)) is None
        if others == ["before"]:
            log.append(former.row("b", b"late"))
        log.rows.append(Record(len(log.rows), None, None, ()))  # the marker
        if others == ["after"]:
            log.append(former.row("b", b"late"))
        gap = owner.written(log.append(owner.row("a", b"2"))._replace(marked=True))
        if not others:
            assert gap is None
        else:
            assert gap is not None
            assert owner.intruded(log.rows[slice(*gap)]) == {b"b"}


def test_what_the_owner_writes_again_is_foreign_no_more() -> None:
    """So nobody has to mend it a second time."""
    log = _Log()
    first, second = _owner(log), _owner(log)
    log.append(first.row("a", b"late"))
    log.append(second.row("a", b"2"))
    restored, table = _restored(log)
    assert (table, restored.foreign) == ({b"a": b"2"}, set())


def test_rows_of_the_release_without_epochs_count_behind_fences_too() -> None:
    """The shard may have gone back to such a worker, which writes no fence."""
    log = _Log()
    log.append(Send(*AT, b"a", b"0"))
    owner = _owner(log)
    log.append(owner.row("b", b"1"))
    log.append(Send(*AT, b"b", b"0 again"))
    log.append(Send(*AT, b"a", None))
    restored, table = _restored(log)
    assert (table, restored.foreign) == ({b"b": b"0 again"}, set())


def test_an_owner_undoes_what_a_worker_of_that_release_writes_too_late() -> None:
    """It knows that the shard is its own."""
    log = _Log()
    owner = _owner(log)
    log.append(Send(*AT, b"a", b"late"))
    gap = owner.ended(len(log.rows))
    assert gap is not None
    assert owner.intruded(log.rows[slice(*gap)]) == {b"a"}


def test_a_row_of_a_later_release_is_told_of() -> None:
    """Whoever reads it wrongly would lose what it says."""
    later = ((headers.ROW, bytes([FORMAT + 1]) + b"whatever"),)
    for row in (Record(0, b"a", b"x", later), Record(0, FENCE_KEY, None, later)):
        with pytest.raises(NewerFormat, match=f"format {FORMAT + 1}, this flrouter reads up to"):
            Changelog("pending", AT).replay([row], lambda *_: None)
        with pytest.raises(NewerFormat):
            Changelog("pending", AT).intruded([row])


def test_a_row_that_nobody_can_read_is_told_of_until_it_is_written_over() -> None:
    """The text says where it lies, under which key, and what to do."""
    changelog = Changelog("pending", AT)

    def apply(_table: str, _key: bytes, value: bytes | None) -> None:
        if value is not None:
            msgspec.msgpack.decode(value)

    good = msgspec.msgpack.encode("row")
    changelog.replay([Record(0, b"a", good, ()), Record(1, b"a", b"\xc1", ())], apply)
    changelog.replay([Record(2, b"b", good, ())], apply)
    [text] = changelog.unreadable.values()
    assert text.startswith(f"{AT.topic}/{AT.number}: the row at offset 1 with the key b'a'")
    assert "null value" in text
    changelog.replay([Record(3, b"a", None, ())], apply)
    assert not changelog.unreadable


def test_the_owner_sees_that_somebody_else_wrote() -> None:
    """Between its own rows, or behind them; its own rows alone are nothing to look at."""
    log = _Log()
    first, second = _owner(log), _owner(log)
    assert second.written(log.append(second.row("a", b"2"))) is None
    log.append(first.row("a", b"late"))
    gap = second.written(log.append(second.row("b", b"2")))
    assert gap is not None
    assert second.intruded(log.rows[slice(*gap)]) == {b"a"}
    assert second.ended(len(log.rows)) is None
    log.append(first.row("b", None))
    gap = second.ended(len(log.rows))
    assert gap is not None
    assert second.intruded(log.rows[slice(*gap)]) == {b"b"}


def test_what_nobody_has_looked_at_yet_is_no_reason_to_count_rows_behind_it() -> None:
    """A late fence may lie there: rows behind it are lost for whoever restores next."""
    log = _Log()
    owner = _owner(log)
    _owner(log)
    assert owner.ended(len(log.rows)) is not None
    assert owner.written(log.append(owner.row("a", b"1"))) is not None
    owner.reached(len(log.rows))
    assert owner.ended(len(log.rows)) is None


def test_the_owner_s_own_rows_twice_are_nothing_to_look_at() -> None:
    """Where a producer was replaced, what it had may be written twice."""
    log = _Log()
    owner = _owner(log)
    log.append(owner.row("a", b"1"))
    gap = owner.written(log.append(owner.row("a", b"1")))
    assert gap is not None
    assert owner.intruded(log.rows[slice(*gap)]) == set()


def test_a_later_fence_takes_the_shard() -> None:
    """Whoever wrote it owns the shard, or will not serve."""
    log = _Log()
    first = _owner(log)
    second = _owner(log)
    gap = first.ended(len(log.rows))
    assert gap is not None
    with pytest.raises(Fenced, match="flrouter-pending-changelog/3 is fenced"):
        first.intruded(log.rows[slice(*gap)])
    assert second.ended(len(log.rows)) is None


def test_what_compaction_leaves_is_enough() -> None:
    """Of a fence nothing, in the end: what stood behind it was written again long before."""
    log = _Log()
    first, second = _owner(log), _owner(log)
    log.append(first.row("a", b"late"))
    log.append(second.row("a", b"2"))
    log.append(second.row("b", b"2"))
    log.rows = [row for row in log.rows if row.value is not None and row.value != b"late"]
    restored, table = _restored(log)
    assert (table, restored.foreign) == ({b"a": b"2", b"b": b"2"}, set())
