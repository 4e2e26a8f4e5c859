"""How each Kafka client is told where the brokers are and how to log in."""

from __future__ import annotations

from typing import Any

import aiokafka
from kafka.admin import KafkaAdminClient

from flrouter.kafka.cluster.security import ssl_context
from flrouter.kafka.librdkafka import fetch_wait_ms, isolation
from flrouter.kafka.patches import repair
from flrouter.settings.model import Settings


def connection(settings: Settings) -> dict[str, Any]:
    """The arguments that every client takes, aiokafka's and kafka-python's."""
    return {"bootstrap_servers": settings.bootstrap_servers, **login(settings)}


def login(settings: Settings) -> dict[str, Any]:
    """Those of them that say how to log in."""
    arguments: dict[str, Any] = {
        "security_protocol": settings.security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.security_protocol.startswith("SASL"):
        arguments |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password,
        }
    return arguments


def reader(settings: Settings, **more: Any) -> aiokafka.AIOKafkaConsumer:
    """A consumer without a group: it reads what it is assigned, and commits nothing."""
    repair(embedded=settings.embedded)
    arguments: dict[str, Any] = {
        **connection(settings),
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": fetch_wait_ms(settings),
        "isolation_level": isolation(settings),
        # A consumer that asks where to begin while the leader moves keeps asking the old one until
        # its metadata is that old.
        "metadata_max_age_ms": 5_000,
    }
    return aiokafka.AIOKafkaConsumer(**(arguments | more))


def admin(settings: Settings) -> KafkaAdminClient:
    """kafka-python's admin client; it blocks, so call it outside the event loop."""
    return KafkaAdminClient(**connection(settings), client_id=settings.app_id)
