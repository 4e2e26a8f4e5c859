"""What becomes of a record that the broker refuses: a requester who waits for it gets an error."""

from __future__ import annotations

from flrouter.core.state.rules import Rules
from flrouter.core.values.dead_letters import HEAD_KEPT, unwritten
from flrouter.core.values.effects import Send
from flrouter.messages import headers as header
from flrouter.messages.errors import ErrorType
from flrouter.messages.forms.error_forms import finished


def instead_of(send: Send, why: str, rules: Rules, now: int, *, topic_exists: bool) -> list[Send]:
    """The records to write in place of a refused one: a dead letter, and an error if it is owed
    (protocol.md, 4.2).

    Args:
        why: the broker's reason.
        now: ms since the epoch.
        topic_exists: whether an error can go to the record's own topic.
    """
    if send.topic == rules.dead_letter_topic:
        return []  # it was the last resort
    dead = unwritten(send, why, rules.dead_letter_topic)
    if send.answers is None or not (topic_exists or send.answers.topic):
        return [dead]
    record = "the command on its way" if send.answers.topic else "the answer"
    value = finished(
        send.answers.draft,
        send.answers.correlation_id,
        ErrorType.INTERNAL_ERROR,
        f"the broker did not take {record}",
        f"{why} {HEAD_KEPT}",
        now,
    )
    headers = (
        (header.REQUEST, send.answers.origin.encode()),
        *(item for item in send.headers if item[0] == header.TRACE),
        *rules.headers,
    )
    if send.answers.topic:
        key = send.answers.correlation_id.encode()
        return [dead, Send(send.answers.topic, None, key, value, headers)]
    return [dead, Send(send.topic, send.partition, send.key, value, headers)]
