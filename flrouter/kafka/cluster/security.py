"""Logging in to Kafka, as the settings say."""

from __future__ import annotations

import ssl
from typing import Any

import faust

from flrouter.settings.model import Settings


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


def credentials(settings: Settings) -> Any:
    """What a Faust app takes as `broker_credentials`; None when there is nothing to show."""
    context = ssl_context(settings)
    if settings.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password,
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
