"""Quix Streams: one dataframe over all inputs, whose state is the pending requests."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

from quixstreams import Application, State
from quixstreams.models import SerializationContext, Serializer

from benchmarks.contenders.wire import decode, floodlight_of, is_ack
from benchmarks.layout import Layout, from_environment

#: the topic that a record is to go to, and the record.
Output = tuple[str, bytes]


class OutputSerializer(Serializer):
    """Of an output, the record."""

    def __call__(self, value: Output, ctx: SerializationContext) -> bytes:
        """The record as it came."""
        return value[1]


def application(layout: Layout) -> Application:
    """The application. Its state is kept per message key, and that is the switch id."""
    app = Application(
        broker_address=layout.broker,
        consumer_group=layout.name,
        auto_offset_reset="earliest",
        # It fills a buffer of 10,000 before it looks at it, or waits this long (s); 1 by default.
        consumer_poll_timeout=0.1,
        # At its start it asks for each partition's ends, each time behind a fetch that waits.
        consumer_extra_config={"fetch.wait.max.ms": 50},
        state_dir=str(Path.cwd() / "quix-state"),
    )
    reads = layout.read_topics

    def forward(value: bytes, state: State[Any, Any]) -> Output:
        """Remember a command; it goes to the FL of its switch."""
        message = decode(value)
        floodlight = floodlight_of(message, len(reads))
        state.set(message.correlation_id, [floodlight, False])
        return reads[floodlight], value

    def answer(value: bytes, state: State[Any, Any]) -> Output | None:
        """Note an acknowledgement; an answer goes to the requester, once."""
        message = decode(value)
        waiting = state.get(message.correlation_id)
        if waiting is None:
            return None
        if is_ack(message):
            state.set(message.correlation_id, [waiting[0], True])
            return None
        state.delete(message.correlation_id)
        return layout.answers, value

    def route(tagged: tuple[bool, bytes], state: State[Any, Any]) -> Output | None:
        """What follows from a record of any input."""
        is_command, value = tagged
        return forward(value, state) if is_command else answer(value, state)

    def dataframe(topic: str) -> Any:
        """The records of an input, each with whether it is a command."""
        is_command = topic == layout.inbound
        source = app.topic(topic, value_deserializer="bytes", key_deserializer="bytes")
        return app.dataframe(source).apply(lambda value: (is_command, value))

    outputs = {
        topic: app.topic(topic, value_serializer=OutputSerializer(), key_serializer="bytes")
        for topic in (*reads, layout.answers)
    }
    inputs = [dataframe(topic) for topic in (layout.inbound, *layout.write_topics)]
    everything = reduce(lambda one, other: one.concat(other), inputs)
    routed = everything.apply(route, stateful=True)
    routed = routed.filter(lambda output: output is not None)
    routed.to_topic(lambda output, key, timestamp, headers: outputs[output[0]])
    return app


if __name__ == "__main__":
    application(from_environment()).run()
