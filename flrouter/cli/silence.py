"""Workers and shards whose part of an answer of the API is missing (docs/api.md)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from flrouter.cli.output import ranges
from flrouter.failure import Failure


class Silence(NamedTuple):
    """Workers that did not answer, and shards that no worker reported. False if there are none."""

    workers: Collection[str] = frozenset()
    shards: Collection[int] = frozenset()

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Silence:
        """The workers and shards that are missing from an answer."""
        return cls(frozenset(answer["missing"]), frozenset(answer["missing_shards"]))

    def __or__(self, other: Silence) -> Silence:
        return Silence({*self.workers, *other.workers}, {*self.shards, *other.shards})

    def __bool__(self) -> bool:
        return bool(self.workers or self.shards)

    def __str__(self) -> str:
        away = ", ".join(f"{url} does not answer" for url in sorted(self.workers))
        if not self.shards:
            return away
        return f"shards {ranges(self.shards)} unavailable ({away or 'rebalancing'})"

    def admit(self) -> None:
        """Fail if anything is missing. Call it after showing what is known.

        Raises:
            Failure: workers or shards are missing.
        """
        if self:
            raise Failure(f"incomplete: {self}; try again, and see `flrouter status`")
