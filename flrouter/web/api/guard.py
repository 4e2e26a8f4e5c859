"""Who may change something, and how often."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from time import monotonic

from flrouter.web.api.call import Refusal

#: changes in a row, and a second in the long run.
BURST = 100
RATE = 50.0


class Guard:
    """Admits requests that change something."""

    def __init__(self, token: str, clock: Callable[[], float] = monotonic) -> None:
        """Args:
        token: what they must show; nothing: none is admitted.
        clock: seconds.
        """
        self._token = token.encode()
        self._clock = clock
        self._left = float(BURST)
        self._at = clock()

    def admit(self, authorization: str | None) -> None:
        """Let a request pass that has this header. Raises :class:`Refusal`."""
        if not self._token:
            text = "this router is read-only: set FLROUTER_TOKEN for its workers to allow changes"
            raise Refusal(403, text)
        scheme, _, shown = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            text = "changes need the token: send the header Authorization: Bearer <FLROUTER_TOKEN>"
            raise Refusal(401, text, {"WWW-Authenticate": 'Bearer realm="flrouter"'})
        # In constant time: how long it takes must not tell how much of it is right.
        if not hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), self._token):
            raise Refusal(403, "the token is wrong: it is FLROUTER_TOKEN of this router's workers")
        self._take()

    def _take(self) -> None:
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1:
            text = f"too many changes: {RATE:g} a second are taken, {BURST} in a row"
            raise Refusal(429, text, {"Retry-After": "1"})
        self._left -= 1
