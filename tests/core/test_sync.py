"""Sync: chains followed and passed on, repeated when they break off (protocol.md, 6)."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from flrouter.core.floodlights.sync import MAX_REQUESTERS
from flrouter.core.floodlights.sync_run import read_sync_number, sync_number
from flrouter.core.values import peers
from flrouter.messages import names
from flrouter.messages.forms import build

from .floodlight import Floodlight
from .world import TOPICS, Record, World

SWITCHES = [f"00:00:00:00:00:00:00:0{at}" for at in range(1, 6)]
OTHER = "00:00:00:00:00:00:00:09"
DISCO = TOPICS["disco"]


def one(sync: str = "full", held: int = 5, **changes: Any) -> tuple[World, Floodlight]:
    """A world of one FL, before anything happened."""
    world = World("fl-1", **changes)
    floodlight = world.floodlights["fl-1"]
    floodlight.switches = dict.fromkeys(SWITCHES[:held], "ACTIVATED")
    floodlight.sync = sync
    return world, floodlight


def please(world: World, correlation_id: str = "please") -> None:
    """Somebody asks for a sync."""
    world.ask(None, correlation_id, clazz=names.SYNC_REQUEST)
    world.run()


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("form", ["full", "old", "markers"])
@pytest.mark.parametrize("partition", [0, 2])
def test_a_chain_is_passed_on_and_followed(form: str, partitions: int, partition: int) -> None:
    """Link by link and unmodified, in each form, and the map is what it lists."""
    world, floodlight = one(form, partitions=partitions)
    floodlight.partition = partition % partitions
    world.run()
    [cid] = floodlight.syncs
    assert cid.startswith("sync~")
    assert [record.value for record in world.seen(DISCO)] == floodlight.chain(cid, form)
    assert len({record.key for record in world.seen(DISCO)}) == 1
    assert all(world.active(switch) == "fl-1" for switch in SWITCHES)


def test_an_empty_chain_is_complete() -> None:
    """An FL without switches is not lost, and what it had is offline."""
    world, floodlight = one(held=0)
    world.run()
    assert len(floodlight.syncs) == 1
    assert len(world.seen(DISCO)) == 1
    floodlight.connect(SWITCHES[0])
    world.run()
    floodlight.switches.clear()
    please(world)
    assert world.events(SWITCHES[0]) == ["ACTIVATED", "REMOVED"]
    assert world.switch(SWITCHES[0]) is None


def test_each_floodlight_gets_its_own_request() -> None:
    """One SyncRequest becomes one per FL, whose chains differ by the rest of their ids."""
    world = World("fl-1", "fl-2", "fl-3")
    world.run()
    before = len(world.seen(DISCO))
    please(world, "mine")
    records = world.seen(DISCO)[before:]
    ids = [record.json["correlation_id"] for record in records]
    assert len(set(ids)) == 3
    assert all(cid.startswith("mine~") for cid in ids)


def test_requests_join_the_sync_that_runs() -> None:
    """While it runs, asking again sends nothing."""
    world, floodlight = one("manual")
    world.run()
    please(world)
    please(world)
    assert len(floodlight.syncs) == 1
    floodlight.sync = "full"
    for link in floodlight.unwritten:
        floodlight.write(link, None)
    world.run()
    please(world)
    assert len(floodlight.syncs) == 2


@pytest.mark.parametrize("how", ["silent", "half", "error"])
def test_a_chain_that_does_not_come_to_its_end(how: str) -> None:
    """Unmanaged once per switch, asked again at growing intervals, and in the end an error."""
    world, floodlight = one(sync_retries=3, alive_interval=1_000)
    other = world.add("fl-2")
    world.run()
    told = len(other.syncs)
    asked_at: list[int] = []
    floodlight.sync = how
    please(world)
    asked_at.append(world.now)
    while world.now < asked_at[0] + 40_000:
        count = len(floodlight.syncs)
        world.pass_time(250, grain=250)
        asked_at += [world.now] * (len(floodlight.syncs) - count)
    assert len(asked_at) == 4
    waits = [later - at for at, later in pairwise(asked_at)]
    assert waits == sorted(waits)
    assert len(set(waits)) == 3
    assert len(other.syncs) == told + 1, "the other FL is left alone"
    [error] = [record for record in world.seen(DISCO) if record.header.get("flrouter-request")]
    assert error.json["correlation_id"] == "please"
    assert error.json["payload"]["error-type"] == "OPERATION_TIMED_OUT"
    assert "fl-1" in error.json["payload"]["error-message"]
    for switch in SWITCHES:
        assert world.events(switch) == ["UNMANAGED"]
        assert world.active(switch) == "fl-1", "the map is kept"
    floodlight.sync = "full"
    please(world)
    please(world)
    assert not any(world.switch(switch).unmanaged for switch in SWITCHES)  # type: ignore[union-attr]


def test_a_link_that_lies_unread_is_no_missing_link() -> None:
    """A router that lags behind must not take its own lag for a broken chain."""
    world, floodlight = one("manual")
    world.run()
    log = world.logs[floodlight.write_topic, world.home("fl-1")]
    while floodlight.unwritten:
        floodlight.write(floodlight.unwritten.pop(), "fl-1")
    for _ in range(5):
        world.advance(1_000, tick=False)
        for shard in range(3):
            world.step(shard, only=lambda each: each is not log)
    assert world.counts["syncs_failed", "fl-1"] == 0
    world.run()
    assert all(world.active(switch) == "fl-1" for switch in SWITCHES)
    assert world.counts["syncs_failed", "fl-1"] == 0


def test_repeated_links_and_those_of_other_attempts() -> None:
    """A link goes to the listeners once, and only while its sync runs; acks are for nobody."""
    world, floodlight = one("manual")
    world.run()
    [cid] = floodlight.syncs
    for link in floodlight.chain(cid):
        floodlight.write(link, None)
        floodlight.write(link, None)
    floodlight.write(build.ack(cid, 0), None)
    for link in floodlight.chain(cid.replace("sync.", "sync.9")):
        floodlight.write(link, None)
    world.run()
    assert [record.value for record in world.seen(DISCO)] == floodlight.chain(cid)
    assert world.counts["duplicate_links", "fl-1"] == 4
    assert world.counts["late", "fl-1"] == 1 + 5


def test_links_in_any_order() -> None:
    """The last index may come first: complete is when all have come."""
    world, floodlight = one("manual")
    world.run()
    for link in reversed(floodlight.unwritten):
        floodlight.write(link, None)
    world.run()
    assert all(world.active(switch) == "fl-1" for switch in SWITCHES)


def test_only_the_asked_floodlight_may_answer() -> None:
    """Another FL's link under this sync's id is dropped."""
    world, floodlight = one("manual", held=1)
    other = world.add("fl-2")
    world.run()
    before = len(world.seen(DISCO))
    for link in floodlight.unwritten:
        other.write(link, None)
    world.run()
    assert len(world.seen(DISCO)) == before
    assert world.active(SWITCHES[0]) == ""


def test_a_link_that_cannot_be() -> None:
    """It is a dead letter, and the sync goes on."""
    world, floodlight = one("manual")
    world.run()
    [cid] = floodlight.syncs
    bad = build.chunk({"clazz": names.DUMP_SWITCH}, cid, 9, 5, 0)
    floodlight.write(bad, None)
    for link in floodlight.unwritten:
        floodlight.write(link, None)
    world.run()
    assert [record.value for record in world.dead()] == [bad]
    assert all(world.active(switch) == "fl-1" for switch in SWITCHES)


def test_the_periodic_sync() -> None:
    """SYNC_INTERVAL after the last one ended, also when that was given up."""
    world, floodlight = one(sync_interval=20_000)
    world.pass_time(50_000)
    assert len(floodlight.syncs) == 3
    floodlight.sync = "silent"
    world.pass_time(60_000)
    given_up = len(floodlight.syncs)
    floodlight.sync = "full"
    world.pass_time(30_000)
    assert len(floodlight.syncs) > given_up


def test_a_sync_that_a_restart_cut_short_begins_anew() -> None:
    """With an attempt of its own, so that the old chain's rest is not taken for the new one's."""
    world, floodlight = one("manual")
    world.run()
    floodlight.write(floodlight.unwritten.pop(0), None)
    world.run()
    rest = floodlight.unwritten
    for shard in range(3):
        world.restart(shard)
    world.run()
    first, second = floodlight.syncs
    assert first != second
    passed = len(world.seen(DISCO))
    for link in rest:
        floodlight.write(link, None)
    world.run()
    assert len(world.seen(DISCO)) == passed
    for link in floodlight.chain(second):
        floodlight.write(link, None)
    world.run()
    assert all(world.active(switch) == "fl-1" for switch in SWITCHES)


@pytest.mark.parametrize(
    "held",
    [SWITCHES[:-1], SWITCHES[1:], [*SWITCHES[1:], OTHER]],
    ids=["without the last", "without the first", "as many"],
)
def test_an_fl_that_is_killed_in_the_middle_of_its_chain_and_answers_anew(held: list[str]) -> None:
    """Of which chain a link is nobody could tell: the FL is asked again."""
    world, floodlight = one("manual")
    world.run()
    (first,) = floodlight.syncs
    floodlight.write(floodlight.unwritten.pop(0), None)
    world.run()
    floodlight.switches = dict.fromkeys(held, "ACTIVATED")
    for link in floodlight.chain(first):
        floodlight.write(link, None)
    floodlight.sync = "full"
    world.pass_time(5_000)
    assert len(floodlight.syncs) == 2
    assert world.counts["syncs_failed", "fl-1"] == 1
    assert [switch for switch in (*SWITCHES, OTHER) if world.active(switch)] == held


def test_a_restart_between_two_attempts() -> None:
    """An FL that never listed its switches is asked again; nobody else remembers to."""
    world, floodlight = one("silent")
    world.pass_time(2_500)
    assert world.counts["syncs_failed", "fl-1"] == 1
    world.restart(world.home("fl-1"))
    floodlight.sync = "full"
    world.run()
    assert all(world.active(switch) == "fl-1" for switch in SWITCHES)


def test_after_a_restart_the_periodic_sync_goes_on() -> None:
    """It is planned anew, not begun at once: a rebalance is no reason for a sync."""
    world, floodlight = one(sync_interval=20_000)
    world.run()
    for shard in range(3):
        world.restart(shard)
    world.pass_time(15_000)
    assert len(floodlight.syncs) == 1
    world.pass_time(10_000)
    assert len(floodlight.syncs) == 2


def test_removed_while_it_was_syncing_and_added_again() -> None:
    """The new life begins with a sync of its own."""
    world, floodlight = one("manual")
    world.run()
    floodlight.sync = "full"
    world.remove("fl-1")
    world.add("fl-1")
    world.run()
    assert len(floodlight.syncs) == 2
    assert all(world.active(switch) == "fl-1" for switch in SWITCHES)


def test_a_planned_sync_of_a_removed_floodlight_is_dropped() -> None:
    """Nobody asks an FL that is gone."""
    world, floodlight = one("silent", sync_interval=5_000)
    world.pass_time(2_500)
    world.remove("fl-1")
    world.pass_time(20_000)
    assert len(floodlight.syncs) == 1


def test_notes_that_are_out_of_date_change_nothing() -> None:
    """Peers' notes may be of an older attempt, or of an FL that is gone."""
    world, _ = one()
    world.run()
    before = [dict(shard.context.switches) for shard in world.shards]
    for name in ("fl-1", "fl-9"):
        notes: list[peers.Peer] = [
            peers.SyncReceipt(name, 1, 0),
            peers.SyncRecords(name, 1, ["00:00:00:00:00:00:00:0f"]),
            peers.SyncComplete(name, 1),
            peers.SyncFailed(name, 1, True),
        ]
        for note in notes:
            for shard in range(3):
                world.tell(shard, note)
    world.run()
    assert [dict(shard.context.switches) for shard in world.shards] == before
    assert len(world.events(SWITCHES[0])) == 0


