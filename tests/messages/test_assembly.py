"""Assembly: entries become payloads within a limit, and assemblers are found by their names."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flrouter.messages.assembly import BadAssembler, Entry, find, list_results, payload_of
from flrouter.profiles import BadProfile, read


def entry(number: int, size: int = 1) -> Entry:
    """One with a payload of about so many bytes."""
    payload = b'{"n":%d,"odd":1.50,"x":"%b"}' % (number, b"x" * size)
    return Entry("switch_id", f"switch {number}", number % 3 > 0, payload)


@given(st.lists(st.integers(0, 300), max_size=40), st.integers(600, 2_000))
def test_all_entries_in_order_within_the_limit(sizes: list[int], room: int) -> None:
    """However many payloads that takes; each counts its own."""
    entries = [entry(number, size) for number, size in enumerate(sizes)]
    payloads = list_results(entries, room)
    assert all(len(payload) <= room for payload in payloads)
    results = []
    for payload in map(json.loads, payloads):
        assert payload["succeeded"] + payload["failed"] == len(payload["results"])
        results += payload["results"]
    assert [each["switch_id"] for each in results] == [each.target for each in entries]
    assert [each["status"] == "ok" for each in results] == [each.ok for each in entries]
    assert len(payloads) == 1 or sum(map(len, payloads)) > room


def test_payloads_keep_their_bytes() -> None:
    """Nothing is encoded anew."""
    [payload] = list_results([entry(1)], 10_000)
    assert b'"payload":{"n":1,"odd":1.50,"x":"x"}' in payload
    data = b'{ "payload" : {"b": 1e5 ,"a":[ ]} ,"clazz":"x"}'
    assert payload_of(data) == b'{"b": 1e5 ,"a":[ ]}'
    assert payload_of(b'{"clazz":"x"}') == b"null"


def test_assemblers_are_found() -> None:
    """By module and name; without one, the usual."""
    assert find("") is list_results
    assert find("flrouter.messages.assembly:list_results") is list_results


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nonsense", "expected module:function"),
        ("no_such_module:x", "no_such_module"),
        ("json:nothing", "nothing"),
        ("json:__name__", "is no function"),
        (":x", "expected"),
    ],
)
def test_assemblers_that_are_not_there(name: str, told: str) -> None:
    """The profile is refused with the reason, before anything starts."""
    with pytest.raises(BadAssembler, match=told):
        find(name)
    entry = f"[[command]]\nkind='A'\nanswer='flow'\nassemble='{name}'"
    with pytest.raises(BadProfile, match=told):
        read(f"extends='plain'\n{entry}").catalog({})


@pytest.mark.parametrize(
    "field", ["min_success = -1", 'min_success = "some"', "deadline = 0", "deadline = -1.5"]
)
def test_fields_that_cannot_be(field: str) -> None:
    """A profile says so as well."""
    with pytest.raises(BadProfile, match=field.partition(" ")[0]):
        read(f"extends='plain'\n[[command]]\nkind='A'\nanswer='flow'\n{field}")
