"""Homes: which partition, and so which shard, a key belongs to."""

from __future__ import annotations

from functools import lru_cache

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Kafka's own hash of record keys: its default partitioner sends switches home."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ (k >> 24)) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if length & 3:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)


def home(key: str, partitions: int) -> int:
    """The home partition of a switch, an FL or a correlation id, out of `partitions`."""
    # Long keys are not remembered: a correlation id may have a megabyte.
    return (_place if len(key) <= 200 else _place.__wrapped__)(key, partitions)


def shard_of(partition: int, shards: int) -> int:
    """The shard that reads a partition of a topic with any number of them (protocol.md, 3.2)."""
    return partition % shards


def partition_for(key: bytes | None, partitions: int) -> int:
    """Where Kafka's default partitioner puts `key` (protocol.md, 3.2); keyless records go to 0."""
    if key is None:
        return 0
    return (_place if len(key) <= 200 else _place.__wrapped__)(key, partitions)


@lru_cache(maxsize=1 << 18)
def _place(key: str | bytes, partitions: int) -> int:
    data = key.encode() if isinstance(key, str) else key
    return (murmur2(data) & 0x7FFFFFFF) % partitions
