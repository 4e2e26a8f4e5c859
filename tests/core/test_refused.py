"""What becomes of a record that the broker refuses."""

from __future__ import annotations

from flrouter.core.effects import Answering, Send
from flrouter.core.refused import instead_of

from .world import DEAD, REPLIES, rules

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


def test_the_last_resort() -> None:
    """A dead letter that is refused is not written again and again."""
    dead = Send(DEAD, None, None, b"x")
    assert instead_of(dead, "Too large.", rules(), 17, topic_exists=True) == []
