"""Parts: the single-switch commands that other shards made of one that lists switches.

A part is a request like any other, but its answer goes to the home of its command, where answers
are put together. What one batch brought goes into one record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from flrouter.core.state.context import Context
from flrouter.core.values.events import Event
from flrouter.core.values.peers import PartResults
from flrouter.core.values.records import Part
from flrouter.core.values.request import read_number
from flrouter.messages.errors import Problem

T = TypeVar("T")
#: results that go into one record, unless a single one is larger.
FULL_RECORD_BYTES = 100_000
#: what a part takes in a record between shards, beside its payload.
PART_OVERHEAD_BYTES = 50


def part_number(number: str, index: int) -> str:
    """The request number of part `index` of the command with this number."""
    return f"{number}.{index}"


def in_records(
    items: Iterable[T], size_of: Callable[[T], int], room: int, most: int | None = None
) -> Iterator[list[T]]:
    """The items in groups, each small enough for one record between shards.

    Args:
        items: at least one.
        size_of: the bytes of one item, without :data:`PART_OVERHEAD_BYTES`.
        room: the bytes of a group, unless a single item has more.
        most: the items of a group.
    """
    some: list[T] = []
    size = 0
    for item in items:
        own = size_of(item) + PART_OVERHEAD_BYTES
        if some and (len(some) == most or size + own > room):
            yield some
            some, size = [], 0
        some.append(item)
        size += own
    yield some


class Parts:
    """Results of parts (protocol.md, 5.2) of this shard, on their way to the commands' homes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        #: (the command's home, its number) → index, link and result.
        self._results: dict[tuple[int, str], list[tuple[int, int, Part]]] = {}

    def answered(self, number: str, gather: int, link: int, result: Part) -> None:
        """Something came for a part.

        Args:
            number: the part's.
            gather: the home of its command.
            link: of a chain, from 0.
        """
        command, _, last = number.rpartition(".")
        index = read_number(last)
        # A record for a partition that does not exist would be retried forever.
        if index is not None and gather < self._context.rules.partitions:
            self._results.setdefault((gather, command), []).append((index, link, result))

    def failed(self, number: str, gather: int, problem: Problem) -> bytes:
        """A part ended with an error; returns that as a payload."""
        error = problem.payload
        self.answered(number, gather, 0, Part(False, 0, error))
        self._context.count(Event.PART_ERRORS, problem.kind.value)
        return error

    def tell(self) -> None:
        """At the end of a batch: send the results to the commands' homes."""
        room = min(FULL_RECORD_BYTES, self._context.rules.max_message_bytes)
        for (gather, number), results in self._results.items():
            for some in in_records(results, lambda result: len(result[2].payload), room):
                self._context.tell(gather, PartResults(number, some))
        self._results.clear()
