"""Alive tracking: outages that are there, and none that are not (protocol.md, 7)."""

from __future__ import annotations

from typing import Any

import pytest

from flrouter.core.values import peers
from flrouter.messages import names
from flrouter.messages.envelope import decode

from .floodlight import ONLY_ACK
from .world import TOPICS, Crash, World

SWITCHES = [f"00:00:00:00:00:00:00:0{at}" for at in range(1, 6)]


def working(*names_: str, **changes: Any) -> World:
    """FLs that have answered for a while; the first holds all switches."""
    world = World(*(names_ or ("fl-1",)), **changes)
    world.floodlights["fl-1"].switches = dict.fromkeys(SWITCHES, "ACTIVATED")
    world.pass_time(3_000)
    return world


def outages(world: World) -> list[int]:
    """When an outage was noted."""
    return [at for at, note in world.notes if note.startswith("outage")]


def up(world: World, name: str = "fl-1") -> set[bool]:
    """What the shards think of an FL."""
    return {shard.context.floodlights[name].up for shard in world.shards}


def test_a_silent_floodlight_is_in_outage() -> None:
    """After ALIVE_TIMEOUT: pending commands end, unmanaged is told once, the map is kept."""
    world = working()
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = ONLY_ACK
    world.ask(SWITCHES[0])
    world.run()
    floodlight.die()
    died = world.now
    world.pass_time(4_000)
    [at] = outages(world)
    assert died + 1_500 <= at <= died + 2_500 + 2 * 1_000
    assert up(world) == {False}
    [error] = [record.json["payload"] for record in world.seen(TOPICS["flow"])]
    assert error["error-type"] in {"NOT_FOUND", "OPERATION_TIMED_OUT"}
    for switch in SWITCHES:
        assert world.events(switch) == ["UNMANAGED"]
        assert world.active(switch) == "fl-1"
    world.pass_time(20_000)
    assert len(outages(world)) == 1
    assert all(world.events(switch) == ["UNMANAGED"] for switch in SWITCHES)


def test_an_outage_began_when_it_began() -> None:
    """Whatever an operator does about the FL meanwhile, every shard knows since when it is down."""
    world = working("fl-1", "fl-2")
    world.floodlights["fl-1"].die()
    world.pass_time(5_000)

    def since() -> set[int]:
        return {shard.context.floodlights["fl-1"].since for shard in world.shards}

    began = since()
    home = world.home("fl-1")
    for drained in (True, False):
        world.tell(home, peers.DrainFloodlight("fl-1", drained))
        world.pass_time(1_000)
        rows = [shard.context.floodlights["fl-1"] for shard in world.shards]
        assert {(row.drained, row.condition) for row in rows} == {(drained, "outage")}
        assert since() == began


def test_one_that_never_said_anything_is_told_apart() -> None:
    """In every shard, until it has; and anew when it was removed."""
    world = working("fl-1", "fl-2")

    def heard(name: str) -> set[bool]:
        return {shard.context.floodlights[name].heard for shard in world.shards}

    assert heard("fl-1") == {True}
    world.tell(world.home("fl-9"), peers.AddFloodlight("fl-9"))
    world.pass_time(5_000)
    assert heard("fl-9") == {False}
    assert up(world, "fl-9") == {False}
    world.remove("fl-1")
    world.pass_time(1_000)
    world.floodlights["fl-1"].die()
    world.tell(world.home("fl-1"), peers.AddFloodlight("fl-1"))
    world.pass_time(5_000)
    assert heard("fl-1") == {False}


def test_pending_commands_end_as_soon_as_the_outage_is_known() -> None:
    """Not only when their own time is over."""
    world = working(response_timeout=600_000)
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = ONLY_ACK
    asked = [world.ask(switch, switch) for switch in SWITCHES]
    world.run()
    floodlight.die()
    world.pass_time(4_000)
    errors = [record.json for record in world.seen(TOPICS["flow"])]
    assert sorted(each["correlation_id"] for each in errors) == SWITCHES
    assert {each["payload"]["error-type"] for each in errors} == {"NOT_FOUND"}
    assert len(asked) == 5