@pytest.mark.parametrize("ahead", [-1, 0, 10_000])
def test_a_former_owner_tells_of_a_sync_when_its_successors_is_over(ahead: int) -> None:
    """Nobody would end it: the FL would seem to sync for good. Another one does."""
    world, floodlight = one()
    world.run()
    home = world.home("fl-1")
    attempt = world.shards[home].context.floodlights["fl-1"].attempt
    for shard in {0, 1, 2} - {home}:
        world.tell(shard, peers.SyncStarted("fl-1", attempt + ahead))
    world.run()
    rows = [shard.context.floodlights["fl-1"] for shard in world.shards]
    assert [row.syncing for row in rows] == [0, 0, 0]
    assert len(floodlight.syncs) == 2
    assert all(world.active(switch) == "fl-1" for switch in SWITCHES)


def test_a_receipt_counts_once() -> None:
    """The FL is asked when every shard has noted the sync, and only once."""
    world, floodlight = one("manual")
    home = world.home("fl-1")
    other = (home + 1) % 3
    world.step(home)
    attempt = world.shards[home].context.floodlights["fl-1"].attempt
    for _ in range(5):
        world.tell(home, peers.SyncReceipt("fl-1", attempt, other))
    world.step(home)
    floodlight.work()
    assert not floodlight.syncs
    world.run()
    assert len(floodlight.syncs) == 1


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (sync_number(7, "fl-1"), (7, "fl-1")),
        (sync_number(1, "a.b"), (1, "a.b")),
        ("907a348f.0.1", None),
        ("sync.", None),
        ("sync.1", None),
        ("sync.1.", None),
        ("sync.x.fl-1", None),
        ("sync.².fl-1", None),
    ],
)
def test_the_numbers_of_syncs(number: str, expected: tuple[int, str] | None) -> None:
    """They stand where request numbers do, and are none."""
    assert read_sync_number(number) == expected


