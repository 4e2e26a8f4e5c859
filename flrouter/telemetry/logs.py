"""Logs: lines for people, or for programs a JSON object a line.

A line of JSON always has ``time`` (UTC), ``level``, ``logger`` and ``message``; with an exception
also ``exception``. What a line is about is in fields of its own (`FIELDS`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec

#: what a line may be about: `extra=` of a log call. A request is where its command was read first.
FIELDS = ("correlation_id", "request", "shard", "floodlight")

#: s; a line that comes again within this time is counted and not written.
FOLD_S = 60.0
#: lines that are remembered for it.
MAX_LINES = 1_000
#: ports, times and addresses of objects: lines of a client that differ only in these are the same.
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?")

_encode = msgspec.json.Encoder(enc_hook=repr).encode


class JsonFormatter(logging.Formatter):
    """Makes a JSON object of a record, always on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            # UTF-8 has no form for lone surrogates: they become question marks.
            "message": record.getMessage().encode("utf-8", "replace").decode(),
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if value not in (None, ""):
                line[name] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line).decode()


def config(log_format: str) -> dict[str, Any] | None:
    """Faust's `logging_config`; None for its own.

    Faust takes a formatter of one of these names, for the stream or the file of its options.
    """
    if log_format != "json":
        return None
    formatter = {"()": JsonFormatter}
    return {"version": 1, "merge": True, "formatters": {"default": formatter, "colored": formatter}}


class Folding(logging.Filter):
    """Lets a warning pass once a minute; the next one says how often it came meanwhile.

    Without it, each Kafka client says many times a second that a broker is away.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Args:
        clock: seconds.
        """
        super().__init__()
        self._clock = clock
        #: line → until when it is folded, and how often it came since it was last written.
        self._lines: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        # Lines about requests are never folded.
        if record.levelno < logging.WARNING or hasattr(record, "request"):
            return True
        now, text = self._clock(), record.getMessage()
        line = (record.name, text if record.name.startswith("flrouter") else _NUMBER.sub("#", text))
        until, left_out = self._lines.get(line, (0.0, 0))
        if now < until:
            self._lines[line] = (until, left_out + 1)
            return False
        if len(self._lines) >= MAX_LINES:
            self._lines.clear()
        self._lines[line] = (now + FOLD_S, 0)
        if left_out:
            record.msg, record.args = f"{text} ({left_out} more like this since the last)", ()
        return True
