"""Puts dead letters back into the topics that they came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer
from rich.progress import Progress

from flrouter.cli.kafka import check, deliver, partition_counts
from flrouter.cli.letters.letters import Letter, Wanted, read
from flrouter.cli.orders import remember
from flrouter.core.values.effects import Send
from flrouter.failure import Failure
from flrouter.kafka.librdkafka import writing
from flrouter.messages import headers as header
from flrouter.messages.envelope import Unreadable, decode
from flrouter.messages.kinds.places import switch_of
from flrouter.settings.model import Settings

#: letters that are replayed together; with exactly_once, in one transaction.
BATCH_LETTERS = 500
#: s; how long brokers may take to begin or to end a transaction.
TIMEOUT_S = 30.0
#: errors of a fenced producer: somebody else uses the same transactional id.
FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}


class Fate(msgspec.Struct, frozen=True):
    """What became of a letter that was to be replayed."""

    name: str
    topic: str
    #: why it was not replayed; empty if it was.
    why: str = ""


def replay(settings: Settings, wanted: Wanted, bar: Progress, *, dry_run: bool) -> list[Fate]:
    """Put letters back, in their order, and mark them as replayed.

    With `exactly_once`, letters and marks are written in one transaction, and a second replay at
    the same time fences the first. Without it, marks are written after the letters, so letters of a
    replay that is killed in between may be replayed again.

    Raises:
        Failure: there are no dead letters to read, or somebody else is replaying them now.
    """
    topics = partition_counts(settings)
    fates: list[Fate] = []
    batch: list[Letter] = []

    def put_back() -> None:
        judged = [(letter, _hindrance(letter, settings, topics)) for letter in batch]
        if mailbag is not None:
            mailbag.put_back([letter for letter, why in judged if not why])
        fates.extend(Fate(letter.name, letter.topic, why) for letter, why in judged)
        batch.clear()

    def take(letter: Letter) -> None:
        batch.append(letter)
        if len(batch) == BATCH_LETTERS:
            put_back()

    try:
        mailbag = (
            None if dry_run else Mailbag(settings)
        )  # made before reading: it fences other replays
        read(settings, wanted, bar, take)
        put_back()
    except KafkaException as error:
        if error.args[0].code() not in FENCED:
            raise
        raise Failure(
            "somebody else replays dead letters now: what was put back here is marked; look what is"
            " left when they are done"
        ) from error
    if fates and not dry_run:
        _remember(settings, fates)
    return fates


def _remember(settings: Settings, fates: Sequence[Fate]) -> None:
    """Note in the history who replayed how many letters."""
    whys = sorted({fate.why for fate in fates if fate.why})
    back = sum(not fate.why for fate in fates)
    result = "; ".join(["done" if back == len(fates) else f"{back} are put back", *whys])
    remember(settings, f"replay of {len(fates)} dead letters", result=result)


def _hindrance(letter: Letter, settings: Settings, topics: Iterable[str]) -> str:
    """Why a letter cannot be replayed; empty when it can."""
    if not letter.whole:
        return f"only the head of its {letter.size} bytes was kept"
    is_inbound = letter.topic in settings.inbound_topics
    if not is_inbound and settings.fl_topics.writer_of(letter.topic) is None:
        return "it is from no inbound topic, nor from an FL's"
    return "" if letter.topic in topics else "there is no such topic any more"


class Mailbag:
    """Writes letters and their marks; with exactly_once, in a transaction."""

    def __init__(self, settings: Settings) -> None:
        self._marks = settings.dead_letters
        self._transactional = settings.guarantee == "exactly_once"
        configuration = writing(settings)
        if self._transactional:
            session_ms = round(settings.session_timeout * 1_000)
            configuration |= {
                "transactional.id": f"{settings.app_id}-dead-letters",
                "transaction.timeout.ms": session_ms,
                "message.timeout.ms": session_ms,
            }
        self._producer: Any = Producer(configuration)
        if self._transactional:
            self._producer.init_transactions(TIMEOUT_S)

    def put_back(self, letters: Sequence[Letter]) -> None:
        """Write letters to the topics that they came from, and mark those that are durable.

        Raises:
            KafkaException: a letter or mark is not durable, or another replay fenced this one.
        """
        if not self._transactional:
            self._write(letters)
            return
        self._producer.begin_transaction()
        try:
            self._write(letters)
            self._producer.commit_transaction(TIMEOUT_S)
        except BaseException:
            # An open transaction would hold up all readers. Aborting raises if we are fenced.
            self._producer.abort_transaction(TIMEOUT_S)
            raise

    def _write(self, letters: Sequence[Letter]) -> None:
        errors = deliver(
            self._producer,
            [
                Send(letter.topic, None, _key(letter.value), letter.value, tuple(letter.headers))
                for letter in letters
            ],
        )
        marks = [
            Send(
                self._marks, letter.partition, None, b"", ((header.REPLAYED, letter.name.encode()),)
            )
            for letter, error in zip(letters, errors, strict=False)
            if error is None
        ]
        check([*errors, *deliver(self._producer, marks)])


def _key(value: bytes) -> bytes | None:
    """The message's switch, else its correlation id: messages with the same key stay in order."""
    try:
        envelope = decode(value)
    except Unreadable:
        return None
    name = switch_of(envelope, value) or envelope.correlation_id
    return name.encode() if name else None
