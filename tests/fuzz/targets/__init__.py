"""The targets: each takes bytes, reads them as flrouter does, and asserts what is documented."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.targets import (
    amplification,
    changelogs,
    group,
    messages,
    openflow,
    pages,
    peers,
    shard,
    speaker,
)

#: name → what is called with each input; an exception is a finding.
TARGETS: dict[str, Callable[[bytes], None]] = {
    "envelope": messages.envelope,
    "salvage": messages.salvage,
    "shards_topic": peers.shards_topic,
    "peers": peers.peers,
    "changelogs": changelogs.changelogs,
    "group": group.group,
    "speaker": speaker.speaker,
    "openflow": openflow.openflow,
    "pages": pages.pages,
    "shard": shard.shard,
    "amplification": amplification.amplification,
}
