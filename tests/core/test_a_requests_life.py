"""A request's life: the table in `flrouter/core/requests/pending.py` is what the code does, cell by
cell.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flrouter.core.requests import pending
from flrouter.core.values import peers
from flrouter.core.values.records import Pending, Stage
from flrouter.messages import names
from flrouter.messages.forms import build

from .floodlight import SILENT, Floodlight
from .lives import table_of
from .world import INBOUND, Asked, Record, World

SWITCH = "00:00:00:00:00:00:00:09"
PORTS = "org.openkilda.messaging.command.stats.PortsCommandData"
#: ms: longer than any deadline.
LONG_MS = 5_000


class Life:
    """One request, in a world of one shard and an FL that says only what it is told to say."""

    def __init__(self, stage: str) -> None:
        held = stage == "HELD"
        times = {"ack_timeout": 3_000, "response_timeout": 4_000, "sync_timeout": 4_000}
        others = ["fl-2"] if held else []  # then a held command does not depend on one FL
        self.world = World("fl-1", *others, partitions=1, alive_timeout=10**9, **times)
        self.floodlight: Floodlight = self.world.floodlights["fl-1"]
        self.floodlight.usual = SILENT
        for floodlight in self.world.floodlights.values():
            floodlight.sync = "manual" if held else "full"
        if not held:
            self.floodlight.switches[SWITCH] = "ACTIVATED"
        self.world.run()
        self.of_all = stage in ("SENT copy", "PASSING")
        asked = self.ask("op")
        self.number = asked.origin.number + ".0" * self.of_all
        self.cid = self.world.shards[0].context.suffixes.add("op", 0, self.number)
        if stage in ("ACKED", "PASSING"):
            self.acknowledge()
        assert self.request is not None
        assert self.request.stage is Stage[stage.removesuffix(" copy")]

    def ask(self, name: str) -> Asked:
        """Send a command like this one."""
        clazz = {"clazz": PORTS} if self.of_all else {}
        asked = self.world.ask(None if self.of_all else SWITCH, name, **clazz)
        self.world.run()
        return asked

    @property
    def request(self) -> Pending | None:
        """As the table has it."""
        pending = self.world.shards[0].context.pending.get(self.number)
        return pending if pending is not None and pending.correlation_id == "op" else None

    def answers(self) -> list[Record]:
        """What its requester has."""
        return [
            record
            for record in self.world.seen(self.world.asked[0].topic)
            if record.json["correlation_id"] == "op"
        ]

    def write(self, data: bytes) -> None:
        """The FL writes something about the request."""
        self.floodlight.write(data, SWITCH)
        self.world.run()

    def acknowledge(self) -> None:
        """The FL says that it has the command."""
        self.write(build.ack(self.cid, 0))

    def after(self, event: Callable[[Life], None]) -> str:
        """What becomes of the request: a stage, or how it ends."""
        assert self.request is not None
        stage = self.request.stage
        event(self)
        if self.request is not None:
            return "=" if self.request.stage is stage else self.request.stage.name
        if not self.answers():
            return "forgotten"
        return "failed" if self.answers()[-1].json["clazz"] == names.ERROR else "answered"


def holds(life: Life) -> None:
    """An FL reports the switch."""
    life.floodlight.connect(SWITCH)
    life.world.run()


def holds_without_acks(life: Life) -> None:
    """An FL that does not acknowledge reports the switch."""
    life.world.add("fl-1", acks=False)
    life.world.run()
    holds(life)


def link(life: Life) -> None:
    """A link of a chain of two."""
    life.write(build.chunk({"clazz": "x.Y"}, life.cid, 0, 2, 0))


def last_link(life: Life) -> None:
    """The only link of a chain."""
    life.write(build.chunk({"clazz": "x.Y"}, life.cid, 0, 1, 0))


def answer(life: Life) -> None:
    """The FL answers in one message."""
    life.write(build.message(names.INFO, {"clazz": "x.Y"}, life.cid, 0))


def time_passes(life: Life) -> None:
    """Nothing comes for longer than any deadline."""
    life.world.pass_time(LONG_MS)


def goes_down(life: Life) -> None:
    """The FL says that it failed to write, which is an outage."""
    life.floodlight.failed = 1
    life.world.pass_time(1_100)


def is_removed(life: Life) -> None:
    """An operator removes the FL."""
    life.world.remove("fl-1")
    life.world.run()


def loses_the_switch(life: Life) -> None:
    """The switch disconnects."""
    life.floodlight.disconnect(SWITCH)
    life.world.run()


def syncs_end(life: Life) -> None:
    """Every FL has listed its switches."""
    life.world.tell(0, peers.SyncWanted("fl-1", peers.OWN_SYNC))
    life.world.run()
    for floodlight in life.world.floodlights.values():
        for data in floodlight.unwritten:
            floodlight.write(data, floodlight.name)
    life.world.run()


def is_replaced(life: Life) -> None:
    """Its topic is made again, and another command is read in its place."""
    life.world.logs.pop((INBOUND, 0))
    life.ask("other")


EVENTS: dict[str, Callable[[Life], None]] = {
    "an FL reports its switch": holds,
    "one reports it that does not acknowledge": holds_without_acks,
    "its FL acknowledges it": Life.acknowledge,
    "a link of a chain comes": link,
    "the last link comes": last_link,
    "an answer comes": answer,
    "its time is over": time_passes,
    "its FL goes down": goes_down,
    "its FL is removed": is_removed,
    "its FL loses the switch": loses_the_switch,
    "all FLs have listed their switches": syncs_end,
    "another command is read in its place": is_replaced,
}


TABLE = table_of(pending)


def test_the_table_has_each_stage_and_each_event() -> None:
    """Whatever may happen, in whatever stage."""
    assert {stage.removesuffix(" copy") for _, stage in TABLE} == set(Stage.__members__)
    assert len(TABLE) == len(EVENTS) * 5
    assert list(dict.fromkeys(event for event, _ in TABLE)) == list(EVENTS)


@pytest.mark.parametrize(("event", "stage"), TABLE)
def test_each_cell(event: str, stage: str) -> None:
    """A request that is in this stage, when that happens."""
    assert Life(stage).after(EVENTS[event]) == TABLE[event, stage]
