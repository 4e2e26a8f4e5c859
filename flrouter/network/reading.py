"""Reads news of switches and ports from events, notifications and the entries of a sync."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from flrouter.messages import names
from flrouter.messages.members import decode
from flrouter.messages.switch_id import BadSwitchId, canonical
from flrouter.network.view import Link, News, State

_STATES = {"DEACTIVATED": State.OFFLINE, "REMOVED": State.OFFLINE}
_LINKS = {"UP": Link.UP, "DOWN": Link.DOWN, "DELETE": Link.GONE}


class _Port(msgspec.Struct):
    number: int
    state: str = "UP"


class _Record(msgspec.Struct):
    """A switch as an FL describes it."""

    datapath: str
    ports: list[_Port] | None = None


class _Payload(msgspec.Struct):
    """The fields of all kinds together; each kind has only some of them."""

    clazz: str = ""
    switch_id: str = ""
    #: another spelling of the same field in OpenKilda.
    hyphened_id: str = msgspec.field(default="", name="switch-id")
    #: the spelling in notifications of OpenKilda of 2025.
    camel_id: str = msgspec.field(default="", name="switchId")
    state: str = ""
    port_no: int = 0
    #: the switch with its ports, in switch events and entries of a sync.
    switch: msgspec.Raw = msgspec.Raw(b"null")
    switch_record: msgspec.Raw = msgspec.Raw(b"null")
    #: the switch, in a notification that it has a master.
    speaker_data: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="speakerData")
    #: whether the switch has no master because an FL does not answer.
    region_offline: bool = msgspec.field(default=False, name="regionOffline")
    #: a sync's record with this member belongs to no chain, whatever its value.
    dump_id: msgspec.Raw = msgspec.Raw(b"")


class _Message(msgspec.Struct):
    payload: _Payload | None = None


_message = msgspec.json.Decoder(_Message)
_payload = msgspec.json.Decoder(_Payload)
_record = msgspec.json.Decoder(_Record | None)
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, BadSwitchId)


def news_of(data: bytes, at: int) -> tuple[str, News] | None:
    """The canonical id of a switch and the news of it in a message; None if there is no news.

    Args:
        data: a switch or port event, a notification (protocol.md, 8.5), or a sync's record that
            belongs to no chain. Any other message of the topic has no news.
        at: ms since the epoch: when the router forwarded the message, or when its sync began.
    """
    try:
        payload = decode(_message, data).payload
        if payload is None:
            return None
        if payload.clazz == names.SWITCH_CONNECT:
            return _connected(payload, at)
        if payload.clazz == names.DUMP_SWITCH:
            return _listed(payload, at) if bytes(payload.dump_id) else None
        switch = canonical(payload.switch_id or payload.hyphened_id or payload.camel_id)
    except _BAD:
        return None
    match payload.clazz:
        case names.UNMANAGED:
            return switch, News(at, State.UNMANAGED)
        case names.SWITCH_DISCONNECT:
            return switch, News(at, State.UNMANAGED if payload.region_offline else State.OFFLINE)
        case names.SWITCH_EVENT:
            news = News(at, _STATES.get(payload.state, State.ONLINE))
            with suppress(*_BAD):  # the switch's state counts even if its ports cannot be read
                _add_ports(news, _record.decode(payload.switch))
            return switch, news
        case names.PORT_EVENT if payload.state in _LINKS:
            return switch, News(at, ports={payload.port_no: _LINKS[payload.state]})
    return None


def _connected(payload: _Payload, at: int) -> tuple[str, News] | None:
    """A switch has a master again; the notification describes the switch."""
    record = _record.decode(payload.speaker_data)
    if record is None:
        return None
    news = News(at, State.ONLINE)
    _add_ports(news, record)
    return canonical(record.datapath), news


def _listed(payload: _Payload, at: int) -> tuple[str, News]:
    record = _record.decode(payload.switch_record)
    switch = record.datapath if record is not None else payload.switch_id or payload.hyphened_id
    news = News(at, State.ONLINE, listed=True)
    _add_ports(news, record)
    return canonical(switch), news


def listed_in(entries: Iterable[bytes], at: int) -> dict[str, News]:
    """The news of each switch that a sync's chain lists.

    Args:
        entries: the payloads of a complete chain. An unreadable one is skipped.
        at: ms since the epoch: when the sync began.
    """
    news_by_switch: dict[str, News] = {}
    for entry in entries:
        try:
            payload = decode(_payload, entry)
            switch, listed = _listed(payload, at)
        except _BAD:
            continue
        news = news_by_switch.setdefault(switch, listed)
        if news is not listed and listed.all_ports:
            news.ports, news.all_ports = news.ports | listed.ports, True
        if payload.clazz == names.DUMP_PORT:
            # The older dumps list ports one by one, and only ports with a link.
            news.ports[payload.port_no] = _LINKS.get(payload.state, Link.UP)
            news.all_ports = True
    return news_by_switch


def _add_ports(news: News, record: _Record | None) -> None:
    if record is not None and record.ports is not None:
        news.ports |= {port.number: _LINKS.get(port.state, Link.DOWN) for port in record.ports}
        news.all_ports = True
