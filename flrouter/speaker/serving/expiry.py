"""Whether a command came too late to be executed.

A command may lie in Kafka while this FL is away, and its requester is told that it failed. Such a
command must not be executed later. Its age is the difference between the Kafka *record* timestamps
of the newest AliveRequest and of the command. The router stamped both, so this machine's clock does
not matter. The envelope's own `timestamp` is not used: requesters may write anything there.
"""

from __future__ import annotations


class Expiry:
    """The clock that AliveRequests carry.

    The newest AliveRequest may lie in another partition than a command of the same age. That does
    not matter while AliveRequests come regularly. After a gap the clock is *stale*: commands wait
    until all partitions have been read up to their present ends (see `CatchUp`).
    """

    def __init__(self, expire_after_ms: int) -> None:
        self._expire_after_ms = expire_after_ms
        self._newest_ms: int | None = None
        self._confirmed_s = 0.0

    def tick(self, timestamp_ms: int, now_s: float) -> None:
        """An AliveRequest was read; `now_s` is this process's monotonic clock."""
        if self._newest_ms is None or timestamp_ms > self._newest_ms:
            self._newest_ms = timestamp_ms
        self._confirmed_s = now_s

    def confirm(self, now_s: float) -> None:
        """Note that everything has been read, so the known AliveRequest is the newest."""
        self._confirmed_s = now_s

    def stale(self, now_s: float) -> bool:
        """Whether a newer AliveRequest may lie unread in some partition."""
        if self._newest_ms is None:
            return False
        return (now_s - self._confirmed_s) * 1000 > self._expire_after_ms

    def expired(self, timestamp_ms: int) -> bool:
        """Whether a record of this timestamp is too old; never before the first AliveRequest."""
        return (
            self._newest_ms is not None and self._newest_ms - timestamp_ms > self._expire_after_ms
        )
