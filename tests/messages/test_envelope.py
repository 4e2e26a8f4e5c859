"""Reading a message: what is one, what is not, and what is known of it."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flrouter.messages.correlation import with_correlation_id
from flrouter.messages.envelope import _FORMS, Form, Unreadable, decode, form_of
from tests.messages.strategies import SAMPLES, damaged, messages, texts

COMMANDS = ["01", "05", "09", "14", "33", "34", "D01", "D04", "D15"]
INFOS = ["17", "26", "28", "D02", "D03", "D07", "D08", "D09", "D10", "D17", "D18"]
FORMS = {
    **dict.fromkeys(COMMANDS, Form.COMMAND),
    **dict.fromkeys(INFOS, Form.INFO),
    **dict.fromkeys(["36", "37", "D05", "D06"], Form.CHUNK),
    **dict.fromkeys(["35", "D13"], Form.ERROR),
    "32": Form.COMMAND_WITH_REPLY,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name: str) -> None:
    """Every sample is read, and what is read is what an ordinary JSON reader finds."""
    envelope = decode(SAMPLES[name])
    plain = json.loads(SAMPLES[name])
    assert form_of(envelope.clazz) is FORMS[name.partition("-")[0]]
    assert envelope.kind == (plain.get("payload") or {}).get("clazz", "")
    for field in ("correlation_id", "reply_to", "timestamp", "message_id", "total_messages"):
        assert getattr(envelope, field) == plain.get(field)


@given(correlation_id=st.none() | texts, draw=st.data())
def test_unfriendly_but_legal_messages(correlation_id: str | None, draw: st.DataObject) -> None:
    """Unknown fields, odd whitespace and escapes do not matter."""
    envelope = decode(draw.draw(messages(correlation_id)))
    assert envelope.correlation_id == correlation_id
    assert envelope.kind == "org.openkilda.messaging.command.flow.RemoveFlow"


@given(data=damaged() | st.binary(max_size=50))
def test_damaged_messages_are_read_or_unreadable(data: bytes) -> None:
    """Nothing but `Unreadable` comes out of damaged bytes, and what is read is JSON in UTF-8."""
    try:
        envelope = decode(data)
    except Unreadable as error:
        assert str(error)  # noqa: PT017  # either outcome is right
    else:
        assert json.loads(data.decode())["clazz"] == envelope.clazz


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b'{"clazz":null}',
        b'{"clazz":"x","payload":[]}',
        b'{"clazz":"x","payload":"{}"}',
        b'{"clazz":"x","payload":{"clazz":7}}',
        b'{"clazz":"x","correlation_id":7}',
        b'{"clazz":"x","total_messages":"2"}',
        b'{"clazz":"x","timestamp":1e999}',
        b'{"clazz":"x"} {}',
        b'{"clazz":"x",}',
        b'{"clazz":"x","y":NaN}',
        b'{"clazz":"x","y":01}',
        b'{"clazz":"x","y":"\\q"}',
        b'{"clazz":"x","y":"\n"}',
        b'{"clazz":"x","y":"\\ud80"}',
        b'{"clazz":"x","y":\\ud800}',
        b'{"clazz":"\\ud800","y":"\\q"}',
        b'{"clazz":"x","correlation_id":"\\ud800"}',
        b'{"clazz":"\xff"}',
        b'{"clazz":"x","\xff":1}',
        b'{"clazz":"x","payload":{"y":["\xed\xa0\x80"]}}',
        b'{"clazz":"x","y":"\xc3"}',
        b'\xef\xbb\xbf{"clazz":"x"}',
        '{"clazz":"x"}'.encode("utf-16"),
        b'{"clazz":"x","y":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"clazz":"x","timestamp":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
    ],
    ids=lambda data: repr(data[:40]),
)
def test_unreadable(data: bytes) -> None:
    """What is not JSON is refused also inside of fields that nobody looks at."""
    with pytest.raises(Unreadable):
        decode(data)


def test_what_was_read_can_be_read_again_deeper_in_the_stack() -> None:
    """Nesting that Python's stack bears only just is refused at once, not halfway through."""

    def deeper(calls: int, data: bytes) -> bytes:
        return deeper(calls - 1, data) if calls else with_correlation_id(data, "new")

    outcomes = set()
    # From Python 3.12 on there is more room than that.
    for depth in (*range(400, sys.getrecursionlimit(), 3), 100_000):
        data = b'{"clazz":"x","y":' + b"[" * depth + b"]" * depth + b"}"
        try:
            decode(data)
        except Unreadable:
            outcomes.add("refused")
        else:
            outcomes.add("read")
            assert deeper(60, data)
    assert outcomes == {"read", "refused"}


def test_many_brackets_are_not_deep() -> None:
    """A large flat message is fine."""
    data = json.dumps({"clazz": "x", "payload": {"flows": [{"a": []}] * 2000}}).encode()
    assert decode(data).payload is not None


@pytest.mark.parametrize(
    ("clazz", "form"),
    [
        ("org.openkilda.messaging.command.CommandMessage", Form.COMMAND),
        ("command.CommandMessage", Form.COMMAND),
        ("com.other.info.ChunkedInfoMessage", Form.CHUNK),
        ("CommandMessage", None),
        ("mycommand.CommandMessage", None),
        ("command.CommandMessage2", None),
        ("", None),
    ],
)
def test_forms(clazz: str, form: Form | None) -> None:
    """The last two parts of a class name tell what a message is."""
    assert form_of(clazz) is form
    assert form_of(clazz) is form  # the same when it is remembered


def test_remembered_forms_are_bounded() -> None:
    """Names come from outside, so neither their number nor their length may fill the memory."""
    for number in range(1200):
        assert form_of(f"p{number}.info.InfoMessage") is Form.INFO
    long = "x" * 1000 + ".info.InfoMessage"
    assert form_of(long) is Form.INFO
    assert len(_FORMS) <= 1000
    assert long not in _FORMS


@pytest.mark.parametrize(
    "message",
    [
        '{"clazz":"x","correlation_id":"%s","payload":{"a":"\\ud800"}}',
        '{"clazz":"x","message_context":{"correlation_id":"%s"},"a":"\\ud800"}',
    ],
)
def test_a_replacement_character_in_an_id_is_no_half_a_surrogate_pair(message: str) -> None:
    """Also where one stands elsewhere in the message."""
    assert decode((message % "�").encode()).correlation_id == "�"
    with pytest.raises(Unreadable, match="half a surrogate pair"):
        decode((message % "\\ud800").encode())