@pytest.mark.parametrize("how", ["outage", "removal"])
def test_who_asked_for_a_sync_that_ends_with_its_floodlight_is_told(how: str) -> None:
    """Its chain stops, and an error says why; what the router asks for itself has none."""
    world, floodlight = one(sync_timeout=60_000)
    other = world.add("fl-2")
    world.run()
    floodlight.sync = "half"
    please(world)
    before = len(other.syncs)
    if how == "outage":
        floodlight.die()
        world.pass_time(10_000)
    else:
        world.remove("fl-1")
        world.run()
    [error] = [record for record in world.seen(DISCO) if record.header.get("flrouter-request")]
    assert error.json["correlation_id"] == "please"
    assert error.json["payload"]["error-type"] == "NOT_FOUND"
    assert "fl-1" in error.json["payload"]["error-message"]
    assert len(other.syncs) == before


def test_a_takeover_goes_on_with_the_sync_of_who_asked_for_it() -> None:
    """The chain that comes then has that one's id, and nobody is told an error."""
    world, floodlight = one(sync_timeout=60_000)
    world.run()
    floodlight.sync = "half"
    please(world)
    floodlight.sync = "full"
    world.restart(world.home("fl-1"))
    world.run()
    assert all(cid.startswith("please~") for cid in floodlight.syncs[-2:])
    assert floodlight.syncs[-1] != floodlight.syncs[-2]
    assert not [record for record in world.seen(DISCO) if record.header.get("flrouter-request")]


