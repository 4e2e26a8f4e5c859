"""The lease: proof that this worker still belongs to the group, and so still owns its shards.

A worker that was frozen past its session timeout has lost its shards without knowing; it must
give them up before it sends anything (protocol.md, 7.5). A commit under the worker's own generation
is the proof: the group's coordinator refuses any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic


class Lease:
    """Valid for most of a session timeout after each commit that the coordinator took."""

    def __init__(self, session_timeout: float, commit: Callable[[], Awaitable[bool]]) -> None:
        """Args:
        session_timeout: the group's, in seconds.
        commit: commits all that is acknowledged, at least one offset; False when refused.
        """
        self._length = session_timeout * 0.8
        self._commit = commit
        self._until = 0.0
        self._renewing = asyncio.Lock()

    @property
    def valid(self) -> bool:
        """Whether nobody else can own this worker's shards now."""
        return monotonic() < self._until

    @property
    def fading(self) -> bool:
        """Whether it is time to renew it, long before it ends."""
        return monotonic() > self._until - self._length / 2

    def renewed(self, asked_at: float) -> None:
        """The coordinator took a commit that was sent at `asked_at` (monotonic seconds)."""
        self._until = max(self._until, asked_at + self._length)

    async def renew(self) -> bool:
        """Ask the coordinator; whether the lease is valid then."""
        async with self._renewing:
            if not self.fading:
                return True
            asked_at = monotonic()
            if await self._commit():
                self.renewed(asked_at)
            return self.valid
