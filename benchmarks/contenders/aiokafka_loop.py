"""A loop on aiokafka without any state: what the client alone costs in Python, an upper mark.

It knows no pending requests, so it answers twice what an FL answers twice, and forgets all that a
killed FL was asked.
"""

from __future__ import annotations

from time import monotonic

import aiokafka
import uvloop

from benchmarks.contenders.wire import decode, floodlight_of, is_ack
from benchmarks.layout import Layout, from_environment

#: s; the same as flrouter's: what a kill makes it do again.
COMMIT_INTERVAL = 0.1


async def main(layout: Layout) -> None:
    """Route until killed."""
    consumer = aiokafka.AIOKafkaConsumer(
        *(layout.inbound, *layout.write_topics),
        bootstrap_servers=layout.broker,
        group_id=layout.name,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=layout.broker, acks="all", enable_idempotence=True
    )
    await consumer.start()
    await producer.start()
    reads, committed_at = layout.read_topics, monotonic()
    while True:
        for tp, records in (await consumer.getmany(timeout_ms=100)).items():
            inbound = tp.topic == layout.inbound
            for record in records:
                message = decode(record.value)
                if inbound:
                    topic = reads[floodlight_of(message, len(reads))]
                elif is_ack(message):
                    continue
                else:
                    topic = layout.answers
                await producer.send(topic, record.value, record.key)
        if monotonic() - committed_at > COMMIT_INTERVAL:
            await producer.flush()  # nothing is committed that was not delivered
            await consumer.commit()
            committed_at = monotonic()


if __name__ == "__main__":
    uvloop.run(main(from_environment()))
