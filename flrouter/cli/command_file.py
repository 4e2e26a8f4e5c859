"""Commands as people keep them in files: one JSON object, a list of them, or one on each line."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from flrouter.messages.catalog import Catalog, Scope
from flrouter.messages.envelope import Unreadable, decode
from flrouter.messages.switch_id import BadSwitchId


class BadFile(ValueError):
    """The text says which command is wrong, and how."""


class Command(NamedTuple):
    """One that can be sent."""

    correlation_id: str
    #: the record's key: its switch, as requesters do it; else its correlation id.
    key: str
    value: bytes
    reply_to: str | None


def read(text: str, catalog: Catalog) -> list[Command]:
    """The commands in a file; who has no correlation id gets one, and who has no time is of now.

    What a command means is not looked at: that is the router's, which answers.

    Raises:
        BadFile: it has none, or one that is no message, or two of one correlation id.
    """
    commands: dict[str, Command] = {}
    for number, given in enumerate(_objects(text), start=1):
        if not isinstance(given, dict):
            raise BadFile(f"command {number} is {json.dumps(given):.60}: expected a JSON object")
        given.setdefault("timestamp", int(time.time() * 1000))
        if not given.get("correlation_id"):
            given["correlation_id"] = f"send-{uuid.uuid4()}"
        command = _command(given, number, catalog)
        if command.correlation_id in commands:
            raise BadFile(
                f"command {number} has the correlation id {command.correlation_id!r:.100} of an"
                " earlier one: answers could not be told apart"
            )
        commands[command.correlation_id] = command
    if not commands:
        raise BadFile("there is no command in it: expected JSON objects")
    return list(commands.values())


def _objects(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            found, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise BadFile(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
        yield from found if isinstance(found, list) else [found]


def _command(given: dict[str, Any], number: int, catalog: Catalog) -> Command:
    value = json.dumps(given).encode()
    try:
        envelope = decode(value)
    except Unreadable as error:
        raise BadFile(f"command {number}: {error}") from error
    name = envelope.correlation_id or ""
    kind = catalog.command(envelope.kind)
    key = name
    if kind.scope is Scope.SWITCH:
        try:
            key = catalog.switch_of(kind, envelope, value)
        except BadSwitchId:
            pass  # the router says so
    return Command(name, key, value, envelope.reply_to)