def test_it_is_asked_on_and_its_first_answer_brings_it_back() -> None:
    """Then a sync, and offline for what is gone."""
    world = working()
    floodlight = world.floodlights["fl-1"]
    floodlight.die()
    world.pass_time(5_000)
    assert len(floodlight.waiting()) >= 4
    del floodlight.switches[SWITCHES[0]]
    syncs = len(floodlight.syncs)
    floodlight.come_back()
    world.pass_time(1_500)
    assert up(world) == {True}
    assert len(floodlight.syncs) == syncs + 1
    assert world.events(SWITCHES[0]) == ["UNMANAGED", "REMOVED"]
    assert world.events(SWITCHES[1]) == ["UNMANAGED"]
    world.ask(SWITCHES[1])
    world.run()
    assert world.seen(TOPICS["flow"])[-1].json["payload"]["by"] == "fl-1"


def test_a_reported_write_failure_is_an_outage() -> None:
    """At once; the next answer without one ends it, and a sync makes the view true."""
    world = working()
    floodlight = world.floodlights["fl-1"]
    floodlight.failed = 3
    world.pass_time(1_000)
    assert len(outages(world)) == 1
    assert world.events(SWITCHES[0]) == ["UNMANAGED"]
    syncs = len(floodlight.syncs)
    world.pass_time(1_500)
    assert up(world) == {True}
    assert len(floodlight.syncs) == syncs + 1


def test_a_failure_reported_by_one_that_is_in_outage_anyway() -> None:
    """It tells nothing new; the next clean answer brings it back."""
    world = working()
    floodlight = world.floodlights["fl-1"]
    floodlight.die()
    world.pass_time(5_000)
    floodlight.failed = 1
    floodlight.come_back()
    world.pass_time(2_500)
    assert len(outages(world)) == 1
    assert up(world) == {True}


def test_a_flapping_floodlight_makes_no_storm() -> None:
    """Unmanaged is told anew only after the switch was managed again."""
    world = working()
    floodlight = world.floodlights["fl-1"]
    floodlight.sync = "silent"
    for _ in range(5):
        floodlight.failed = 1
        world.pass_time(2_000)
    assert len(outages(world)) == 5
    assert all(world.events(switch) == ["UNMANAGED"] for switch in SWITCHES)


@pytest.mark.parametrize("ms", [3_000, 7_500, 60_000])
def test_a_frozen_router_is_no_outage(ms: int) -> None:
    """Paused and resumed, with the FL's answers in its topic or not yet written."""
    for answers in (True, False):
        world = working()
        world.advance(ms, tick=False)
        if answers:
            for floodlight in world.floodlights.values():
                floodlight.work()
        world.advance(1)
        world.pass_time(6_000)
        assert not outages(world)


def test_a_slow_router_gives_its_floodlights_time() -> None:
    """It looks less often than it asks, so what is late may be late because of it."""
    world = working()
    floodlight = world.floodlights["fl-1"]
    slow = world.rules.alive_timeout - 500
    for _ in range(10):
        for answers in (False, False, True):
            floodlight.alive = answers
            world.advance(slow)
            for shard in range(3):
                world.step(shard)
            floodlight.work()
    assert not outages(world)
    floodlight.die()
    for _ in range(6):
        world.pass_time(slow, grain=slow)
    assert len(outages(world)) == 1


def test_a_router_that_lags_behind_is_no_outage() -> None:
    """The FL's answers lie unread, on whatever partition, while other shards tick on."""
    world = working("fl-1", "fl-2")
    floodlight = world.floodlights["fl-1"]
    lagging = (world.home("fl-1") + 1) % 3
    floodlight.partition = lagging
    log = world.logs[floodlight.write_topic, lagging]
    for _ in range(40):
        world.advance(250)
        for shard in range(3):
            world.step(shard, only=lambda each: each is not log)
        for each in world.floodlights.values():
            each.work()
    assert log.waiting > 3
    assert not outages(world)
    world.run()
    floodlight.partition = None
    world.pass_time(5_000)
    assert not outages(world)
    assert up(world) == {True}


