"""Whether the brokers know transactions, which `exactly_once` needs. What they announce does not
tell: some take the requests and fail each of them.
"""

from __future__ import annotations

import logging

import aiokafka
from aiokafka.errors import KafkaError

from flrouter.kafka.cluster.clients import connection
from flrouter.settings.model import Settings

#: ms; how long a broker may take to answer.
TIMEOUT_MS = 10_000


class NoTransactions(RuntimeError):
    """The brokers take no transaction; the text says why, and what to do."""


async def require_transactions(settings: Settings) -> None:
    """Begin as a transactional producer does. Brokers that do not answer have refused nothing.

    Raises:
        NoTransactions: they do not let us, and it is asked for.
    """
    if settings.guarantee != "exactly_once":
        return
    producer = aiokafka.AIOKafkaProducer(
        **connection(settings),
        transactional_id=f"{settings.app_id}-probe",
        request_timeout_ms=TIMEOUT_MS,
    )
    log = logging.getLogger("aiokafka")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it is said below
    try:
        await producer.start()
    except KafkaError as error:
        if not error.retriable:
            raise NoTransactions(
                f"guarantee: exactly_once, but the broker {settings.broker} takes no transactions"
                f" ({error!r}): name a Kafka that does and lets this login write under"
                f" transactional ids that begin with {settings.app_id}-, or set"
                " FLROUTER_GUARANTEE=at_least_once"
            ) from error
    finally:
        log.setLevel(level)
        await producer.stop()
