"""`docs/asyncapi.yaml`: valid, and what the code and the sample messages are."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import yaml

from flrouter.messages import headers, names
from flrouter.messages.assembly import Entry, list_results
from flrouter.messages.errors import ErrorType, error_data
from flrouter.messages.forms import build, notifications
from flrouter.messages.kinds import switch_list
from flrouter.messages.kinds import switch_list as broadcast
from flrouter.settings.model import Settings
from tests.docs.markdown import code, rows, section
from tests.support import npm
from tests.support.programs import NODE, NPM, require

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILE = ROOT / "docs" / "asyncapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
SAMPLES = sorted((HERE.parent / "samples").glob("*.json"))
WITH_REPLY_TO = "org.openkilda.messaging.command.CommandWithReplyToMessage"
MANY = "flrouter.MultiSwitchCommand"
SWITCH = "00:00:00:00:00:00:00:09"
DUMP = {"clazz": "org.openkilda.messaging.command.switches.DumpRulesRequest"}
CONNECTIONS = [
    notifications.connection(
        "fl-1", writes=writes, master=master, since=1, addresses=b'{"switchAddress":null}'
    )
    for writes, master in ((True, True), (True, False), (False, False))
]
#: headers that only records between the router's own shards have.
INSIDE = {
    *(headers.PREFIX, headers.ROW, headers.SEAL),
    *(headers.WHAT, headers.ORIGIN, headers.FLOODLIGHT, headers.NUMBER),
}
#: by the envelope's class: the most general schema of each.
BY_CLASS = {
    names.COMMAND: "Command",
    WITH_REPLY_TO: "Command",
    names.INFO: "Info",
    names.CHUNK: "Chunk",
    names.ERROR: "Error",
}
#: by the payload's class, where it has a schema of its own.
BY_PAYLOAD = {
    names.ACK: "Ack",
    names.ALIVE_REQUEST: "AliveRequest",
    names.ALIVE_RESPONSE: "AliveResponse",
    names.SYNC_REQUEST: "SyncRequest",
    names.UNMANAGED: "Unmanaged",
}


def faults(schema: str, message: object) -> list[str]:
    """What the document has against a message of that schema."""
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft7Validator(whole)
    return [error.message for error in validator.iter_errors(message)]


def test_asyncapi_s_own_parser_takes_it() -> None:
    """Without an error."""
    node = require(NODE)
    require(NPM)
    parser = npm.package("@asyncapi/parser", "3.6.3") / "browser" / "index.js"
    done = subprocess.run(
        [node, HERE / "parse_asyncapi.js", parser, FILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_are_as_it_says(path: Path) -> None:
    """Each by its own class, and by that of its payload."""
    message = json.loads(path.read_text("utf-8"))
    assert faults(BY_CLASS[message["clazz"]], message) == []
    kind = (message["payload"] or {}).get("clazz")
    if kind in BY_PAYLOAD:
        assert faults(BY_PAYLOAD[kind], message) == []


def test_what_the_router_builds_is_as_it_says() -> None:
    """Its errors; all types of them, and no other."""
    kinds = SCHEMAS["Error"]["allOf"][1]["properties"]["payload"]["properties"]["error-type"][
        "enum"
    ]
    assert kinds == [kind.value for kind in ErrorType]
    for kind in ErrorType:
        message = build.error("id", kind, "text", "more", 1)
        assert faults("Error", json.loads(message)) == []


def _notified(notice: dict[str, Any]) -> bytes:
    return notifications.message(notice, "id", 1)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("Ack", build.ack("id", 1)),
        ("AliveRequest", build.alive_request("id", 1)),
        ("AliveResponse", build.alive_response("id", "fl-1", 2, 1)),
        ("SyncRequest", build.sync_request("id", 1)),
        ("Unmanaged", build.unmanaged("00:00:00:00:00:00:00:09", "id", 1)),
        ("Connection", _notified(notifications.connect(b"{}", CONNECTIONS))),
        ("Connection", _notified(notifications.disconnect(SWITCH, [], region_offline=True))),
        ("Connection", _notified(notifications.availability(SWITCH, CONNECTIONS[1:]))),
        ("PopulationCommand", broadcast.wrapped(build.sync_request("id", 1), [SWITCH])),
        ("Info", build.switch_event("00:00:00:00:00:00:00:09", "REMOVED", "id", 1)),
    ],
)
def test_all_else_that_it_builds_is_too(schema: str, message: bytes) -> None:
    """Router and SDK build them with the same functions."""
    assert faults(schema, json.loads(message)) == []


def test_answers_for_several_are_as_it_says() -> None:
    """Of switches, of one whose id is none, of FLs; a chain's links, a part that failed."""
    failed = msgspec.json.encode(error_data(ErrorType.NOT_FOUND, "text", "more"))
    for entries in (
        [
            Entry("switch_id", SWITCH, True, b'{"clazz":"a"}'),
            Entry("switch_id", "x", False, failed),
        ],
        [Entry("floodlight", "fl-1", True, b'[{"clazz":"a"},null]')],
    ):
        payload, *more = map(msgspec.Raw, list_results(entries, 10_000))
        assert not more
        for message in (
            build.message(names.INFO, payload, "id", 1),
            build.chunk(payload, "id", 0, 2, 1),
        ):
            assert faults("MultiSwitchResponse", json.loads(message)) == []


