"""The local copy of a shard's changelogs."""

from __future__ import annotations

from pathlib import Path

import pytest

from flrouter.runtime.state import store
from flrouter.runtime.state.store import Copy, Place

Rows = dict[tuple[str, bytes], bytes]


def _load(copy: Copy) -> tuple[Rows, dict[str, Place]]:
    rows: Rows = {}

    def apply(table: str, key: bytes, value: bytes) -> None:
        rows[table, key] = value

    return rows, copy.load(apply)


def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    """Rows and positions survive together; a row that is gone is gone."""
    copy = Copy(tmp_path / "shard-0")
    copy.save([("switches", b"s1", b"v1"), ("pending", b"p1", b"x")], {"changelog": Place(2, 1)})
    copy.save([("pending", b"p1", None), ("switches", b"s1", b"v2")], {"changelog": Place(4, 3)})
    copy.close()
    copy = Copy(tmp_path / "shard-0")
    assert _load(copy) == ({("switches", b"s1"): b"v2"}, {"changelog": Place(4, 3)})
    copy.close()


def test_the_release_before_can_read_it(tmp_path: Path) -> None:
    """It takes whatever has this mark for the position in one more changelog."""
    copy = Copy(tmp_path / "shard-0")
    copy.save([("switches", b"s1", b"v1")], {"changelog": Place(2, -1)})
    marked = {key: int(value) for key, value in copy._db.items() if key.startswith(b"\xff")}
    assert marked[b"\xffchangelog"] == 2
    copy.close()


def test_a_copy_of_the_release_before_has_no_fence(tmp_path: Path) -> None:
    """It knows of none."""
    copy = Copy(tmp_path / "shard-0")
    copy.save([("switches", b"s1", b"v1")], {"changelog": Place(2, 1)})
    del copy._db[b"\xffchangelog fence"]
    assert _load(copy) == ({("switches", b"s1"): b"v1"}, {"changelog": Place(2, -1)})
    copy.close()


def test_what_is_kept_later_comes_with_the_next_rows(tmp_path: Path) -> None:
    """And before them; a copy that is closed without any ends where it ended before."""
    copy = Copy(tmp_path / "shard-0")
    copy.save_later("switches", b"s1", b"replayed")
    copy.save_later("switches", b"s2", b"replayed")
    copy.save([("switches", b"s1", b"written")], {"changelog": Place(3, -1)})
    copy.save_later("switches", b"s3", b"replayed")
    copy.close()
    copy = Copy(tmp_path / "shard-0")
    rows = {("switches", b"s1"): b"written", ("switches", b"s2"): b"replayed"}
    assert _load(copy) == (rows, {"changelog": Place(3, -1)})
    copy.close()


def test_rows_alone_make_a_copy_no_younger(tmp_path: Path) -> None:
    """What it never saw is behind the places that it knows."""
    copy = Copy(tmp_path / "shard-0")
    copy.save([("switches", b"s1", b"v1")], {})
    assert _load(copy) == ({}, {})
    copy.save([("switches", b"s1", b"v1")], {"changelog": Place(2, 1)})
    saved_at = copy._db[b"\xfe"]
    copy.save([("switches", b"s1", b"v2")], {})
    assert copy._db[b"\xfe"] == saved_at
    copy.close()


def test_a_copy_that_is_too_old_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tombstones that it never saw may be gone from the changelog."""
    copy = Copy(tmp_path / "shard-0")
    copy.save([("switches", b"s1", b"v1")], {"changelog": Place(2, 1)})
    monkeypatch.setattr(store, "MAX_AGE_S", -1.0)
    assert _load(copy) == ({}, {})
    monkeypatch.undo()
    assert _load(copy) == ({}, {})
    copy.close()


def test_a_full_disk_does_not_stop_a_shard(tmp_path: Path) -> None:
    """The copy stays what it was: no later row gets in behind one that is lost."""
    copy = Copy(tmp_path / "shard-0")
    copy.save([("switches", b"s1", b"v1")], {"changelog": Place(2, 1)})
    disk, tries = copy._db, []

    class Full:
        """RocksDB on a disk that is full."""

        def write(self, batch: object) -> None:
            tries.append(batch)
            raise Exception("IO error: No space left on device")

    copy._db = Full()
    copy.save([("switches", b"s1", b"v2")], {"changelog": Place(3, 1)})
    copy._db = disk
    copy.save_later("switches", b"s2", b"v3")
    copy.save([("switches", b"s3", b"v3")], {"changelog": Place(4, 1)})
    copy.close()
    assert len(tries) == 1
    copy = Copy(tmp_path / "shard-0")
    assert _load(copy) == ({("switches", b"s1"): b"v1"}, {"changelog": Place(2, 1)})
    copy.close()


def test_two_workers_cannot_hold_one_copy(tmp_path: Path) -> None:
    """The second is told so; it must not read half of what the first writes."""
    copy = Copy(tmp_path / "shard-0")
    with pytest.raises(Exception, match="lock"):
        Copy(tmp_path / "shard-0")
    copy.close()
