"""Where messages name their switch, by kind (protocol.md, 8.4).

`places.toml` has OpenKilda's kinds; a profile adds its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

import msgspec

from flrouter.messages.envelope import Envelope, Payload
from flrouter.messages.kinds.pattern import Pattern
from flrouter.messages.members import may_have_halves, raw_items, raw_members, readable
from flrouter.messages.switch_id import BadSwitchId, canonical

#: the step to the last item of a list.
LAST = "last"

_any = msgspec.json.Decoder()

Steps = tuple[str, ...]


class SwitchPlaces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[switch]]` entry; `places.toml` says what the fields mean."""

    kind: str
    at: list[str]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    switch: list[SwitchPlaces]


#: where OpenKilda's kinds name their switch.
OPENKILDA = msgspec.toml.decode(
    files("flrouter.messages.kinds").joinpath("places.toml").read_bytes(), type=_File
).switch


class Places:
    """The entries in order of precedence; the first whose pattern matches a class name counts."""

    def __init__(self, entries: Iterable[SwitchPlaces]) -> None:
        self._entries = [
            (Pattern(entry.kind), tuple(tuple(place.split(".")) for place in entry.at))
            for entry in entries
        ]
        self._of: dict[str, tuple[Steps, ...]] = {}

    def of(self, kind: str) -> tuple[Steps, ...]:
        """The places in messages of this kind, without the usual one."""
        places = self._of.get(kind)
        if places is None:
            matching = (places for pattern, places in self._entries if pattern.matches(kind))
            places = next(matching, ())
            if len(self._of) < 10_000 and len(kind) <= 200:  # from outside: bounded
                self._of[kind] = places
        return places

    def given(self, payload: Payload, data: bytes, root: Steps = ()) -> object:
        """What stands where a payload names its switch; None: nothing.

        Args:
            data: its bytes, or those of its message.
            root: the way to the payload in `data`.
        """
        places = self.of(payload.clazz)
        if places:
            switch = _look(data, root, places)
            if switch is None and may_have_halves(data):
                switch = _look(readable(data), root, places)
            if switch is not None:
                return switch
        return payload.switch

    def told(self, kind: str) -> str:
        """The places of the switch id in this kind of payload, for people."""
        places = [".".join(("payload", *steps)) for steps in self.of(kind)]
        return " or ".join([*places, "payload.switch_id"])


_OF_OPENKILDA = Places(OPENKILDA)


def switch_of(envelope: Envelope, data: bytes, places: Places = _OF_OPENKILDA) -> str | None:
    """The canonical id of the switch that a message names as its origin, else None.

    An event is about the switch of the FL that reports it (protocol.md, 8.4).

    Args:
        envelope: what :func:`flrouter.messages.envelope.decode` made of `data`.
        places: where each kind names its switch; by default as in OpenKilda's kinds.
    """
    payload = envelope.payload
    if payload is None:
        return None
    given = places.given(payload, data, envelope.root)
    try:
        return canonical(given) if given is not None else None
    except BadSwitchId:
        return None


def _look(data: bytes, root: Steps, places: Iterable[Steps]) -> object:
    """What stands in the first place that there is, else None."""
    try:
        top = raw_members.decode(data)
        for step in root:
            top = raw_members.decode(top[step])
    except (msgspec.MsgspecError, KeyError):
        return None
    for steps in places:
        value = _follow(top, steps)
        if value is not None:
            return value
    return None


def _follow(members: dict[str, msgspec.Raw], steps: Steps) -> object:
    """The value to which `steps` lead, else None.

    `_` in a step also stands for `-`: OpenKilda spells names in both ways.
    """
    value = msgspec.Raw()
    try:
        for number, step in enumerate(steps):
            if step == LAST:
                value = raw_items.decode(value)[-1]
                continue
            if number:
                members = raw_members.decode(value)
            value = members[step if step in members else step.replace("_", "-")]
        return _any.decode(value)
    except (msgspec.MsgspecError, LookupError):
        return None
