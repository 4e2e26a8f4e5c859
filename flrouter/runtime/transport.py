"""The transport: where Faust takes our consumer and conductor from."""

from __future__ import annotations

from typing import Any, ClassVar

from faust.transport import conductor
from faust.transport.drivers import aiokafka as driver

from flrouter.runtime.consumer import Consumer


class Conductor(conductor.Conductor):
    """Upstream waits 45 s before it reads a topic that was added; an FL should not."""

    _resubscribe_sleep_lock_seconds: float = 0.2


class Transport(driver.Transport):
    """Kafka through aiokafka, fetch by fetch."""

    Consumer: ClassVar[Any] = Consumer
    Conductor: ClassVar[Any] = Conductor