# -- ends that overtake what comes before them -----------------------------------------------------


@pytest.mark.parametrize("late", [0, 2, 5])
def test_the_end_of_a_dump_waits_for_what_was_written_before_it(late: int) -> None:
    """An FL with null keys spreads its dump: whatever is read late, no switch is told gone for it,
    and listeners get the end last.
    """
    world, floodlight = one("markers")
    world.run()
    floodlight.sync, floodlight.chains = "manual", "markers"
    please(world)
    home = world.home("fl-1")
    begin, *records, end = floodlight.unwritten
    elsewhere = world.inputs_of((home + 1) % 3)
    for at, record in enumerate([*records, begin]):
        floodlight.partition = home if at < late else (home + 1) % 3
        floodlight.write(record, None)
    floodlight.partition = home
    floodlight.write(end, None)
    floodlight.write(end, None)  # said twice
    for _ in range(10):
        for shard in range(3):
            world.step(shard, only=lambda log: all(log is not each for each in elsewhere))
        world.advance(1_000, tick=False)
        floodlight.work()
    assert end not in [record.value for record in world.seen(DISCO)]
    assert not world.counts["syncs_failed", "fl-1"], "its time does not run out meanwhile"
    world.run()
    chain = [record.value for record in world.seen(DISCO)][-len(records) - 2 :]
    assert sorted(chain) == sorted([begin, *records, end])
    assert chain[-1] == end
    assert all(world.active(switch) == "fl-1" for switch in SWITCHES)
    assert not any("REMOVED" in world.events(switch) for switch in SWITCHES)
    assert len(floodlight.syncs) == 2


