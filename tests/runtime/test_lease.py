"""The lease: nothing is written by a worker that may have lost its shards."""

from __future__ import annotations

import asyncio
from time import monotonic

from flrouter.runtime.lease import Lease


def test_a_new_lease_is_not_valid() -> None:
    """A worker that never committed has proved nothing."""

    async def commit() -> bool:
        return True

    assert not Lease(10.0, commit).valid


def test_a_commit_makes_it_valid_from_when_it_was_sent() -> None:
    """The time counts from the asking, not from the answer: the coordinator may be slow."""

    async def commit() -> bool:
        raise AssertionError("nobody asks")

    lease = Lease(10.0, commit)
    lease.renewed(monotonic())
    assert lease.valid
    lease = Lease(10.0, commit)
    lease.renewed(monotonic() - 10.0)
    assert not lease.valid


def test_a_refused_commit_leaves_it_invalid() -> None:
    """The coordinator does not know the worker any more."""

    async def commit() -> bool:
        return False

    lease = Lease(10.0, commit)
    assert not asyncio.run(lease.renew())
    assert not lease.valid


def test_many_who_ask_at_once_make_one_commit() -> None:
    """All shards of a worker share its lease."""
    asked = 0

    async def commit() -> bool:
        nonlocal asked
        asked += 1
        return True

    async def all_at_once() -> list[bool]:
        lease = Lease(10.0, commit)
        return list(await asyncio.gather(*(lease.renew() for _ in range(20))))

    assert asyncio.run(all_at_once()) == [True] * 20
    assert asked == 1
