"""Logs: lines for people, or a JSON object a line for whoever collects them.

A line of JSON always has ``time`` (UTC), ``level``, ``logger`` and ``message``; with an exception
also ``exception``. What a line is about is in fields of its own (`FIELDS`).
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

#: what a line may be about; `extra=` of a log call. A request is where its command was first read.
FIELDS = ("correlation_id", "request", "shard", "floodlight")

_encode = msgspec.json.Encoder(enc_hook=repr).encode


class JsonFormatter(logging.Formatter):
    """Makes a JSON object of a record; whatever is in it, it is one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if value not in (None, ""):
                line[name] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line).decode()


def _message(record: logging.LogRecord) -> str:
    """The text; lone surrogates, which UTF-8 has no form for, become question marks."""
    return record.getMessage().encode("utf-8", "replace").decode()


def config(log_format: str) -> dict[str, Any] | None:
    """What Faust takes as `logging_config`; None where its own is meant.

    Faust writes to the stream or the file that its options name, with a formatter of one of these
    names; so JSON goes wherever text would.
    """
    if log_format != "json":
        return None
    formatter = {"()": JsonFormatter}
    return {"version": 1, "merge": True, "formatters": {"default": formatter, "colored": formatter}}
