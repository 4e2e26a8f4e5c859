"""How kafka-python and aiokafka are told where the brokers are and how to log in."""

from __future__ import annotations

import ssl
from typing import Any

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


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context that the settings describe; None without TLS."""
    if not settings.security_protocol.endswith("SSL"):
        return None
    context = ssl.create_default_context(
        cafile=str(settings.ssl_cafile) if settings.ssl_cafile else None
    )
    if settings.ssl_certfile is not None:
        context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile)
    return context