def test_a_router_that_has_just_started_knows_nothing() -> None:
    """Restarts begin the alert anew, so they never make an outage; a dead FL is still found."""
    world = working()
    for _ in range(6):
        world.advance(2_000, tick=False)
        for shard in range(3):
            world.restart(shard)
        world.run()
    assert not outages(world)
    world.floodlights["fl-1"].die()
    world.pass_time(5_000)
    assert len(outages(world)) == 1


def test_restarts_in_an_outage_tell_nothing_twice() -> None:
    """All workers killed in an outage (issue 3, row 5)."""
    world = working()
    world.floodlights["fl-1"].die()
    world.pass_time(5_000)
    for _ in range(3):
        for shard in range(3):
            world.restart(shard)
        world.pass_time(4_000)
    assert all(world.events(switch) == ["UNMANAGED"] for switch in SWITCHES)
    assert up(world) == {False}


def test_a_kill_between_the_news_and_the_changelog() -> None:
    """An outage that was told but not kept must not stay with the other shards forever.

    Found by this: the home forgot the outage, saw the FL alive, and had nothing to tell.
    """
    for step in range(30):
        world = working()
        floodlight = world.floodlights["fl-1"]
        floodlight.die()
        home = world.home("fl-1")
        for at in range(30):
            world.now += 250
            crash = Crash.IN_CHANGELOGS if at == step else None
            world.step(home, crash=crash)
            for shard in range(3):
                if shard != home:
                    world.step(shard)
            if crash is not None:
                break
        floodlight.come_back()
        world.pass_time(6_000)
        assert up(world) == {True}, f"killed at {step}"


def test_added_and_removed() -> None:
    """Every shard learns of it, and the runtime that the topics have changed."""
    world = World(partitions=2)
    world.add("fl-9")
    changed = [world.step(shard).membership_changed for shard in (0, 1, 0, 1)]
    assert any(changed)
    world.run()
    assert up(world, "fl-9") == {True}
    world.add("fl-9")  # again: nothing new
    assert not any(world.step(shard).membership_changed for shard in (0, 1))
    world.remove("fl-9")
    world.remove("fl-9")
    changed = [world.step(shard).membership_changed for shard in (0, 1, 0, 1)]
    assert any(changed)
    assert {shard.context.floodlights["fl-9"].known for shard in world.shards} == {False}
    alive = len(world.floodlights["fl-9"].waiting())
    world.pass_time(5_000)
    assert len(world.floodlights["fl-9"].waiting()) == alive == 0


def test_removing_a_floodlight_ends_its_commands() -> None:
    """With an error, as soon as it is known; its switches are unmanaged and forgotten."""
    world = working()
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = ONLY_ACK
    world.ask(SWITCHES[0])
    world.run()
    world.remove("fl-1")
    world.run()
    [error] = [record.json["payload"] for record in world.seen(TOPICS["flow"])]
    assert error["error-type"] == "NOT_FOUND"
    assert "removed" in error["error-message"]
    for switch in SWITCHES:
        assert world.events(switch) == ["UNMANAGED"]
        assert world.switch(switch) is None


def test_an_fl_that_cannot_ack_is_changed_to_one_that_can() -> None:
    """The setting of a known FL changes, and nothing else: an outage stays one."""
    world = working()
    world.add("fl-1", acks=False)
    world.run()
    assert {shard.context.floodlights["fl-1"].acks for shard in world.shards} == {False}
    floodlight = world.floodlights["fl-1"]
    assert len(floodlight.syncs) == 1
    floodlight.die()
    world.pass_time(6_000)
    world.add("fl-1", acks=True)
    world.run()
    assert up(world) == {False}
    assert {shard.context.floodlights["fl-1"].acks for shard in world.shards} == {True}


