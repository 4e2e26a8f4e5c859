"""Errors, as requesters get them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from flrouter.messages import names


class ErrorType(StrEnum):
    """OpenKilda's error types (protocol.md, 2.3)."""

    INTERNAL_ERROR = "INTERNAL_ERROR"
    CREATION_FAILURE = "CREATION_FAILURE"
    UPDATE_FAILURE = "UPDATE_FAILURE"
    DELETION_FAILURE = "DELETION_FAILURE"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    DATA_INVALID = "DATA_INVALID"
    PARAMETERS_INVALID = "PARAMETERS_INVALID"
    REQUEST_INVALID = "REQUEST_INVALID"
    OPERATION_TIMED_OUT = "OPERATION_TIMED_OUT"
    AUTH_FAILED = "AUTH_FAILED"


class Problem(NamedTuple):
    """Why a request failed, as its requester is told."""

    kind: ErrorType
    #: one line.
    message: str
    #: more details, and what to do.
    description: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.message}"

    @property
    def payload(self) -> bytes:
        """The same as the payload of an `ErrorMessage`."""
        return msgspec.json.encode(error_data(*self))


def error_data(kind: ErrorType, message: str, description: str) -> dict[str, str]:
    """The payload of an `ErrorMessage` (protocol.md, 2.3)."""
    return {
        "clazz": names.ERROR_DATA,
        "error-type": kind.value,
        "error-message": message,
        "error-description": description,
    }
