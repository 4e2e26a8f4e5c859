"""Members of JSON objects, byte for byte."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given

from flrouter.messages.members import items, joined, members, readable, spans
from tests.messages.strategies import messages


@given(data=messages("A"))
def test_members_are_cut_out_as_they_stand(data: bytes) -> None:
    """Each value is what Python reads there; of those with one name, the last counts."""
    cut = {member.name: data[member.value : member.end] for member in spans(data)}
    assert cut == members(data)
    loaded = {name: json.loads(value) for name, value in cut.items()}
    assert json.dumps(loaded) == json.dumps(json.loads(data))
    assert json.dumps(json.loads(joined(cut))) == json.dumps(json.loads(data))


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (rb'"\ud800"', rb'"\ufffd"'),
        (rb'"\uDFFF\ud800"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud800\ud83d\uDE00\ude00"', rb'"\ufffd\ud83d\uDE00\ufffd"'),
        (rb'"\\ud800\n\\\ud800"', rb'"\\ud800\n\\\ufffd"'),
        (rb'"\ud8"', rb'"\ud8"'),
    ],
)
def test_halves_of_pairs(data: bytes, shown: bytes) -> None:
    """Half a pair is read as U+FFFD, whole ones and what only looks like one are left alone."""
    assert readable(data) == shown
    assert len(readable(data)) == len(data)


@pytest.mark.parametrize("half", ["", r'"\ud800",'])
def test_items(half: str) -> None:
    """The items of a list as they stand."""
    data = f' [ {half}1.50 , [ ],{{"a" : "]" }},"," ] '.encode()
    expected = [b"1.50", b"[ ]", b'{"a" : "]" }', b'","']
    assert items(data) == ([half[:-1].encode()] if half else []) + expected
    assert items(b"[ ]") == []


@pytest.mark.parametrize("data", [b"[]", b'["\\ud800"]', b'{"a":"\\ud800" "b"}', b"", b"{"])
def test_no_objects(data: bytes) -> None:
    """They are refused with or without halves of pairs."""
    with pytest.raises(msgspec.MsgspecError):
        members(data)


@pytest.mark.parametrize("data", [b"{}", b'{"a":"\\ud800"}', b'["\\ud800"', b""])
def test_no_lists(data: bytes) -> None:
    """The same."""
    with pytest.raises(msgspec.MsgspecError):
        items(data)


def test_numbers_of_any_length() -> None:
    """Python refuses to read those of thousands of digits; here nobody reads them."""
    number = b"9" * 5_000
    data = b'{"a":%b,"b":"\\ud800"}' % number
    assert members(data)["a"] == number
