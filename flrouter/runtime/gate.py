"""The gate: what lies in a producer stays there once its shards may be somebody else's.

aiokafka takes a batch and sends it when it can: after a worker was frozen, or when a leader is back
long after its shard went to another worker. What is written then is out of date, and the last
record of a key is what a table is restored from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.protocol.produce import ProduceRequest


class Shut(KafkaError):
    """A batch was not sent, and must not be."""

    retriable = False


class Gate:
    """Between a producer and its connections."""

    def __init__(self, producer: Any, may_write: Callable[[], bool]) -> None:
        """Args:
        producer: aiokafka's.
        may_write: whether what it holds is this worker's to write at this moment.
        """
        self._may_write = may_write
        self._shut = False
        self._send = producer.client.send
        producer.client.send = self._send_on

    def shut(self) -> None:
        """Nothing more goes out: who waits for it is told."""
        self._shut = True

    async def _send_on(self, node: Any, request: Any, **more: Any) -> Any:
        if isinstance(request, ProduceRequest) and (self._shut or not self._may_write()):
            raise Shut("the shards of these records may be another worker's by now")
        return await self._send(node, request, **more)
