"""Of a checkpoint all rows count or none, in whatever order they are read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from flrouter.core.values.effects import Send
from flrouter.kafka.cluster.topics import CHANGELOG
from flrouter.ports import OffsetRange, Partition, Record
from flrouter.runtime.durability.changelog import (
    MAX_UNSEALED_MS,
    SEAL_KEY,
    SEAL_TABLE,
    SEALED,
    WHOLE,
    Changelog,
    Seals,
    a_seal,
    stamp,
)

PENDING, FLS = Partition("pending-changelog", 3), Partition("floodlights-changelog", 3)
TABLES = {"pending": PENDING, SEAL_TABLE: FLS}


class _Log:
    """The changelogs of one shard."""

    def __init__(self) -> None:
        self.rows: dict[Partition, list[Record]] = {PENDING: [], FLS: []}
        self.now = 0

    def append(self, send: Send) -> OffsetRange:
        rows = self.rows[Partition(send.topic, send.partition or 0)]
        rows.append(Record(len(rows), send.key, send.value, send.headers, self.now))
        return OffsetRange(len(rows) - 1, len(rows), 1)


class _Reader:
    """Somebody who reads them: a standby, or whoever takes the shard over."""

    order = tuple(TABLES)

    def __init__(self, log: _Log) -> None:
        self._log = log
        seals = Seals()
        self.changelogs = {
            name: Changelog(name, at, seals=seals, version=SEALED) for name, at in TABLES.items()
        }
        self.tables: dict[str, dict[bytes, bytes]] = {name: {} for name in TABLES}

    def apply(self, table: str, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.tables[table].pop(key, None)
        else:
            self.tables[table][key] = value

    def read(self, name: str) -> None:
        changelog = self.changelogs[name]
        changelog.replay(self._log.rows[TABLES[name]][changelog.position :], self.apply)

    def own(self) -> _Reader:
        """Take the shard over."""
        for changelog in self.changelogs.values():
            changelog.fenced(self._log.append(changelog.a_fence()))
        for name in self.order:
            self.read(name)
        for changelog in self.changelogs.values():
            changelog.settle(self.apply)
        return self

    def write(self, name: str, key: str, value: bytes | None) -> None:
        changelog = self.changelogs[name]
        assert changelog.written(self._log.append(changelog.row(key, value))) is None

    def seal(self) -> None:
        seal = self._log.append(a_seal(list(self.changelogs.values())))
        assert self.changelogs[SEAL_TABLE].written(seal) is None

    @property
    def foreign(self) -> dict[str, set[bytes]]:
        return {name: changelog.foreign for name, changelog in self.changelogs.items()}


@pytest.fixture(params=[1, -1], autouse=True)
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes over may read one changelog first or the other."""
    monkeypatch.setattr(_Reader, "order", tuple(TABLES)[:: request.param])


@pytest.fixture
def log() -> _Log:
    """A shard with one sealed row in each table."""
    log = _Log()
    owner = _Reader(log).own()
    owner.write("pending", "a", b"1")
    owner.write(SEAL_TABLE, "fl", b"1")
    owner.seal()
    owner.write("pending", "a", None)
    owner.write("pending", "b", b"2")
    owner.write(SEAL_TABLE, "fl", b"2")
    return log


OLD = {"pending": {b"a": b"1"}, SEAL_TABLE: {b"fl": b"1"}}
NEW = {"pending": {b"b": b"2"}, SEAL_TABLE: {b"fl": b"2"}}


def test_rows_that_were_not_sealed_are_undone(log: _Log) -> None:
    """Whoever takes the shard over has the state of before, and writes their keys again."""
    successor = _Reader(log).own()
    assert successor.tables == OLD
    assert successor.foreign == {"pending": {b"a", b"b"}, SEAL_TABLE: {b"fl"}}


def test_sealed_rows_count(log: _Log) -> None:
    """All of them."""
    owner = _owner_of(log)
    owner.seal()
    successor = _Reader(log).own()
    assert successor.tables == NEW
    assert successor.foreign == {"pending": set(), SEAL_TABLE: set()}


def _owner_of(log: _Log) -> _Reader:
    """The owner that wrote the last rows."""
    owner = _Reader(log)
    for name, changelog in owner.changelogs.items():
        changelog.epoch, changelog.position = 0, len(log.rows[TABLES[name]])
    return owner


def test_a_takeover_from_a_local_copy_seals_no_half_checkpoint(log: _Log) -> None:
    """No seal lies behind the copy. Whoever takes over next, without one, sees the same rows."""
    for _ in range(2):  # killed before its first checkpoint, once and again
        copied = _Reader(log)
        for name, position in (("pending", 2), (SEAL_TABLE, 3)):
            copied.changelogs[name].copied_to(position, 0)
        copied.tables = {name: dict(rows) for name, rows in OLD.items()}
        copied.own()
        assert copied.tables == OLD
        changelogs = list(copied.changelogs.values())
        log.append(a_seal(changelogs, {each.table: each.counted_to for each in changelogs}))
    successor = _Reader(log).own()
    assert successor.tables == OLD
    assert successor.foreign == {"pending": {b"a", b"b"}, SEAL_TABLE: {b"fl"}}


