"""Rejections: how a command ends at once."""

from __future__ import annotations

from flrouter.messages.envelope import Envelope, Unreadable, decode
from flrouter.messages.errors import ErrorType, Problem


class Rejected(Exception):
    """A command that ends at once with an error (protocol.md, 4.2); `keep`: a dead letter too."""

    def __init__(
        self, kind: ErrorType, message: str, description: str = "", *, keep: bool = False
    ) -> None:
        super().__init__(message)
        self.problem = Problem(kind, message, description)
        self.keep = keep


def invalid(
    message: str, description: str, kind: ErrorType = ErrorType.REQUEST_INVALID
) -> Rejected:
    """For a command that nobody could carry out: it is kept as a dead letter."""
    return Rejected(kind, message, description, keep=True)


def too_large(why: str) -> Rejected:
    """For a command whose parts or copies would be too large; `why` says the limit."""
    return invalid("the command would become too large", why, ErrorType.PARAMETERS_INVALID)


def unreadable(why: str) -> Rejected:
    """For a command that cannot be read."""
    return invalid("the command cannot be read", why[:500])


def envelope_of(data: bytes) -> Envelope:
    """The envelope of a command that was kept, or made, by a shard.

    Raises:
        Rejected: it cannot be read.
    """
    try:
        return decode(data)
    except Unreadable as error:
        raise unreadable(str(error)) from error
