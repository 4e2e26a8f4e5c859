"""The blacklist: requests that were answered with an error, whose late answers are dropped."""

from __future__ import annotations

from collections import deque

from flrouter.core.state.context import Context
from flrouter.core.values.records import Barred


class Blacklist:
    """Forgets each entry when its time is over (protocol.md, 4.6), and the oldest of too many.

    Forgetting early does no harm: an answer to an unknown request is dropped as well. Only a
    command that is read again soon after its error must be known.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        #: (when it expires (ms), request number), oldest first.
        self._order: deque[tuple[int, str]] = deque()

    def rebuild(self) -> None:
        """Put the restored table into its order."""
        table = self._context.blacklist
        self._order = deque(sorted((barred.expires, number) for number, barred in table.items()))

    def rearm(self) -> None:
        """The clock went back: no entry is kept longer than one that is made now."""
        latest = self._context.now + self._context.rules.blacklist_ttl
        for number, barred in self._context.blacklist.items():
            if barred.expires > latest:
                barred.expires = latest
                self._context.blacklist.put(number, barred)
        self.rebuild()

    def put(self, number: str, barred: Barred) -> None:
        """Bar a request until `barred.expires`."""
        self._context.blacklist.put(number, barred)
        self._order.append((barred.expires, number))
        if len(self._order) > self._context.rules.max_pending:
            self._forget(*self._order.popleft())

    def expire(self) -> None:
        """Forget those whose time is over."""
        order, now = self._order, self._context.now
        while order and order[0][0] <= now:
            self._forget(*order.popleft())

    def _forget(self, expires: int, number: str) -> None:
        barred = self._context.blacklist.get(number)
        if barred is not None and barred.expires <= expires:
            self._context.blacklist.drop(number)
