"""Profiles: the protocol that a family of FLs and services speaks, as data.

A profile is one TOML file: the topics, what FLs do and do not do, and the catalog of message kinds.
flrouter's own profiles are beside this module. `docs/profiles.md` explains the fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from flrouter import kinds
from flrouter.messages.assembly import BadAssembler
from flrouter.messages.kinds.catalog import (
    ENDS_WHEN_SENT,
    Catalog,
    CommandKind,
    Done,
    EventKind,
    Scope,
)
from flrouter.messages.kinds.places import SwitchPlaces

#: the profiles that come with flrouter.
OWN = ("plain", "openkilda-2019", "openkilda")
#: roles of topics: entries of a catalog may name a topic by its role.
ROLES = ("flow", "northbound", "disco", "stats", "ping")


class BadProfile(ValueError):
    """A profile that cannot be read or is not valid; the text says what is wrong with it."""


class Inbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A topic that requesters write to (protocol.md, 3.1)."""

    topic: str
    #: the topic on which an FL reads commands from this one; `{fl}` stands for the FL's id.
    read: str
    #: a role or a topic's name: where answers go if the entry of their kind names no topic.
    answer: str = ""


class Sync(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How FLs list their switches when they are asked to (protocol.md, 6.1)."""

    #: s without a further message after which the list is complete; 0: the list marks its end.
    quiet_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0
    #: whether the records carry the `dump_id` of the request instead of its correlation id.
    by_dump_id: bool = False


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """How FLs and services speak."""

    about: str = ""
    #: the profile that this one extends: it holds for whatever this one leaves out.
    extends: str = ""
    #: the version of OpenKilda whose classes read what flrouter's own FLs write. Empty: the classes
    #: of 2019, with dumps of many rules as chains.
    classes: Literal["", "2019", "2025"] = ""
    #: whether FLs send `FlReceiveAck`; None: as in the extended profile.
    acknowledges: bool | None = None
    #: headers of every record to FLs and services, unless the record already has that header.
    headers: dict[str, str] = {}
    #: the topic of each role.
    topics: dict[str, str] = {}
    inbound: list[Inbound] = []
    #: the topic on which an FL reads the router's own requests. Empty: the one for commands from
    #: the first of `inbound`.
    own: str = ""
    #: the topics that an FL writes to.
    write: list[str] = []
    sync: Sync = Sync()
    #: how listeners learn which switches are there; empty: by the events of FLs.
    listeners: Literal["", "events", "availability"] = ""
    command: list[CommandKind] = []
    event: list[EventKind] = []
    switch: list[SwitchPlaces] = []

    @property
    def many(self) -> bool:
        """Whether an FL reads or writes more than one topic."""
        return len(self.reads) + len(self.write) > 2

    @property
    def reads(self) -> list[str]:
        """The topics that an FL reads, without repetitions."""
        return list(dict.fromkeys([self.asks, *(one.read for one in self.inbound)]))

    @property
    def asks(self) -> str:
        """The topic on which an FL reads the router's own requests."""
        return self.own or self.inbound[0].read

    @cached_property
    def kinds(self) -> Catalog:
        """The message kinds, with the profile's own topics for the roles.

        For callers that put no answers together: assemblers need not be installed.
        """
        commands = [msgspec.structs.replace(entry, assemble="") for entry in self.command]
        return msgspec.structs.replace(self, command=commands).catalog(self.topics)

    def catalog(self, topics: Mapping[str, str]) -> Catalog:
        """The message kinds, with these topics for the roles.

        Raises:
            BadProfile: an entry names an assembler that does not exist.
        """
        answers = {entry.topic: entry.answer for entry in self.inbound if entry.answer}
        try:
            return Catalog(self.command, self.event, dict(topics), answers, self.switch)
        except BadAssembler as error:
            raise BadProfile(str(error)) from error


def text_of(name: str) -> str:
    """The TOML text of a profile.

    Args:
        name: the name of one of flrouter's own profiles, or the path of a file.

    Raises:
        BadProfile: there is none.
    """
    if name in OWN:
        return files("flrouter.profiles").joinpath(f"{name}.toml").read_text("utf-8")
    try:
        return Path(name).read_text("utf-8")
    except (OSError, ValueError) as error:
        problem = f"it is none of {', '.join(OWN)}, and no file that can be read: {error}"
        raise BadProfile(problem) from error


def load(name: str) -> Profile:
    """A profile by its name or path.

    Raises:
        BadProfile: there is none, or it is not valid.
    """
    return read(text_of(name))


def read(text: str) -> Profile:
    """The profile in a TOML text, merged with the profile that it extends.

    Raises:
        BadProfile: it is not valid.
    """
    try:
        profile = msgspec.toml.decode(text, type=Profile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadProfile(str(error)) from error
    if profile.extends:
        if profile.extends not in OWN:
            raise BadProfile(f"it extends {profile.extends!r}: expected one of {', '.join(OWN)}")
        profile = _over(profile, load(profile.extends))
    for problem in chain(_missing(profile), _bad_values(profile), _bad_entries(profile)):
        raise BadProfile(problem)
    return profile


def _over(profile: Profile, base: Profile) -> Profile:
    """`profile`, completed from `base`. Entries of `profile` come first, and so take precedence."""
    write = profile.write or base.write
    return msgspec.structs.replace(
        profile,
        classes=profile.classes or base.classes,
        acknowledges=base.acknowledges if profile.acknowledges is None else profile.acknowledges,
        headers=base.headers | profile.headers,
        topics=base.topics | profile.topics,
        inbound=profile.inbound or base.inbound,
        own=profile.own or ("" if profile.inbound else base.own),
        write=write,
        sync=profile.sync if profile.sync != Sync() else base.sync,
        listeners=profile.listeners or base.listeners,
        command=profile.command + base.command,
        event=profile.event + [one for one in base.event if one.written in ("", *write)],
        switch=profile.switch + base.switch,
    )


def _missing(profile: Profile) -> Iterator[str]:
    if profile.acknowledges is None:
        yield "it does not say whether FLs acknowledge: set acknowledges, or extends"
    for name in ("inbound", "write"):
        if not getattr(profile, name):
            yield f"it names no {name}: set it, or extends"
    if set(profile.topics) != set(ROLES):
        yield f"topics has {', '.join(profile.topics)}: expected {', '.join(ROLES)}"


def _bad_values(profile: Profile) -> Iterator[str]:
    named = [entry.answer for entry in profile.inbound if entry.answer]
    named += [entry.answer for entry in profile.command if entry.answer]
    named += [entry.topic for entry in profile.event]
    topics = [*profile.topics.values(), *(entry.topic for entry in profile.inbound)]
    topics += [name for name in named if name not in ROLES]
    templates = [*(entry.read for entry in profile.inbound), profile.asks, *profile.write]
    checks: list[tuple[kinds.Kind[Any], Sequence[object]]] = [
        (kinds.topic, topics),
        (kinds.topic_template, templates),
        (kinds.headers, [profile.headers]),
    ]
    for kind, values in checks:
        for value in values:
            try:
                kind.read(value)
            except kinds.Refused as error:
                yield f"{str(error) or f'it has {value!r}'}: expected {kind.allowed}"


def _bad_entries(profile: Profile) -> Iterator[str]:
    if not profile.event or profile.event[-1].kind != "*" or profile.event[-1].written:
        yield 'the last [[event]] must be for all kinds that are left, on any topic: kind = "*"'
    for event in profile.event:
        if event.written and event.written not in profile.write:
            yield f"[[event]] {event.kind} names {event.written}, which is not in write"
    commands = profile.command
    if not commands or commands[-1].kind != "*" or commands[-1].inbound:
        yield 'the last [[command]] must be for all kinds that are left, from any topic: kind = "*"'
    for entry in commands:
        if entry.scope is Scope.POPULATION and entry.done not in (Done.ACK, *ENDS_WHEN_SENT):
            yield f'[[command]] {entry.kind} is for all switches: done is "ack", "events" or "none"'
    silent = [entry.topic for entry in profile.inbound if not entry.answer]
    inbound = {entry.topic for entry in profile.inbound}
    for entry in commands:
        if not entry.answer and silent:
            yield f"neither [[command]] {entry.kind} nor [[inbound]] {silent[0]} names an answer"
        if entry.inbound and entry.inbound not in inbound:
            yield f"[[command]] {entry.kind} names {entry.inbound}, which is no inbound topic"
