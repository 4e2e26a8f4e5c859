"""OpenKilda's second envelope: `AbstractMessage`, which has its id in a context and no payload."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flrouter.messages.chains import Link, link_of
from flrouter.messages.correlation import with_correlation_id
from flrouter.messages.envelope import Form, Unreadable, decode
from flrouter.messages.errors import ErrorType
from flrouter.messages.forms.error_forms import ErrorForm, draft, finished
from flrouter.messages.kinds.places import switch_of
from tests.openkilda.schemas import faults

API = "org.openkilda.floodlight.api"
SWITCH = "00:00:00:00:00:00:00:09"
COMMAND_ID = "8c1b3a0e-1f57-4d0c-9a80-2f0b0a3b7c11"
PARTS = [f"8c1b3a0e-1f57-4d0c-9a80-2f0b0a3b7c{number}" for number in (12, 13)]
METADATA = {"flowid": "flow", "cookie": 7, "multi_table": True}


def message(clazz: str, correlation_id: str | None = "op-17", **fields: Any) -> bytes:
    """A message as HEAD's services and FLs write it."""
    context: dict[str, Any] = {"create_time": 1_700_000_000_000}
    if correlation_id is not None:
        context["correlation_id"] = correlation_id
    return json.dumps(
        {"clazz": f"{API}.{clazz}", "message_context": context, **fields}, indent=1
    ).encode()


def install(**more: Any) -> bytes:
    """A command that installs two rules."""
    return message(
        "request.rulemanager.InstallSpeakerCommandsRequest",
        switch_id=SWITCH,
        command_id=COMMAND_ID,
        command_data=[
            {"clazz": f"{API}.request.rulemanager.FlowCommand", "data": {"uuid": uuid}}
            for uuid in PARTS
        ],
        **more,
    )


def test_a_command() -> None:
    """It is its own payload."""
    data = install()
    envelope = decode(data)
    assert envelope.form is Form.ABSTRACT
    assert envelope.correlation_id == "op-17"
    assert envelope.kind.endswith("InstallSpeakerCommandsRequest")
    assert switch_of(envelope, data) == SWITCH


@pytest.mark.parametrize("where", [{"switch_id": SWITCH}, {"endpoint": {"switch_id": SWITCH}}])
def test_segments_name_their_switch_in_one_of_two_places(where: dict[str, Any]) -> None:
    """For its router the one, in its classes the other."""
    for kind in ("EgressFlowSegmentInstallRequest", "OneSwitchMirrorFlowRemoveRequest"):
        data = message(f"request.{kind}", **where)
        assert switch_of(decode(data), data) == SWITCH


def test_a_link_of_a_chain() -> None:
    """With the fields of a ChunkedInfoMessage, at the same place."""
    data = message(
        "response.ChunkedSpeakerDataResponse", message_id="1 : op-17", total_messages=3, data=None
    )
    envelope = decode(data)
    assert envelope.form is Form.CHUNK
    assert link_of(envelope) == Link(1, 3)
    other = with_correlation_id(data, "mine", old="op-17", message_id=envelope.message_id)
    assert other == data.replace(b"op-17", b"mine")


@pytest.mark.parametrize("context", [7, None, "text", ["x"]])
def test_a_context_that_is_none_is_an_unknown_field(context: object) -> None:
    """Whoever writes one more field may call it so."""
    clazz = "org.openkilda.messaging.info.InfoMessage"
    data = json.dumps({"clazz": clazz, "message_context": context, "correlation_id": "op-17"})
    envelope = decode(data.encode())
    assert (envelope.form, envelope.correlation_id) == (Form.INFO, "op-17")


def test_a_message_with_a_payload_has_its_id_beside_it() -> None:
    """Though it has a context too."""
    data = json.dumps(
        {
            "clazz": "org.openkilda.messaging.info.InfoMessage",
            "message_context": {"correlation_id": "other"},
            "correlation_id": "op-17",
            "payload": {"clazz": "x.Answer"},
        }
    ).encode()
    envelope = decode(data)
    assert (envelope.form, envelope.correlation_id) == (Form.INFO, "op-17")
    assert with_correlation_id(data, "mine", old="op-17") == data.replace(b"op-17", b"mine")


@pytest.mark.parametrize("value", [7, ["op-17"], {}])
def test_an_id_that_is_no_text_is_unreadable(value: object) -> None:
    """As in the other envelope."""
    data = json.dumps({"clazz": "x", "message_context": {"correlation_id": value}}).encode()
    with pytest.raises(Unreadable):
        decode(data)