def test_news_that_are_older_than_what_is_known() -> None:
    """The home numbers its news; a repeated record is no news."""
    world = working()
    records = [
        record
        for (topic, _), log in list(world.logs.items())
        if topic == world.rules.shards_topic
        for record in log
    ]
    world.floodlights["fl-1"].die()
    world.pass_time(5_000)
    for record in records:
        if record.header["flrouter-what"] == "peer":
            world.write(record.topic, None, record.value, record.partition, record.headers)
    world.run()
    assert up(world) == {False}
    assert world.notices(names.UNMANAGED)


def one_by_one(world: World, seconds: int, *, answers_alive: bool) -> None:
    """The first FL handles one command a second, and all AliveRequests before it or none."""
    floodlight = world.floodlights["fl-1"]
    for _ in range(seconds):
        floodlight.alive = True
        while floodlight.waiting():
            envelope = decode(floodlight.waiting()[0].value)
            if envelope.kind != names.ALIVE_REQUEST:
                floodlight.act(floodlight.usual)
                break
            if answers_alive:
                floodlight.act(floodlight.usual)
            else:
                floodlight._take()
        floodlight.alive = False
        world.pass_time(1_000)


def test_who_is_behind_is_not_silent() -> None:
    """Its acks of commands that lie before the AliveRequest show that it has not come to it."""
    patient = {"ack_timeout": 600_000, "response_timeout": 600_000}
    world = working(partitions=1, **patient)
    world.floodlights["fl-1"].alive = False
    for _ in range(20):
        world.ask(SWITCHES[0])
    one_by_one(world, 30, answers_alive=True)
    assert not outages(world)
    assert len(world.seen(TOPICS["flow"])) == 20
    world.pass_time(4_000)
    assert len(outages(world)) == 1  # now it has nothing to do, and says nothing


def test_who_passes_over_alive_requests_is_silent() -> None:
    """It takes commands that came after them, and does not answer them (protocol.md, 7.2)."""
    world = working(partitions=1, ack_timeout=600_000, response_timeout=600_000)
    for _ in range(8):
        world.ask(SWITCHES[0])
        one_by_one(world, 1, answers_alive=False)
    assert len(outages(world)) == 1


@pytest.mark.parametrize("listeners", ["events", "availability"])
def test_an_outage_that_only_a_killed_worker_knew_of_is_taken_back(listeners: str) -> None:
    """It was told to other shards, and they told listeners: these hear how the switches are."""
    world = working(listeners=listeners)
    home = world.home("fl-1")
    others = [switch for switch in SWITCHES if world.home(switch) != home]

    def lost() -> list[bool]:
        """Whether listeners have been told that nobody knows how a switch is."""
        rows = [world.switch(switch) for switch in others]
        by_events = listeners == "events"
        return [row.unmanaged if by_events else not row.told_master for row in rows if row]

    while not world._reached[home]:  # until all was read, and the silence is the FL's own
        world.advance(500, tick=False)
        for shard in range(3):
            world.step(shard)
    assert lost() == [False] * len(others)
    world.step(home, crash=Crash.IN_CHANGELOGS)  # all was told, and nothing kept
    for shard in range(3):
        if shard != home:
            world.step(shard)
    assert lost() == [True] * len(others)
    world.pass_time(5_000)
    assert up(world) == {True}
    assert lost() == [False] * len(others)


@pytest.mark.parametrize("since_answer", range(0, 1_000, 100))
def test_without_acknowledgements_errors_come_as_soon_as_the_outage_is_known(
    since_answer: int,
) -> None:
    """ALIVE_TIMEOUT after the first AliveRequest that it leaves unanswered, whenever it dies."""
    world = working(acks=False, response_timeout=600_000)
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = ONLY_ACK  # which it cannot do, so it does nothing
    world.pass_time(since_answer, grain=50)
    for switch in SWITCHES:
        world.ask(switch, switch)
    world.run()
    floodlight.die()
    rules, look = world.rules, 50
    latest = world.now + rules.alive_interval + rules.alive_timeout + look
    world.pass_time(latest - world.now, grain=look)
    errors = world.seen(TOPICS["flow"])
    assert sorted(record.json["correlation_id"] for record in errors) == SWITCHES
    assert all(record.at <= latest for record in errors)
