"""Requests that were answered: the last of them, and how long all took."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from flrouter.clock import now_ms
from flrouter.core.values.effects import End
from flrouter.telemetry.histogram import Histogram

#: answered requests that are kept, and as many failed ones, about 250 bytes each. Failed ones are
#: few and looked for most, so answered ones must not push them out.
MAX_ENDED_REQUESTS = 50_000
#: ms; upper bounds of the histogram's buckets.
BOUNDS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[End]).decode


class Chunk(NamedTuple):
    """What ended in one batch of a shard. Encoded: objects spread over the memory slow commands."""

    shard: int
    size: int
    #: when the last of them ended (ms since the epoch).
    until: int
    data: bytes

    def about(self, field: Literal["correlation_id", "switch"], text: str) -> list[End]:
        """Those with this text in this field."""
        if text.encode() not in self.data:
            return []
        return [end for end in self.ends() if getattr(end, field) == text]

    def ends(self) -> list[End]:
        """All of them, in the order in which they ended."""
        return _decode(self.data)


class _Last:
    """The last ends of one kind."""

    def __init__(self) -> None:
        self.chunks: deque[Chunk] = deque()
        #: ms since the epoch; all that ended later are here.
        self.since = now_ms()
        self._count = 0

    def add(self, shard: int, ends: Sequence[End]) -> None:
        """Keep some, at least one, in the place of the oldest."""
        self.chunks.append(Chunk(shard, len(ends), ends[-1].ended, _encode(ends)))
        self._count += len(ends)
        while self._count > MAX_ENDED_REQUESTS:
            oldest = self.chunks.popleft()
            self._count -= oldest.size
            self.since = oldest.until


class EndedRequests:
    """The ends of this worker's requests, counted when they are decided."""

    def __init__(self) -> None:
        self._answered = _Last()
        self._failed = _Last()
        #: FL → how long its answers took (ms); errors of the router are not among them.
        self.latencies: dict[str, Histogram] = {}
        #: all others by the type of the error; "": an answer that was put together of parts.
        self.others: Counter[str] = Counter()
        #: FL → requests that the router answered with an error; "": of no FL.
        self.failed: Counter[str] = Counter()

    def take(self, shard: int, ends: Sequence[End]) -> None:
        """Count and keep these ends of a shard."""
        failed: list[End] = []
        latencies = self.latencies
        for end in ends:
            floodlight = end.floodlight
            if end.error or not floodlight:
                self.others[end.error.partition(":")[0]] += 1
                if end.error:
                    self.failed[floodlight] += 1
                    failed.append(end)
                continue
            histogram = latencies.get(floodlight)
            if histogram is None:
                histogram = latencies[floodlight] = Histogram(BOUNDS)
            histogram.add(end.ended - end.received)
        if failed:
            self._failed.add(shard, failed)
            ends = [end for end in ends if not end.error]
        if ends:
            self._answered.add(shard, ends)

    def outcomes(self) -> Counter[str]:
        """How often requests ended in which way: "answered", or the type of the error."""
        outcomes = Counter({error or "answered": count for error, count in self.others.items()})
        outcomes["answered"] += sum(sum(taken.counts) for taken in self.latencies.values())
        return outcomes

    def last(self) -> list[Chunk]:
        """Those that are kept: answered, then failed; each oldest first."""
        return [*self._answered.chunks, *self._failed.chunks]

    def since(self) -> tuple[int, int]:
        """Since when (ms) all answered requests are kept, and all failed ones."""
        return self._answered.since, self._failed.since
