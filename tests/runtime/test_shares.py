"""What shards are made of: their changelogs alone, or a local copy and what came after it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from flrouter.core.shard import Shard
from flrouter.core.values.effects import Send
from flrouter.core.values.records import Barred
from flrouter.kafka.reader import Reader
from flrouter.ports import OffsetRange, Partition, Record
from flrouter.runtime.durability.changelog import FENCE_KEY, Changelog
from flrouter.runtime.durability.guarantee import Checkpoint
from flrouter.runtime.ownership.runner import Share
from flrouter.runtime.rules import rules_of
from flrouter.runtime.state.shares import Shares
from flrouter.settings.model import Settings
from tests.runtime.broker import settings

ROW = msgspec.msgpack.encode(Barred(1, "fl-1", "c"))


def _shares(mine: Settings) -> Shares:
    return Shares(mine, rules_of(mine), partial(Reader, mine))


def _copied(folder: Path) -> Settings:
    return settings("tansu://nowhere:1", store="rocksdb", data_dir=str(folder))


def _shard(shares: Shares, mine: Settings) -> tuple[Shard, Share, Changelog]:
    share = shares.make({0: [Partition(mine.shards_topic, 0)]})[0]
    assert isinstance(share.core, Shard)
    return share.core, share, next(each for each in share.changelogs if each.table == "blacklist")


def _replay(share: Share, changelog: Changelog, rows: Sequence[Record]) -> None:
    changelog.replay(rows, share.apply)
    changelog.reached(rows[-1].offset + 1)
    changelog.settle(share.apply)


def _own(shares: Shares, share: Share, changelog: Changelog, *keys: str) -> None:
    """Rows of the owner's are durable, behind its fence."""
    sends: list[Send] = [changelog.row(key, ROW) for key in keys]
    first = changelog.position
    changelog.written(OffsetRange(first, first + len(sends), len(sends)))
    shares.saved(0, Checkpoint(sends, {}), share.changelogs)


def test_a_shard_reads_partitions_beyond_the_number_of_shards() -> None:
    """Topics of others may have more than there are shards, and get more while workers run."""
    mine = settings("tansu://nowhere:1", partitions=4, inbound_topics=("fits", "larger"))
    shards = Partition(mine.shards_topic, 1)
    own = [shards, Partition("fits", 1), Partition("larger", 1), Partition("larger", 9)]
    assert _shares(mine).dealt(own) == {1: own}


def test_partitions_that_were_dealt_without_their_shard_are_read_by_another() -> None:
    """Leaders of release 0.1.0 do so; nobody takes over a shard that he was not dealt."""
    mine = settings("tansu://nowhere:1", partitions=4, inbound_topics=("larger",))
    own = [Partition(mine.shards_topic, 2), Partition(mine.shards_topic, 3)]
    astray = Partition("larger", 9)
    assert _shares(mine).dealt([*own, astray]) == {2: [own[0], astray], 3: [own[1]]}
    assert not _shares(mine).dealt([astray])


def test_a_copy_holds_what_was_replayed_and_what_was_written(tmp_path: Path) -> None:
    """And goes on behind both; what only its own worker wrote is not read again either."""
    mine = _copied(tmp_path)
    shares = _shares(mine)
    _, share, changelog = _shard(shares, mine)
    _replay(share, changelog, [Record(0, b"replayed", ROW, ()), Record(1, FENCE_KEY, None, ())])
    changelog.fenced(OffsetRange(1, 2, 1))
    _own(shares, share, changelog, "written")
    shares.close([0])
    core, _, changelog = _shard(_shares(mine), mine)
    assert set(core.context.blacklist) == {"replayed", "written"}
    assert (changelog.position, changelog.fence, changelog.copied) == (3, 1, True)
    assert changelog.seals.ends[changelog.table] == 3


def test_a_copy_goes_on_behind_foreign_rows_only_when_they_are_mended(tmp_path: Path) -> None:
    """Or a restart would not know that their keys are to be written again: compaction takes what
    they replaced, and whoever reads the changelog from its beginning finds a row that is foreign.
    """
    mine = _copied(tmp_path)
    shares = _shares(mine)
    _, share, changelog = _shard(shares, mine)
    changelog.fenced(OffsetRange(0, 1, 1))
    _own(shares, share, changelog, "before")
    places = [each.position for each in share.changelogs]
    changelog.torn = True
    for each in share.changelogs:
        each.reached(2)
    _own(shares, share, changelog, "behind")
    shares.close([0])
    core, share, changelog = _shard(shares, mine)
    assert set(core.context.blacklist) == {"before", "behind"}
    assert [each.position for each in share.changelogs] == places
    shares.close([0])


def test_a_copy_of_other_changelogs_is_forgotten(tmp_path: Path) -> None:
    """Whoever restores finds out, and says so; then it is empty, on disk as well."""
    mine = _copied(tmp_path)
    shares = _shares(mine)
    _, share, changelog = _shard(shares, mine)
    changelog.fenced(OffsetRange(0, 1, 1))
    _own(shares, share, changelog, "written")
    shares.close([0])
    core, share, changelog = _shard(shares, mine)
    assert set(core.context.blacklist) == {"written"}
    share.start_over()
    assert not core.context.blacklist
    shares.close([0])
    core, _, changelog = _shard(shares, mine)
    assert not core.context.blacklist
    assert (changelog.position, changelog.copied) == (0, False)
    shares.close([0])
