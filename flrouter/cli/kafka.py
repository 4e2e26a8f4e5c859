"""Commands that talk to Kafka themselves: what becomes of its failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from flrouter.failure import BAD_USAGE_STATUS, Failure
from flrouter.settings.model import Settings

T = TypeVar("T")


def run(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    """Do it.

    Raises:
        Failure: the broker does not play along; it says what to look at.
    """
    from aiokafka.errors import KafkaError as FromAiokafka
    from kafka.errors import KafkaError

    from flrouter.kafka.cluster.login import LoginRefused, hint
    from flrouter.kafka.cluster.topics import BadTopic

    # What they log of their trying again is in the failure, if it comes to one; and asyncio tells
    # of every future that a failed producer leaves behind.
    for noisy in ("aiokafka", "asyncio", "kafka"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        return asyncio.run(work)
    except BadTopic as error:
        raise Failure(str(error), BAD_USAGE_STATUS) from error
    except LoginRefused as error:
        raise Failure(str(error)) from error
    except (KafkaError, FromAiokafka, OSError) as error:
        raise Failure(
            f"cannot connect to the broker {settings.broker} ({error!r}):"
            f" is it running, and is FLROUTER_BROKER right?{hint(settings)}"
        ) from error


async def partition_counts(settings: Settings) -> dict[str, int]:
    """How many partitions each topic has; unlike an admin client it gives up at once."""
    from aiokafka.client import AIOKafkaClient

    from flrouter.kafka.cluster.clients import connection
    from flrouter.kafka.cluster.login import log_in

    await log_in(settings)
    client = AIOKafkaClient(**connection(settings))
    try:
        await client.bootstrap()
        cluster = await client.fetch_all_metadata()
    finally:
        await client.close()
    return {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in cluster.topics()}
