"""Whether a command came too late to be executed.

A command that lay in Kafka while this FL was away must not be executed when the requester has long
been told that it failed. It is judged against the newest AliveRequest, by the Kafka *record*
timestamps of both: both were stamped by the router, so this machine's clock does not matter; and
the envelope's own `timestamp` does not either, because requesters fill it with whatever they like.
"""

from __future__ import annotations


class Expiry:
    """The clock that AliveRequests carry.

    The newest AliveRequest may lie in another partition than a command of the same age. While
    AliveRequests come in regularly that is no matter; after a gap the clock is *stale*, and
    commands wait until all partitions have been read up to what lay there (see `CatchUp`).
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
        """Everything has been read: there is no newer AliveRequest than the one known."""
        self._confirmed_s = now_s

    def stale(self, now_s: float) -> bool:
        """Whether a newer AliveRequest may well lie unread somewhere."""
        if self._newest_ms is None:
            return False
        return (now_s - self._confirmed_s) * 1000 > self._expire_after_ms

    def expired(self, timestamp_ms: int) -> bool:
        """Whether a record of this timestamp is too old; before any AliveRequest nothing is."""
        return (
            self._newest_ms is not None and self._newest_ms - timestamp_ms > self._expire_after_ms
        )
