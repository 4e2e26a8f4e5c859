"""Switch ids: one canonical form for the many ways in which they are written."""

from __future__ import annotations

import re
import reprlib
from functools import lru_cache

_BYTES = re.compile(r"[0-9a-fA-F]{1,2}(?:[:-][0-9a-fA-F]{1,2}){1,7}", re.ASCII)
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,16})", re.ASCII)

_shown = reprlib.Repr()  # what is given comes from outside and may be huge
_shown.maxstring = 60


class BadSwitchId(ValueError):
    """The text is no switch id; the message shows it and says what is allowed."""

    def __init__(self, given: object) -> None:
        #: what stood in the id's place; None: nothing.
        self.given = given
        super().__init__(
            f"{_shown.repr(given)} is no switch id: expected eight colon-separated hex bytes"
            " (00:00:00:00:00:00:00:09; dashes do too), 0x… or at most 16 bare hex digits"
        )


@lru_cache(maxsize=1 << 17)
def _canonical(text: str) -> str:
    if _BYTES.fullmatch(text):
        digits = "".join(byte.zfill(2) for byte in text.replace("-", ":").split(":"))
    elif match := _HEX.fullmatch(text):
        digits = match[1]
    else:
        raise BadSwitchId(text)
    digits = digits.lower().zfill(16)
    return ":".join(digits[at : at + 2] for at in range(0, 16, 2))


def canonical(text: object) -> str:
    """The colon form in lower case, as state and record keys use it (protocol.md, 2.4).

    Raises:
        BadSwitchId: `text` is not a string or not a switch id.
    """
    if not isinstance(text, str):
        raise BadSwitchId(text)
    return _canonical(text)
