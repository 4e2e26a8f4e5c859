"""Ingress: a partition of an inbound topic that has other partitions than there are shards.

Its commands are sent on to their homes, and that is all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from flrouter.core.commands import Commands
from flrouter.core.context import Context
from flrouter.core.effects import Effects
from flrouter.core.gathers import Gathers
from flrouter.core.inputs import Command, Input
from flrouter.core.pending import Requests
from flrouter.core.rules import Rules
from flrouter.messages.catalog import Catalog
from flrouter.messages.errors import ErrorType

#: the home of nothing, so every command goes on.
NOWHERE = -1


class Ingress:
    """Sends commands home; those that cannot be read end here."""

    def __init__(self, rules: Rules, catalog: Catalog) -> None:
        self._context = Context(NOWHERE, rules, catalog)
        context = self._context
        self._commands = Commands(context, Requests(context), Gathers(context))

    def decide(self, batch: Iterable[Input], now: int) -> Effects:
        """What follows from `batch` at `now` (ms since the epoch)."""
        context = self._context
        context.now = now
        effects = context.effects = Effects()
        for item in batch:
            if isinstance(item, Command):
                try:
                    self._commands.take(item)
                except Exception as error:  # noqa: BLE001 - no bug may lose a record
                    reason = f"INTERNAL_ERROR: {error!r}"
                    self._commands.fail(item, ErrorType.INTERNAL_ERROR, reason)
        return effects

    def take_changes(self) -> list[tuple[str, list[tuple[str, Any]]]]:
        """Nothing: it has no state."""
        return []

    def write_again(self, table: str, keys: Collection[str]) -> None:
        """Nothing: it has no tables."""
