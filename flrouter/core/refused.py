"""What becomes of a record that the broker refuses: nobody may wait for it in vain."""

from __future__ import annotations

from flrouter.core.context import HEAD_BYTES
from flrouter.core.effects import Send
from flrouter.core.rules import Rules
from flrouter.messages.error_forms import finished
from flrouter.messages.errors import ErrorType
from flrouter.messages.trace import HEADER


def instead_of(send: Send, why: str, rules: Rules, now: int, *, topic_exists: bool) -> list[Send]:
    """The records to write in the place of one that cannot be written.

    Its head goes to the dead letters; a requester who waits for it gets an error.

    Args:
        send: the record.
        why: the broker's reason.
        rules: the shard's.
        now: ms since the epoch.
        topic_exists: whether an error can go where the record should have gone.
    """
    if send.topic == rules.dead_letter_topic:
        return []  # it was the last resort
    dead = Send(
        rules.dead_letter_topic,
        None,
        send.key,
        (send.value or b"")[:HEAD_BYTES],
        (
            ("flrouter-reason", why.encode()),
            ("flrouter-topic", send.topic.encode()),
            ("flrouter-size", str(len(send.value or b"")).encode()),
        ),
    )
    if send.answers is None or not (topic_exists or send.answers.topic):
        return [dead]
    record = "the command on its way" if send.answers.topic else "the answer"
    value = finished(
        send.answers.draft,
        send.answers.correlation_id,
        ErrorType.INTERNAL_ERROR,
        f"the broker did not take {record}",
        f"{why} Its head is a dead letter.",
        now,
    )
    headers = (
        ("flrouter-request", send.answers.origin.encode()),
        *(item for item in send.headers if item[0] == HEADER),
        *rules.headers,
    )
    if send.answers.topic:
        key = send.answers.correlation_id.encode()
        return [dead, Send(send.answers.topic, None, key, value, headers)]
    return [dead, Send(send.topic, send.partition, send.key, value, headers)]
