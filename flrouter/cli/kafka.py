"""Access to Kafka for commands that need it: reading, writing, and explaining failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from flrouter.core.values.effects import Send
from flrouter.failure import BAD_USAGE_STATUS, Failure
from flrouter.kafka.librdkafka import connection, writing
from flrouter.kafka.records import as_headers
from flrouter.settings.model import Settings

#: s; how long a broker may take to list the topics.
LIST_TIMEOUT_S = 10.0


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Turn the errors of Kafka's clients inside the context into a Failure.

    Raises:
        Failure: the broker cannot be reached or refuses; the text says what to look at.
    """
    import aiokafka.errors
    import kafka.errors

    from flrouter.kafka.cluster.login import LoginRefused, hint
    from flrouter.kafka.cluster.topics import BadTopic

    logging.disable()  # clients log their retries; a Failure says enough
    try:
        yield
    except BadTopic as error:
        raise Failure(str(error), BAD_USAGE_STATUS) from error
    except LoginRefused as error:
        raise Failure(str(error)) from error
    except (
        *(KafkaException, kafka.errors.KafkaError, aiokafka.errors.KafkaError),
        OSError,
    ) as error:
        why = error.args[0].str() if isinstance(error, KafkaException) else repr(error)
        raise Failure(
            f"cannot connect to the broker {settings.broker} ({why}):"
            f" is it running, and is FLROUTER_BROKER right?{hint(settings)}"
        ) from error
    finally:
        logging.disable(logging.NOTSET)


def partition_counts(settings: Settings) -> dict[str, int]:
    """Topic → how many partitions it has; fails at once if no broker lets us in."""
    from confluent_kafka.admin import AdminClient

    from flrouter.kafka.cluster.login import log_in

    asyncio.run(log_in(settings))
    topics = AdminClient(connection(settings)).list_topics(timeout=LIST_TIMEOUT_S).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


def deliver(
    writer: Any, records: Iterable[Send], delivered: Callable[[], None] = lambda: None
) -> list[KafkaError | None]:
    """Write records, in order, and wait; returns the error of each record, None if it is durable.

    Args:
        writer: a producer of confluent-kafka.
        records: if one is refused at once, the records after it are not written.
        delivered: called whenever a record is durable or has failed.
    """
    errors: list[KafkaError | None] = []

    def note(number: int, error: KafkaError | None) -> None:
        errors[number] = error
        delivered()

    for number, record in enumerate(records):
        errors.append(None)
        try:
            writer.produce(
                record.topic,
                record.value,
                record.key,
                -1 if record.partition is None else record.partition,
                headers=as_headers(record.headers),
                on_delivery=lambda error, _message, number=number: note(number, error),
            )
        except KafkaException as error:
            errors[number] = error.args[0]
            break
        writer.poll(0)
    writer.flush()
    return errors


def write(
    settings: Settings, records: Iterable[Send], delivered: Callable[[], None] = lambda: None
) -> None:
    """Write records, in order, and wait until all are durable.

    Raises:
        KafkaException: a record is not durable.
    """
    check(deliver(Producer(writing(settings)), records, delivered))


def check(errors: Iterable[KafkaError | None]) -> None:
    """Raise KafkaException for the first error."""
    for error in errors:
        if error is not None:
            raise KafkaException(error)