@pytest.mark.parametrize("names", [["pending", SEAL_TABLE], [SEAL_TABLE, "pending"]])
def test_a_standby_waits_for_the_seal(log: _Log, names: Sequence[str]) -> None:
    """Whichever of the changelogs it reads first."""
    standby = _Reader(log)
    for name in names:
        standby.read(name)
    assert standby.tables == OLD
    _owner_of(log).seal()
    standby.read(SEAL_TABLE)
    assert standby.tables == NEW


def test_what_a_standby_holds_is_foreign_once_it_takes_over(log: _Log) -> None:
    """As for whoever reads all of it then."""
    standby = _Reader(log)
    for name in TABLES:
        standby.read(name)
    assert standby.own().tables == OLD
    assert standby.foreign == {"pending": {b"a", b"b"}, SEAL_TABLE: {b"fl"}}


def test_a_former_owner_s_late_seal_seals_nothing(log: _Log) -> None:
    """Its rows are foreign by then, and it is, too: the owner writes one of its own behind it."""
    former = _owner_of(log)
    successor = _Reader(log).own()
    late = a_seal(list(former.changelogs.values()))
    end = log.append(late).next
    [gap] = [gap for gap in [successor.changelogs[SEAL_TABLE].ended(end)] if gap is not None]
    assert successor.changelogs[SEAL_TABLE].intruded(log.rows[FLS][slice(*gap)]) == {SEAL_KEY}
    assert _Reader(log).own().tables == OLD


def test_rows_that_were_undone_do_not_come_back_with_the_next_seal(log: _Log) -> None:
    """The successor has written their keys again by then, in the same checkpoint."""
    successor = _Reader(log).own()
    successor.write("pending", "a", b"1")
    successor.write("pending", "b", None)
    successor.write(SEAL_TABLE, "fl", b"1")
    third = _Reader(log).own()  # the successor did not come to its seal
    assert third.tables == OLD
    assert third.foreign == {"pending": {b"a", b"b"}, SEAL_TABLE: {b"fl"}}
    for name, key, value in [("pending", "a", b"1"), ("pending", "b", None)]:
        third.write(name, key, value)
    third.write(SEAL_TABLE, "fl", b"1")
    third.seal()
    last = _Reader(log).own()
    assert last.tables == OLD
    assert last.foreign == {"pending": set(), SEAL_TABLE: set()}


@pytest.mark.parametrize("version", [WHOLE, None])
def test_who_needs_no_seal_had_looked_at_all_before(log: _Log, version: int | None) -> None:
    """An owner that writes transactions has written again what was not sealed; one of release 0.1.0
    knows no seals, so all rows were its state.
    """
    successor = _Reader(log).own()
    if version is None:
        log.append(Send(*PENDING, b"c", b"3"))
        expected = {b"b": b"2", b"c": b"3"}
    else:
        successor.changelogs["pending"].version = version
        for key, value in [("a", b"1"), ("b", None), ("c", b"3")]:
            successor.write("pending", key, value)
        expected = {b"a": b"1", b"c": b"3"}
    reader = _Reader(log)
    reader.read("pending")
    assert reader.tables["pending"] == expected
    assert reader.own().foreign["pending"] == set()


def test_a_shard_that_was_never_sealed_has_all_of_its_rows() -> None:
    """Nobody knows then which of them are whole."""
    log = _Log()
    owner = _Reader(log).own()
    owner.write("pending", "a", b"1")
    successor = _Reader(log).own()
    assert successor.tables["pending"] == {b"a": b"1"}
    assert not successor.foreign["pending"]


def test_rows_count_that_nobody_sealed_for_long(log: _Log) -> None:
    """Compaction may have taken what they replaced: then they are all that is left."""
    log.now += MAX_UNSEALED_MS
    assert _Reader(log).own().tables == OLD
    log.now += 1
    assert _Reader(log).own().tables == NEW


def test_a_local_copy_is_sealed(log: _Log) -> None:
    """It was kept with the last whole checkpoint."""
    reader = _Reader(log)
    for name, position in {"pending": 2, SEAL_TABLE: 3}.items():
        reader.tables[name] |= OLD[name]
        reader.changelogs[name].copied_to(position, 0)
    assert reader.own().tables == OLD
    assert reader.foreign == {"pending": {b"a", b"b"}, SEAL_TABLE: {b"fl"}}


def test_a_seal_that_comes_again_takes_nothing_back(log: _Log) -> None:
    """A broker may append it once more after the next one; what that sealed is acknowledged."""
    owner = _owner_of(log)
    first = next(row for row in log.rows[FLS] if row.key == SEAL_KEY)
    owner.seal()
    log.append(Send(*FLS, first.key, first.value, first.headers))
    assert _Reader(log).own().tables == NEW


def test_a_later_owner_s_seal_may_take_back() -> None:
    """Of a changelog that was deleted and made again."""
    log = _Log()
    former = _Reader(log).own()
    for _ in range(3):
        former.write("pending", "a", b"1")
    former.seal()
    log.rows[PENDING].clear()
    successor = _Reader(log)
    successor.own()
    successor.seal()
    successor.write("pending", "b", b"2")
    assert _Reader(log).own().tables["pending"] == {}


