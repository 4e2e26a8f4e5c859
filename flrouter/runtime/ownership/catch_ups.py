"""Catching up: telling a shard when all that lay in an FL's write topics has been read.

A deadline must not fire over an answer that waits to be read, whoever is to read it: an FL may
write to any partition, so other shards, of other workers, may be the ones that are behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from flrouter.core.state.rules import Rules
from flrouter.ports import Clock, Group, Log, Partition

#: s; a look that lasts longer asks again where partitions end: one that was deleted and made again
#: ends earlier than it did.
ASK_AGAIN_S = 10.0


class _Look:
    """One look at where partitions end, and the wait until they were read up to there."""

    def __init__(self, partitions: Callable[[], Sequence[Partition]]) -> None:
        #: those that there are now.
        self.partitions = partitions
        #: when (steady s) it began.
        self.since = float("inf")
        self.waiters: list[Callable[[], None]] = []
        #: where they ended; None before that is known. Those that were read to there are left out.
        self.behind: dict[Partition, int] | None = None
        #: when (steady s) it was asked for that last.
        self.asked_at = float("-inf")
        #: somebody was asked, and has not answered.
        self.asking = False


class CatchUps:
    """Waits until the group has read what had been written when it was asked."""

    def __init__(
        self,
        group: Group,
        log: Log,
        rules: Rules,
        progress: Callable[[Partition], int | None],
        partitions: Callable[[str], int],
        clock: Clock,
    ) -> None:
        """Args:
        group: knows how far other workers have come.
        log: knows where partitions end.
        rules: the shards'.
        progress: how far this worker has come with a partition that it owns, else None.
        partitions: how many partitions of an FL's write topic are read now.
        clock: the time.
        """
        self._group = group
        self._log = log
        self._rules = rules
        self._progress = progress
        self._partitions = partitions
        self._clock = clock
        #: by what is looked at: the look under way, and the one that begins when it is over.
        self._looks: dict[tuple[str, int], _Look] = {}
        self._following: dict[tuple[str, int], _Look] = {}

    def ask(self, floodlight: str, number: int, done: Callable[[], None]) -> None:
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
        for key, look in list(self._looks.items()):
            if not look.asking:
                self._see(key, look)

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
            look = self._following[key] = _Look(partitions)
        look.waiters.append(done)
        if key not in self._looks:
            self._begin(key)

    def _begin(self, key: tuple[str, int]) -> None:
        look = self._looks[key] = self._following.pop(key)
        look.since = self._clock.steady_s()
        self._see(key, look)

    def _see(self, key: tuple[str, int], look: _Look) -> None:
        now = self._clock.steady_s()
        if look.behind is None or now - look.asked_at > ASK_AGAIN_S:
            look.asking, look.asked_at = True, now
            wanted = look.partitions() if look.behind is None else list(look.behind)
            self._log.ends(wanted, partial(self._ends, key, look))
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
            self._group.committed(theirs, partial(self._committed, key, look))
        elif not look.behind:
            self._end(key, look)

    def _ends(
        self, key: tuple[str, int], look: _Look, ends: Mapping[Partition, int] | None
    ) -> None:
        look.asking = False
        if ends is not None:
            before = look.behind if look.behind is not None else ends
            look.behind = {at: min(end, before[at]) for at, end in ends.items() if end > 0}
            self._see(key, look)

    def _committed(
        self, key: tuple[str, int], look: _Look, positions: Mapping[Partition, int] | None
    ) -> None:
        look.asking = False
        assert look.behind is not None
        for at, position in (positions or {}).items():
            # One that is ours by now has its own say: it may have begun before what it committed.
            if self._progress(at) is None and position >= look.behind.get(at, position + 1):
                del look.behind[at]
        if not look.behind:
            self._end(key, look)

    def _end(self, key: tuple[str, int], look: _Look) -> None:
        del self._looks[key]
        if key in self._following:
            self._begin(key)
        for done in look.waiters:
            done()
