"""What shards say to each other, as records on the shards' topic.

Only records survive a restart, so shards have no other way to talk. Each of these may arrive twice:
the second time it changes nothing.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from flrouter.core.values.effects import Headers, Send
from flrouter.core.values.home import home
from flrouter.core.values.records import Count, Mode, Part, Place
from flrouter.messages import headers as header

#: the id of an FL, as the settings allow it: topics are made under its name.
Name = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}\Z")]
#: where FLs and switches are, in the operator's words.
Region = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{0,64}\Z")]
#: a shard's number.
Partition = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]


class _Peer(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


class _OfFloodlight(_Peer, frozen=True):
    floodlight: Name


class _OfSync(_OfFloodlight, frozen=True):
    #: the number of the sync.
    attempt: Count


class AddFloodlight(_OfFloodlight, frozen=True):
    """To an FL's home: route to this FL. If it is known: whether it acknowledges commands."""

    acks: bool = True


class RemoveFloodlight(_OfFloodlight, frozen=True):
    """To an FL's home: this FL is gone for good."""


class DrainFloodlight(_OfFloodlight, frozen=True):
    """To an FL's home: an operator moves its switches elsewhere, or lets them come back."""

    drained: bool = True


class PreferFloodlight(_OfFloodlight, frozen=True):
    """To an FL's home: where it is, and how much it is preferred; None: as it was."""

    region: Region | None = None
    weight: Count | None = None


class FloodlightState(_OfFloodlight, frozen=True):
    """From an FL's home to every shard: what has become of it. A larger `number` is newer."""

    number: Count
    known: bool
    up: bool
    acks: bool
    drained: bool = False
    region: Region = ""
    weight: Count = 100
    heard: bool = False


#: the correlation id of syncs that nobody outside asked for.
OWN_SYNC = "sync"


class SyncWanted(_OfFloodlight, frozen=True):
    """To an FL's home: somebody asks for a sync, under their own correlation id."""

    correlation_id: str


class SyncStarted(_OfSync, frozen=True):
    """From an FL's home to every shard: from now on live events win over this sync's chain."""


class SyncReceipt(_OfSync, frozen=True):
    """To an FL's home: shard `shard` has noted that the sync started."""

    shard: Partition


class SyncRecords(_OfSync, frozen=True):
    """From an FL's home to its switches' homes: the sync's chain lists these."""

    switches: list[str]
    #: how the FL holds them; None when the chain does not say.
    mode: Mode | None = None
    #: the records that list them, where the switches' homes pass these on.
    dumps: list[bytes] = []


class SyncComplete(_OfSync, frozen=True):
    """From an FL's home to every shard, after the records: the chain was whole."""


class SyncFailed(_OfSync, frozen=True):
    """From an FL's home to every shard: the chain was missing or stopped before its end."""

    #: no more attempts follow.
    final: bool


class NextLink(_Peer, frozen=True):
    """To the home of an old-form link's id: the request that this link belongs to."""

    link_id: str
    floodlight: Name
    number: str
    owner: Partition
    due: Count


class LinkWanted(_Peer, frozen=True):
    """To the home of an old-form link's id: the link is overdue; has it come?"""

    link_id: str
    number: str
    owner: Partition


class LinkMissing(_Peer, frozen=True):
    """The reply: the link has not come. A link that has come is sent before this reply."""

    link_id: str
    number: str


class MoveSwitch(_Peer, frozen=True):
    """To a switch's home: an operator makes `floodlight` its active FL."""

    switch: str
    floodlight: Name


class PlaceSwitch(_Peer, frozen=True):
    """To a switch's home: an operator says in which region it is; nothing: in none."""

    switch: str
    region: Region


class Scatter(_Peer, frozen=True):
    """From the home of a command that lists switches to the switches' homes: your parts."""

    origin: Place
    gather: Partition
    correlation_id: str
    #: each part's message is this, the part's payload and a closing brace.
    frame: bytes
    headers: Headers
    #: index, canonical switch id, payload.
    parts: list[tuple[Count, str, bytes]]


class Populate(_Peer, frozen=True):
    """From the home of a command for all switches to every shard: send it for yours."""

    origin: Place
    correlation_id: str
    reply_topic: str
    #: the class of its payload.
    kind: str
    #: the command as it came.
    data: bytes
    headers: Headers


class PartResults(_Peer, frozen=True):
    """To the home of a command with parts: what came for some of them."""

    number: str
    #: index, link.
    results: list[tuple[Count, Count, Part]]


class PartsOverdue(_Peer, frozen=True):
    """From the home of a command with parts: its time is over; end parts without an answer."""

    number: str
    gather: Partition
    indexes: list[Count]


Peer = (
    AddFloodlight
    | RemoveFloodlight
    | DrainFloodlight
    | PreferFloodlight
    | FloodlightState
    | SyncWanted
    | SyncStarted
    | SyncReceipt
    | SyncRecords
    | SyncComplete
    | SyncFailed
    | NextLink
    | LinkWanted
    | LinkMissing
    | MoveSwitch
    | PlaceSwitch
    | Scatter
    | Populate
    | PartResults
    | PartsOverdue
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Peer] = msgspec.msgpack.Decoder(Peer)


def encode(peer: Peer) -> bytes:
    """The record value that says `peer`."""
    return _encoder.encode(peer)


def record(shards_topic: str, partition: int, peer: Peer) -> Send:
    """The record that says something to the shard of `partition`."""
    return Send(shards_topic, partition, None, encode(peer), ((header.WHAT, b"peer"),))


def order(shards_topic: str, partitions: int, about: str, peer: Peer) -> Send:
    """The record for the home of an FL or a switch, of which there are `partitions`."""
    return record(shards_topic, home(about, partitions), peer)


def decode(value: bytes) -> Peer:
    """Read a record value. Raises `msgspec.MsgspecError` when no shard wrote it."""
    try:
        return _decoder.decode(value)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from error
