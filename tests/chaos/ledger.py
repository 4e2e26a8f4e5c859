"""Reads every topic after a run, and has the account made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiokafka
import msgspec

from flrouter.kafka.patches import repair
from tests.chaos.account import Account, Answered, Given, Sent, account
from tests.chaos.stage import FLOODLIGHTS, PARTITIONS
from tests.chaos.traffic import name_of
from tests.chaos.wires import Wires

_ERROR = "org.openkilda.messaging.error.ErrorMessage"
_SAID = ("FlReceiveAck", "AliveResponse")


async def settle(bootstrap: str, isolation: str, wires: Wires) -> Account:
    """What became of every command.

    Args:
        isolation: how requesters and FLs read: `read_committed` or `read_uncommitted`.
    """

    async def read(topic: str) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
        async for record in _records(bootstrap, isolation, topic):
            yield record, msgspec.json.decode(record.value)

    sent = [
        # What comes from two topics has no order that anybody was promised.
        Sent(
            message["correlation_id"],
            at * PARTITIONS + record.partition,
            record.offset,
            _switch(message),
        )
        for at, topic in enumerate(sorted(set(wires.inbound.values())))
        async for record, message in read(topic)
    ]
    given = [
        Given(
            name_of(message["payload"]["serial"]),
            str(message.get("correlation_id")),
            record.timestamp,
        )
        for fl in FLOODLIGHTS
        for topic in wires.reads(fl)
        async for record, message in read(topic)
        if "serial" in (message.get("payload") or {})
    ]
    answers = [
        _answered(record, message)
        for topic in wires.answers
        async for record, message in read(topic)
    ]
    said = [
        str(message.get("correlation_id"))
        for fl in FLOODLIGHTS
        for topic in wires.writes(fl)
        async for _, message in read(topic)
        if not str((message.get("payload") or {}).get("clazz")).endswith(_SAID)
    ]
    return account(sent, given, answers, said)


def _switch(message: dict[str, Any]) -> str:
    return str(message["payload"]["switch_id"])


def _answered(record: Any, message: dict[str, Any]) -> Answered:
    error = message["payload"]["error-type"] if message["clazz"] == _ERROR else None
    part = None
    if message.get("message_id") and message.get("total_messages"):
        part = (int(message["message_id"].split(":")[0]), int(message["total_messages"]))
    return Answered(str(message.get("correlation_id")), error, part, record.timestamp)


async def _records(bootstrap: str, isolation: str, topic: str) -> AsyncIterator[Any]:
    """Every record of a topic, partition by partition."""
    repair(embedded=False)
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=isolation,
        max_partition_fetch_bytes=8 << 20,
    )
    await consumer.start()
    try:
        for number in range(PARTITIONS):
            partition = aiokafka.TopicPartition(topic, number)
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            end = (await consumer.end_offsets([partition]))[partition]
            while await consumer.position(partition) < end:
                for record in (await consumer.getmany(timeout_ms=500)).get(partition, []):
                    yield record
    finally:
        await consumer.stop()
