"""What a runner keeps of its shard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from flrouter.core.effects import Effects
from flrouter.core.table import Table
from flrouter.runtime.checkpoint import Changes
from flrouter.runtime.runner import Runner
from flrouter.runtime.store import Copy

CHANGELOG = "flrouter-pending-changelog"


class _Counting:
    """A core that changes its one row in place."""

    def __init__(self) -> None:
        self.table: Table[list[int]] = Table("pending")
        self.table.put("row", [0])

    def count(self) -> None:
        self.table["row"][0] += 1
        self.table.put("row", self.table["row"])

    def decide(self, batch: object, now: int) -> Effects:
        return Effects()

    def take_changes(self) -> Changes:
        return [("pending", self.table.take_changes())]


class _Around:
    def changelog(self, table: str) -> str:
        return f"flrouter-{table}-changelog"


def test_the_local_copy_has_what_the_changelog_has_however_the_shard_went_on(
    tmp_path: Path,
) -> None:
    """Else a restart begins with a state that is ahead of the records that it reads again."""
    core, around = _Counting(), _Around()
    kept: dict[str, Any] = {}

    async def main() -> dict[str, int]:
        copy = Copy(tmp_path / "shard-0")
        runner = Runner(0, core, around, None, copy)  # type: ignore[arg-type]
        checkpoint = runner.checkpoint()
        core.count()  # while the changelog is written
        runner.kept(checkpoint, {(CHANGELOG, 0): 1})
        [record] = checkpoint.records
        kept["changelog"] = record.value
        positions = copy.load(lambda _table, _key, value: kept.update(copy=value))
        copy.close()
        return positions

    assert asyncio.run(main()) == {CHANGELOG: 1}
    assert kept["copy"] == kept["changelog"] == msgspec.msgpack.encode([0])
