"""A sync's life: the table in `flrouter/core/floodlights/sync.py` is what the code does, cell by
cell.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flrouter.core.floodlights import sync
from flrouter.core.values import peers

from .forms import sync_chain
from .lives import table_of
from .world import World

SWITCHES = [f"00:00:00:00:00:00:00:0{number}" for number in range(4)]


class Life:
    """The syncs of one FL, in a world of two shards; the other one reads only in `run`."""

    def __init__(self, stage: str) -> None:
        self.world = World("fl-1", partitions=2, ack_timeout=10**6)
        self.floodlight = self.world.floodlights["fl-1"]
        self.floodlight.partition = self.home = self.world.home("fl-1")
        self.floodlight.switches = dict.fromkeys(SWITCHES, "ACTIVATED")
        self.world.run()
        self.written = 0
        self.floodlight.sync = "error" if stage == "planned" else "manual"
        if stage != "none":
            asked(self)
        if stage not in ("none", "told"):
            self.world.run()
        if stage == "listing":
            link(self)
        assert self.stage == stage

    @property
    def stage(self) -> str:
        """How far the sync is, or that there is none."""
        status = next(iter(self.world.shards[self.home].syncs.status()), None)
        if status is None or not status.running:
            return "planned" if status is not None and status.planned else "none"
        if status.waiting_for:
            return "told"
        return "listing" if status.links else "asked"

    def step(self) -> None:
        """The FL's home reads what lies there, and the FL its requests."""
        for _ in range(3):
            self.world.step(self.home)
            self.floodlight.work()

    def write(self, *data: bytes) -> None:
        """The FL writes something for the sync."""
        for value in data:
            self.floodlight.write(value, "fl-1")
        self.step()

    @property
    def cid(self) -> str:
        """Under which the FL is asked."""
        return self.world.shards[self.home].syncs._id("fl-1", peers.OWN_SYNC)

    def pass_time(self, ms: int) -> None:
        """Time passes; the other shard stands still."""
        for _ in range(ms // 100):
            self.world.advance(100)
            self.step()

    def after(self, event: Callable[[Life], None]) -> str:
        """What has become of it."""
        before = self.stage
        event(self)
        return "=" if self.stage == before else self.stage


def asked(life: Life) -> None:
    """Somebody asks for a sync."""
    life.world.tell(life.home, peers.SyncWanted("fl-1", peers.OWN_SYNC))
    life.world.step(life.home)


def noted(life: Life) -> None:
    """Every shard has noted that it began."""
    life.floodlight.sync = "manual"
    life.world.run()


def another_noted(life: Life) -> None:
    """The other shard has noted a sync that is over."""
    attempt = life.world.shards[life.home].context.floodlights["fl-1"].attempt - 1
    life.world.tell(life.home, peers.SyncReceipt("fl-1", attempt, 1 - life.home))
    life.world.step(life.home)


def link(life: Life) -> None:
    """One more link of the chain."""
    chain = sync_chain(SWITCHES, life.world.now, life.cid)
    life.write(chain[life.written])
    life.written += 1


def last_link(life: Life) -> None:
    """The rest of the chain."""
    life.write(*sync_chain(SWITCHES, life.world.now, life.cid)[life.written :])


def error(life: Life) -> None:
    """The FL answers with an error."""
    life.floodlight.sync = "error"
    life.floodlight._answer_sync(life.cid)
    life.step()


def last_error(life: Life) -> None:
    """The same, when it was asked as often as it may be."""
    running = life.world.shards[life.home].syncs._running.get("fl-1")
    if running is not None:
        running.retries = life.world.rules.sync_retries
    error(life)


def time_passes(life: Life) -> None:
    """Nothing comes for as long as it may."""
    life.floodlight.sync = "silent"
    life.pass_time(2_200)


def goes_down(life: Life) -> None:
    """The FL says that it failed to write, which is an outage."""
    life.floodlight.failed = 1
    life.pass_time(1_100)


def is_removed(life: Life) -> None:
    """An operator removes the FL."""
    life.world.remove("fl-1")
    life.step()


EVENTS: dict[str, Callable[[Life], None]] = {
    "somebody asks for one": asked,
    "every shard has noted that it began": noted,
    "a shard notes one that does not run": another_noted,
    "a link comes": link,
    "the last link comes": last_link,
    "an error comes": error,
    "an error comes to the last try": last_error,
    "nothing comes in time": time_passes,
    "the FL goes down": goes_down,
    "the FL is removed": is_removed,
}
STAGES = ["none", "planned", "told", "asked", "listing"]
TABLE = table_of(sync)


def test_the_table_has_each_stage_and_each_event() -> None:
    """Whatever may happen, in whatever stage."""
    assert list(TABLE) == [(event, stage) for event in EVENTS for stage in STAGES]


@pytest.mark.parametrize(("event", "stage"), TABLE)
def test_each_cell(event: str, stage: str) -> None:
    """A sync in this stage, when that happens."""
    assert Life(stage).after(EVENTS[event]) == TABLE[event, stage]
