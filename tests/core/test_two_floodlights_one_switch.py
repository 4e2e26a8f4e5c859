"""A switch on two FLs, event by event (protocol.md, 8)."""

from __future__ import annotations

import pytest

from flrouter.core.values.records import Mode

from .floodlight import Floodlight
from .world import TOPICS, World

SWITCH = "00:00:00:00:00:00:00:09"


class Story:
    """A world of two FLs, `a` and `b`, whose switch is told of step by step."""

    def __init__(self, partitions: int) -> None:
        self.world = World("a", "b", partitions=partitions)
        self.a, self.b = (self.world.floodlights[name] for name in "ab")
        self.world.run()
        self._told = 0

    def then(self, active: str, *told: str) -> None:
        """Now `active` has the switch's commands, and listeners were told this since."""
        self.world.run()
        assert self.world.active(SWITCH) == active
        events = self.world.events(SWITCH)
        assert events[self._told :] == list(told)
        self._told = len(events)
        answer = self.answered_by()
        assert answer == (active if active and self.up(active) else "NOT_FOUND")

    def up(self, name: str) -> bool:
        """Whether the router believes that an FL works."""
        return self.world.shards[0].context.floodlights[name].up

    def answered_by(self) -> str:
        """Who answers a command for the switch: an FL, or an error."""
        self.world.ask(SWITCH)
        self.world.run()
        payload = self.world.seen(TOPICS["flow"])[-1].json["payload"]
        return str(payload.get("by") or payload["error-type"])

    def outage(self, floodlight: Floodlight) -> None:
        """An FL dies, and the router finds out."""
        floodlight.die()
        self.world.pass_time(6_000)

    def back(self, floodlight: Floodlight) -> None:
        """An FL is back and was synced."""
        floodlight.come_back()
        self.world.pass_time(2_000)


@pytest.fixture(params=[1, 3])
def story(request: pytest.FixtureRequest) -> Story:
    """With one shard and with several."""
    return Story(request.param)


def test_lost_lost_back_and_moved(story: Story) -> None:
    """Active lost, other lost, first back, operator moves it: issue 3, row 7."""
    story.a.connect(SWITCH)
    story.then("a", "ACTIVATED")
    story.b.connect(SWITCH)
    story.then("a")  # sticky: the second one is noted and listeners do not hear of it
    story.outage(story.a)
    story.then("b")  # served by another: nothing to tell
    story.outage(story.b)
    story.then("b", "UNMANAGED")  # the map is kept
    story.back(story.a)
    story.then("a")  # the first to be back has it; its chain tells listeners, not an event
    story.back(story.b)
    story.then("a")
    story.world.move(SWITCH, "b")
    story.then("b")
    story.a.disconnect(SWITCH)
    story.then("b")
    story.b.disconnect(SWITCH)
    story.then("", "DEACTIVATED")


def test_disconnects_instead_of_outages(story: Story) -> None:
    """The same by events: the switch goes to the other, and is told as gone when nobody is left."""
    story.a.connect(SWITCH)
    story.b.connect(SWITCH)
    story.then("a", "ACTIVATED")
    story.a.disconnect(SWITCH)
    story.then("b")
    story.a.connect(SWITCH)
    story.then("b")
    story.b.disconnect(SWITCH, "REMOVED")
    story.then("a")
    story.a.disconnect(SWITCH)
    story.then("", "DEACTIVATED")
    story.b.connect(SWITCH)
    story.then("b", "ACTIVATED")
    counts = story.world.counts
    assert (counts["moves", "a"], counts["moves", "b"]) == (1, 1), "from nobody is no move"


def test_a_master_takes_over_from_one_that_may_only_read(story: Story) -> None:
    """RO speaks for the switch while nobody is its master, but gets no commands."""
    story.a.connect(SWITCH, "ADDED")
    story.world.run()
    assert story.world.active(SWITCH) == "a"
    assert story.world.events(SWITCH) == ["ADDED"]
    assert story.answered_by() == "NOT_FOUND"
    story.b.connect(SWITCH)
    story._told = 1
    story.then("b", "ACTIVATED")
    story.a.connect(SWITCH)  # a master too now
    story.then("b")
    story.b.connect(SWITCH, "ADDED")  # and the active one none any more
    story.then("a")


def test_nobody_is_left_when_the_other_was_in_outage_already(story: Story) -> None:
    """The active FL loses the switch while the other is in outage: its state is unknown now."""
    story.a.connect(SWITCH)
    story.b.connect(SWITCH)
    story.then("a", "ACTIVATED")
    story.outage(story.b)
    story.then("a")
    story.a.disconnect(SWITCH)
    story.then("b", "UNMANAGED")
    story.back(story.b)
    story.then("b")


