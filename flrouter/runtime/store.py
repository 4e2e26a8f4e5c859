"""A local copy of a shard's changelogs, so that a restart reads only what is newer.

The working state is in memory either way; with `STORE=rocksdb` every batch is also kept on disk,
together with how far the copy goes in each changelog.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

#: s; an older copy is not used: Kafka forgets tombstones after a day, and a copy that never saw
#: them would bring keys back to life.
TOO_OLD = 12 * 3600.0

_POSITION = b"\xff"
_SAVED_AT = b"\xfe"


class Copy:
    """The copy of one shard. One worker at a time: RocksDB locks the folder."""

    def __init__(self, folder: Path) -> None:
        from rocksdict import Options, Rdict

        self._folder = folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._db: Any = Rdict(str(folder), Options(raw_mode=True))

    def load(self, apply: Callable[[str, bytes, bytes], None]) -> dict[str, int]:
        """Hand every row to `apply` (table, key, value); returns changelog → next offset to read.

        A copy that is too old is emptied instead.
        """
        saved_at = self._db.get(_SAVED_AT)
        if saved_at is None or time.time() - float(saved_at) > TOO_OLD:
            self.clear()
            return {}
        positions: dict[str, int] = {}
        for key, value in self._db.items():
            if key.startswith(_POSITION):
                positions[key[1:].decode()] = int(value)
            elif key != _SAVED_AT:
                table, _, name = key.partition(b"\0")
                apply(table.decode(), name, value)
        return positions

    def save(
        self,
        rows: Iterable[tuple[str, bytes, bytes | None]],
        positions: Iterable[tuple[str, int]],
    ) -> None:
        """Keep rows (table, key, value or None) and how far each changelog is copied, at once."""
        from rocksdict import WriteBatch

        batch = WriteBatch(raw_mode=True)
        for table, key, value in rows:
            name = table.encode() + b"\0" + key
            if value is None:
                batch.delete(name)
            else:
                batch.put(name, value)
        for topic, position in positions:
            batch.put(_POSITION + topic.encode(), str(position).encode())
        batch.put(_SAVED_AT, str(time.time()).encode())
        self._db.write(batch)

    def clear(self) -> None:
        """Forget everything."""
        from rocksdict import Options, Rdict

        self._db.close()
        shutil.rmtree(self._folder)
        self._db = Rdict(str(self._folder), Options(raw_mode=True))

    def close(self) -> None:
        """Let somebody else open it."""
        self._db.close()
