"""Assembly: the payloads of the one answer to a command that went to several switches or FLs.

The catalog names an assembler for each kind, as `module:function`; it takes the entries in the
order in which they were asked for, and gives the payloads of the messages that are the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

import msgspec

from flrouter.messages import members

RESPONSE = "flrouter.MultiSwitchResponse"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What became of one part of a command: of one switch, or of one FL's copy."""

    #: what `target` names: switch_id or floodlight.
    kind: str
    #: the canonical id; of a bad one, what stood in its place.
    target: str
    ok: bool
    #: the bytes of the FL's own payload, or of an `ErrorData`; of a chain, the list of its links'.
    payload: bytes


#: (entries, bytes that a payload may have) → the payloads, of which there is at least one: a
#: single one becomes an `InfoMessage`, more of them the links of a chain.
Assembler = Callable[[Sequence[Entry], int], Sequence[bytes]]


class BadAssembler(ValueError):
    """No assembler has this name; the text says why."""


class _Slice(msgspec.Struct, gc=False):
    payload: msgspec.Raw = msgspec.Raw(b"null")


_slice = msgspec.json.Decoder(_Slice)


def payload_of(data: bytes) -> bytes:
    """The bytes of the payload in a message that could be decoded, as they stand there."""
    try:
        return bytes(_slice.decode(data).payload)
    except msgspec.MsgspecError:
        return members.members(data).get("payload", b"null")


def list_results(entries: Sequence[Entry], room: int) -> Sequence[bytes]:
    """The usual assembler: `MultiSwitchResponse`s (protocol.md, 5.3).

    As many entries go into each as there is room for; it counts its own.
    """
    return [_response(some) for some in _pages(entries, room - len(_response([])) - 20)]


def first(entries: Sequence[Entry], _room: int) -> Sequence[bytes]:
    """The payload of the first that succeeded, for those who want one answer, whoever gives it."""
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
    """The assembler that a catalog names as `module:function`; the usual one when it names none.

    Raises:
        BadAssembler: there is no such module, or nothing in it that can be called by that name.
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
