"""Two shards and two FLs, in memory.

Records go through the agents' own readers; what shards send to each other comes back to them; every
batch is kept as the runner keeps it, and a shard can be taken over with that and nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from flrouter.agents import commands, reports, shards
from flrouter.core.shard import Shard
from flrouter.core.values.effects import Effects, Send
from flrouter.core.values.inputs import CaughtUp, Command, Input, Report
from flrouter.messages import names
from flrouter.messages.forms import build
from flrouter.messages.members import decode
from flrouter.ports import Partition
from flrouter.runtime.state.reading import put
from tests.core.world import DEAD, EXISTING, INBOUND, SHARDS, catalog, rules
from tests.fuzz.script import Record

PARTITIONS = 2
FLS = ("fl-1", "fl-2")
#: fl-1 holds both, one at home in each shard.
SWITCHES = ("00:00:00:00:00:00:00:01", "00:00:00:00:00:00:00:02")
#: a small limit, so that small inputs break it.
RULES = rules(PARTITIONS, max_message_bytes=3_000)
CATALOG = catalog()
#: another topic than any other command's, so that no origin is anybody else's.
FOREIGN = "kilda.speaker.other"
#: batches that may follow from one input; more means that shards talk without end.
ENOUGH = 100

_encode = msgspec.msgpack.Encoder().encode


class _Payload(msgspec.Struct):
    clazz: str | None = None


class _Asked(msgspec.Struct):
    """What is looked at of a message for an FL: the rest is the requester's, even 1e999."""

    correlation_id: str
    payload: _Payload


_ASKED = msgspec.json.Decoder(_Asked)


def at(record: Record) -> Partition:
    """The partition from which a record was read."""
    return Partition(record.topic, record.partition)


class Known:
    """Stands for the directory: which topics there are."""

    async def partitions(self, topic: str) -> int | None:
        """How many partitions `topic` has."""
        return PARTITIONS if topic in EXISTING else None


