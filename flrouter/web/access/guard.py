"""Who may change something, and how often; and who may read."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from time import monotonic

from flrouter.web.access.people import Person, Role
from flrouter.web.calls.call import Refusal

#: changes at once, and a second after that.
BURST_CHANGES = 100
CHANGES_PER_S = 50.0
#: wrong tokens of one address at once, and a second after that.
BURST_WRONG_TOKENS = 100
WRONG_TOKENS_PER_S = 1.0
#: addresses whose wrong tokens are counted. Somebody with more addresses is not stopped by this.
MAX_ADDRESSES = 1_000

#: of a 401: how to show a token.
ASK_FOR_TOKEN = {"WWW-Authenticate": 'Bearer realm="flrouter"'}


class _Bucket:
    """A token bucket: a burst, and a rate at which it fills itself again."""

    def __init__(self, burst: int, rate: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._left = float(burst)
        self._at = clock()

    @property
    def empty(self) -> bool:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left < 1

    def take(self) -> bool:
        if self.empty:
            return False
        self._left -= 1
        return True


class Guard:
    """Admits requests that show the right token."""

    def __init__(
        self, token: str, read_token: str = "", clock: Callable[[], float] = monotonic
    ) -> None:
        """Args:
        token: admits changes; if it is empty, only operators may change anything.
        read_token: admits readers; if it is empty, everybody may read.
        clock: seconds.
        """
        self._token = token.encode()
        self._read_token = read_token.encode()
        self._clock = clock
        self._changes = _Bucket(BURST_CHANGES, CHANGES_PER_S, clock)
        #: address → the wrong tokens that it may still show. By address: nobody locks others out.
        self._wrong: dict[str, _Bucket] = {}

    def admit(self, authorization: str | None, address: str, person: Person | None = None) -> None:
        """Admit a change with this header, or of an operator. Raises :class:`Refusal`."""
        if person is None:
            self._check_token(authorization or "", address)
        elif person.role is not Role.OPERATOR:
            text = f"{person.name} may not change anything: that needs a group of OPERATOR_GROUPS"
            raise Refusal(403, text)
        if not self._changes.take():
            text = f"too many changes: at most {CHANGES_PER_S:g} a second, {BURST_CHANGES} in a row"
            raise Refusal(429, text, {"Retry-After": "1"})

    def _check_token(self, authorization: str, address: str) -> None:
        if not self._token:
            text = "this router is read-only: set FLROUTER_TOKEN for its workers to allow changes"
            raise Refusal(403, text)
        shown = bearer_in(authorization)
        if not shown:
            text = "changes need the token: send the header Authorization: Bearer <FLROUTER_TOKEN>"
            raise Refusal(401, text, ASK_FOR_TOKEN)
        if not self._is_one_of(shown, address, self._token):
            raise Refusal(403, "the token is wrong: it is FLROUTER_TOKEN of this router's workers")

    def admit_reader(
        self, authorization: str | None, address: str, person: Person | None = None
    ) -> None:
        """Admit a request that only reads. Raises :class:`Refusal`.

        A password is enough for this, but never for a change: browsers send it with every request
        that a page of another site makes.
        """
        if person is not None and person.role is Role.NOBODY:
            raise Refusal(403, f"{person.name} may not read: that needs a group of READER_GROUPS")
        if person is not None or not self._read_token:
            return
        tokens = [token for token in (self._read_token, self._token) if token]
        shown = bearer_in(authorization or "") or _password_in(authorization or "")
        if not shown or not self._is_one_of(shown, address, *tokens):
            text = (
                "reading needs FLROUTER_READ_TOKEN of this router's workers: as the password in a"
                " browser, or in the header Authorization: Bearer <token>"
            )
            raise Refusal(401, text, {"WWW-Authenticate": 'Basic realm="flrouter"'})

    def listen(self, address: str) -> None:
        """Raises :class:`Refusal` if too many wrong tokens came from there."""
        if address in self._wrong and self._wrong[address].empty:
            text = f"too many wrong tokens came from {address}: wait, then send the right one"
            raise Refusal(429, text, {"Retry-After": "1"})

    def _is_one_of(self, shown: str, address: str, *tokens: bytes) -> bool:
        self.listen(address)
        given = shown.encode("utf-8", "surrogateescape")
        # In constant time: how long it takes must not say how much of it is right.
        right = any(hmac.compare_digest(given, token) for token in tokens)
        if not right:
            self.note_wrong(address)
        return right

    def note_wrong(self, address: str) -> None:
        """Count a wrong token from there."""
        if address not in self._wrong:
            if len(self._wrong) >= MAX_ADDRESSES:
                self._wrong.clear()
            self._wrong[address] = _Bucket(BURST_WRONG_TOKENS, WRONG_TOKENS_PER_S, self._clock)
        self._wrong[address].take()


def bearer_in(authorization: str) -> str:
    """The token in a header of the scheme Bearer; empty if there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _password_in(authorization: str) -> str:
    """The password in a header of the scheme Basic; empty if there is none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        return ""
    return decoded.partition(":")[2].strip()
