"""Waits until a drained FL is certainly empty, so that it can be stopped."""

from __future__ import annotations

import time
from typing import NamedTuple

from flrouter.cli.output import progress
from flrouter.cli.router import PAGE_ROWS, Router, Silence
from flrouter.failure import Failure

#: s; between two looks.
_LOOK_INTERVAL_S = 0.5


class Left(NamedTuple):
    """The switches and commands that an FL still has."""

    #: switches that the FL is active for.
    switches: int
    #: commands without an answer.
    pending: int


def emptied(router: Router, floodlight: str, wait: float) -> Left:
    """Wait until the FL has nothing left, at most `wait` seconds; returns what is left then.

    Raises:
        Failure: what is left is not known.
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
    """What the FL has now, according to all shards.

    Raises:
        Failure: a shard did not answer, or has not read the order to drain it.
    """
    # Ask for switches first: an FL without switches gets no new commands, so the count of pending
    # commands that follows cannot grow. The FL's own count of switches is some seconds old.
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
