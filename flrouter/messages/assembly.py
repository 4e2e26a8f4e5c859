"""Assembly: the payloads of the one answer to a command for several switches or FLs.

The catalog names an assembler for each kind, as `module:function`. It takes the entries in the
order of the command, and returns the payloads of the messages that are the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

import msgspec

from flrouter.messages import members

RESPONSE = "flrouter.MultiSwitchResponse"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry of the answer (protocol.md, 5.3): the result of one switch, or of one FL's copy."""

    #: what `target` is: switch_id or floodlight.
    kind: str
    #: the canonical id; of a bad id, what stood in its place.
    target: str
    ok: bool
    #: the FL's own payload, or an `ErrorData`; of a chain, the list of its links' payloads.
    payload: bytes


#: (entries, bytes that a payload may have) → at least one payload: a single one becomes an
#: `InfoMessage`, several become the links of a chain.
Assembler = Callable[[Sequence[Entry], int], Sequence[bytes]]


class BadAssembler(ValueError):
    """No assembler has this name; the text says why."""


class _Carrier(msgspec.Struct, gc=False):
    payload: msgspec.Raw = msgspec.Raw(b"null")


#: reads nothing of a message but where its payload is.
carrier = msgspec.json.Decoder(_Carrier)


def payload_of(data: bytes) -> bytes:
    """The payload's bytes in a message that could be decoded."""
    try:
        return bytes(carrier.decode(data).payload)
    except msgspec.MsgspecError:
        return members.members(data).get("payload", b"null")


def list_results(entries: Sequence[Entry], room: int) -> Sequence[bytes]:
    """The default: `MultiSwitchResponse`s, each with as many entries as fit (protocol.md, 5.3)."""
    return [_response(some) for some in _pages(entries, room - len(_response([])) - 20)]


def first(entries: Sequence[Entry], _room: int) -> Sequence[bytes]:
    """The payload of the first entry that succeeded, for kinds where one answer is enough."""
    return [next((entry.payload for entry in entries if entry.ok), entries[0].payload)]


def _pages(entries: Sequence[Entry], room: int) -> Iterator[list[tuple[bool, bytes]]]:
    page: list[tuple[bool, bytes]] = []
    left = room
    for entry in entries:
        text = _result(entry)
        if page and len(text) >= left:
            yield page
            page, left = [], room
        page.append((entry.ok, text))
        left -= len(text) + 1
    yield page


def _result(entry: Entry) -> bytes:
    return b'{"%b":%b,"status":"%b","payload":%b}' % (
        entry.kind.encode(),
        msgspec.json.encode(entry.target),
        b"ok" if entry.ok else b"error",
        entry.payload,
    )


def _response(results: list[tuple[bool, bytes]]) -> bytes:
    succeeded = sum(ok for ok, _ in results)
    return b'{"clazz":"%b","results":[%b],"succeeded":%d,"failed":%d}' % (
        RESPONSE.encode(),
        b",".join(text for _, text in results),
        succeeded,
        len(results) - succeeded,
    )


def find(name: str) -> Assembler:
    """The assembler that a catalog names as `module:function`; by default :func:`list_results`.

    Raises:
        BadAssembler: there is no such module, or no such function in it.
    """
    if not name:
        return list_results
    module, colon, function = name.partition(":")
    try:
        if not (module and colon and function):
            raise BadAssembler("expected module:function")
        assembler: Assembler = getattr(import_module(module), function)
        if not callable(assembler):
            raise BadAssembler(f"{function} is no function")
    except Exception as error:  # whatever the user's module does when it is imported
        raise BadAssembler(f"the assembler {name!r} cannot be used: {error}") from error
    return assembler
