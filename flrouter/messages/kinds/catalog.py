"""The message catalog: whom each kind of command is for, where it names its switch, and who gets
the answer. It is data, a part of the profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Literal

import msgspec

from flrouter.messages import assembly
from flrouter.messages.assembly import Assembler
from flrouter.messages.envelope import Envelope
from flrouter.messages.forms.error_forms import ErrorForm
from flrouter.messages.kinds.pattern import Pattern
from flrouter.messages.kinds.places import OPENKILDA, Places, SwitchPlaces
from flrouter.messages.switch_id import canonical


class Scope(Enum):
    """Whom a command is for."""

    SWITCH = "switch"
    SWITCHES = "switches"
    FLOODLIGHTS = "floodlights"
    POPULATION = "population"


class Done(Enum):
    """What completes the answer to a command (protocol.md, 4.1 and 5.1)."""

    MESSAGE = "message"
    ACK = "ack"
    SYNC = "sync"
    EVENTS = "events"
    NONE = "none"


#: no answer is waited for.
ENDS_WHEN_SENT = (Done.EVENTS, Done.NONE)


class Prefer(Enum):
    """Which FL of each switch a command for all switches goes to (protocol.md, 5.4)."""

    MASTER = "master"
    READ_ONLY = "read-only"


class CommandKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[command]]` entry; docs/profiles.md says what the fields mean."""

    kind: str
    #: empty: as the inbound topic says.
    answer: str = ""
    #: the inbound topic from which it comes; empty: any.
    inbound: str = ""
    scope: Scope = Scope.SWITCH
    prefer: Prefer = Prefer.MASTER
    switch: str = ""
    done: Done = Done.MESSAGE
    switches: str = "switch_ids"
    each: str = ""
    assemble: str = ""
    #: how its requesters are told that it failed.
    error: ErrorForm = ErrorForm.ERROR_MESSAGE
    min_success: Annotated[int, msgspec.Meta(ge=0)] | Literal["all"] = 1
    deadline: Annotated[float, msgspec.Meta(gt=0)] | None = None

    @property
    def gathered(self) -> bool:
        """Whether the results of its parts are put together into one answer."""
        if self.scope is Scope.FLOODLIGHTS:
            return self.done is Done.MESSAGE
        return self.scope is Scope.SWITCHES

    def enough(self, parts: int) -> int:
        """How many of `parts` must succeed, or the answer is an error (protocol.md, 5.3)."""
        return parts if self.min_success == "all" else min(self.min_success, parts)


class EventKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[event]]` entry."""

    kind: str
    topic: str
    #: the FL's topic, with `{fl}`, to which it is written; empty: any.
    written: str = ""
    #: whether any FL may report it, not only the one that speaks for the switch.
    from_any: bool = False


class Catalog:
    """The entries in order of precedence; the first whose pattern matches a class name counts."""

    def __init__(
        self,
        commands: list[CommandKind],
        events: list[EventKind],
        topics: dict[str, str],
        answers: dict[str, str],
        switches: Sequence[SwitchPlaces] = (),
    ) -> None:
        """Args:
        topics: role that entries may name → topic.
        answers: inbound topic → who gets the answers, for entries that do not say.
        switches: where messages name their switch. What `commands` say goes before these, what is
            known of OpenKilda's kinds comes after them.

        Raises:
            BadAssembler: an entry names an assembler that does not exist.
        """
        self._commands = [(Pattern(entry.kind), entry) for entry in commands]
        self._events = [(Pattern(entry.kind), entry) for entry in events]
        self._topics = topics
        self._answers = answers
        self._assemblers = {entry.assemble: assembly.find(entry.assemble) for entry in commands}
        own = [SwitchPlaces(entry.kind, [entry.switch]) for entry in commands if entry.switch]
        #: where messages of each kind name their switch.
        self.places = Places([*own, *switches, *OPENKILDA])
        self._command_of: dict[tuple[str, str], CommandKind] = {}
        self._event_of: dict[tuple[str, str], EventKind] = {}

    def command(self, kind: str, inbound: str = "") -> CommandKind:
        """The entry for commands whose payload is of class `kind`.

        Args:
            inbound: the topic from which they come; entries for other topics do not count.
        """
        entry = self._command_of.get((kind, inbound))
        if entry is None:
            entry = next(
                entry
                for pattern, entry in self._commands
                if pattern.matches(kind) and (not inbound or entry.inbound in ("", inbound))
            )
            if len(self._command_of) < 10_000 and len(kind) <= 200:  # from outside: bounded
                self._command_of[kind, inbound] = entry
        return entry

    def answer_topic(self, entry: CommandKind, inbound: str = "") -> str:
        """The topic for answers to commands that name none themselves (protocol.md, 4.1).

        Args:
            inbound: the topic from which the command comes.
        """
        answer = entry.answer or self._answers.get(inbound or entry.inbound)
        if answer is None:  # the topic is no inbound topic any more
            answer = next(iter(self._answers.values()))
        return self._topics.get(answer, answer)

    def assembler(self, entry: CommandKind) -> Assembler:
        """What puts the answer to a command of this kind together."""
        return self._assemblers[entry.assemble]

    def event(self, kind: str, floodlight: str = "", written: str = "") -> EventKind:
        """The entry for what an FL reports unasked, with a payload of this kind (protocol.md, 4.1).

        Args:
            written: the topic to which it wrote; entries for other topics do not count.
        """
        entry = self._event_of.get((kind, written))
        if entry is None:
            entry = next(
                entry
                for pattern, entry in self._events
                if pattern.matches(kind)
                and (not entry.written or entry.written.replace("{fl}", floodlight) == written)
            )
            if len(self._event_of) < 10_000 and len(kind) <= 200:
                self._event_of[kind, written] = entry
        return entry

    def topic_of(self, event: EventKind) -> str:
        """The topic for such events."""
        return self._topics.get(event.topic, event.topic)

    @property
    def requester_topics(self) -> set[str]:
        """Every topic that an entry names."""
        named = [entry.answer for _, entry in self._commands if entry.answer]
        named += self._answers.values()
        named += [entry.topic for _, entry in self._events]
        return {self._topics.get(name, name) for name in named}

    def switch_of(self, envelope: Envelope, data: bytes) -> str:
        """The canonical id of the switch that a single-switch command is for.

        Raises:
            BadSwitchId: the command has none, or not a valid one.
        """
        payload = envelope.payload
        return canonical(payload and self.places.given(payload, data, envelope.root))
