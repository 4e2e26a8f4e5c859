"""What librdkafka's clients are told: where the brokers are, how to log in, what we want."""

from __future__ import annotations

import logging
from typing import Any

from flrouter.settings.model import Settings

#: how long a fetch may wait for data. A partition that was resumed or assigned waits for the fetch
#: in flight, so this is short; and shorter on the embedded broker, where new data wakes no fetch.
FETCH_WAIT_MS = 100
EMBEDDED_FETCH_WAIT_MS = 25
#: what a reader may hold that was not taken.
READ_AHEAD_KB = 16 * 1024
#: how long records wait for others to travel with them.
LINGER_MS = 1
#: of one batch; brokers take about 1 MB by default.
LIBRDKAFKA_BATCH_BYTES = 512 * 1024
#: of the session timeout: how long a broker may take to answer a producer.
SOCKET_TIMEOUT = 0.4
#: librdkafka's own default.
LONGEST_SOCKET_TIMEOUT_MS = 60_000
#: of the session timeout: how long a record is tried for.
MESSAGE_TIMEOUT = 2.0

Configuration = dict[str, Any]


def connection(settings: Settings) -> Configuration:
    """What every client is told."""
    configuration: Configuration = {
        "bootstrap.servers": ",".join(settings.bootstrap_servers),
        "client.id": settings.app_id,
        "security.protocol": settings.security_protocol,
        "logger": logging.getLogger("librdkafka"),
        # A broker that comes back is used again soon.
        "reconnect.backoff.max.ms": 1_000,
        "topic.metadata.refresh.interval.ms": 30_000,
        "allow.auto.create.topics": False,
    }
    files = {
        "ssl.ca.location": settings.ssl_cafile,
        "ssl.certificate.location": settings.ssl_certfile,
        "ssl.key.location": settings.ssl_keyfile or settings.ssl_certfile,
    }
    configuration |= {name: str(path) for name, path in files.items() if path is not None}
    if settings.security_protocol.startswith("SASL"):
        configuration |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.username": settings.sasl_username,
            "sasl.password": settings.sasl_password,
        }
    return configuration


def reading(settings: Settings) -> Configuration:
    """What a consumer is told: it reads what it is assigned, and commits nothing."""
    isolation = "read_committed" if settings.guarantee == "exactly_once" else "read_uncommitted"
    return connection(settings) | {
        # It joins no group, but ACLs are about a group's name.
        "group.id": settings.app_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # An offset that is gone is an error, and not skipped.
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        # What transactions wrote that may yet be aborted must not be read.
        "isolation.level": isolation,
        "fetch.wait.max.ms": EMBEDDED_FETCH_WAIT_MS if settings.embedded else FETCH_WAIT_MS,
        "fetch.error.backoff.ms": 100,
        "fetch.queue.backoff.ms": 5,
        "queued.max.messages.kbytes": READ_AHEAD_KB,
    }


def request_timeout_ms(settings: Settings) -> int:
    """After how long a producer's request is sent again, to whichever broker leads by then."""
    return min(LONGEST_SOCKET_TIMEOUT_MS, round(settings.session_timeout * SOCKET_TIMEOUT * 1_000))


def writing(settings: Settings) -> Configuration:
    """What a producer is told."""
    configuration = connection(settings) | {
        "acks": "all",
        "partitioner": "murmur2_random",  # spreads keys as Kafka's own clients do
        "linger.ms": LINGER_MS,
        "batch.size": LIBRDKAFKA_BATCH_BYTES,
        "message.max.bytes": settings.max_message_bytes + LIBRDKAFKA_BATCH_BYTES,
        "message.timeout.ms": round(settings.session_timeout * MESSAGE_TIMEOUT * 1_000),
        # A full queue would be one more way to fail.
        "queue.buffering.max.messages": 0,
        # A topic that was made a moment ago is there, or the directory would not know it.
        "topic.metadata.propagation.max.ms": 2_000,
    }
    if settings.embedded:
        # It knows no idempotence (docs/embedded-broker.md): one request at a time keeps the order.
        configuration["max.in.flight.requests.per.connection"] = 1
    else:
        configuration["enable.idempotence"] = True
        configuration["socket.timeout.ms"] = request_timeout_ms(settings)
    return configuration
