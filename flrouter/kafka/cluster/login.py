"""Whether the brokers can be reached and let us in. Kafka's clients only say "no broker", and that
after half a minute.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Iterable
from ssl import SSLCertVerificationError
from typing import TypeVar

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from flrouter.kafka.cluster.clients import login
from flrouter.settings.model import Settings

#: s; how long a broker may take to let us in.
LOGIN_TIMEOUT_S = 5.0
#: into how many parts a wait is cut, so that a process that stood still loses one part at most.
_WAIT_PARTS = 5
#: what does not get better by trying again.
_REFUSED = (
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    IllegalSaslStateError,
    SSLCertVerificationError,
)


#: a broker's host and port.
Address = tuple[str, int]
_Answer = TypeVar("_Answer")


class LoginRefused(RuntimeError):
    """A broker does not let us in, or we do not trust it; the text says what to look at."""


def bootstrap(settings: Settings) -> list[Address]:
    """The brokers that the settings name."""
    return [(host, port) for host, port, _ in collect_hosts(settings.bootstrap_servers)]


async def log_in(settings: Settings) -> None:
    """Try to connect and to log in. Brokers that do not answer have refused nothing.

    Raises:
        LoginRefused: by a broker, and none takes the login.
        KafkaConnectionError: none answers; the text says why.
    """
    connection = await connect(settings, bootstrap(settings), LOGIN_TIMEOUT_S)
    connection.close()


async def connect(
    settings: Settings, brokers: Iterable[Address], timeout_s: float
) -> AIOKafkaConnection:
    """A connection to one of these brokers, which has let us in.

    All are tried side by side: one that is frozen holds up nobody.

    Raises:
        LoginRefused: by a broker, and none takes the login.
        KafkaConnectionError: none answers in time; the text says why.
    """
    outcomes = await asyncio.gather(*(_try(settings, *at, timeout_s) for at in sorted(brokers)))
    connections = [outcome for outcome in outcomes if not isinstance(outcome, str | Exception)]
    for spare in connections[1:]:
        spare.close()
    if connections:
        return connections[0]
    for refusal in outcomes:
        if isinstance(refusal, Exception):
            raise LoginRefused(
                f"the broker {settings.broker} refuses the login ({refusal}).{hint(settings)}"
            ) from refusal
    raise KafkaConnectionError("; ".join(map(str, outcomes)))


async def _try(
    settings: Settings, host: str, port: int, timeout_s: float
) -> AIOKafkaConnection | Exception | str:
    """A connection; or how the broker refuses; or, as text, why there is none."""
    try:
        return await within(timeout_s, create_conn(host, port, **login(settings)))
    except _REFUSED as error:
        return error
    except (KafkaError, OSError) as error:
        return f"{host}:{port}: {_reason(error, timeout_s)}"


async def within(timeout_s: float, answer: Awaitable[_Answer]) -> _Answer:
    """An answer that comes in time, as this process sees it.

    One that stands still hears of nothing, and must not take that for somebody else's silence.

    Raises:
        TimeoutError: it did not come.
    """
    asked = asyncio.ensure_future(answer)
    try:
        for _ in range(_WAIT_PARTS):
            await asyncio.wait({asked}, timeout=timeout_s / _WAIT_PARTS)
            if asked.done():
                return asked.result()
    finally:
        asked.cancel()
    raise TimeoutError


def unreachable(settings: Settings, error: Exception) -> str:
    """That no broker can be reached, as people read it."""
    why = error.args[0] if error.args else repr(error)
    return f"cannot connect to the broker (FLROUTER_BROKER is {settings.broker}): {why}"


def _reason(error: KafkaError | OSError, timeout_s: float) -> str:
    """In the words of the operating system, where it has some."""
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
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