@pytest.mark.parametrize(
    ("payload", "takes"),
    [
        ({"switch_ids": [SWITCH, "9", SWITCH.replace(":", "-")], "command": DUMP}, True),
        ({"commands": [DUMP | {"switch_id": SWITCH}]}, True),
        ({"commands": [{"clazz": "a.PingRequest", "ping": {"source": {"switch_id": "9"}}}]}, True),
        ({"switch_ids": [], "command": DUMP}, False),
        ({"commands": []}, False),
        ({"switch_ids": [SWITCH]}, False),
        ({"switch_ids": [SWITCH], "command": {}}, False),
        ({"switch_ids": [SWITCH], "command": DUMP | {"switch_id": SWITCH}}, False),
        ({"switch_ids": [SWITCH], "command": DUMP | {"switch-id": SWITCH}}, False),
        ({}, False),
    ],
)
def test_commands_for_several_are_those_that_the_router_takes(
    payload: dict[str, Any], takes: bool
) -> None:
    """What the one refuses as a whole, the other does too."""
    payload = {"clazz": MANY, **payload}
    found = faults("MultiSwitchCommand", {"clazz": names.COMMAND, "payload": payload})
    catalog = Settings().message_catalog
    try:
        listed = switch_list.read(
            msgspec.json.encode(payload), catalog.command(MANY), catalog, 10, around=0, room=10_000
        )
    except switch_list.BadList:
        taken = False
    else:
        taken = not any(each.fault for each in listed)
    assert (not found, taken) == (takes, takes), found


def test_its_names_are_the_code_s() -> None:
    """Every class that it names is one of `messages/names.py`, and the other way round."""
    told = set(re.findall(r"org\.openkilda\.messaging\.[\w.]*\w", FILE.read_text("utf-8")))
    there = {each for each in vars(names).values() if str(each).startswith(f"{names._O}.")}
    assert told == there | {WITH_REPLY_TO}


def test_its_headers_are_the_code_s_and_the_page_s() -> None:
    """Each header that flrouter adds to a record that others read."""
    told = {
        name
        for schema, shape in SCHEMAS.items()
        if schema.endswith("Headers")
        for part in shape.get("allOf", [shape])
        for name in part.get("properties", ())
    }
    page = (FILE.parent / "protocol.md").read_text("utf-8")
    table = rows(section(page, "3.3 Record headers"))
    assert told == {name for row in table for name in code(row[0])}
    assert told == {text for name, text in vars(headers).items() if name.isupper()} - INSIDE


def test_its_topics_are_the_settings_defaults() -> None:
    """By the channel's own name."""
    settings = Settings()
    addresses = {name: channel["address"] for name, channel in DOCUMENT["channels"].items()}
    assert addresses == {
        "inbound": settings.inbound_topics[0],
        "floodlightRead": settings.fl_read_topic.replace("{fl}", "{floodlight}"),
        "floodlightWrite": settings.fl_write_topic.replace("{fl}", "{floodlight}"),
        "flow": settings.flow_topic,
        "northbound": settings.northbound_topic,
        "disco": settings.disco_topic,
        "stats": settings.stats_topic,
        "ping": settings.ping_topic,
        "replyTo": None,
        "deadLetters": settings.dead_letters,
    }


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("Error", {"clazz": names.ERROR, "payload": {"clazz": names.ERROR_DATA}}),
        ("Ack", {"clazz": names.INFO, "payload": {"clazz": names.ACK}}),
        ("Command", {"clazz": names.INFO, "payload": {"clazz": "a"}}),
        ("Command", {"clazz": names.COMMAND, "payload": {"clazz": "a", "switch_id": "x"}}),
        ("Chunk", {"clazz": names.CHUNK, "message_id": "0", "payload": None}),
    ],
)
def test_wrong_messages_are_not(schema: str, message: object) -> None:
    """The schemas do refuse something."""
    assert faults(schema, message)
