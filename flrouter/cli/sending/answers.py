"""Answers to commands: matched by correlation id, with chains put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from flrouter.cli.sending.command_file import FileCommand
from flrouter.core.values.request import SEPARATOR
from flrouter.messages.assembly import payload_of
from flrouter.messages.chains import BadLink
from flrouter.messages.envelope import Envelope, Form, Unreadable, decode, form_of
from flrouter.messages.kinds.places import switch_of
from flrouter.network.chains import Assembler, is_link


class Asked(msgspec.Struct):
    """A command and its answer so far."""

    command: FileCommand
    #: s, by a clock that does not go back.
    sent: float
    answered: float | None = None
    failed: bool = False
    #: in the order of a chain.
    payloads: list[bytes] = []

    @property
    def outcome(self) -> str:
        """The outcome in one word."""
        if self.answered is None:
            return "unanswered"
        return "error" if self.failed else "answered"

    @property
    def ms(self) -> int | None:
        """How long the answer took; with several answers, the latest one."""
        return None if self.answered is None else round((self.answered - self.sent) * 1000)


class Answers:
    """The answers to some commands."""

    def __init__(self, commands: Sequence[FileCommand], now: float) -> None:
        self.asked = [Asked(command, now) for command in commands]
        #: correlation id → commands that wait for an answer, or for more answers.
        self._open: defaultdict[str, list[Asked]] = defaultdict(list)
        for request in self.asked:
            self._open[request.command.correlation_id].append(request)
        self._chains: defaultdict[str, Assembler] = defaultdict(lambda: Assembler(patience=0))

    @property
    def unanswered(self) -> int:
        """How many commands have no answer yet."""
        return sum(request.answered is None for request in self.asked)

    @property
    def complete(self) -> bool:
        """Whether no command waits for an answer."""
        return not any(self._open.values())

    def take(self, value: bytes, key: bytes | None, now: float) -> None:
        """Take a record from a topic for answers; answers to other commands are ignored."""
        try:
            envelope = decode(value)
        except Unreadable:
            return
        name = self._name(envelope, key)
        if name is None:
            return
        payloads = (
            [payload_of(value)] if not is_link(envelope) else self._chain(value, key, envelope)
        )
        if payloads is None:
            return
        asked = self._one(name, envelope, value)
        asked.payloads += payloads
        asked.answered = now
        asked.failed |= form_of(envelope.clazz) is Form.ERROR
        if not asked.command.endless:
            self._open[name].remove(asked)

    def _chain(self, value: bytes, key: bytes | None, envelope: Envelope) -> list[bytes] | None:
        """Take a link of a chain; returns the chain's payloads if this link completes it."""
        name = envelope.correlation_id or ""
        older = form_of(envelope.clazz) is Form.CHUNK and envelope.total_messages is None
        if older and key:  # each link has another id; their key is the first one's
            name = key.decode("utf-8", "replace")
        try:
            chain = self._chains[name].take(value, envelope, 0, name)
        except BadLink:
            return None
        if chain is None:
            return None
        del self._chains[name]  # the next command with this id may have a chain too
        return chain.entries

    def _name(self, envelope: Envelope, key: bytes | None) -> str | None:
        """The correlation id of the command that this message answers; None if there is none."""
        given = envelope.correlation_id or ""
        keyed = key.decode("utf-8", "replace") if key else ""
        for name in (given, keyed, given.rpartition(SEPARATOR)[0]):
            if self._open.get(name):
                return name
        return None

    def _one(self, name: str, envelope: Envelope, value: bytes) -> Asked:
        """The command that is answered; if several share the id, the one for the same switch."""
        switch = switch_of(envelope, value)
        waiting = self._open[name]
        return next(
            (request for request in waiting if request.command.switch == switch), waiting[0]
        )
