"""Commands that list switches: the single-switch commands that are in them.

In three forms (docs/message-kinds.md): `commands`, a list of payloads; `switch_ids` and one
`command` for all of them; or a kind of somebody's own, of which the catalog says where its list
stands and what class each switch's command has (`switches`, `each`).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from flrouter.messages import names
from flrouter.messages.catalog import Catalog, CommandKind, Scope
from flrouter.messages.envelope import Payload
from flrouter.messages.switch_id import BadSwitchId, canonical

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_payload = msgspec.json.Decoder(Payload)

#: of a bad switch id, how much is repeated in the answer.
SHOWN = 60


class BadList(ValueError):
    """The command lists no switches, too many, or nothing that can be sent to them."""


class Listed(msgspec.Struct, frozen=True, gc=False):
    """One item of the list: the payload of a single-switch command."""

    #: the canonical id; empty when the item cannot be sent, and `fault` says why.
    switch: str
    payload: bytes
    #: what stood where the id of a bad item was expected.
    given: str = ""
    fault: str = ""


def frame_of(data: bytes, correlation_id: str) -> bytes:
    """The beginning of a single-switch command made of `data`, up to its payload; `}` ends it.

    All that stands at the top level is kept, but whom to answer: the router collects the answers.
    """
    members = {key: bytes(raw) for key, raw in _members.decode(data).items()}
    for name in ("payload", "reply_to", "correlation_id"):
        members.pop(name, None)
    members["clazz"] = msgspec.json.encode(names.COMMAND)
    members["correlation_id"] = msgspec.json.encode(correlation_id)
    return (
        b"{%b"
        % b"".join(msgspec.json.encode(key) + b":" + value + b"," for key, value in members.items())
        + b'"payload":'
    )


def read(payload: bytes, kind: CommandKind, catalog: Catalog, most: int) -> list[Listed]:
    """The items in the order in which they are listed; one that is listed twice is there twice.

    Args:
        payload: of a command of this `kind`.
        kind: the catalog's entry for it.
        catalog: says where the listed commands have their switch ids.
        most: how many items there may be.

    Raises:
        BadList: there are none or too many, or there is nothing to send to them.
    """
    members = _members.decode(payload)
    if not kind.each and "commands" in members:
        given = _items(members, "commands", most)
        return [_own(bytes(item), catalog) for item in given]
    given = _items(members, kind.switches, most)
    if kind.each:
        del members[kind.switches]
        members.pop("switch_id", None)
        members["clazz"] = msgspec.Raw(msgspec.json.encode(kind.each))
        template = msgspec.json.encode(members)
    else:
        template = bytes(members.get("command", b"null"))
    return list(_same(given, template, catalog))


def _items(members: dict[str, msgspec.Raw], name: str, most: int) -> list[msgspec.Raw]:
    try:
        found = _list.decode(members[name])
    except KeyError:
        raise BadList(f"there is no list of switches at payload.{name}") from None
    except msgspec.MsgspecError:
        raise BadList(f"payload.{name} is no list") from None
    if not found:
        raise BadList(f"the list at payload.{name} is empty")
    if len(found) > most:
        raise BadList(f"it lists {len(found):,} switches; at most {most:,} are taken at once")
    return found


def _own(item: bytes, catalog: Catalog) -> Listed:
    """An item that is a whole payload."""
    try:
        payload = _payload.decode(item)
        kind = _single(payload, catalog)
        return Listed(catalog.switch_in(kind, payload, item), item)
    except BadSwitchId as error:
        return _bad(error.given, str(error))
    except (msgspec.MsgspecError, BadList) as error:
        return _bad(None, str(error))


def _single(payload: Payload, catalog: Catalog) -> CommandKind:
    kind = catalog.command(payload.clazz)
    if not payload.clazz or kind.scope is not Scope.SWITCH:
        raise BadList(f"{payload.clazz[:200]!r} is no kind of command for one switch")
    return kind


def _same(given: list[msgspec.Raw], template: bytes, catalog: Catalog) -> Iterator[Listed]:
    """The same payload for each of the switches."""
    try:
        members = _members.decode(template)
        _single(_payload.decode(template), catalog)
    except msgspec.MsgspecError as error:
        raise BadList(f"payload.command is no payload: {error}") from error
    if "switch_id" in members:
        raise BadList("payload.command has a switch_id of its own")
    rest = template.partition(b"{")[2]
    for item in given:
        shown: object = None
        try:
            shown = msgspec.json.decode(item)
            switch = canonical(shown)
        except (msgspec.MsgspecError, BadSwitchId):
            if shown is None:
                shown = bytes(item)[:SHOWN].decode("utf-8", "replace")
            yield _bad(shown, str(BadSwitchId(shown)))
        else:
            yield Listed(switch, b'{"switch_id":"%b",%b' % (switch.encode(), rest))


def _bad(given: object, fault: str) -> Listed:
    shown = "null" if given is None else given if isinstance(given, str) else repr(given)
    return Listed("", b"", shown[:SHOWN], fault[:500])
