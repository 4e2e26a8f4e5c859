"""Who may change something, and how often; and who may read."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from time import monotonic

from flrouter.web.access.bucket import Bucket
from flrouter.web.access.people import Person, Role
from flrouter.web.calls.call import Refusal

#: changes in a row, and a second in the long run.
BURST_CHANGES = 100
CHANGES_PER_S = 50.0
#: wrong tokens of one address in a row, and a second in the long run.
BURST_WRONG_TOKENS = 100
WRONG_TOKENS_PER_S = 1.0
#: addresses that wrong tokens are counted of: who has more of them is not stopped by this.
MAX_ADDRESSES = 1_000


class Guard:
    """Admits requests that show the right token."""

    def __init__(
        self, token: str, read_token: str = "", clock: Callable[[], float] = monotonic
    ) -> None:
        """Args:
        token: what requests must show that change something; nothing: only operators' are admitted.
        read_token: what requests must show that read; nothing: all are admitted.
        clock: seconds.
        """
        self._token = token.encode()
        self._read_token = read_token.encode()
        self._clock = clock
        self._changes = Bucket(BURST_CHANGES, CHANGES_PER_S, clock)
        #: address → the wrong tokens that it may still show. By address: nobody keeps others out.
        self._wrong: dict[str, Bucket] = {}

    def admit(self, authorization: str | None, address: str, person: Person | None = None) -> None:
        """Let a change pass that has this header, or is an operator's. Raises :class:`Refusal`."""
        if person is None:
            self._check_token(authorization, address)
        elif person.role is not Role.OPERATOR:
            text = f"{person.name} may not change anything: that needs a group of OPERATOR_GROUPS"
            raise Refusal(403, text)
        if not self._changes.take():
            text = (
                f"too many changes: {CHANGES_PER_S:g} a second are taken, {BURST_CHANGES} in a row"
            )
            raise Refusal(429, text, {"Retry-After": "1"})

    def _check_token(self, authorization: str | None, address: str) -> None:
        if not self._token:
            text = "this router is read-only: set FLROUTER_TOKEN for its workers to allow changes"
            raise Refusal(403, text)
        scheme, _, shown = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            text = "changes need the token: send the header Authorization: Bearer <FLROUTER_TOKEN>"
            raise Refusal(401, text, {"WWW-Authenticate": 'Bearer realm="flrouter"'})
        if not self._is_one_of(shown, address, self._token):
            raise Refusal(403, "the token is wrong: it is FLROUTER_TOKEN of this router's workers")

    def admit_reader(
        self, authorization: str | None, address: str, person: Person | None = None
    ) -> None:
        """Let a request pass that only reads. Raises :class:`Refusal`.

        Browsers send what was typed as a password with whatever any page has them ask for: so it
        is enough to read, and never to change anything.
        """
        if person is not None and person.role is Role.NOBODY:
            raise Refusal(403, f"{person.name} may not read: that needs a group of READER_GROUPS")
        if person is not None or not self._read_token:
            return
        tokens = [token for token in (self._read_token, self._token) if token]
        shown = _shown(authorization or "")
        if not shown or not self._is_one_of(shown, address, *tokens):
            text = (
                "reading needs FLROUTER_READ_TOKEN of this router's workers: as the password in a"
                " browser, or in the header Authorization: Bearer <token>"
            )
            raise Refusal(401, text, {"WWW-Authenticate": 'Basic realm="flrouter"'})

    def listen(self, address: str) -> None:
        """Raises :class:`Refusal` where too much came from that was wrong."""
        if address in self._wrong and self._wrong[address].empty:
            text = f"too many wrong tokens came from {address}: wait, then send the right one"
            raise Refusal(429, text, {"Retry-After": "1"})

    def _is_one_of(self, shown: str, address: str, *tokens: bytes) -> bool:
        self.listen(address)
        given = shown.strip().encode("utf-8", "surrogateescape")
        # In constant time: how long it takes must not tell how much of it is right.
        right = any(hmac.compare_digest(given, token) for token in tokens)
        if not right:
            self.note_wrong(address)
        return right

    def note_wrong(self, address: str) -> None:
        """Something wrong came from there."""
        if address not in self._wrong:
            if len(self._wrong) >= MAX_ADDRESSES:
                self._wrong.clear()
            self._wrong[address] = Bucket(BURST_WRONG_TOKENS, WRONG_TOKENS_PER_S, self._clock)
        self._wrong[address].take()


def _shown(authorization: str) -> str:
    """The token in a header of either scheme; nothing when there is none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[2]