@pytest.mark.parametrize("half", [b'"\\ud800"', b'"a\\udfff"'])
def test_half_a_surrogate_pair_in_the_id_is_unreadable(half: bytes) -> None:
    """No record key can hold it."""
    with pytest.raises(Unreadable):
        decode(b'{"clazz":"x","message_context":{"correlation_id":%b}}' % half)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b'{"clazz":"x", "message_context" : {"t":1 , "correlation_id" : "a"}, "y":[1]}',
            b'{"clazz":"x", "message_context" : {"t":1 , "correlation_id" : "b"}, "y":[1]}',
        ),
        (
            b'{"data":{"correlation_id":"a"},"message_context":{"correlation_id":"a"},"clazz":"x"}',
            b'{"data":{"correlation_id":"a"},"message_context":{"correlation_id":"b"},"clazz":"x"}',
        ),
        (
            b'{"correlation_id":"a","message_context":{"correlation_id":"a"},"clazz":"x"}',
            b'{"correlation_id":"a","message_context":{"correlation_id":"b"},"clazz":"x"}',
        ),
        (
            b'{"clazz":"x","payload":null,"message_context":{"correlation\\u005fid":"a"}}',
            b'{"clazz":"x","payload":null,"message_context":{"correlation\\u005fid":"b"}}',
        ),
        (
            b'{"clazz":"x","message_context":{"create_time":1}}',
            b'{"clazz":"x","message_context":{"correlation_id":"b","create_time":1}}',
        ),
        (
            b'{"clazz":"x","message_context":{ }}',
            b'{"clazz":"x","message_context":{"correlation_id":"b" }}',
        ),
    ],
)
def test_only_the_id_in_the_context_is_replaced(before: bytes, after: bytes) -> None:
    """All else arrives byte for byte; where there is none it is put in."""
    old = decode(before).correlation_id
    assert with_correlation_id(before, "b", old=old) == after
    assert decode(after).correlation_id == "b"


def failed(form: ErrorForm, command: bytes, kind: ErrorType = ErrorType.NOT_FOUND) -> Any:
    """What the requester of a command gets when it fails; OpenKilda's classes can read it."""
    value = finished(draft(form, command), "op-17", kind, "no such switch", "Look.", 1_700)
    answer = json.loads(value)
    assert faults("HEAD", answer) == []
    return answer


def test_commands_for_rules_fail_in_all_their_parts() -> None:
    """Who asked sees its own ids."""
    answer = failed(ErrorForm.SPEAKER_COMMAND, install())
    assert answer["message_context"]["correlation_id"] == "op-17"
    assert (answer["command_id"], answer["switch_id"]) == (COMMAND_ID, SWITCH)
    assert answer["success"] is False
    assert answer["failed_command_ids"] == dict.fromkeys(PARTS, "no such switch. Look.")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ErrorType.NOT_FOUND, "SWITCH_UNAVAILABLE"),
        (ErrorType.OPERATION_TIMED_OUT, "OPERATION_TIMED_OUT"),
        (ErrorType.DATA_INVALID, "BAD_COMMAND"),
        (ErrorType.INTERNAL_ERROR, "UNKNOWN"),
    ],
)
def test_segments_fail_with_a_code(kind: ErrorType, code: str) -> None:
    """And the metadata by which flow-HS knows them, wherever they name their switch."""
    for where in ({"switch_id": SWITCH}, {"endpoint": {"switch_id": SWITCH, "port_number": 1}}):
        command = message(
            "request.TransitFlowSegmentInstallRequest",
            command_id=COMMAND_ID,
            metadata=METADATA,
            **where,
        )
        answer = failed(ErrorForm.FLOW_ERROR, command, kind)
        assert (answer["error_code"], answer["switch_id"]) == (code, SWITCH)
        assert answer["metadata"] == METADATA


def test_dumps_of_flow_hs_fail_with_data() -> None:
    """The command is of the other envelope, its answer of this one."""
    command = b'{"clazz":"org.openkilda.messaging.command.CommandMessage","correlation_id":"op-17"}'
    answer = failed(ErrorForm.SPEAKER_DATA, command)
    assert answer["data"]["error-type"] == "NOT_FOUND"


@pytest.mark.parametrize("form", [ErrorForm.SPEAKER_COMMAND, ErrorForm.FLOW_ERROR])
@pytest.mark.parametrize("command", [b"{}", b"[", b'{"command_id":7}', b'{"command_data":[{}]}'])
def test_a_command_that_lacks_what_its_answer_repeats(form: ErrorForm, command: bytes) -> None:
    """Nobody could read such an answer, so it is the usual error."""
    value = finished(draft(form, command), "op-17", ErrorType.NOT_FOUND, "m", "d", 1_700)
    assert json.loads(value)["payload"]["error-type"] == "NOT_FOUND"


def test_a_segment_without_metadata() -> None:
    """flow-HS could not tell which of its flows it is."""
    command = message("request.X", switch_id=SWITCH, command_id=COMMAND_ID)
    assert draft(ErrorForm.FLOW_ERROR, command) == b""
    assert draft(ErrorForm.SPEAKER_COMMAND, command)