def test_a_dump_whose_begin_was_not_written_is_missing() -> None:
    """A listener would take no chain that does not begin, so the FL is asked again."""
    world, floodlight = one("markers")
    world.run()
    floodlight.sync, floodlight.chains = "manual", "markers"
    please(world)
    _, *records, end = floodlight.unwritten
    for record in (*records, end):
        floodlight.write(record, None)
    world.run()
    assert world.counts["syncs_failed", "fl-1"] == 1
    floodlight.sync = "markers"
    world.advance(2_000)
    world.run()
    assert end not in [record.value for record in world.seen(DISCO)]
    assert names.DUMP_BEGIN in str(chain_of(world, "please")[-len(records) - 2])
    assert names.DUMP_END in str(chain_of(world, "please")[-1])


# -- several who ask -------------------------------------------------------------------------------


def errors_of(world: World) -> list[Record]:
    """The router's own errors about syncs, in order."""
    return [record for record in world.seen(DISCO) if record.header.get("flrouter-request")]


def chain_of(world: World, requester: str) -> list[Any]:
    """What went out under the id of a requester, in order."""
    prefix = f"{requester}~".encode()
    return [record.json for record in world.seen(DISCO) if (record.key or b"").startswith(prefix)]


@pytest.mark.parametrize("form", ["full", "old", "markers"])
def test_all_who_asked_before_a_chain_began_get_it(form: str) -> None:
    """Each under an id of its own, in which nothing else differs; the FL is asked once."""
    world, floodlight = one("manual")
    floodlight.chains = form
    world.run()
    for name in ("a", "b", "a", "c"):
        please(world, name)
    [cid] = floodlight.syncs
    for link in floodlight.unwritten:
        floodlight.write(link, None)
    world.run()
    chains = [chain_of(world, name) for name in ("a", "b", "c")]
    assert not chain_of(world, "sync"), "who asks is asked for"
    expected = [json.loads(link) for link in floodlight.chain(cid, form)]
    for name, chain in zip(("a", "b", "c"), chains, strict=True):
        restored = [json.loads(json.dumps(link).replace(f"{name}~", "sync~")) for link in chain]
        assert restored == expected
    assert len(floodlight.syncs) == 1
    assert world.left() == {"pending": 0, "blacklist": 0, "links": 0, "gathers": 0}


def test_who_asks_later_gets_the_next_chain() -> None:
    """All of them the same one."""
    world, floodlight = one("manual")
    world.run()
    please(world, "a")
    floodlight.write(floodlight.unwritten.pop(0), None)
    world.run()
    for name in ("a", "b", "c"):
        please(world, name)
    rest, floodlight.sync = floodlight.unwritten, "full"
    for link in rest:
        floodlight.write(link, None)
    world.run()
    assert len(floodlight.syncs) == 2
    assert [len(chain_of(world, name)) for name in ("a", "b", "c")] == [10, 5, 5]
    assert not [record for record in world.seen(DISCO) if record.header.get("flrouter-request")]


@pytest.mark.parametrize("how", ["outage", "removal", "given up"])
def test_all_who_wait_for_a_chain_are_told_that_there_is_none(how: str) -> None:
    """Those of the sync that runs, and those of the next one."""
    world, floodlight = one(sync_timeout=2_000 if how == "given up" else 60_000)
    world.run()
    floodlight.sync = "half"
    please(world, "a")
    please(world, "b")
    if how == "outage":
        floodlight.die()
        world.pass_time(10_000)
    elif how == "removal":
        world.remove("fl-1")
        world.run()
    else:
        world.pass_time(20_000)
    errors = [record for record in world.seen(DISCO) if record.header.get("flrouter-request")]
    assert sorted(error.json["correlation_id"] for error in errors) == ["a", "b"]


def test_a_takeover_owes_all_of_them_a_chain() -> None:
    """Whoever asked is in the changelog."""
    world, floodlight = one(sync_timeout=60_000)
    world.run()
    floodlight.sync = "half"
    please(world, "a")
    please(world, "b")
    please(world, "c")
    floodlight.sync = "full"
    world.restart(world.home("fl-1"))
    world.run()
    assert [len(chain_of(world, name)) for name in ("a", "b", "c")] == [4 + 5, 5, 5]
    assert not [record for record in world.seen(DISCO) if record.header.get("flrouter-request")]


