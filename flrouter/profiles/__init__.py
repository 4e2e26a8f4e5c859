"""Profiles: how a family of FLs and of services speaks, as data.

A profile is one TOML file: the topics, what FLs do and do not do, and the catalog of message kinds.
flrouter's own lie beside this module; `docs/profiles.md` says what the fields mean.
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

#: those that come with flrouter.
OWN = ("plain", "openkilda-2019", "openkilda")
#: topics that entries of a catalog may name by what they are for.
ROLES = ("flow", "northbound", "disco", "stats", "ping")


class BadProfile(ValueError):
    """A profile that cannot be read, or cannot be; the text says what is wrong with it."""


class Inbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A topic that requesters write."""

    topic: str
    #: where an FL reads what came from there; `{fl}` stands for its id.
    read: str
    #: who gets the answers to kinds whose entries do not say: a role, or a topic's name.
    answer: str = ""


class Sync(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How FLs list their switches when they are asked to."""

    #: when nothing more has come for so long, the list is whole; 0: it says where it ends.
    quiet_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0
    #: whether the records carry the `dump_id` that they are asked for with, instead of its
    #: correlation id.
    by_dump_id: bool = False


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """How FLs and services speak."""

    about: str = ""
    #: the profile that holds for all that this one does not say.
    extends: str = ""
    #: the version of OpenKilda whose classes read what flrouter's own FLs write; nothing: those of
    #: 2019, and dumps of many rules as chains.
    classes: Literal["", "2019", "2025"] = ""
    #: whether FLs say `FlReceiveAck`; None: as in the one that it extends.
    acknowledges: bool | None = None
    #: record headers of all that goes to FLs and to services, unless it has one of that name.
    headers: dict[str, str] = {}
    #: the topic of each role.
    topics: dict[str, str] = {}
    inbound: list[Inbound] = []
    #: where an FL reads what the router itself asks; nothing: as what comes from the first of
    #: `inbound`.
    own: str = ""
    #: the topics that an FL writes.
    write: list[str] = []
    sync: Sync = Sync()
    #: how listeners are told which switches are there; nothing: by the events of FLs.
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
        """The topics that an FL reads, each once."""
        return list(dict.fromkeys([self.asks, *(one.read for one in self.inbound)]))

    @property
    def asks(self) -> str:
        """Where an FL reads what the router itself asks."""
        return self.own or self.inbound[0].read

    @cached_property
    def kinds(self) -> Catalog:
        """The message kinds, with the profile's own topics for the roles, for those who put no
        answers together: an assembler need not be there.
        """
        commands = [msgspec.structs.replace(entry, assemble="") for entry in self.command]
        return msgspec.structs.replace(self, command=commands).catalog(self.topics)

    def catalog(self, topics: Mapping[str, str]) -> Catalog:
        """The message kinds, with these topics for the roles.

        Raises:
            BadProfile: an entry names an assembler that is not there.
        """
        answers = {entry.topic: entry.answer for entry in self.inbound if entry.answer}
        try:
            return Catalog(self.command, self.event, dict(topics), answers, self.switch)
        except BadAssembler as error:
            raise BadProfile(str(error)) from error


def text_of(name: str) -> str:
    """The text of one of flrouter's own, or of a file.

    Args:
        name: of a profile, or the path of a file.

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
    """The profile that a TOML text is, over the one that it extends.

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
    return _checked(profile)


def _over(profile: Profile, base: Profile) -> Profile:
    """What `profile` says, and `base` where it says nothing. Its entries come first, and so win."""
    write = profile.write or base.write
    return Profile(
        about=profile.about,
        extends=profile.extends,
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


def _checked(profile: Profile) -> Profile:
    for problem in chain(_missing(profile), _bad_values(profile), _bad_entries(profile)):
        raise BadProfile(problem)
    return profile


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
