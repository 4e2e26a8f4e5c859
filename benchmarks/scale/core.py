"""What a command costs the core as its state grows: one shard, in this process, without Kafka.

Measured is all that a worker does with a command but talk to Kafka: the command, its
acknowledgement and its answer are decoded and decided in batches, and what changed in the tables is
encoded for their changelogs. It is run as a process of its own, as its memory is measured too:

    python -m benchmarks.scale.core SWITCHES FLOODLIGHTS PENDING
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from benchmarks import messages
from flrouter.agents import shards as shards_agent
from flrouter.core.shard import Shard
from flrouter.core.values.effects import Effects
from flrouter.core.values.inputs import Command, Input, Report, Told
from flrouter.core.values.peers import AddFloodlight
from flrouter.core.values.request import Origin
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from flrouter.ports import Partition
from flrouter.runtime.rules import rules_of
from flrouter.settings.model import Settings

#: inputs decided at once, as a busy shard does.
BATCH = 200
#: commands that are measured, in so many parts, the fastest of which counts: the others shared
#: their core with somebody else.
COMMANDS, PARTS = 10_000, 5
#: ms; the clock stands still.
NOW = 1_700_000_000_000

#: where the shard reads what it says to itself.
AT_HOME = Partition("flrouter.shards", 0)

_encode = msgspec.msgpack.Encoder().encode


class Core:
    """One shard that has every switch."""

    def __init__(self, switches: int, floodlights: int) -> None:
        self.settings = Settings(
            partitions=1,
            floodlights=",".join(f"fl-{number}" for number in range(floodlights)),  # type: ignore[arg-type]
            max_pending=10_000_000,
        )
        self._rules = rules_of(self.settings)
        self.shard = Shard(0, self._rules, self.settings.message_catalog)
        self.shard.restored(NOW)
        self._names = [floodlight.id for floodlight in self.settings.floodlights]
        self._switches = switches
        self._sent = 0
        self._around = [messages.command_around(switch) for switch in range(min(switches, 1_000))]
        self.decide([Told(AddFloodlight(name)) for name in self._names])

    def decide(self, inputs: Sequence[Input]) -> list[Any]:
        """What follows from `inputs`, with all that the shard says to itself; the records that
        leave it.
        """
        sends: list[Any] = []
        for at in range(0, len(inputs), BATCH):
            todo: list[Input] = list(inputs[at : at + BATCH])
            while todo:
                effects = self._checkpoint(todo)
                todo = []
                for send in effects.sends:
                    if send.topic == self._rules.shards_topic:
                        todo.append(shards_agent.read(AT_HOME, _record(send)))
                    else:
                        sends.append(send)
        return sends

    def _checkpoint(self, batch: Sequence[Input]) -> Effects:
        effects = self.shard.decide(batch, NOW)
        for _, rows in self.shard.take_changes():
            for key, value in rows:
                _ = key.encode(), value if value is None else _encode(value)
        return effects

    def tick(self) -> None:
        """The shard looks at what is due; nothing follows."""
        if self._checkpoint(()).sends:
            raise RuntimeError("the shard had something to say")

    def connect(self) -> None:
        """Every switch reports itself at its FL."""
        for at in range(0, self._switches, BATCH):
            numbers = range(at, min(at + BATCH, self._switches))
            self.decide([self._event(number) for number in numbers])

    def _event(self, switch: int) -> Report:
        name = messages.switch_id(switch)
        data = build.switch_event(name, "ACTIVATED", f"event-{switch}", NOW)
        return self._report(self._names[switch % len(self._names)], data)

    def _report(self, floodlight: str, data: bytes) -> Report:
        topic = self.settings.fl_topics.written_by(floodlight)[0]
        return Report(floodlight, Origin(topic, 0, self._sent), data, decode(data))

    def commands(self, count: int) -> list[bytes]:
        """The records of `count` more commands, spread over the switches."""
        step = max(1, self._switches // count)
        found = []
        for number in range(self._sent, self._sent + count):
            switch = number * step % self._switches
            before, after = (
                self._around[switch]
                if switch < len(self._around)
                else messages.command_around(switch)
            )
            found.append(before + messages.correlation_id(1, number) + after)
        return found

    def send(self, commands: Sequence[bytes]) -> list[Any]:
        """Take commands; what goes to the FLs."""
        inputs: list[Input] = []
        for data in commands:
            inputs.append(Command(Origin("kilda.speaker", 0, self._sent), data, decode(data)))
            self._sent += 1
        return self.decide(inputs)

    def report(self, sent: Sequence[Any], say: Callable[[bytes], bytes]) -> list[Any]:
        """The FLs say something about each command that they were sent."""
        floodlights = {self.settings.fl_topics.read_by(name)[0]: name for name in self._names}
        return self.decide([self._report(floodlights[one.topic], say(one.value)) for one in sent])

    def acknowledge(self, sent: Sequence[Any]) -> None:
        """The FLs have the commands."""
        before, after = messages.ack_around()
        self.report(sent, lambda value: before + messages.id_in(value) + after)

    def answer(self, sent: Sequence[Any]) -> int:
        """The FLs send them back; how many answers go out."""
        return len(self.report(sent, lambda value: value))


def _record(send: Any) -> Any:
    return SimpleNamespace(offset=0, value=send.value, headers=send.headers)


def _memory() -> int:
    """What this process has in memory, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(switches: int, floodlights: int, pending: int) -> dict[str, float]:
    """CPU per command (µs) and memory (bytes) with so much state."""
    core = Core(switches, floodlights)
    gc.collect()
    empty = _memory()
    core.connect()
    gc.collect()
    connected = _memory()
    for at in range(0, pending, BATCH):
        core.acknowledge(core.send(core.commands(min(BATCH, pending - at))))
    gc.collect()
    full = _memory()
    parts = []
    for _ in range(PARTS):
        batches = COMMANDS // PARTS // BATCH
        spent = 0.0
        for _ in range(batches):
            commands = core.commands(BATCH)
            began = time.process_time()
            sent = core.send(commands)
            core.acknowledge(sent)
            answers = core.answer(sent)
            spent += time.process_time() - began
            if answers != BATCH:
                raise RuntimeError(f"{answers} answers to {BATCH} commands")
        parts.append(spent / (batches * BATCH))
    return {
        "cpu_us": min(parts) * 1e6,
        "bytes_per_switch": (connected - empty) / switches,
        "bytes_per_pending": (full - connected) / pending,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(*map(int, sys.argv[1:4]))) + "\n")
