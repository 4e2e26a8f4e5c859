"""A loop on librdkafka without any state: what flrouter's client alone costs, an upper mark.

As `aiokafka_loop.py`, it knows no pending requests.
"""

from __future__ import annotations

from time import monotonic

from confluent_kafka import Consumer, Producer

from benchmarks.contenders.aiokafka_loop import COMMIT_INTERVAL
from benchmarks.contenders.wire import decode, floodlight_of, is_ack
from benchmarks.layout import Layout, from_environment

#: records taken in one go.
MAX_RECORDS = 2_000
#: s; how long a look may wait for records.
WAIT_S = 0.1


def main(layout: Layout) -> None:
    """Route until killed."""
    consumer = Consumer(
        {
            "bootstrap.servers": layout.broker,
            "group.id": layout.name,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": layout.broker,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 0,
        }
    )
    consumer.subscribe([layout.inbound, *layout.write_topics])
    reads, committed_at, sent = layout.read_topics, monotonic(), False
    while True:
        first = consumer.poll(WAIT_S)
        records = [] if first is None else [first, *consumer.consume(MAX_RECORDS - 1, 0)]
        for record in records:
            value = record.value()
            if record.error() is not None or value is None:
                continue  # librdkafka gets over it by itself
            message = decode(value)
            if record.topic() == layout.inbound:
                topic = reads[floodlight_of(message, len(reads))]
            elif is_ack(message):
                continue
            else:
                topic = layout.answers
            producer.produce(topic, value, record.key())
            sent = True
        producer.poll(0)
        if sent and monotonic() - committed_at > COMMIT_INTERVAL:
            producer.flush()  # nothing is committed that was not delivered
            consumer.commit(asynchronous=False)
            committed_at, sent = monotonic(), False


if __name__ == "__main__":
    main(from_environment())
