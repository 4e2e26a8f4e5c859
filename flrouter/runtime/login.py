"""Whether the brokers let us in. Their clients do not tell: all that they say is "no broker"."""

from __future__ import annotations

from ssl import SSLCertVerificationError

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from flrouter.runtime.clients import login
from flrouter.settings import Settings

#: ms; how long a broker may take to answer.
TIMEOUT = 10_000
#: what does not get better by trying again.
_REFUSED = (
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    IllegalSaslStateError,
    SSLCertVerificationError,
)


class LoginRefused(RuntimeError):
    """A broker does not let us in, or we do not trust it; the text says what to look at."""


async def log_in(settings: Settings) -> None:
    """Try to log in. Brokers that do not answer have refused nothing.

    Raises:
        LoginRefused: by a broker, and none takes the login.
    """
    if settings.security_protocol == "PLAINTEXT":
        return
    refusal: Exception | None = None
    for host, port, _ in collect_hosts(settings.bootstrap_servers):
        try:
            connection = await create_conn(
                host, port, request_timeout_ms=TIMEOUT, **login(settings)
            )
        except _REFUSED as error:
            refusal = error
        except (KafkaError, OSError):
            continue
        else:
            connection.close()
            return
    if refusal is not None:
        raise LoginRefused(
            f"the broker {settings.broker} refuses the login ({refusal}).{hint(settings)}"
        ) from refusal


def hint(settings: Settings) -> str:
    """What to look at when a broker does not let in whoever has to log in."""
    if settings.security_protocol == "PLAINTEXT":
        return " Does it want a login (FLROUTER_SECURITY_PROTOCOL)?"
    names = ["ssl_cafile", "ssl_certfile"] if settings.security_protocol.endswith("SSL") else []
    if settings.security_protocol.startswith("SASL"):
        names += ["sasl_mechanism", "sasl_username", "sasl_password"]
    return f" Does it take {', '.join(names)} as they are set?"
