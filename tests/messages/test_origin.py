"""Which switch a record from an FL speaks of."""

from __future__ import annotations

import json

import pytest

from flrouter.messages.envelope import decode
from flrouter.messages.kinds.places import switch_of
from tests.messages.strategies import SAMPLES

#: samples that name no switch as their origin.
NONE = {"35", "36", "37", "D01", "D02", "D03", "D04", "D07", "D10", "D13", "D15"}
NUMBERS = {"17": 2, "28": 2, "D06": 2} | dict.fromkeys(["01", "05", "09", "33", "34"], 9)


def origin(kind: str = "", **payload: object) -> str | None:
    """The origin of an event with this payload."""
    message = {"clazz": "x", "payload": {"clazz": f"org.openkilda.{kind}", **payload}}
    data = json.dumps(message).encode()
    return switch_of(decode(data), data)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name: str) -> None:
    """An ISL belongs to the last node of its path, a sync record to its datapath."""
    sample = name.partition("-")[0]
    expected = None if sample in NONE else f"00:00:00:00:00:00:00:0{NUMBERS.get(sample, 1)}"
    assert switch_of(decode(SAMPLES[name]), SAMPLES[name]) == expected


def test_no_payload() -> None:
    """A message without a payload has no origin."""
    data = b'{"clazz":"x","payload":null}'
    assert switch_of(decode(data), data) is None


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("PortInfoData", {"switch_id": "2"}),
        ("PortInfoData", {"switch-id": "00-00-00-00-00-00-00-02"}),
        ("PortInfoData", {"switch_id": None, "switch-id": "2"}),
        ("PortInfoData", {"switch_id": "2", "switch-id": "3"}),
        ("DiscoPacketSendingConfirmation", {"endpoint": {"switch-id": "2", "port-id": 1}}),
        ("DiscoPacketSendingConfirmation", {"endpoint": {"switch_id": "2", "port_no": 1}}),
        ("DiscoPacketSendingConfirmation", {"endpoint": None, "switch_id": "2"}),
        ("IslInfoData", {"path": [{"switch_id": "1"}, {"switch_id": "2"}]}),
        ("IslInfoData", {"path": [{"switch-id": "1"}, {"switch-id": "2"}]}),
        ("IslInfoData", {"source": {"switch_id": "1"}, "destination": {"switch_id": "2"}}),
        ("IslInfoData", {"source": {"switch-id": "1"}, "destination": {"switch-id": "2"}}),
        ("IslOneWayLatency", {"src_switch_id": "1", "dst_switch_id": "2"}),
        ("IslRoundTripLatency", {"src_switch_id": "2"}),
        ("NetworkDumpSwitchData", {"switch_record": {"datapath": "2"}}),
        ("NetworkDumpSwitchData", {"switch-record": {"datapath": "2"}}),
        ("NetworkDumpSwitchData", {"switch_id": "2"}),
        ("BfdSessionResponse", {"bfd-session": {"target": {"datapath": "2"}}}),
        ("Whatever", {"switch-id": "2", "halves": "\ud800 \udc00"}),
        ("IslInfoData", {"destination": {"switch_id": "2", "halves": "\ud800"}}),
    ],
)
def test_places(kind: str, payload: dict[str, object]) -> None:
    """Each kind names its switch in places of its own, and `_` and `-` are the same there."""
    assert origin(kind, **payload) == "00:00:00:00:00:00:00:02"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("IslInfoData", {"path": []}),
        ("IslInfoData", {"path": None}),
        ("IslInfoData", {"path": [{"port_no": 1}]}),
        ("IslInfoData", {"path": [{"switch_id": 7}]}),
        ("IslInfoData", {"path": [{"switch_id": "none"}]}),
        ("IslInfoData", {"destination": "NORTHBOUND"}),
        ("FlowResponse", {"destination": {"switch_id": "1"}}),
        ("NetworkDumpSwitchData", {"switch_record": {"ports": []}}),
        ("NetworkDumpSwitchData", {"switch_record": {"datapath": ""}}),
        ("NetworkDumpSwitchData", {"switch_record": {"datapath": "\ud800"}}),
        ("DiscoPacketSendingConfirmation", {"endpoint": ["switch-id"]}),
        ("", {"switch_id": "none"}),
        ("", {"switch_id": 7}),
        ("", {"switch_id": {"datapath": "1"}}),
        ("", {"switch-id": "\ud800"}),
    ],
)
def test_odd_payloads_have_no_origin(kind: str, payload: dict[str, object]) -> None:
    """What is not as expected is passed over, never an error."""
    assert origin(kind, **payload) is None
