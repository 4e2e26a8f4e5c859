"""Commands that list switches: the single-switch commands in them.

There are three forms (docs/message-kinds.md): `commands`, a list of payloads; `switch_ids` with one
`command` for all of them; or a user's own kind, where the catalog says where the list stands and
which class each switch's command has (`switches`, `each`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from flrouter.messages import members, names
from flrouter.messages.envelope import Payload
from flrouter.messages.kinds.catalog import Catalog, CommandKind, Scope
from flrouter.messages.switch_id import BadSwitchId, canonical

_any = msgspec.json.Decoder()
_payload = msgspec.json.Decoder(Payload)

#: the name of a switch id in its two spellings.
SWITCH_ID = ("switch_id", "switch-id")
#: what the answer repeats of a bad switch id.
MAX_SHOWN_BYTES = 60


def wrapped(data: bytes, scope: Sequence[str]) -> bytes:
    """`data` with its payload in a `BroadcastWrapper` (protocol.md, 5.4); the rest stays as it is.

    Args:
        data: a command with a payload that could be decoded.
        scope: the switches that its FL is to ask.
    """
    start, end = members.places(data)["payload"]
    wrapper = members.joined(
        {
            "clazz": msgspec.json.encode(names.BROADCAST),
            "scope": msgspec.json.encode(scope),
            "payload": data[start:end],
        }
    )
    return data[:start] + wrapper + data[end:]


class BadList(ValueError):
    """The command lists no switches, too many, or has nothing that can be sent to them."""


class TooLarge(ValueError):
    """The single-switch commands would be too large together; the text has the sizes."""


class Listed(msgspec.Struct, frozen=True, gc=False):
    """One item of the list: the payload of a single-switch command."""

    #: the canonical id; empty if the item cannot be sent: `fault` says why.
    switch: str
    payload: bytes
    #: what stood where the id of a bad item was expected.
    given: str = ""
    fault: str = ""


def frame_of(data: bytes, correlation_id: str) -> bytes:
    """The beginning of a single-switch command made from `data`, up to its payload; `}` ends it.

    All top-level fields are kept except `reply_to`: the router collects the answers.
    """
    kept = [
        data[member.start : member.end] + b","
        for member in members.spans(data)
        if member.name not in ("clazz", "payload", "reply_to", "correlation_id")
    ]
    own = {
        "clazz": msgspec.json.encode(names.COMMAND),
        "correlation_id": msgspec.json.encode(correlation_id),
    }
    return members.joined(own)[:-1] + b"," + b"".join(kept) + b'"payload":'


def read(
    payload: bytes, kind: CommandKind, catalog: Catalog, most: int, around: int, room: int
) -> list[Listed]:
    """The items as they are listed (protocol.md, 5.2); one that is listed twice is there twice.

    Args:
        payload: of a command of this `kind`.
        catalog: says where the listed commands have their switch ids.
        most: how many items there may be.
        around: bytes of each command around its payload.
        room: bytes of all commands together.

    Raises:
        BadList: there are no items, too many, or nothing can be sent to them.
        TooLarge: they need more room.
    """
    parts = members.members(payload)
    if not kind.each and "commands" in parts:
        own = _items(parts, "commands", most)
        check_room(len(own), sum(map(len, own)) + len(own) * around, room)
        return [_own(item, catalog) for item in own]
    where = kind.switches if kind.switches in parts else kind.switches.replace("_", "-")
    given = _items(parts, where, most)
    if kind.each:
        for name in (where, *SWITCH_ID):
            parts.pop(name, None)
        parts["clazz"] = msgspec.json.encode(kind.each)
        template = members.joined(parts)
    else:
        template = parts.get("command", b"null")
    check_room(len(given), len(given) * (around + len(template)), room)
    return list(_same(given, template, catalog))


def check_room(count: int, size: int, room: int) -> None:
    """Check that `count` commands of together `size` bytes fit into `room`.

    Raises:
        TooLarge: they do not.
    """
    if size > room:
        raise TooLarge(
            f"Its {count:,} parts would have {size:,} bytes together; at most {room:,} are taken."
            " Send it to fewer at a time, or make it smaller."
        )


def _items(parts: dict[str, bytes], name: str, most: int) -> list[bytes]:
    try:
        items = members.items(parts[name])
    except KeyError:
        raise BadList(f"there is no list of switches at payload.{name}") from None
    except msgspec.MsgspecError:
        raise BadList(f"payload.{name} is no list") from None
    if not items:
        raise BadList(f"the list at payload.{name} is empty")
    if len(items) > most:
        raise BadList(f"it lists {len(items):,} switches; at most {most:,} are taken at once")
    return items


def _own(item: bytes, catalog: Catalog) -> Listed:
    """An item that is a whole payload."""
    try:
        payload = members.decode(_payload, item)
        _check_single(payload, catalog)
        return Listed(canonical(catalog.places.given(payload, item)), item)
    except BadSwitchId as error:
        return _bad(error.given, str(error))
    except (msgspec.MsgspecError, BadList) as error:
        return _bad(None, str(error))


def _check_single(payload: Payload, catalog: Catalog) -> None:
    if not payload.clazz or catalog.command(payload.clazz).scope is not Scope.SWITCH:
        raise BadList(f"{payload.clazz[:200]!r} is no kind of command for one switch")


def _same(given: list[bytes], template: bytes, catalog: Catalog) -> Iterator[Listed]:
    """The same payload for each of the switches."""
    try:
        _check_single(members.decode(_payload, template), catalog)
        named = not members.members(template).keys().isdisjoint(SWITCH_ID)
    except msgspec.MsgspecError as error:
        raise BadList(f"payload.command is no payload: {error}") from error
    if named:
        raise BadList("payload.command has a switch_id of its own")
    rest = template.partition(b"{")[2]
    for item in given:
        shown: object = None
        try:
            shown = members.decode(_any, item)
            switch = canonical(shown)
        except (msgspec.MsgspecError, BadSwitchId):
            if shown is None:
                shown = item[:MAX_SHOWN_BYTES].decode("utf-8", "replace")
            yield _bad(shown, str(BadSwitchId(shown)))
        else:
            yield Listed(switch, b'{"switch_id":"%b",%b' % (switch.encode(), rest))


def _bad(given: object, fault: str) -> Listed:
    shown = "null" if given is None else given if isinstance(given, str) else repr(given)
    return Listed("", b"", shown[:MAX_SHOWN_BYTES], fault[:500])
