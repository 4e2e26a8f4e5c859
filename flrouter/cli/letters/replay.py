"""Putting dead letters back to where they came from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import msgspec
from rich.progress import Progress

from flrouter.cli.kafka import partition_counts
from flrouter.cli.letters.letters import Letter, Wanted, letters
from flrouter.failure import Failure
from flrouter.messages import headers as header
from flrouter.messages.envelope import Unreadable, decode
from flrouter.messages.kinds.origin import switch_of
from flrouter.settings.model import Settings

#: letters that go back side by side, in one transaction where there are any.
BATCH_LETTERS = 500


class Fate(msgspec.Struct, frozen=True):
    """What became of a letter that was to be replayed."""

    name: str
    topic: str
    #: why it was not; empty when it was.
    why: str = ""


async def replay(settings: Settings, wanted: Wanted, bar: Progress, *, dry_run: bool) -> list[Fate]:
    """Put letters back, in their order, and mark them as replayed.

    With `exactly_once` both is one transaction, and who replays at the same time is fenced.
    Without, marks follow what they mark, so a replay that is killed in between may be repeated.

    Raises:
        Failure: there are no dead letters to read, or somebody else replays them now.
    """
    from aiokafka.errors import ProducerFenced

    topics = await partition_counts(settings)
    producer = None if dry_run else await _producer(settings)  # before reading: it fences others
    fates: list[Fate] = []
    try:
        async for some in _together(letters(settings, wanted, bar)):
            whys = [_hindrance(letter, settings, topics) for letter in some]
            if producer is not None:
                good = [letter for letter, why in zip(some, whys, strict=True) if not why]
                await _put_back(producer, settings, good)
            fates += [
                Fate(letter.name, letter.topic, why) for letter, why in zip(some, whys, strict=True)
            ]
        if producer is not None and fates:
            await _remember(producer, settings, fates)
    except ProducerFenced as error:
        raise Failure(
            "somebody else replays dead letters now: what was put back here is marked; look what is"
            " left when they are done"
        ) from error
    finally:
        if producer is not None:
            await producer.stop()
    return fates


async def _remember(producer: Any, settings: Settings, fates: Sequence[Fate]) -> None:
    """The history has who put back how many."""
    from flrouter.cli.orders import remember

    whys = sorted({fate.why for fate in fates if fate.why})
    back = sum(not fate.why for fate in fates)
    text = f"replay of {len(fates)} dead letters"
    result = "; ".join(["done" if back == len(fates) else f"{back} are put back", *whys])
    transactional = settings.guarantee == "exactly_once"
    await remember(producer, settings, text, result=result, transactional=transactional)


def _hindrance(letter: Letter, settings: Settings, topics: Iterable[str]) -> str:
    """Why a letter cannot be replayed; empty when it can."""
    if not letter.whole:
        return f"only the head of its {letter.size} bytes was kept"
    is_inbound = letter.topic in settings.inbound_topics
    if not is_inbound and settings.fl_topics.writer_of(letter.topic) is None:
        return "it is from no inbound topic, nor from an FL's"
    return "" if letter.topic in topics else "there is no such topic any more"


async def _together(unsorted: AsyncIterator[Letter]) -> AsyncIterator[list[Letter]]:
    some: list[Letter] = []
    async for letter in unsorted:
        some.append(letter)
        if len(some) == BATCH_LETTERS:
            yield some
            some = []
    if some:
        yield some


async def _producer(settings: Settings) -> Any:
    import aiokafka

    from flrouter.kafka.cluster.clients import connection

    transactional = settings.guarantee == "exactly_once"
    producer = aiokafka.AIOKafkaProducer(
        **connection(settings),
        acks="all",
        enable_idempotence=not settings.embedded,
        transactional_id=f"{settings.app_id}-dead-letters" if transactional else None,
        max_request_size=settings.max_message_bytes + 100_000,
    )
    await producer.start()
    return producer


async def _put_back(producer: Any, settings: Settings, some: Sequence[Letter]) -> None:
    transactional = settings.guarantee == "exactly_once"
    async with producer.transaction() if transactional else nullcontext():
        written = await _write(
            producer,
            [
                {"topic": letter.topic, "value": letter.value, "headers": letter.headers}
                | {"key": _key(letter.value)}
                for letter in some
            ],
        )
        marked = await _write(
            producer,
            [
                {"topic": settings.dead_letters, "value": b"", "partition": letter.partition}
                | {"headers": [(header.REPLAYED, letter.name.encode())]}
                for letter, fate in zip(some, written, strict=False)
                if fate is None
            ],
        )
        for fate in (*written, *marked):
            if fate is not None:
                raise fate


async def _write(producer: Any, records: Sequence[dict[str, Any]]) -> list[BaseException | None]:
    """Have Kafka keep records; the error of each that it does not, and none after one that it
    does not even look at.
    """
    from aiokafka.errors import KafkaError

    sent = []
    error: list[BaseException] = []
    for record in records:
        try:
            sent.append(await producer.send(**record))
        except KafkaError as refused:
            error = [refused]
            break
    fates = await asyncio.gather(*sent, return_exceptions=True)
    return [fate if isinstance(fate, BaseException) else None for fate in fates] + error


def _key(value: bytes) -> bytes | None:
    """The switch that a message speaks of, else its correlation id; so these stay in order."""
    try:
        envelope = decode(value)
    except Unreadable:
        return None
    name = switch_of(envelope, value) or envelope.correlation_id
    return name.encode() if name else None
