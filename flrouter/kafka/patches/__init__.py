"""What aiokafka's consumers need to be fit for this: each repair is pinned to what it changes.

Whoever makes a consumer calls `repair` first, once or a thousand times.
"""

from __future__ import annotations

from flrouter.kafka.patches.closing import close_whole
from flrouter.kafka.patches.gapless import read_without_gaps
from flrouter.kafka.patches.header_names import read_all_header_names

__all__ = ["repair"]


def repair(*, embedded: bool) -> None:
    """Repair all consumers of this process.

    Args:
        embedded: whether the broker is the embedded one, which has a fault of its own.
    """
    read_all_header_names()
    close_whole()
    if embedded:
        read_without_gaps()
