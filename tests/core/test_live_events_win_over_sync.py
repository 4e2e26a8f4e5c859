"""Live events against sync chains, over 1,200 random interleavings (protocol.md, 6.3).

Events and chain go through one partition, so they keep their order: null-key events across
partitions have none.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flrouter.core.values.records import Mode
from flrouter.messages import names

from .floodlight import Floodlight
from .world import World

SWITCHES = [f"00:00:00:00:00:00:00:0{at}" for at in range(1, 6)]
RUN = settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=list(HealthCheck),
)
#: long enough that no deadline runs out while a schedule is played.
CALM = {"sync_timeout": 600_000, "alive_timeout": 600_000, "alive_interval": 300_000}

sets = st.sets(st.sampled_from(SWITCHES))
forms = st.sampled_from(["full", "old", "markers"])
#: an event of a switch, the chain's next link, or a shard that reads some of what lies there.
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.sampled_from(SWITCHES), st.booleans()),
        st.just(("link",)),
        st.tuples(st.just("read"), st.integers(0, 2), st.sampled_from([1, 2, 100])),
    ),
    max_size=25,
)


def settled(partitions: int, at: int, form: str, held: set[str]) -> tuple[World, Floodlight]:
    """A router that knows what its only FL holds; a chain is written when the test says so."""
    world = World("fl-1", partitions=partitions, **CALM)
    floodlight = world.floodlights["fl-1"]
    floodlight.partition = at % partitions
    floodlight.switches = dict.fromkeys(held, "ACTIVATED")
    world.run()
    floodlight.sync, floodlight.chains = "manual", form
    return world, floodlight


def begin_sync(world: World) -> None:
    """Ask for a sync; the FL has its request when this returns."""
    world.ask(None, "sync", clazz=names.SYNC_REQUEST)
    world.run()


def play(world: World, floodlight: Floodlight, what: tuple[Any, ...]) -> None:
    """Let one thing happen."""
    match what:
        case ("event", switch, _) if switch in floodlight.switches:
            floodlight.disconnect(switch)
        case ("event", switch, master):
            floodlight.connect(switch, "ACTIVATED" if master else "ADDED")
        case ("link",) if floodlight.unwritten:
            floodlight.write(floodlight.unwritten.pop(0), "fl-1")
        case ("read", shard, most):
            world.step(shard % world.rules.partitions, most=most)


def finish(world: World, floodlight: Floodlight) -> None:
    """The rest of the chain comes, and everybody reads to the end."""
    while floodlight.unwritten:
        play(world, floodlight, ("link",))
    world.run()
    assert not any(shard.context.floodlights["fl-1"].syncing for shard in world.shards)
    assert not world.unkept()


@RUN
@given(
    partitions=st.integers(1, 3),
    at=st.integers(0, 2),
    form=forms,
    before=sets,
    now=sets,
    happens=happenings,
)
def test_the_map_is_what_the_floodlight_holds(
    partitions: int, at: int, form: str, before: set[str], now: set[str], happens: list[Any]
) -> None:
    """Whatever vanished or appeared silently, and whatever happens while the chain is under way:
    in the end the map is the FL's own, listeners were told what is lost, and offline is said of
    exactly those that vanished and did not come back.
    """
    world, floodlight = settled(partitions, at, form, before)
    floodlight.switches = dict.fromkeys(now, "ACTIVATED")
    begin_sync(world)
    came_back: set[str] = set()
    for what in happens:
        play(world, floodlight, what)
        if what[0] == "event":
            came_back.add(what[1])
    finish(world, floodlight)
    for switch in SWITCHES:
        state = floodlight.switches.get(switch)
        expected = {None: {}, "ACTIVATED": {"fl-1": Mode.RW}, "ADDED": {"fl-1": Mode.RO}}[state]
        assert world.holders(switch) == expected, switch
        assert world.active(switch) == ("fl-1" if state else ""), switch
        told = world.events(switch)
        if state is not None:
            assert not told or told[-1] in {"ACTIVATED", "ADDED"}, told
        elif switch in before | now | came_back:
            assert told[-1:] in (["DEACTIVATED"], ["REMOVED"]), told
    vanished = before - now
    offline = [
        switch
        for switch in SWITCHES
        for state in world.events(switch)
        if state == "REMOVED"  # the FL itself says DEACTIVATED
    ]
    assert len(offline) == len(set(offline))
    assert vanished - came_back <= set(offline) <= vanished


@RUN
@given(
    partitions=st.integers(1, 3),
    at=st.integers(0, 2),
    form=forms,
    before=sets,
    listed=sets,
    happens=happenings,
)
def test_a_live_event_is_never_undone_by_a_chain_that_says_otherwise(
    partitions: int, at: int, form: str, before: set[str], listed: set[str], happens: list[Any]
) -> None:
    """The last event since the sync began decides, and the chain does where there was none."""
    world, floodlight = settled(partitions, at, form, before)
    floodlight.switches = dict.fromkeys(listed, "ACTIVATED")
    begin_sync(world)
    # From here on the FL contradicts itself: what it has is not what its chain is about to say.
    expected = set(listed)
    floodlight.switches = dict.fromkeys(before, "ACTIVATED")
    for what in happens:
        play(world, floodlight, what)
        if what[0] == "event":
            expected = expected - {what[1]} | set(floodlight.switches) & {what[1]}
    finish(world, floodlight)
    assert {switch for switch in SWITCHES if world.holders(switch)} == expected


@RUN
@given(
    partitions=st.integers(1, 3),
    at=st.integers(0, 2),
    form=forms,
    mine=sets,
    both=sets,
    later=sets,
    failures=st.integers(0, 1),
    happens=happenings,
)
def test_an_outage_and_the_sync_after_it(  # noqa: PLR0913, PLR0917 - hypothesis draws each
    partitions: int,
    at: int,
    form: str,
    mine: set[str],
    both: set[str],
    later: set[str],
    failures: int,
    happens: list[Any],
) -> None:
    """Unmanaged once for each switch that no other FL serves, offline for exactly those of them
    that are gone when the FL is back, though its first sync may fail.
    """
    world = World("fl-1", "fl-2", partitions=partitions, sync_timeout=2_000)
    floodlight, other = world.floodlights["fl-1"], world.floodlights["fl-2"]
    floodlight.partition = at % partitions
    floodlight.switches = dict.fromkeys(mine | both, "ACTIVATED")
    world.run()
    other.switches = dict.fromkeys(both, "ACTIVATED")
    for switch in sorted(both):
        other.event(switch, "ACTIVATED")
    world.run()
    floodlight.die()
    world.pass_time(6_000)
    only_mine = mine - both
    assert sorted(each["switch_id"] for each in world.notices(names.UNMANAGED)) == sorted(only_mine)
    for switch in both:
        assert world.active(switch) == "fl-2"
    floodlight.switches = dict.fromkeys(later, "ACTIVATED")
    floodlight.chains = form
    floodlight.sync = "half" if failures else "manual"
    floodlight.come_back()
    if failures:
        world.pass_time(3_500)
        floodlight.sync = "manual"
        assert world.counts["syncs_failed", "fl-1"] == bool(later)  # an empty chain is whole
    for _ in range(20):
        if floodlight.unwritten:
            break
        world.pass_time(500)
    touched = {what[1] for what in happens if what[0] == "event"}
    for what in happens:
        play(world, floodlight, what)
    while floodlight.unwritten:
        play(world, floodlight, ("link",))
    world.pass_time(500)
    told = [each["switch_id"] for each in world.notices(names.UNMANAGED)]
    assert len(told) == len(set(told))
    # A chain that stops half-way leaves the new switches that it listed unmanaged too.
    assert only_mine <= set(told) <= only_mine | (later if failures else set())
    offline = [
        switch for switch in SWITCHES for state in world.events(switch) if state == "REMOVED"
    ]
    assert len(offline) == len(set(offline))
    assert only_mine - later - touched <= set(offline) <= only_mine - later
    for switch in SWITCHES:
        truth = {"fl-1"} if switch in floodlight.switches else set()
        truth |= {"fl-2"} if switch in both else set()
        assert set(world.holders(switch)) == truth
