"""Catching up: telling a shard when all that lay in an FL's write topics has been read.

A deadline must not fire over an answer that waits to be read, whoever is to read it: an FL may
write to any partition, so other shards, of other workers, may be the ones that are behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from flrouter.core.state.rules import Rules
from flrouter.ports import Clock, Group, Log, Offsets, Partition

#: a look that lasts longer asks again where partitions end: one that was deleted and made again
#: ends earlier than it did.
ASK_AGAIN_S = 10.0


@dataclass(slots=True)
class _Look:
    """One look at where partitions end, and the wait until they were read up to there."""

    #: what is looked at.
    key: tuple[str, int]
    #: gives the partitions that there are now.
    partitions: Callable[[], Sequence[Partition]]
    #: when (steady s) it began.
    since: float = float("inf")
    waiters: list[Callable[[], None]] = field(default_factory=list)
    #: where those ended that were not read up to there; None before that is known.
    behind: dict[Partition, int] | None = None
    #: when (steady s) their ends were asked for last.
    asked_at: float = float("-inf")
    #: a question is in flight.
    asking: bool = False


@dataclass(eq=False)
class CatchUps:
    """Waits until the group has read what had been written when it was asked (protocol.md, 4.4)."""

    _group: Group
    _log: Log
    _rules: Rules
    #: how far this worker has come with a partition that it owns, else None.
    _progress: Callable[[Partition], int | None]
    #: how many partitions of an FL's write topic are read now.
    _partitions: Callable[[str], int]
    _clock: Clock
    #: per FL and per shard: the look under way, and the one that begins when it is over.
    _looks: dict[tuple[str, int], _Look] = field(default_factory=dict)
    _following: dict[tuple[str, int], _Look] = field(default_factory=dict)

    def ask(self, number: int, floodlight: str, done: Callable[[], None]) -> None:
        """Call `done` when all that is now in the FL's write topics has been read, and then all
        that shards sent to shard `number` because of it.
        """
        here = Partition(self._rules.shards_topic, number)
        self._share(
            (floodlight, -1),
            partial(self._written_by, floodlight),
            partial(self._share, here, lambda: [here], done),
        )

    def _written_by(self, floodlight: str) -> list[Partition]:
        return [
            Partition(topic, at)
            for topic in self._rules.write_topics(floodlight)
            for at in range(self._partitions(topic))
        ]

    @property
    def longest_s(self) -> float:
        """For how many seconds the oldest of those under way has waited."""
        now = self._clock.steady_s()
        return max((now - look.since for look in self._looks.values()), default=0.0)

    def tick(self) -> None:
        """Time has passed: see how far all have come."""
        for look in list(self._looks.values()):
            if not look.asking:
                self._see(look)

    def _share(
        self,
        key: tuple[str, int],
        partitions: Callable[[], Sequence[Partition]],
        done: Callable[[], None],
    ) -> None:
        """Look at most once at a time; those who ask meanwhile share the look that comes next.

        Deadlines come due in every shard many times a second when an FL is dead, and each may use
        any look that began after it.
        """
        look = self._following.get(key)
        if look is None:
            look = self._following[key] = _Look(key, partitions)
        look.waiters.append(done)
        if key not in self._looks:
            self._begin(key)

    def _begin(self, key: tuple[str, int]) -> None:
        look = self._looks[key] = self._following.pop(key)
        look.since = self._clock.steady_s()
        self._see(look)

    def _see(self, look: _Look) -> None:
        now = self._clock.steady_s()
        if look.behind is None or now - look.asked_at > ASK_AGAIN_S:
            look.asking, look.asked_at = True, now
            wanted = look.partitions() if look.behind is None else list(look.behind)
            self._log.ends(wanted, partial(self._ends, look))
            return
        theirs: list[Partition] = []
        read = set(look.partitions())
        for at, end in list(look.behind.items()):
            position = self._progress(at)
            if at not in read:
                del look.behind[at]  # its FL is read no more, or its topic was made anew
            elif position is None:
                theirs.append(at)
            elif position >= end:
                del look.behind[at]
        if theirs:
            look.asking = True
            self._group.committed(theirs, partial(self._committed, look))
        elif not look.behind:
            self._end(look)

    def _ends(self, look: _Look, ends: Offsets | None) -> None:
        look.asking = False
        if ends is not None:
            before = look.behind if look.behind is not None else ends
            look.behind = {at: min(end, before[at]) for at, end in ends.items() if end > 0}
            self._see(look)

    def _committed(self, look: _Look, positions: Offsets | None) -> None:
        look.asking = False
        assert look.behind is not None
        for at, position in (positions or {}).items():
            # One that is ours by now has its own say: it may have begun before what it committed.
            if self._progress(at) is None and position >= look.behind.get(at, position + 1):
                del look.behind[at]
        if not look.behind:
            self._end(look)

    def _end(self, look: _Look) -> None:
        del self._looks[look.key]
        if look.key in self._following:
            self._begin(look.key)
        for done in look.waiters:
            done()
