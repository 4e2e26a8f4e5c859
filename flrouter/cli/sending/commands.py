"""`flrouter send`: commands from a file, as a requester sends them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

import click
import msgspec
from rich.progress import Progress

from flrouter.cli import options
from flrouter.cli.kafka import explained, partition_counts, write
from flrouter.cli.output import json_option, progress, show, show_json
from flrouter.cli.sending.answers import Answers, Asked
from flrouter.cli.sending.command_file import BadFile, FileCommand, read
from flrouter.core.values.effects import Send
from flrouter.failure import BAD_USAGE_STATUS, Failure, load_settings
from flrouter.kafka import replay
from flrouter.kafka.reader import Batch, Reader
from flrouter.ports import Partition, Start
from flrouter.settings.model import Settings


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--wait", is_flag=True, help="Wait for the answers and show them.")
@options.seconds("--timeout", 60.0, 0.1, "How long to wait.")
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
    with progress() as bar, explained(settings):
        counts = partition_counts(settings)
        for command in commands:
            for topic in (_inbound(settings, command), *(command.topics[-1:] if wait else ())):
                if topic not in counts:
                    raise Failure(
                        f"there is no topic {topic}: has a router ever run there, and are"
                        " FLROUTER_INBOUND_TOPICS and the settings of other topics those of its"
                        " workers?"
                    )
        if wait:
            asked = asyncio.run(_ask(settings, commands, counts, timeout, bar))
        else:
            _send(settings, commands, bar)
    if not wait:
        _show_sent(settings, commands, as_json)
        return
    _show_answers(asked, as_json)
    if any(request.outcome != "answered" for request in asked):
        sys.exit(1)


def _show_sent(settings: Settings, commands: Sequence[FileCommand], as_json: bool) -> None:
    if as_json:
        show_json([{"correlation_id": command.correlation_id} for command in commands])
    else:
        topics = sorted({_inbound(settings, command) for command in commands})
        click.echo(f"{len(commands)} sent to {', '.join(topics)}")


def _show_answers(asked: Sequence[Asked], as_json: bool) -> None:
    rows: list[Sequence[object]] = []
    for request in asked:
        first, *others = [payload.decode() for payload in request.payloads] or [""]
        rows.append((request.command.correlation_id, request.outcome, request.ms, first))
        rows += [("", "", None, other) for other in others]
    columns = ("correlation id", "outcome", "ms>", "answer")
    show(as_json, [_as_json(request) for request in asked], columns, rows)


def _as_json(asked: Asked) -> dict[str, Any]:
    return {
        "correlation_id": asked.command.correlation_id,
        "outcome": asked.outcome,
        "ms": asked.ms,
        "payloads": [msgspec.json.decode(payload) for payload in asked.payloads],
    }


def _send(settings: Settings, commands: Sequence[FileCommand], bar: Progress) -> None:
    task = bar.add_task("sending", total=len(commands))
    sends = [
        Send(_inbound(settings, command), None, command.key, command.value) for command in commands
    ]
    write(settings, sends, lambda: bar.advance(task))


async def _ask(
    settings: Settings,
    commands: Sequence[FileCommand],
    counts: Mapping[str, int],
    timeout: float,
    bar: Progress,
) -> list[Asked]:
    """Send commands, and read answers until all are complete or the timeout is over."""
    named = {topic for command in commands for topic in command.topics}
    topics = named & counts.keys() - {*settings.inbound_topics}  # the router refuses these
    partitions = [Partition(topic, at) for topic in topics for at in range(counts[topic])]
    ends = await asyncio.to_thread(replay.ends, settings, partitions)
    if ends is None:
        raise ConnectionError("the ends of the topics for answers could not be read")
    answers = Answers(commands, time.monotonic())
    complete = asyncio.Event()
    task = bar.add_task("answers", total=len(commands))

    def take(batches: Sequence[Batch]) -> None:
        for batch in batches:
            for record in batch.records:
                answers.take(record.value or b"", record.key, time.monotonic())
            reader.taken(batch.at, len(batch.records))
        bar.update(task, completed=len(commands) - answers.unanswered)
        if answers.complete:
            complete.set()

    reader = Reader(settings, take, lambda *_: None)
    reader.start()
    reader.read({at: Start(end, 0) for at, end in ends.items()})
    try:
        await asyncio.to_thread(_send, settings, commands, bar)
        with suppress(TimeoutError):
            await asyncio.wait_for(complete.wait(), timeout)
    finally:
        await reader.stop()
    return answers.asked


def _inbound(settings: Settings, command: FileCommand) -> str:
    return command.inbound or settings.inbound_topics[0]