def test_rows_of_release_0_1_0_before_a_seal_let_nothing_go_behind_it() -> None:
    """They are left from before the upgrade."""
    log = _Log()
    log.append(Send(*PENDING, b"a", b"0"))
    owner = _Reader(log).own()
    owner.seal()
    owner.write("pending", "b", b"1")
    assert _Reader(log).own().tables["pending"] == {b"a": b"0"}


def test_rows_of_a_transaction_let_nothing_go_in_other_tables(log: _Log) -> None:
    """What was not sealed there is written again in that transaction."""
    successor = _Reader(log).own()
    successor.changelogs[SEAL_TABLE].version = WHOLE
    successor.write(SEAL_TABLE, "another", b"3")
    assert _Reader(log).own().tables["pending"] == OLD["pending"]


def test_rows_count_long_before_compaction_takes_what_they_replaced() -> None:
    """Though clocks of workers differ by minutes."""
    assert int(CHANGELOG["min.compaction.lag.ms"]) >= 2 * MAX_UNSEALED_MS


def test_what_release_0_1_0_had_counts_in_all_tables(log: _Log) -> None:
    """It took all rows for its state, and does not read again what they stand for."""
    log.append(Send(*FLS, b"another", b"3"))
    successor = _Reader(log).own()
    assert successor.tables["pending"] == NEW["pending"]
    assert not successor.foreign["pending"]
    successor.write("pending", "b", b"3")
    successor.seal()
    successor.write("pending", "b", b"4")
    assert _Reader(log).own().tables["pending"] == {b"b": b"3"}  # that is over with the next seal


def test_a_late_row_without_need_of_a_seal_lets_nothing_go(log: _Log) -> None:
    """It is a former owner's."""
    former = Changelog("pending", PENDING, epoch=0)
    _Reader(log).own()
    log.append(former.row("c", b"late"))
    standby = _Reader(log)
    for name in TABLES:
        standby.read(name)
    assert standby.tables == OLD
    successor = standby.own()
    assert successor.foreign["pending"] == {b"a", b"b", b"c"}


def test_all_rows_count_also_old_ones_when_no_seal_is_there(log: _Log) -> None:
    """The changelog of FLs was deleted and made again."""
    log.now += 2 * MAX_UNSEALED_MS
    owner = _owner_of(log)
    owner.write("pending", "c", b"3")
    log.rows[FLS].clear()
    assert _Reader(log).own().tables["pending"] == {b"b": b"2", b"c": b"3"}


def test_only_rows_count_that_are_old_enough(log: _Log) -> None:
    """Those behind them are foreign as ever."""
    owner = _owner_of(log)
    log.now += MAX_UNSEALED_MS + 1
    owner.write("pending", "c", b"3")
    successor = _Reader(log).own()
    assert successor.tables == NEW
    assert successor.foreign == {"pending": {b"c"}, SEAL_TABLE: set()}


def test_whoever_has_settled_goes_on_behind_its_own_fence(log: _Log) -> None:
    """Later seals bring no row back."""
    successor = _Reader(log).own()
    for name, changelog in successor.changelogs.items():
        assert changelog.fence == changelog.epoch
        changelog.seals.ends[name] = changelog.position
        changelog.replay((), _never)


def test_what_a_local_copy_has_is_not_sealed_in_the_log() -> None:
    """Its worker may have been of a release without seals: another one would not know."""
    reader = _Reader(_Log())
    for changelog in reader.changelogs.values():
        changelog.copied_to(1, 0)
        assert changelog.seals.epoch == -1


def test_a_late_row_behind_the_fence_of_a_local_copy_lets_nothing_go() -> None:
    """The copy knows the fence."""
    log = _Log()
    late = Changelog("pending", PENDING, epoch=0).row("a", b"late")
    reader = _Reader(log)
    changelog = reader.changelogs["pending"]
    changelog.copied_to(0, 5)
    for send in (Changelog("pending", PENDING, version=SEALED, epoch=6).row("a", b"new"), late):
        log.append(send)
    reader.read("pending")
    assert reader.tables["pending"] == {}


def test_starting_over_forgets_all_that_was_read(log: _Log) -> None:
    """The topics were made again."""
    reader = _Reader(log)
    for name in TABLES:
        reader.read(name)
    log.append(Send(*PENDING, b"c", b"3"))
    reader.own()
    reader.read("pending")
    changelog = reader.changelogs["pending"]
    changelog.replay([Record(99, b"d", b"", stamp(98, SEALED))], _never)
    changelog.start_over()
    new = Changelog("pending", PENDING, version=SEALED, epoch=changelog.epoch)
    assert vars(changelog) | {"seals": None} == vars(new) | {"seals": None}
    assert vars(changelog.seals) | {"changelogs": []} == vars(Seals())


def _never(table: str, key: bytes, value: bytes | None) -> None:
    raise AssertionError(f"{table}: {key!r}")
