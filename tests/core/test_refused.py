"""What becomes of a record that the broker refuses."""

from __future__ import annotations

import json

from flrouter.core.requests.refused import instead_of
from flrouter.core.values.effects import Answering, Send
from flrouter.messages.forms.error_forms import ErrorForm, draft
from tests.openkilda.schemas import faults

from .world import DEAD, REPLIES, SHARDS, rules

ANSWER = Send(REPLIES, None, b"9", b"x" * 5_000, (), Answering("op", "kilda.speaker/0/7"))


def test_an_answer() -> None:
    """Its requester is told, and its head is a dead letter."""
    dead, error = instead_of(ANSWER, "Too large.", rules(), 17, topic_exists=True)
    assert dead.topic == DEAD
    assert dead.value == b"x" * 1_000
    assert dict(dead.headers) == {
        "flrouter-reason": b"Too large.",
        "flrouter-topic": REPLIES.encode(),
        "flrouter-size": b"5000",
    }
    assert (error.topic, error.key) == (REPLIES, b"9")
    assert error.value is not None
    assert b'"INTERNAL_ERROR"' in error.value
    assert b'"correlation_id":"op"' in error.value
    assert dict(error.headers) == {"flrouter-request": b"kilda.speaker/0/7"}


def test_nobody_can_be_told() -> None:
    """The topic is gone, or the record answers nobody: a dead letter is all."""
    [dead] = instead_of(ANSWER, "No topic.", rules(), 17, topic_exists=False)
    assert dead.topic == DEAD
    tombstone = Send("kilda.flow", None, None, None)
    [dead] = instead_of(tombstone, "Why ever.", rules(), 17, topic_exists=True)
    assert dead.value == b""


def test_a_command_on_its_way_to_its_home() -> None:
    """The broker takes no more than a limit, to which the router adds: its requester is told."""
    passed = Send(
        SHARDS,
        2,
        None,
        b"x" * 5_000,
        (("flrouter-what", b"command"), ("traceparent", b"t")),
        Answering("op", "kilda.speaker/0/7", REPLIES),
    )
    dead, error = instead_of(passed, "Too large.", rules(), 17, topic_exists=True)
    assert (dead.topic, dict(dead.headers)["flrouter-topic"]) == (DEAD, SHARDS.encode())
    assert (error.topic, error.partition, error.key) == (REPLIES, None, b"op")
    assert b"did not take the command" in (error.value or b"")
    assert dict(error.headers) == {
        "flrouter-request": b"kilda.speaker/0/7",
        "traceparent": b"t",
    }


def test_an_answer_to_one_who_reads_no_error_message() -> None:
    """The error is in the form that its command asked for."""
    kept = draft(ErrorForm.SPEAKER_DATA, b"{}")
    answers = Answering("op", "kilda.speaker/0/7", draft=kept)
    answer = Send(REPLIES, None, b"9", b"x" * 5_000, (), answers)
    _, error = instead_of(answer, "Too large.", rules(), 17, topic_exists=True)
    message = json.loads(error.value or b"")
    assert faults("HEAD", message) == []
    assert message["message_context"]["correlation_id"] == "op"
    assert message["data"]["error-type"] == "INTERNAL_ERROR"


def test_the_last_resort() -> None:
    """A dead letter that is refused is not written again and again."""
    dead = Send(DEAD, None, None, b"x")
    assert instead_of(dead, "Too large.", rules(), 17, topic_exists=True) == []
