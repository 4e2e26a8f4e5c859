"""Waiting until a drained FL is empty for certain, so that it can be stopped."""

from __future__ import annotations

import time
from typing import NamedTuple

from flrouter.cli.output import progress
from flrouter.cli.router import PAGE_ROWS, Router
from flrouter.cli.silence import Silence
from flrouter.failure import Failure

#: s; between two looks.
_LOOK_INTERVAL_S = 0.5


class Left(NamedTuple):
    """What an FL still has."""

    #: those that it speaks for.
    switches: int
    #: commands without an answer.
    pending: int


def emptied(router: Router, floodlight: str, wait: float) -> Left:
    """Wait until the FL has nothing left, at most `wait` seconds; returns what it has then.

    Raises:
        Failure: nobody can tell.
    """
    until = time.monotonic() + wait
    left: Left | None
    most = 0
    with progress() as bar:
        task = bar.add_task(f"draining {floodlight}", total=None)
        while True:
            try:
                left, doubt = _left(router, floodlight), ""
            except Failure as failure:  # it may pass: a worker starts, or a rebalance ends
                left, doubt = None, failure.message
            if left is not None:
                most = max(most, sum(left))
                bar.update(task, total=most, completed=most - sum(left))
            if left == Left(0, 0) or time.monotonic() > until:
                break
            time.sleep(_LOOK_INTERVAL_S)
    if left is None:
        raise Failure(
            f"whether {floodlight} is empty is not known: {doubt}. Do not stop it yet; see"
            " `flrouter status`, and drain it once more"
        )
    return left


def _left(router: Router, floodlight: str) -> Left:
    """What the FL has now, by all shards.

    Raises:
        Failure: a shard did not answer, or has not read the order to drain it.
    """
    # In this order: an FL without switches is sent no more commands, so none comes after the look
    # at those that are pending. Its own count of switches is of some seconds ago.
    switches = router.get("switches", active=floodlight, limit=PAGE_ROWS)
    detail = router.get("floodlights", floodlight)
    silence = Silence.of(switches) | Silence.of(detail)
    if silence:
        raise Failure(str(silence))
    row, count = detail["floodlight"], len(switches["items"])
    if not row["drained"]:
        raise Failure("it is not drained: the order was not read yet, or another one came since")
    if switches["next"] is not None:
        count = max(count, row["switches"])
    return Left(count, row["pending"])
