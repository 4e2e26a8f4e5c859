"""Rejections: how a command ends at once."""

from __future__ import annotations

from flrouter.messages.errors import ErrorType, Problem


class Rejected(Exception):
    """A command that ends at once with an error; `keep` says that it is dead-lettered too."""

    def __init__(
        self, kind: ErrorType, message: str, description: str = "", *, keep: bool = False
    ) -> None:
        super().__init__(message)
        self.problem = Problem(kind, message, description)
        self.keep = keep


def too_large(why: str) -> Rejected:
    """For a command that would become too much; `why` says the limit and what to do."""
    return invalid(ErrorType.PARAMETERS_INVALID, "the command would become too large", why)


def invalid(kind: ErrorType, message: str, description: str) -> Rejected:
    """For a command that nobody could carry out: it is kept, for somebody to look into."""
    return Rejected(kind, message, description, keep=True)
