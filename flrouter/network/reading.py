"""What messages say of switches and ports: events and notifications, and the entries of a sync."""

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
    datapath: str
    ports: list[_Port] | None = None


class _Payload(msgspec.Struct):
    """The fields that some of the kinds have; none has all."""

    clazz: str = ""
    switch_id: str = ""
    #: the same, as OpenKilda also spells it.
    hyphened_id: str = msgspec.field(default="", name="switch-id")
    state: str = ""
    port_no: int = 0
    #: the switch with its ports: of a switch event, and of a sync's entry.
    switch: msgspec.Raw = msgspec.Raw(b"null")
    switch_record: msgspec.Raw = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    payload: _Payload | None = None


_message = msgspec.json.Decoder(_Message)
_payload = msgspec.json.Decoder(_Payload)
_record = msgspec.json.Decoder(_Record | None)
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, BadSwitchId)


def news_of(data: bytes, at: int) -> tuple[str, News] | None:
    """The canonical id of a switch and what a message says of it; None where it says nothing.

    Args:
        data: a switch or port event, or a notification that a switch is unmanaged; whatever else
            comes on the topic is passed over.
        at: ms since the epoch: when the router passed it on.
    """
    try:
        payload = decode(_message, data).payload
        if payload is None:
            return None
        switch = canonical(payload.switch_id or payload.hyphened_id)
    except _BAD:
        return None
    match payload.clazz:
        case names.UNMANAGED:
            return switch, News(at, State.UNMANAGED)
        case names.SWITCH_EVENT:
            news = News(at, _STATES.get(payload.state, State.ONLINE))
            with suppress(*_BAD):  # it is there or gone, whatever may be wrong with its ports
                _add_ports(news, _record.decode(payload.switch))
            return switch, news
        case names.PORT_EVENT if payload.state in _LINKS:
            return switch, News(at, ports={payload.port_no: _LINKS[payload.state]})
    return None


def listed_in(entries: Iterable[bytes], at: int) -> dict[str, News]:
    """What the entries of a sync's chain say of each switch that they list.

    Args:
        entries: the payloads of a complete chain. One that cannot be read lists nothing.
        at: ms since the epoch: when the sync began.
    """
    found: dict[str, News] = {}
    for entry in entries:
        try:
            payload = decode(_payload, entry)
            record = _record.decode(payload.switch_record)
            switch = canonical(
                record.datapath if record is not None else payload.switch_id or payload.hyphened_id
            )
        except _BAD:
            continue
        news = found.setdefault(switch, News(at, State.ONLINE, listed=True))
        _add_ports(news, record)
        if payload.clazz == names.DUMP_PORT:
            # The older dumps list ports one by one, and only those whose link is there.
            news.ports[payload.port_no] = _LINKS.get(payload.state, Link.UP)
            news.all_ports = True
    return found


def _add_ports(news: News, record: _Record | None) -> None:
    if record is not None and record.ports is not None:
        news.ports |= {port.number: _LINKS.get(port.state, Link.DOWN) for port in record.ports}
        news.all_ports = True