def test_a_reader_dies_after_the_master(story: Story) -> None:
    """Unmanaged is told when the last FL that speaks for the switch is in outage, master or not."""
    story.b.connect(SWITCH)
    story.then("b", "ACTIVATED")
    story.a.connect(SWITCH, "ADDED")
    story.then("b")
    story.outage(story.b)
    assert story.world.active(SWITCH) == "a"
    assert story.answered_by() == "NOT_FOUND"
    story.outage(story.a)
    story.then("b", "UNMANAGED")


def test_gone_from_one_while_it_was_away_and_the_other_is_in_outage(story: Story) -> None:
    """A chain without the switch leaves it to an FL in outage: unmanaged, not offline."""
    story.a.connect(SWITCH)
    story.b.connect(SWITCH)
    story.then("a", "ACTIVATED")
    story.outage(story.b)
    del story.a.switches[SWITCH]
    story.world.ask(None, "sync", clazz="x.NetworkCommandData")
    story.then("b", "UNMANAGED")


def test_both_in_outage_tell_it_once(story: Story) -> None:
    """Two outages at a time are one unknown state; both back and it is managed again."""
    story.a.connect(SWITCH)
    story.b.connect(SWITCH)
    story.then("a", "ACTIVATED")
    story.a.die()
    story.outage(story.b)
    assert story.world.events(SWITCH)[1:] == ["UNMANAGED"]
    story.back(story.a)
    story.back(story.b)
    assert story.world.events(SWITCH)[1:] == ["UNMANAGED"]
    assert story.world.holders(SWITCH) == {"a": Mode.RW, "b": Mode.RW}
    story.a.die()
    story.outage(story.b)
    assert story.world.events(SWITCH)[1:] == ["UNMANAGED", "UNMANAGED"]


def test_a_removed_floodlight(story: Story) -> None:
    """Its switches move; those that nobody else has are unmanaged and forgotten."""
    story.a.connect(SWITCH)
    story.b.connect(SWITCH)
    story.then("a", "ACTIVATED")
    story.world.remove("a")
    story.world.run()
    assert story.world.active(SWITCH) == "b"
    story.world.remove("b")
    story.world.run()
    assert story.world.switch(SWITCH) is None
    assert story.world.events(SWITCH) == ["ACTIVATED", "UNMANAGED"]
    assert story.answered_by() == "NOT_FOUND"


def test_removed_while_the_other_is_in_outage(story: Story) -> None:
    """What only an FL in outage holds is unmanaged."""
    story.a.connect(SWITCH)
    story.b.connect(SWITCH)
    story.then("a", "ACTIVATED")
    story.outage(story.b)
    story.world.remove("a")
    story.then("b", "UNMANAGED")


@pytest.mark.parametrize("to", ["a", "b", "nobody"])
def test_moves_that_cannot_be(story: Story, to: str) -> None:
    """A switch goes only to an FL that is its master and answers; else the log says why not."""
    story.a.connect(SWITCH, "ADDED")
    story.b.connect(SWITCH)
    story.world.run()
    if to == "b":
        story.a.connect(SWITCH)
        story.outage(story.b)
    before = story.world.active(SWITCH)
    story.world.move(SWITCH, to)
    story.world.run()
    assert story.world.active(SWITCH) == before
    assert f"cannot move to {to}" in story.world.notes[-1][1]


def test_what_is_pending_stays_when_a_switch_is_moved(story: Story) -> None:
    """The command ends where it is: only the FL that was asked may answer."""
    story.a.connect(SWITCH)
    story.b.connect(SWITCH)
    story.world.run()
    asked = story.world.ask(SWITCH, "moving")
    for _ in range(2):
        for shard in range(len(story.world.shards)):
            story.world.step(shard)
    story.world.move(SWITCH, "b")
    story.world.run()
    [answer] = [record for record in story.world.seen(asked.topic) if b"moving" in record.value]
    assert answer.json["payload"]["by"] == "a"


def test_events_of_the_other_floodlight_are_not_passed_on(story: Story) -> None:
    """Port events come from the active FL alone; the other's keep the map up to date."""
    story.a.connect(SWITCH)
    story.world.run()
    before = len(story.world.seen(TOPICS["disco"]))
    data = b'{"clazz":"a.info.InfoMessage","payload":{"clazz":"a.PortInfoData","switch_id":"9"}}'
    story.b.write(data, SWITCH)
    story.world.run()
    assert len(story.world.seen(TOPICS["disco"])) == before
    assert story.world.holders(SWITCH) == {"a": Mode.RW, "b": Mode.RW}
    story.a.write(data, SWITCH)
    story.world.run()
    assert story.world.seen(TOPICS["disco"])[before].value == data