def test_a_retry_serves_who_asked_before_and_who_asks_in_the_pause() -> None:
    """The pause is as long as it was, and the chain is everybody's only answer."""
    world, floodlight = one("full", alive_interval=10_000, alive_timeout=100_000)
    world.run()
    floodlight.sync = "error"
    please(world, "a")
    floodlight.sync = "full"
    please(world, "b")
    world.tell(world.home("fl-1"), peers.SyncWanted("fl-1", peers.OWN_SYNC))
    world.run()
    asked = len(floodlight.syncs)
    assert not chain_of(world, "a"), "what the FL says instead of a chain is for nobody"
    world.pass_time(11_000)
    assert len(floodlight.syncs) == asked + 1
    assert [len(chain_of(world, name)) for name in ("a", "b")] == [5, 5]
    assert not errors_of(world)


@pytest.mark.parametrize("asker", ["somebody", "the router"])
@pytest.mark.parametrize("how", ["silent", "error"])
def test_who_ask_in_every_pause_put_nobody_off(asker: str, how: str) -> None:
    """An FL is asked as often as the limit says, and then everybody knows."""
    world, floodlight = one("full", sync_retries=1)
    world.run()
    asked, floodlight.sync = len(floodlight.syncs), how
    home = world.home("fl-1")
    for number in range(MAX_REQUESTERS):
        if not number or asker == "somebody":
            please(world, f"asks-{number}")
        else:
            world.tell(home, peers.SyncWanted("fl-1", peers.OWN_SYNC))
        world.pass_time(900, grain=100)
        if errors_of(world):
            break
    assert len(floodlight.syncs) == asked + 2
    world.pass_time(60_000)
    told = [error.json["correlation_id"] for error in errors_of(world)]
    assert sorted(told) == sorted(set(told))
    assert "asks-0" in told
    assert {error.json["payload"]["error-type"] for error in errors_of(world)} == {
        "OPERATION_TIMED_OUT"
    }


@pytest.mark.parametrize("how", ["error", "half"])
def test_an_error_instead_of_a_chain_is_one_answer(how: str) -> None:
    """Who asked gets the router's error after the last try, and nothing else that ends a chain."""
    world, floodlight = one("full", sync_retries=2)
    world.run()
    floodlight.sync = how
    please(world, "a")
    world.pass_time(60_000)
    [error] = errors_of(world)
    assert error.json["correlation_id"] == "a"
    assert error.key == b"a"
    assert error.header["flrouter-request"] == "sync/fl-1"
    assert error.json["payload"]["error-type"] == "OPERATION_TIMED_OUT"
    clazzes = {record["clazz"] for record in chain_of(world, "a")}
    assert clazzes == ({names.CHUNK} if how == "half" else set())


def test_too_many_who_ask_in_a_pause() -> None:
    """They wait for one sync, as those do who ask while one runs."""
    world, floodlight = one("full", alive_interval=10_000, alive_timeout=100_000)
    world.run()
    floodlight.sync = "manual"
    for number in range(MAX_REQUESTERS):
        please(world, f"asks-{number}")
    floodlight.sync = "error"
    floodlight._answer_sync(floodlight.syncs[-1])
    world.run()
    assert not world.shards[world.home("fl-1")].syncs.status()[0].running
    please(world, "one-more")
    please(world, "asks-0")
    [error] = errors_of(world)
    assert error.json["correlation_id"] == "one-more"
    assert error.json["payload"]["error-type"] == "INTERNAL_ERROR"
    floodlight.sync = "full"
    world.pass_time(11_000)
    assert all(len(chain_of(world, f"asks-{at}")) == 5 for at in range(MAX_REQUESTERS))


def test_too_many_who_ask() -> None:
    """One link would become a record for each of them: beyond a number they are refused."""
    world, floodlight = one("manual")
    world.run()
    for number in range(MAX_REQUESTERS + 3):
        please(world, f"asks-{number}")
    errors = [record for record in world.seen(DISCO) if record.header.get("flrouter-request")]
    assert [error.json["correlation_id"] for error in errors] == [
        f"asks-{MAX_REQUESTERS + number}" for number in range(3)
    ]
    assert errors[0].json["payload"]["error-type"] == "INTERNAL_ERROR"
    for link in floodlight.unwritten:
        floodlight.write(link, None)
    world.run()
    assert all(len(chain_of(world, f"asks-{at}")) == 5 for at in range(MAX_REQUESTERS))
