"""A local copy of a shard's changelogs, so that a restart reads only what is newer.

The working state is in memory either way; with `STORE=rocksdb` every checkpoint is also kept on
disk, together with how far the copy goes in each changelog, and behind which fence.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

#: an older copy is not used: Kafka forgets tombstones after a day, and a copy that never saw
#: them would bring keys back to life.
MAX_AGE_S = 12 * 3600.0
#: that are kept at once.
MAX_LATER_ROWS = 10_000

log = logging.getLogger(__name__)

_PLACE = b"\xff"
#: ends the key of a changelog's last fence. Release 0.1.0 takes that for one more changelog.
_FENCE = " fence"
_SAVED_AT = b"\xfe"


class Place(NamedTuple):
    """How far a changelog is copied."""

    #: the next offset to read.
    position: int
    #: the last fence before that.
    fence: int


class Copy:
    """The copy of one shard. One worker at a time: RocksDB locks the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._db = self._open()
        self._later: list[tuple[str, bytes, bytes | None]] = []
        #: a write failed: without its rows no later ones may be kept.
        self._is_behind = False

    def _open(self) -> Any:
        from rocksdict import Options, Rdict

        self._folder.parent.mkdir(parents=True, exist_ok=True)
        return Rdict(str(self._folder), Options(raw_mode=True))

    def load(self, apply: Callable[[str, bytes, bytes], None]) -> dict[str, Place]:
        """Hand every row to `apply` (table, key, value); returns changelog → how far it is copied.

        A copy that is too old is emptied instead.
        """
        saved_at = self._db.get(_SAVED_AT)
        if saved_at is None or time.time() - float(saved_at) > MAX_AGE_S:
            self.clear()
            return {}
        positions: dict[str, int] = {}
        for key, value in self._db.items():
            if key.startswith(_PLACE):
                positions[key[1:].decode()] = int(value)
            elif key != _SAVED_AT:
                table, _, name = key.partition(b"\0")
                apply(table.decode(), name, value)
        return {
            topic: Place(position, positions.get(topic + _FENCE, -1))
            for topic, position in positions.items()
            if not topic.endswith(_FENCE)
        }

    def save_later(self, table: str, key: bytes, value: bytes | None) -> None:
        """Keep a row with the next ones; how far the changelog is copied comes after it."""
        if not self._is_behind:
            self._later.append((table, key, value))
        if len(self._later) == MAX_LATER_ROWS:
            self.save((), {})

    def save(
        self, rows: Iterable[tuple[str, bytes, bytes | None]], places: Mapping[str, Place]
    ) -> None:
        """Keep rows (table, key, value or None) and how far changelogs are copied, at once.

        A copy that cannot be written stays as it was, and whole: the next restart reads more.
        """
        if self._is_behind:
            return
        later, self._later = self._later, []
        changes: dict[bytes, bytes | None] = {
            table.encode() + b"\0" + key: value for table, key, value in (*later, *rows)
        }
        for topic, place in places.items():
            changes[_PLACE + topic.encode()] = str(place.position).encode()
            changes[_PLACE + (topic + _FENCE).encode()] = str(place.fence).encode()
        if places:
            changes[_SAVED_AT] = str(time.time()).encode()
        try:
            self._write(changes)
        except Exception as error:  # noqa: BLE001 - as of a full disk: it has no class of its own
            self._is_behind = True
            log.error("the local copy %s is not written any more: %s", self._folder, error)

    def _write(self, changes: Mapping[bytes, bytes | None]) -> None:
        from rocksdict import WriteBatch

        batch = WriteBatch(raw_mode=True)
        for name, value in changes.items():
            if value is None:
                batch.delete(name)
            else:
                batch.put(name, value)
        self._db.write(batch)

    def clear(self) -> None:
        """Forget everything."""
        self._later.clear()
        self._is_behind = False
        self._db.close()
        self._remove()
        self._db = self._open()

    def _remove(self) -> None:
        shutil.rmtree(self._folder)

    def close(self) -> None:
        """Let somebody else open it."""
        self._db.close()
