"""Which settings fit together."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flrouter.settings.model import Settings


def broken(settings: Settings) -> Iterator[tuple[str, str]]:
    """The rules that these settings break: the setting, and what is wrong with it."""
    for rules in (_router, _security, _web):
        yield from rules(settings)


def _router(settings: Settings) -> Iterator[tuple[str, str]]:
    """How it keeps its state, and tells of it."""
    if settings.alive_timeout <= settings.alive_interval:
        yield ("alive_timeout", f"expected more than alive_interval ({settings.alive_interval} s)")
    if settings.embedded and settings.guarantee == "exactly_once":
        yield "guarantee", "the embedded broker knows no transactions: use a Kafka or at_least_once"
    if settings.store == "rocksdb" and find_spec("rocksdict") is None:
        yield ("store", "needs the package rocksdict: pip install 'flrouter[rocksdb]', or memory")
    if settings.standby and settings.store != "memory":
        yield ("standby", "holds tables in memory: set store to memory")
    if settings.traces_url and find_spec("opentelemetry") is None:
        yield ("traces_url", "needs OpenTelemetry: pip install 'flrouter[tracing]', or nothing")


def _security(settings: Settings) -> Iterator[tuple[str, str]]:
    """What a protocol needs is set with it, and only with it."""
    protocol = settings.security_protocol
    if settings.embedded and protocol != "PLAINTEXT":
        yield ("security_protocol", "the embedded broker knows only PLAINTEXT")
    for name in ("sasl_username", "sasl_password"):
        if bool(getattr(settings, name)) != protocol.startswith("SASL"):
            yield (name, f"expected text with SASL, else nothing; security_protocol is {protocol}")
    for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        if getattr(settings, name) is not None and not protocol.endswith("SSL"):
            yield (name, f"has no use: security_protocol is {protocol}, expected SSL or SASL_SSL")
    if settings.ssl_keyfile is not None and settings.ssl_certfile is None:
        yield ("ssl_keyfile", "is the key of no certificate: set ssl_certfile")


def _web(settings: Settings) -> Iterator[tuple[str, str]]:
    """Who may do what at the web port, and where the history is that it shows."""
    if settings.read_token and settings.read_token == settings.token:
        yield ("read_token", "is the same as token: whoever may read could change things")
    if (settings.proxy_secret or settings.oidc_issuer) and not settings.read_token:
        yield ("read_token", "is needed with roles: without it anybody may read")
    if settings.oidc_issuer and find_spec("joserfc") is None:
        yield ("oidc_issuer", "needs the package joserfc: pip install 'flrouter[oidc]', or nothing")
    if settings.web_keyfile is not None and settings.web_certfile is None:
        yield ("web_keyfile", "is the key of no certificate: set web_certfile")
    if settings.history_database.startswith("postgresql:") and find_spec("psycopg") is None:
        problem = "needs the package psycopg: pip install 'flrouter[postgresql]', or name a folder"
        yield "history_database", problem
