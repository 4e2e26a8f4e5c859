"""Schedules that `make simulate` found, each down to what it takes."""

from __future__ import annotations

from flrouter.core.state.table import TABLES
from flrouter.core.values.home import home
from flrouter.messages.envelope import decode

from .floodlight import Doing, Floodlight
from .world import INBOUND, SHARDS, TOPICS, Crash, Log, World

SWITCH = "00:00:00:00:00:00:00:01"
HOME = home(SWITCH, 3)
OTHER = (HOME + 1) % 3


def test_an_ack_counts_where_its_fl_was_not_heard_of_yet() -> None:
    """An FL that writes with null keys may write to the partition of a shard that is behind."""
    world = World()
    floodlight = world.add("fl-1")
    behind = world.logs[SHARDS, OTHER]

    def others(log: Log) -> bool:
        return log is not behind

    for _ in range(3):
        for shard in range(3):
            world.step(shard, only=others)
    floodlight.partition = HOME
    floodlight.connect(SWITCH)
    world.step(HOME)
    floodlight.partition = OTHER
    asked = world.ask(SWITCH, partition=HOME)
    world.step(HOME)
    floodlight.work()
    world.step(OTHER, only=others)  # it has not heard of fl-1
    world.step(HOME)
    [answer] = world.seen(asked.topic)
    assert answer.json["payload"]["by"] == "fl-1"


def forwarded(world: World, floodlight: str) -> list[str]:
    """The ids of the commands that an FL was sent, in order."""
    log = world.logs[world.rules.read_topic(floodlight), HOME]
    ids = [decode(record.value).correlation_id or "" for record in log]
    return [each.split("~")[0] for each in ids if each.startswith("op")]


def test_held_commands_go_out_in_order_though_clocks_differ() -> None:
    """Their deadlines are of the clocks of the workers that took them."""
    world = World("fl-1")
    world.floodlights["fl-1"].sync = "silent"
    world.step(world.home("fl-1"))
    world.step(HOME)
    world.ask(SWITCH, "op-1", partition=HOME)
    world.step(HOME)
    world.now -= 1_500  # the next owner's clock is behind
    world.restart(HOME)
    world.ask(SWITCH, "op-2", partition=HOME)
    world.step(HOME)
    world.floodlights["fl-1"].connect(SWITCH)
    world.run()
    assert forwarded(world, "fl-1") == ["op-1", "op-2"]


def test_held_commands_go_before_new_ones_to_an_fl_that_is_back() -> None:
    """It takes its switch back without an event, so nothing else would send them on."""
    world = World("fl-1", "fl-2", "fl-3")
    master, reader = world.floodlights["fl-1"], world.floodlights["fl-2"]
    master.switches[SWITCH] = "ACTIVATED"
    world.floodlights["fl-3"].sync = "silent"  # so that commands are held
    world.run()
    reader.connect(SWITCH, "ADDED")
    world.run()
    master.failed = 1
    world.advance(1_000)
    for _ in range(3):
        master.work()
        for shard in range(3):
            world.step(shard)
    assert world.active(SWITCH) == "fl-2"
    world.ask(SWITCH, "op-1", partition=HOME)
    world.step(HOME)
    world.advance(1_000)
    master.work()
    for _ in range(4):
        for shard in range(3):
            world.step(shard)
    assert world.active(SWITCH) == "fl-1"
    world.ask(SWITCH, "op-2", partition=HOME)
    world.run()
    assert forwarded(world, "fl-1") == ["op-1", "op-2"]


def old_chain(world: World, floodlight: Floodlight) -> list[bytes]:
    """The links of an old-form chain that answers the command which lies before the FL."""
    [record] = [each for each in floodlight.waiting() if b'"op' in each.value]
    cid = record.json["correlation_id"]
    return [data for _, _, data in floodlight.answers(cid, 0, Doing(answer="old"), b"")]


def test_links_wait_for_those_before_them_that_a_router_reads_late() -> None:
    """Whoever was away reads the first link of an old-form chain when the others are old."""
    world = World("fl-1")
    floodlight = world.floodlights["fl-1"]
    floodlight.switches[SWITCH] = "ACTIVATED"
    world.run()
    asked = world.ask(SWITCH, "op-1", partition=HOME)
    world.step(HOME)
    first, *others = old_chain(world, floodlight)
    for link in others:
        world.write(floodlight.write_topic, None, link, OTHER)
    for _ in range(2):
        for shard in range(3):
            world.step(shard)
    world.write(floodlight.write_topic, None, first, OTHER)
    world.advance(12_000, tick=False)
    for _ in range(12):
        for shard in range(3):
            world.step(shard)
    links = [record.json["payload"].get("link") for record in world.seen(asked.topic)]
    assert links == [0, 1, 2]


def test_no_chain_begins_with_a_later_link_that_is_read_again() -> None:
    """After a kill a link may be there before the command that it was for is sent again."""
    world = World("fl-1")
    floodlight = world.floodlights["fl-1"]
    floodlight.switches[SWITCH] = "ACTIVATED"
    world.run()
    asked = world.ask(SWITCH, "op-1", partition=HOME)
    world.step(HOME)
    floodlight.act(Doing(answer="old"))
    world.run()
    before = len(world.seen(asked.topic))
    for log in world.inputs_of(HOME):  # nothing of it was committed; the tables are as they are
        log.read = 0
    world.restart(HOME)
    world.step(HOME, only=lambda log: log is world.logs[INBOUND, HOME])
    world.step(HOME, only=lambda log: log is world.logs[SHARDS, HOME])
    again = [record.json["payload"].get("link") for record in world.seen(asked.topic)][before:]
    assert again in ([], [0])


def test_a_sync_that_failed_is_begun_again_by_whoever_takes_over() -> None:
    """That it is to be repeated must not be known to the killed worker alone."""
    world = World("fl-1")
    floodlight = world.floodlights["fl-1"]
    floodlight.switches[SWITCH] = "ACTIVATED"
    world.run()
    floodlight.die()
    world.pass_time(5_000)
    del floodlight.switches[SWITCH]
    floodlight.sync = "silent"
    floodlight.come_back()
    for _ in range(40):
        if world.counts["syncs_failed", "fl-1"]:
            break
        world.advance(100)
        world.run()
    assert world.counts["syncs_failed", "fl-1"] == 1
    world.restart(world.home("fl-1"))
    floodlight.sync = "full"
    world.pass_time(5_000)
    assert world.events(SWITCH) == ["UNMANAGED", "REMOVED"]


def test_a_copy_for_an_fl_is_not_forgotten_between_two_changelogs() -> None:
    """Its worker is killed when it is kept that the copies are awaited, and not which were sent."""
    for killed_at in range(1, 6):
        world = World("fl-1", "fl-2")
        world.run()
        world.ask(None, clazz="x.ConnectModeRequest")
        home_of_command = world.home("op")
        for at in range(1, 8):
            for shard in range(3):
                kill = at == killed_at and shard == home_of_command
                # The tables' changelogs in their order; `gathers` is the last of them.
                crash = Crash.IN_CHANGELOGS if kill else None
                world.step(shard, crash=crash, written=1 << list(TABLES).index("gathers"))
            for each in world.floodlights.values():
                each.work()
        world.run()
        [answer] = world.seen(TOPICS["northbound"])
        assert answer.json["payload"]["succeeded"] == 2
