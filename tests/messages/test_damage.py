"""Damaged messages: whatever decodes goes through all that is ever done with a message."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from flrouter import profiles
from flrouter.messages import chains, correlation, envelope
from flrouter.messages.kinds import places
from flrouter.messages.switch_id import BadSwitchId
from tests.messages.strategies import damaged

CATALOG = profiles.load("plain").catalog({role: role for role in profiles.ROLES})


@given(data=damaged() | st.binary(max_size=50))
def test_only_the_named_errors_are_raised(data: bytes) -> None:
    """`Unreadable`, `BadLink` and `BadSwitchId` are all that damage can cause."""
    for name in ("correlation_id", "reply_to"):
        text = correlation.salvage(data, name)
        assert text is None or text.encode()
    try:
        message = envelope.decode(data)
    except envelope.Unreadable:
        return
    envelope.form_of(message.clazz)
    CATALOG.topic_of(CATALOG.event(message.kind))
    entry = CATALOG.command(message.kind)
    assert CATALOG.answer_topic(entry)
    places.switch_of(message, data)
    with contextlib.suppress(chains.BadLink):
        chains.link_of(message)
    with contextlib.suppress(BadSwitchId):
        CATALOG.switch_of(message, data)
    changed = correlation.with_correlation_id(data, "new", old=message.correlation_id)
    assert envelope.decode(changed).correlation_id == "new"
