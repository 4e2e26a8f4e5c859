"""How kafka-python and aiokafka are told where the brokers are and how to log in."""

from __future__ import annotations

from typing import Any

from kafka.admin import KafkaAdminClient

from flrouter.kafka.cluster.security import ssl_context
from flrouter.settings.model import Settings


def connection(settings: Settings) -> dict[str, Any]:
    """The arguments that every client takes."""
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


def admin(settings: Settings) -> KafkaAdminClient:
    """kafka-python's admin client; it blocks, so call it outside the event loop."""
    return KafkaAdminClient(**connection(settings), client_id=settings.app_id)
