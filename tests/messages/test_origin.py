"""Which switch a record from an FL speaks of."""

from __future__ import annotations

import json

import pytest

from flrouter.messages.envelope import decode
from flrouter.messages.origin import switch_of
from tests.messages.strategies import SAMPLES

#: samples that name no switch as their origin.
NONE = {"35", "36", "37", "D01", "D02", "D03", "D04", "D07", "D10", "D13", "D15"}
NUMBERS = {"17": 2, "28": 2, "D06": 2} | dict.fromkeys(["01", "05", "09", "33", "34"], 9)


def origin(**payload: object) -> str | None:
    """The origin of an event with this payload."""
    return switch_of(decode(json.dumps({"clazz": "x", "payload": payload}).encode()))


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name: str) -> None:
    """An ISL belongs to the last node of its path, a sync record to its datapath."""
    sample = name.partition("-")[0]
    expected = None if sample in NONE else f"00:00:00:00:00:00:00:0{NUMBERS.get(sample, 1)}"
    assert switch_of(decode(SAMPLES[name])) == expected


def test_no_payload() -> None:
    """A message without a payload has no origin."""
    assert switch_of(decode(b'{"clazz":"x","payload":null}')) is None


def test_later_isl_form() -> None:
    """Later forms call the receiving node `destination`."""
    nodes = {"source": {"switch_id": "1"}, "destination": {"switch_id": "0x2"}}
    assert origin(**nodes) == "00:00:00:00:00:00:00:02"


@pytest.mark.parametrize(
    "payload",
    [
        {"path": []},
        {"path": None},
        {"path": [{"port_no": 1}]},
        {"path": [{"switch_id": 7}]},
        {"path": [{"switch_id": "none"}]},
        {"destination": "NORTHBOUND"},
        {"switch_record": {"ports": []}},
        {"switch_record": {"datapath": ""}},
        {"switch_id": "none"},
        {"switch_id": 7},
        {"switch_id": {"datapath": "1"}},
    ],
)
def test_odd_payloads_have_no_origin(payload: dict[str, object]) -> None:
    """What is not as expected is passed over, never an error."""
    assert origin(**payload) is None
