"""Changing a correlation id must change nothing else."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flrouter.messages.correlation import salvage, with_correlation_id
from flrouter.messages.envelope import decode
from flrouter.messages.members import members, spans
from tests.messages.strategies import SAMPLES, messages, texts

NEW = 'flow-1~c0ffee.3"kilda.speaker"é\\'


def others(data: bytes) -> bytes:
    """All bytes but the values of the two members that carry the id."""
    kept = b""
    at = 0
    for member in spans(data):
        if member.name in ("correlation_id", "message_id"):
            kept += data[at : member.value]
            at = member.end
    return kept + data[at:]


@given(old=st.none() | texts, new=texts, draw=st.data())
def test_every_other_value_survives_byte_for_byte(
    old: str | None, new: str, draw: st.DataObject
) -> None:
    """Whatever else stands in a message, in whatever spelling, arrives as it was sent."""
    before = draw.draw(messages(old))
    envelope = decode(before)
    after = with_correlation_id(before, new, old=envelope.correlation_id)
    assert decode(after).correlation_id == new
    if any(member.name == "correlation_id" for member in spans(before)):
        assert others(after) == others(before)
    else:
        added = b'"correlation_id":%b,' % msgspec.json.encode(new)
        assert after.replace(added, b"", 1) == before
    quick = with_correlation_id(
        before, new, old=envelope.correlation_id, message_id=envelope.message_id or ""
    )
    assert quick == after


@given(old=texts, new=texts, draw=st.data())
def test_message_id_follows(old: str, new: str, draw: st.DataObject) -> None:
    """`message_id` changes when, and only when, it is an index, a colon and the message's id; or
    that id alone.
    """
    before = draw.draw(messages(old))
    after = with_correlation_id(before, new, old=old)
    index, colon, carried = (decode(before).message_id or "").partition(" : ")
    if index == "7" and colon and carried == old:
        assert decode(after).message_id == f"7 : {new}"
    elif old and decode(before).message_id == old:
        assert decode(after).message_id == new
    elif not old.isspace() and old:
        assert members(after).get("message_id") == members(before).get("message_id")


@given(old=texts, new=texts, draw=st.data())
def test_there_and_back(old: str, new: str, draw: st.DataObject) -> None:
    """A command that is sent on under another id and answered comes back as it was."""
    before = draw.draw(messages(old))
    assume(decode(before).message_id != new)  # the router's is nobody's own
    there = with_correlation_id(before, new, old=old)
    back = with_correlation_id(there, old, old=new)
    assert others(back) == others(before)
    assert decode(back).correlation_id == old
    assert decode(back).message_id == decode(before).message_id


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name: str) -> None:
    """Real messages, with ids and without, keep all their values."""
    before = SAMPLES[name]
    envelope = decode(before)
    after = with_correlation_id(before, NEW, old=envelope.correlation_id)
    assert json.loads(after)["correlation_id"] == NEW
    if envelope.correlation_id is not None:
        assert others(after) == others(before)
    if envelope.message_id is not None:
        assert decode(after).message_id == envelope.message_id.replace("dump-1", NEW)


@pytest.mark.parametrize("message_id", [None, "7 : A"])
@pytest.mark.parametrize("half", ["", r',"half":"\ud800\"\\"'])
def test_what_is_written_oddly_stays_so(half: str, message_id: str | None) -> None:
    """Names that occur twice, blanks and line ends, wherever they stand; the last id counts."""
    pattern = (
        '{ \n "clazz" : "x","correlation_id":"first" ,'
        '"payload":{"a":1,"a":2, "correlation_id" : 3},\n'
        f' "clazz":"y"{half} ,"unknown":[ ],"unknown" :\t{{ }},"correlation_id":%s'
        + (',"message_id" :%s } ' if message_id else "}")
    )
    ids = ('"A"', '"7 : A"') if message_id else ('"A"',)
    news = ('"new"', '"7 : new"') if message_id else ('"new"',)
    before = (pattern % ids).encode()
    after = with_correlation_id(before, "new", old="A", message_id=message_id)
    assert after == (pattern % news).encode()
    assert with_correlation_id(after, "A", old="new") == before


def test_an_id_is_put_in_front() -> None:
    """All else stays where it is."""
    before = b'\t{ "clazz":"x" , "clazz":"y" }'
    after = b'\t{"correlation_id":"A", "clazz":"x" , "clazz":"y" }'
    assert with_correlation_id(before, "A") == after


def test_usual_messages_are_not_encoded_anew() -> None:
    """When the id stands where it always does, even the whitespace around values survives."""
    before = SAMPLES["33-remove-flow.json"]
    after = with_correlation_id(before, "new", old="unit-test-correlation-id")
    assert after == before.replace(b"unit-test-correlation-id", b"new")


@pytest.mark.parametrize(
    ("members", "after"),
    [
        # the name in the payload as well, or there alone
        ('"correlation_id":"A","payload":{"correlation_id":"A"}', {"correlation_id": "A"}),
        ('"correlation_id":null,"payload":{"correlation_id":"A"}', {"correlation_id": "A"}),
        ('"payload":{"correlation_id":"A"}', {"correlation_id": "A"}),
        # the name spelled with an escape, so that the payload's looks like the only one
        (
            r'"correlation\u005fid":"A","payload":{"correlation_id":"A"}',
            {"correlation_id": "A"},
        ),
        # the name as a value, and a member inside of a string
        ('"correlation_id":"A","payload":{"k":"correlation_id"}', {"k": "correlation_id"}),
        (
            r'"payload":{"k":"\"correlation_id\":\"A\""},"correlation_id":"A"',
            {"k": '"correlation_id":"A"'},
        ),
        # the id spelled with an escape
        (r'"correlation_id":"\u0041","payload":{"k":"A"}', {"k": "A"}),
        (r'"correlation_id":"A\"\\","payload":{"k":"A"}', {"k": "A"}),
        ('"correlation_id" \t:\n "A" , "payload" : { "k" : "A" }', {"k": "A"}),
    ],
)
def test_names_and_ids_in_misleading_places(members: str, after: dict[str, str]) -> None:
    """Only the top level counts, however the names are spelled."""
    data = f'{{"clazz":"x",{members}}}'.encode()
    changed = json.loads(with_correlation_id(data, NEW, old=decode(data).correlation_id))
    assert changed["correlation_id"] == NEW
    assert changed["payload"] == after


@pytest.mark.parametrize(
    ("old", "message_id", "after"),
    [
        ("a", "0 : a", "0 : b"),
        ("a", " 12:a", " 12:b"),
        ("a", "0 : za", "0 : za"),
        ("a", "a", "b"),
        ("a", "za", "za"),
        ("", "0 : ", "0 : b"),
        ("", "", ""),
        ("1", "1 : 1", "1 : b"),
        ("a", 7, 7),
        ("a", None, None),
    ],
)
def test_message_ids(old: str, message_id: object, after: object) -> None:
    """The id is replaced in `message_id` only where it stands after the index, or alone."""
    data = json.dumps({"clazz": "x", "correlation_id": old, "message_id": message_id}).encode()
    assert json.loads(with_correlation_id(data, "b", old=old))["message_id"] == after


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"correlation_id": "a-1", "payload": {', "a-1"),
        (b'\xff"correlation_id" :\n"\\u0041"', "A"),
        (b'{"correlation_id": ""', None),
        (b'{"correlation_id": null', None),
        (b'{"correlation_id": "never ends', None),
        (b'{"correlation_id": "\\q"', None),
        (b'{"correlation_id": "\xff"', None),
        (b'{"correlation_id": "' + b"x" * 1001 + b'"', None),
        (b"", None),
    ],
)
def test_salvage(data: bytes, expected: str | None) -> None:
    """Of a message that cannot be read, the id is taken where it can be made out."""
    assert salvage(data, "correlation_id") == expected


def test_salvage_of_reply_to() -> None:
    """A broken command may still say where its answer goes."""
    assert salvage(b'{"reply_to":"my.answers","payload":', "reply_to") == "my.answers"