class Field:
    """The shards and all that they have written."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000
        self.shards = [Shard(number, RULES, CATALOG) for number in range(PARTITIONS)]
        #: the changelogs: shard → table → key → value.
        self.kept: list[dict[str, dict[bytes, bytes]]] = [{} for _ in range(PARTITIONS)]
        #: what was written to others than the shards.
        self.out: list[Send] = []
        #: the last correlation id that each FL was asked under.
        self.asked: dict[str, str] = {}
        self._offset = 0
        self._coming: list[deque[Record | Input]] = [deque() for _ in range(PARTITIONS)]
        for shard in self.shards:
            shard.restored(self.now)

    # -- inputs -------------------------------------------------------------------------------

    def place(self) -> int:
        """An offset that no record had."""
        self._offset += 1
        return self._offset

    def command(self, record: Record) -> Command:
        """A record of an inbound topic, read as its agent does, and decided on by its shard."""
        reading = commands.read(at(record), record, Known())  # type: ignore[arg-type]
        try:
            reading.send(None)
        except StopIteration as done:
            command: Command = done.value
        else:
            raise AssertionError("reading a command waits for something")
        self.give(record.partition, [command])
        return command

    def report(self, floodlight: str, record: Record) -> Report:
        """A record of an FL's write topic."""
        report = reports.read(at(record), record, floodlight)
        self.give(record.partition, [report])
        return report

    def heard(self, record: Record) -> Input:
        """A record of the shards' own topic."""
        item = shards.read(at(record), record)
        # A shard that lies about where a command was read swallows that one: nobody can help it.
        if not (isinstance(item, Command | Report) and item.origin.topic in (INBOUND, FOREIGN)):
            self.give(record.partition, [item])
        return item

    def give(self, shard: int, inputs: Sequence[Input]) -> None:
        """Inputs for a shard, and all that follows from them."""
        self._coming[shard].extend(inputs)
        self._settle()

    def wait(self, ms: int) -> None:
        """Time passes, and every shard looks at what is due."""
        self.now += ms
        for number in range(PARTITIONS):
            self._decide(number, [])
        self._settle()

    def alive(self) -> None:
        """Both FLs show that they are there."""
        for floodlight in FLS:
            value = build.alive_response("alive", floodlight, 0, self.now)
            self.say(floodlight, value, self.shards[0].context.home(floodlight))

    def say(self, floodlight: str, value: bytes, partition: int = 0) -> None:
        """An FL writes a message of its own."""
        topic = RULES.write_topics(floodlight)[0]
        self.report(floodlight, Record(topic, partition, self.place(), value, (), self.now))

    # -- outputs ------------------------------------------------------------------------------

    def _settle(self) -> None:
        for _ in range(ENOUGH):
            busy = [number for number, coming in enumerate(self._coming) if coming]
            if not busy:
                return
            for number in busy:
                coming = self._coming[number]
                batch = [shards.read(at(x), x) if isinstance(x, Record) else x for x in coming]
                coming.clear()
                self._decide(number, batch)
        raise AssertionError("the shards talk to each other without end")

    def _decide(self, number: int, batch: list[Input]) -> None:
        core = self.shards[number]
        effects = core.decide(batch, self.now)
        self._decided(batch, effects)
        for table, rows in core.take_changes():
            kept = self.kept[number].setdefault(table, {})
            for key, value in rows:
                if value is None:
                    kept.pop(key.encode(), None)
                else:
                    kept[key.encode()] = _encode(value)
        self._perform(number, effects)

    def _decided(self, batch: list[Input], effects: Effects) -> None:
        """For those who look at each batch."""

    def _perform(self, number: int, effects: Effects) -> None:
        assert not effects.counts["bugs", ""], effects.notes
        for send in effects.sends:
            check(send)
            if send.topic != SHARDS:
                self.out.append(send)
                self._note_asked(send)
                continue
            assert send.partition is not None
            headers = tuple(send.headers)
            record = Record(SHARDS, send.partition, self.place(), send.value, headers, self.now)
            self._coming[send.partition].append(record)
        for wanted in effects.catch_up:
            self._coming[number].append(CaughtUp(wanted.token))

    def _note_asked(self, send: Send) -> None:
        for floodlight in FLS:
            if send.topic == RULES.read_topic(floodlight) and send.value is not None:
                message = decode(_ASKED, send.value)
                if message.payload.clazz != names.ALIVE_REQUEST:
                    self.asked[floodlight] = message.correlation_id

    # -- takeovers ----------------------------------------------------------------------------

    def take_over(self, number: int) -> None:
        """Another worker restores a shard from its changelogs."""
        core = self.shards[number] = Shard(number, RULES, CATALOG)
        for table, rows in self.kept[number].items():
            for key, value in rows.items():
                put(core, table, key, value)
                again = _encode(getattr(core.context, table)[key.decode()])
                assert again == value, f"{table} {key!r}: {value!r} was kept as {again!r}"
        core.restored(self.now)
        self._decide(number, [])
        self._settle()


def check(send: Send) -> None:
    """What any Kafka client asks of a record."""
    assert isinstance(send.value, bytes), send
    assert send.key is None or isinstance(send.key, bytes), send
    assert send.topic.encode(), send
    assert send.partition is None or 0 <= send.partition < PARTITIONS, send
    for name, value in send.headers:
        assert name.encode() is not None, send
        assert value is None or isinstance(value, bytes), send
    if send.topic == DEAD:
        names = {name for name, _ in send.headers}
        assert {"flrouter-reason", "flrouter-topic", "flrouter-offset"} <= names, send


def shown(core: Shard) -> dict[str, dict[str, Any]]:
    """The tables of a shard as JSON shows them (`/tables/<name>`)."""
    return {
        table.name: {key: msgspec.to_builtins(value) for key, value in table.items()}
        for table in core.context.tables
    }
