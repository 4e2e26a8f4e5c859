"""Inputs: what a shard is told. A batch is a sequence of these."""

from __future__ import annotations

import msgspec

from flrouter.core.values.effects import Headers
from flrouter.core.values.peers import Peer
from flrouter.core.values.request import Origin
from flrouter.messages.envelope import Envelope


class Command(msgspec.Struct, gc=False):
    """A record from an inbound topic, or one that another shard sent here, its home."""

    origin: Origin
    data: bytes
    #: None if the bytes could not be read; `fault` says why.
    envelope: Envelope | None
    headers: Headers = ()
    fault: str = ""
    #: whether the topic that `reply_to` names exists.
    reply_exists: bool = True


class Report(msgspec.Struct, gc=False):
    """A record from an FL's write topic, or one that another shard sent here, its home."""

    #: known by the write topic, never by a field in the message.
    floodlight: str
    origin: Origin
    data: bytes
    envelope: Envelope | None
    headers: Headers = ()
    fault: str = ""
    #: the request that this link belongs to, if its correlation id does not say.
    number: str | None = None


class Told(msgspec.Struct, gc=False):
    """What another shard, or the command line, says to this one."""

    peer: Peer


class Garbled(msgspec.Struct, gc=False):
    """A record on the shards' own topic that no shard wrote."""

    origin: Origin
    data: bytes
    fault: str


class CaughtUp(msgspec.Struct, gc=False):
    """All that was written before a :class:`~flrouter.core.values.effects.CatchUp` was read."""

    token: int


Input = Command | Report | Told | Garbled | CaughtUp
