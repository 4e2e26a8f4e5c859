"""Who may change something, and how often."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from time import monotonic

from flrouter.web.api.bucket import Bucket
from flrouter.web.api.call import Refusal

#: changes in a row, and a second in the long run.
BURST = 100
RATE = 50.0
#: wrong tokens of one address in a row, and a second in the long run.
WRONG_BURST = 100
WRONG_RATE = 1.0
#: addresses that wrong tokens are counted of: who has more of them is not stopped by this.
MOST = 1_000


class Guard:
    """Admits requests that change something."""

    def __init__(self, token: str, clock: Callable[[], float] = monotonic) -> None:
        """Args:
        token: what they must show; nothing: none is admitted.
        clock: seconds.
        """
        self._token = token.encode()
        self._clock = clock
        self._changes = Bucket(BURST, RATE, clock)
        #: address → the wrong tokens that it may still show. By address: nobody keeps others out.
        self._wrong: dict[str, Bucket] = {}

    def admit(self, authorization: str | None, address: str) -> None:
        """Let a request pass that has this header. Raises :class:`Refusal`."""
        if not self._token:
            text = "this router is read-only: set FLROUTER_TOKEN for its workers to allow changes"
            raise Refusal(403, text)
        scheme, _, shown = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            text = "changes need the token: send the header Authorization: Bearer <FLROUTER_TOKEN>"
            raise Refusal(401, text, {"WWW-Authenticate": 'Bearer realm="flrouter"'})
        if address in self._wrong and self._wrong[address].empty:
            text = f"too many wrong tokens came from {address}: wait, then send the right one"
            raise Refusal(429, text, {"Retry-After": "1"})
        # In constant time: how long it takes must not tell how much of it is right.
        if not hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), self._token):
            self._note_wrong(address)
            raise Refusal(403, "the token is wrong: it is FLROUTER_TOKEN of this router's workers")
        if not self._changes.take():
            text = f"too many changes: {RATE:g} a second are taken, {BURST} in a row"
            raise Refusal(429, text, {"Retry-After": "1"})

    def _note_wrong(self, address: str) -> None:
        if address not in self._wrong:
            if len(self._wrong) >= MOST:
                self._wrong.clear()
            self._wrong[address] = Bucket(WRONG_BURST, WRONG_RATE, self._clock)
        self._wrong[address].take()
