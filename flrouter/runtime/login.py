"""Whether the brokers can be reached and let us in. Their clients do not tell: all that they say
is "no broker", for half a minute.
"""

from __future__ import annotations

import os
from ssl import SSLCertVerificationError

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from flrouter.runtime.clients import login
from flrouter.settings import Settings

#: ms; how long a broker may take to answer.
TIMEOUT_MS = 5_000
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
    """Try to connect and to log in. Brokers that do not answer have refused nothing.

    Raises:
        LoginRefused: by a broker, and none takes the login.
        KafkaConnectionError: none answers; the text says why.
    """
    refusal: Exception | None = None
    failures: list[str] = []
    for host, port, _ in collect_hosts(settings.bootstrap_servers):
        try:
            connection = await create_conn(
                host, port, request_timeout_ms=TIMEOUT_MS, **login(settings)
            )
        except _REFUSED as error:
            refusal = error
        except (KafkaError, OSError) as error:
            failures.append(f"{host}:{port}: {_reason(error)}")
        else:
            connection.close()
            return
    if refusal is not None:
        raise LoginRefused(
            f"the broker {settings.broker} refuses the login ({refusal}).{hint(settings)}"
        ) from refusal
    raise KafkaConnectionError("; ".join(sorted(failures)))


def _reason(error: KafkaError | OSError) -> str:
    """In the words of the operating system, where it has some."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_MS / 1000:g} s"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def hint(settings: Settings) -> str:
    """What to look at when a broker does not let in whoever has to log in."""
    if settings.security_protocol == "PLAINTEXT":
        return " Does it want a login (FLROUTER_SECURITY_PROTOCOL)?"
    names = ["ssl_cafile", "ssl_certfile"] if settings.security_protocol.endswith("SSL") else []
    if settings.security_protocol.startswith("SASL"):
        names += ["sasl_mechanism", "sasl_username", "sasl_password"]
    return f" Does it take {', '.join(names)} as they are set?"
