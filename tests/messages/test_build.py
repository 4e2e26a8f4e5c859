"""The messages that flrouter writes itself: in OpenKilda's kinds, with nothing added to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flrouter.messages import names
from flrouter.messages.envelope import decode
from flrouter.messages.errors import ErrorType
from flrouter.messages.forms import build
from tests.messages.strategies import SAMPLES

NOW = 1_536_160_611_000
SWITCH = "00:00:00:00:00:00:00:01"
ID = 'id "é"'


def shape(value: object) -> object:
    """A message without its values: the names of its fields, and its classes."""
    if isinstance(value, dict):
        return {
            key: inner if key == "clazz" else shape(inner)
            for key, inner in value.items()
            if key not in {"destination", "reply_to"} or inner is not None
        }
    return None


def sample(number: str) -> Any:
    """The sample with this number."""
    return json.loads(next(data for name, data in SAMPLES.items() if name.startswith(number)))


@pytest.mark.parametrize(
    ("number", "data"),
    [
        ("D01", build.alive_request(ID, NOW)),
        ("D02", build.alive_response(ID, "1", 0, NOW)),
        ("D03", build.alive_response(ID, "1", 3, NOW)),
        ("D04", build.sync_request(ID, NOW)),
        (
            "35",
            build.error(ID, ErrorType.NOT_FOUND, "no FL holds the switch", "wait", NOW),
        ),
    ],
)
def test_fields_are_those_of_the_samples(number: str, data: bytes) -> None:
    """What OpenKilda's classes read there they read here: no field more, none with another name."""
    ours, theirs = json.loads(data), sample(number)
    assert ours.keys() <= theirs.keys() | {"correlation_id", "region"}
    assert shape(ours["payload"]) == shape(theirs["payload"])
    assert ours["clazz"] == theirs["clazz"]
    assert (ours["correlation_id"], ours["timestamp"]) == (ID, NOW)


def test_links_have_the_fields_of_the_sample() -> None:
    """A link has its place in `message_id`, and the empty chain has no payload."""
    link = json.loads(build.chunk({"clazz": "x"}, ID, 1, 2, NOW))
    assert link.keys() <= sample("D05").keys()
    assert (link["message_id"], link["total_messages"]) == (f"1 : {ID}", 2)
    empty = json.loads(build.chunk(None, ID, 0, 0, NOW))
    assert (empty["payload"], empty["total_messages"]) == (None, 0)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (build.ack(ID, NOW), names.ACK),
        (build.unmanaged(SWITCH, ID, NOW), names.UNMANAGED),
        (build.switch_event(SWITCH, "REMOVED", ID, NOW), names.SWITCH_EVENT),
    ],
)
def test_kinds(data: bytes, kind: str) -> None:
    """Receipts and notifications are info messages of their kinds, under the id given."""
    envelope = decode(data)
    assert (envelope.clazz, envelope.kind) == (names.INFO, kind)
    assert (envelope.correlation_id, envelope.timestamp) == (ID, NOW)


def test_switch_events_name_the_switch() -> None:
    """A switch event says which switch, and what became of it."""
    payload = decode(build.switch_event(SWITCH, "REMOVED", ID, NOW)).payload
    assert payload is not None
    assert (payload.switch_id, payload.state) == (SWITCH, "REMOVED")


@pytest.mark.parametrize("kind", ErrorType)
def test_errors(kind: ErrorType) -> None:
    """An error's fields have hyphens, and its type is OpenKilda's word."""
    message = json.loads(build.error(ID, kind, "short", "long", NOW))
    assert message["payload"] == {
        "clazz": names.ERROR_DATA,
        "error-type": kind.name,
        "error-message": "short",
        "error-description": "long",
    }
