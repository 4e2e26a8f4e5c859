"""Messages: the one decoding, and all that is done with what decodes."""

from __future__ import annotations

import contextlib
import json
import re

import msgspec

from flrouter import profiles
from flrouter.messages import chains, correlation, members
from flrouter.messages import envelope as envelopes
from flrouter.messages.kinds import places
from flrouter.messages.switch_id import BadSwitchId, canonical

CATALOG = profiles.load("plain").catalog({role: role for role in profiles.ROLES})

#: in the way in which requesters' ids hold quotes, escapes and letters of all sorts.
NEW_ID = 'new "id" \\ \x00 ß ~9ab1c22f.1.x.0.7'


def envelope(data: bytes) -> None:
    """Only Unreadable, BadLink and BadSwitchId come out; all but the id survives a new one."""
    try:
        message = envelopes.decode(data)
    except envelopes.Unreadable:
        return
    for text in (message.clazz, message.kind, message.correlation_id or "", message.reply_to or ""):
        text.encode()
    envelopes.form_of(message.clazz)
    assert CATALOG.topic_of(CATALOG.event(message.kind))
    entry = CATALOG.command(message.kind)
    assert CATALOG.answer_topic(entry)
    switch = places.switch_of(message, data)
    assert switch is None or canonical(switch) == switch
    with contextlib.suppress(chains.BadLink):
        link = chains.link_of(message)
        if isinstance(link, chains.Link):
            assert -1 <= link.index < link.total or link.total == 0
            msgspec.msgpack.encode(link)  # a shard keeps both numbers in its changelog
    with contextlib.suppress(BadSwitchId):
        CATALOG.switch_of(message, data)
    _agrees_with_json(message, data)
    _survives_a_new_id(message, data)


def _agrees_with_json(message: envelopes.Envelope, data: bytes) -> None:
    """What was accepted is JSON to others too, and says the same to them."""
    try:
        plain = json.loads(data)
    except RecursionError:  # Python's own reader goes less deep
        return
    except ValueError as error:
        if "integer string conversion" in str(error):  # it has thousands of digits, which is legal
            return
        raise
    for name in ("clazz", "correlation_id", "reply_to"):
        value = plain.get(name)
        # Half a surrogate pair is no character: it is read as U+FFFD.
        said = re.sub("[\ud800-\udfff]", "\ufffd", value) if value is not None else None
        assert said == getattr(message, name), name


def _survives_a_new_id(message: envelopes.Envelope, data: bytes) -> None:
    changed = correlation.with_correlation_id(data, NEW_ID, old=message.correlation_id)
    again = envelopes.decode(changed)
    assert again.correlation_id == NEW_ID
    before, after = members.members(data), members.members(changed)
    for name in {*before, *after} - {"correlation_id", "message_id"}:
        assert before[name] == after[name], name
    if message.message_id != again.message_id:
        assert message.message_id is not None
        assert message.message_id.endswith(message.correlation_id or "")
    quick = correlation.with_correlation_id(
        data, NEW_ID, old=message.correlation_id, message_id=message.message_id or ""
    )
    assert quick == changed
    back = correlation.with_correlation_id(changed, message.correlation_id or "", old=NEW_ID)
    assert envelopes.decode(back).message_id == message.message_id


def salvage(data: bytes) -> None:
    """Whatever the bytes are: a text that can be sent on, or nothing."""
    for name in ("correlation_id", "reply_to"):
        text = correlation.salvage(data, name)
        assert text is None or text.encode()
