"""`flrouter send`: commands from a file, as a requester sends them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

import click
import msgspec
from rich.progress import Progress

from flrouter.cli.kafka import partition_counts, run
from flrouter.cli.output import json_option, progress, show_json, show_table
from flrouter.cli.sending.answers import Answers, Asked
from flrouter.cli.sending.command_file import BadFile, Command, read
from flrouter.failure import BAD_USAGE_STATUS, Failure, load_settings
from flrouter.settings.model import Settings


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--wait", is_flag=True, help="Wait for the answers and show them.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait.",
)
@json_option
def send(file: IO[bytes], wait: bool, timeout: float, as_json: bool) -> None:
    """Send the commands in FILE (- is the standard input) to the router, through Kafka.

    FILE has one JSON object, an array of them, or one a line. With --wait the exit status is 1
    when one is answered with an error, or not in time.
    """
    settings = load_settings()
    try:
        commands = read(file.read(), settings.message_catalog, settings.max_message_bytes)
    except BadFile as error:
        raise Failure(f"{file.name}: {error}", BAD_USAGE_STATUS) from error
    if not wait:
        with progress() as bar:
            run(settings, _send(settings, commands, bar))
        _show_sent(settings, commands, as_json)
        return
    with progress() as bar:
        asked = run(settings, _ask(settings, commands, timeout, bar))
    _show_answers(asked, as_json)
    if any(request.outcome != "answered" for request in asked):
        sys.exit(1)


def _show_sent(settings: Settings, commands: Sequence[Command], as_json: bool) -> None:
    if as_json:
        show_json([{"correlation_id": command.correlation_id} for command in commands])
    else:
        topics = sorted({_inbound(settings, command) for command in commands})
        click.echo(f"{len(commands)} sent to {', '.join(topics)}")


def _show_answers(asked: Sequence[Asked], as_json: bool) -> None:
    if as_json:
        show_json([_as_json(request) for request in asked])
        return
    rows: list[Sequence[object]] = []
    for request in asked:
        first, *others = [payload.decode() for payload in request.payloads] or [""]
        rows.append((request.command.correlation_id, request.outcome, request.ms, first))
        rows += [("", "", None, other) for other in others]
    show_table(("correlation id", "outcome", "ms>", "answer"), rows)


def _as_json(asked: Asked) -> dict[str, Any]:
    return {
        "correlation_id": asked.command.correlation_id,
        "outcome": asked.outcome,
        "ms": asked.ms,
        "payloads": [msgspec.json.decode(payload) for payload in asked.payloads],
    }


async def _send(settings: Settings, commands: Sequence[Command], bar: Progress) -> None:
    """Have Kafka keep them all, in their order."""
    import aiokafka

    from flrouter.kafka.cluster.clients import connection

    counts = await partition_counts(settings)
    for command in commands:
        _there(counts, _inbound(settings, command))
    producer = aiokafka.AIOKafkaProducer(
        **connection(settings),
        acks="all",
        enable_idempotence=not settings.embedded,
        max_request_size=settings.max_message_bytes + 100_000,
    )
    await producer.start()
    try:
        task = bar.add_task("sending", total=len(commands))
        sent = []
        for command in commands:
            sent.append(
                await producer.send(_inbound(settings, command), command.value, key=command.key)
            )
            sent[-1].add_done_callback(lambda _: bar.advance(task))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def _ask(
    settings: Settings, commands: Sequence[Command], timeout: float, bar: Progress
) -> list[Asked]:
    """Send them, and read what comes back until all is there or the time is up."""
    from aiokafka import TopicPartition

    from flrouter.kafka.cluster.clients import reader
    from flrouter.kafka.cluster.ends import ends

    counts = await partition_counts(settings)
    for command in commands:
        _there(counts, command.topics[-1])
    named = {topic for command in commands for topic in command.topics}
    topics = named & counts.keys() - {*settings.inbound_topics}  # the router refuses these
    places = [TopicPartition(topic, at) for topic in topics for at in range(counts[topic])]
    consumer = reader(settings)
    await consumer.start()
    try:
        now = await ends(consumer, places, settings)
        consumer.assign(places)
        for place, end in now.items():
            consumer.seek(place, end)
        answers = Answers(commands, time.monotonic())
        reading = asyncio.create_task(_read(consumer, answers, bar))
        try:
            await _send(settings, commands, bar)
            with suppress(TimeoutError):
                await asyncio.wait_for(reading, timeout)
        finally:
            reading.cancel()
            await asyncio.wait([reading])
    finally:
        await consumer.stop()
    return answers.asked


async def _read(consumer: Any, answers: Answers, bar: Progress) -> None:
    total = len(answers.asked)
    task = bar.add_task("answers", total=total)
    while not answers.complete:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                answers.take(record.value or b"", record.key, time.monotonic())
        bar.update(task, completed=total - answers.unanswered)


def _inbound(settings: Settings, command: Command) -> str:
    return command.inbound or settings.inbound_topics[0]


def _there(counts: dict[str, int], topic: str) -> None:
    if topic not in counts:
        raise Failure(
            f"there is no topic {topic}: has a router ever run there, and are"
            " FLROUTER_INBOUND_TOPICS and the settings of other topics those of its workers?"
        )
