"""Files of commands: one JSON object, an array of objects, or one object per line."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import msgspec

from flrouter.messages import members
from flrouter.messages.correlation import with_correlation_id
from flrouter.messages.envelope import COMMANDS, Envelope, Unreadable, decode
from flrouter.messages.kinds.catalog import Catalog, CommandKind, Done, Scope
from flrouter.messages.switch_id import BadSwitchId

_any = msgspec.json.Decoder()


class BadFile(ValueError):
    """The file holds something other than commands; the text says what, and where."""


class FileCommand(msgspec.Struct, frozen=True):
    """One command of a file, ready to be sent."""

    value: bytes
    correlation_id: str
    #: the canonical id of the command's switch; empty if it is for several switches, or for none.
    switch: str
    #: topics for the answer; the second is used if `reply_to` names a topic that cannot exist.
    topics: tuple[str, ...]
    #: whether the command gets any number of answers, of which none is marked as the last.
    endless: bool
    #: the inbound topic for commands of this kind; empty: any.
    inbound: str = ""

    @property
    def key(self) -> bytes:
        """The key of the record. It keeps commands to one switch in order."""
        return (self.switch or self.correlation_id).encode()


def read(data: bytes, catalog: Catalog, largest: int) -> list[FileCommand]:
    """The commands of a file, in its order, each of at most `largest` bytes.

    Those without a correlation id are given one.

    Raises:
        BadFile: the file holds no commands, or something else.
    """
    commands = [_command(*entry, catalog, largest) for entry in _split(data)]
    if not commands:
        raise BadFile("there is no command in it")
    return commands


def _split(data: bytes) -> Iterator[tuple[str, bytes]]:
    """For each command: its name in error texts, and its bytes."""
    text = data.strip()
    try:
        if text.startswith(b"["):
            yield from ((f"command {at}", item) for at, item in enumerate(members.items(text), 1))
            return
        members.decode(_any, text)
        yield "the command", text
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        lines = [(f"line {at}", line) for at, line in enumerate(data.splitlines(), 1)]
        filled = [(name, line.strip()) for name, line in lines if line.strip()]
        if text.startswith(b"[") or len(filled) == 1:
            raise BadFile(f"it is not valid JSON: {error}") from error
        yield from filled


def _command(name: str, data: bytes, catalog: Catalog, largest: int) -> FileCommand:
    try:
        envelope = decode(data)
    except Unreadable as error:
        raise BadFile(
            f"{name} is not a JSON object with the fields of a command: {error}"
        ) from error
    if envelope.form not in COMMANDS or not envelope.kind:
        raise BadFile(
            f"{name} is not a valid command: expected a clazz that ends in .command.CommandMessage"
            " or .command.CommandWithReplyToMessage, and a payload with a clazz"
        )
    correlation_id = envelope.correlation_id
    if not correlation_id:
        correlation_id = f"cli-{uuid.uuid4()}"
        data = with_correlation_id(data, correlation_id)
    if len(data) > largest:
        raise BadFile(f"{name} has {len(data)} bytes; the router takes {largest}")
    entry = catalog.command(envelope.kind)
    usual = catalog.answer_topic(entry)
    return FileCommand(
        data,
        correlation_id,
        _switch(entry, envelope, data, catalog),
        (envelope.reply_to, usual) if envelope.reply_to else (usual,),
        entry.scope in (Scope.FLOODLIGHTS, Scope.POPULATION) and entry.done is not Done.MESSAGE,
        entry.inbound,
    )


def _switch(entry: CommandKind, envelope: Envelope, data: bytes, catalog: Catalog) -> str:
    if entry.scope is not Scope.SWITCH:
        return ""
    try:
        return catalog.switch_of(envelope, data)
    except BadSwitchId:
        return ""  # the router will say so
